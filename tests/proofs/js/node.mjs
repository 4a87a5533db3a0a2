/** Answers the questions on standard input, in Node. */

import { readFileSync } from "node:fs";

import { answer } from "./judge.mjs";

console.log(JSON.stringify(answer(JSON.parse(readFileSync(0, "utf8")))));
