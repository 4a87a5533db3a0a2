/** Verifies the file on standard input, in hexadecimal, at its time; says what it is worth. */

import { readFileSync } from "node:fs";

import { verifyFile } from "../../../proofs/js/index.js";

const { file, now } = JSON.parse(readFileSync(0, "utf8"));
const { health } = verifyFile(new Uint8Array(Buffer.from(file, "hex")), { now });
console.log(JSON.stringify(Object.values(health).map(String)));
