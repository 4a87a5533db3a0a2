/**
 * Contracts' codes that are known, by what their compilers wrote. A code is its compiler's output
 * with holes: immutables, and the addresses of linked libraries. The table names, per release and
 * role, a code's size, where its holes are and its hash with the holes zeroed; so one entry knows
 * the code in every deployment, and what stands in the holes is known with it.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { CODES } from "./codes_table.js";
import { readNumber } from "./rlp.js";

const ADDRESS_BYTES = 20;
const WORD = 32;
const MOST_RECOGNISED = 256;
/** @type {Map<string, Code | null>} */
const recognised = new Map();
export const ZERO_ADDRESS = `0x${"00".repeat(ADDRESS_BYTES)}`;

/**
 * Which role in which release, and what stands in the holes: numbers, and addresses of libraries.
 * @typedef {{release: string, role: string, immutables: Map<string, bigint>,
 *   links: Map<string, string>}} Code
 * @typedef {{release: string, role: string, size: number, hash: string,
 *   immutables: Record<string, number[]>, links: Record<string, number[]>}} Template
 */

/** Give the address in a word; null when the word is larger than one. @param {bigint} word */
export function wordAddress(word) {
  if (word >> BigInt(8 * ADDRESS_BYTES)) return null;
  return `0x${word.toString(16).padStart(2 * ADDRESS_BYTES, "0")}`;
}

/**
 * Give what is known of a code, null when no template fits; codes of a hash are told once.
 * @param {string} hash
 * @param {Uint8Array} code
 */
export function recogniseCode(hash, code) {
  const known = recognised.get(hash);
  if (known !== undefined) return known;
  const found = findTemplate(code);
  if (recognised.size >= MOST_RECOGNISED) recognised.clear();
  recognised.set(hash, found);
  return found;
}

/**
 * @param {Uint8Array} code
 * @returns {Code | null}
 */
function findTemplate(code) {
  for (const template of CODES) {
    const found = template.size === code.length ? matchTemplate(template, code) : null;
    if (found !== null) return found;
  }
  return null;
}

/**
 * @param {Template} template
 * @param {Uint8Array} code
 * @returns {Code | null}
 */
function matchTemplate({ release, role, hash, immutables, links }, code) {
  const blank = Uint8Array.from(code);
  const numbers = takeAll(blank, code, immutables, WORD);
  const addresses = takeAll(blank, code, links, ADDRESS_BYTES);
  const holes = [...numbers.values(), ...addresses.values()];
  if (holes.includes(null) || bytesToHex(keccak_256(blank)) !== hash) return null;
  return {
    release,
    role,
    immutables: fill(numbers, (number) => number),
    links: fill(addresses, (number) => wordAddress(number) ?? ZERO_ADDRESS),
  };
}

/**
 * Give what stands in the holes, zeroing them; null where the places of one differ.
 * @param {Uint8Array} blank
 * @param {Uint8Array} code
 * @param {Record<string, number[]>} holes
 * @param {number} size
 * @returns {Map<string, bigint | null>}
 */
function takeAll(blank, code, holes, size) {
  return new Map(
    Object.entries(holes).map(([name, places]) => {
      const values = new Set(places.map((at) => readNumber(code.subarray(at, at + size))));
      for (const place of places) blank.fill(0, place, place + size);
      return [name, values.size === 1 ? [...values][0] : null];
    }),
  );
}

/**
 * @template T
 * @param {Map<string, bigint | null>} found
 * @param {(number: bigint) => T} make
 * @returns {Map<string, T>}
 */
function fill(found, make) {
  return new Map([...found].map(([name, number]) => [name, make(number ?? 0n)]));
}
