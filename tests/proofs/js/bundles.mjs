/** Decodes the bundles on standard input, each in hexadecimal; says how many blocks, or why not. */

import { readFileSync } from "node:fs";

import { decodeBundle } from "../../../proofs/js/evidence/bundle.js";

const bundles = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(bundles.map(tell)));

function tell(hex) {
  try {
    return `${decodeBundle(new Uint8Array(Buffer.from(hex, "hex"))).length} blocks`;
  } catch (error) {
    return error.message;
  }
}
