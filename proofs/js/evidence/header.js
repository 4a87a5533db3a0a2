/**
 * A block's header, believed for its hash alone. The fields that matter here have kept their places
 * since genesis; forks only add fields at the end.
 * Source: Ethereum yellow paper §4.4; EIP-1559, 4895, 4844, 4788, 7685.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";

import { toHex } from "../typed.js";
import { EvidenceRefused } from "./flaws.js";
import { RlpError, decodeInt, decodeList } from "./rlp.js";

const FIRST_FIELDS = 15;
const MOST_FIELDS = 32;
const MOST_BYTES = 4096;
const NUMBER_BYTES = 8;
const STATE_ROOT = 3;
const HEIGHT = 8;
const TIME = 11;
/** Place -> size, of the fields whose sizes are fixed. */
const SIZES = [
  [0, 32],
  [1, 32],
  [2, 20],
  [3, 32],
  [4, 32],
  [5, 32],
  [6, 256],
  [13, 32],
  [14, 8],
];

/**
 * Give what a header says of its block, which must have this hash (0x hex); time in seconds.
 * @param {Uint8Array} raw
 * @param {string} blockHash
 */
export function verifyHeader(raw, blockHash) {
  const fields = decodeHeader(raw);
  const hash = toHex(keccak_256(raw));
  if (hash !== blockHash) {
    const detail = `the header is that of ${hash}, not of ${blockHash}`;
    throw new EvidenceRefused("block_hash", detail);
  }
  return fields;
}

/** @param {Uint8Array} raw */
function decodeHeader(raw) {
  try {
    const fields = decodeList(raw.subarray(0, MOST_BYTES + 1));
    checkShape(raw, fields);
    return {
      stateRoot: toHex(fields[STATE_ROOT].data),
      height: decodeNumber(fields[HEIGHT]),
      time: decodeNumber(fields[TIME]),
    };
  } catch (error) {
    if (!(error instanceof RlpError)) throw error;
    throw new EvidenceRefused("header", error.message);
  }
}

/**
 * @param {Uint8Array} raw
 * @param {import("./rlp.js").Item[]} fields
 */
function checkShape(raw, fields) {
  const sized = FIRST_FIELDS <= fields.length && fields.length <= MOST_FIELDS;
  if (raw.length > MOST_BYTES || !sized)
    throw new RlpError(`${fields.length} fields in ${raw.length} bytes`);
  if (fields.some(({ isList }) => isList)) throw new RlpError("a list among the fields");
  for (const [place, size] of SIZES) {
    const found = fields[place].data.length;
    if (found !== size) throw new RlpError(`field ${place} has ${found} bytes, not ${size}`);
  }
}

/** @param {import("./rlp.js").Item} field */
function decodeNumber(field) {
  if (field.data.length > NUMBER_BYTES)
    throw new RlpError(`a number of ${field.data.length} bytes`);
  return decodeInt(field);
}
