/**
 * Strict RLP, one level at a time: every value has one encoding, and any other is refused. Lists
 * inside a list stay encoded until they are asked for, so that no input makes the decoder recurse.
 * Source: Ethereum yellow paper, appendix B.
 */

import { concatBytes } from "@noble/hashes/utils.js";

const STRING = 0x80;
const LONG_STRING = 0xb7;
const LIST = 0xc0;
const LONG_LIST = 0xf7;
const SHORT_MAX = 55;

/** Bytes that are no canonical RLP. */
export class RlpError extends Error {}

/**
 * A string's bytes, or the whole encoding of a list.
 * @typedef {{data: Uint8Array, isList: boolean}} Item
 */

/**
 * Give the items of an encoded list; RlpError unless the bytes are exactly one, and once there are
 * more than `most` items, the rest unseen.
 * @param {Uint8Array} data
 * @param {number} [most]
 * @returns {Item[]}
 */
export function decodeList(data, most = Infinity) {
  const { start, end, isList } = measure(data, 0);
  if (!isList || end !== data.length) throw new RlpError("not exactly one list");
  /** @type {Item[]} */
  const items = [];
  for (let place = start; place < data.length;) {
    if (items.length === most) throw new RlpError(`more than ${most} items`);
    const found = measure(data, place);
    const from = found.isList ? place : found.start;
    items.push({ data: data.subarray(from, found.end), isList: found.isList });
    place = found.end;
  }
  return items;
}

/**
 * Give an encoded string; RlpError unless the bytes are exactly one.
 * @param {Uint8Array} data
 */
export function decodeString(data) {
  const { start, end, isList } = measure(data, 0);
  if (isList || end !== data.length) throw new RlpError("not exactly one string");
  return data.subarray(start);
}

/**
 * Give the number that a string stands for; RlpError for leading zeros or a list.
 * @param {Item} item
 */
export function decodeInt({ data, isList }) {
  if (isList || data[0] === 0) throw new RlpError("not a number");
  return readNumber(data);
}

/** Give a big-endian number. @param {Uint8Array} data */
export function readNumber(data) {
  let digits = "0x0";
  for (const byte of data) digits += byte.toString(16).padStart(2, "0");
  return BigInt(digits);
}

/**
 * Encode a list of strings and of lists that are encoded already.
 * @param {readonly Item[]} items
 */
export function encodeList(items) {
  const body = concatBytes(
    ...items.map(({ data, isList }) => (isList ? data : encodeString(data))),
  );
  return concatBytes(prefix(body.length, LIST), body);
}

/** @param {Uint8Array} data */
function encodeString(data) {
  if (data.length === 1 && data[0] < STRING) return data;
  return concatBytes(prefix(data.length, STRING), data);
}

/**
 * @param {number} size
 * @param {number} base
 */
function prefix(size, base) {
  if (size <= SHORT_MAX) return Uint8Array.of(base + size);
  const length = [];
  for (let rest = size; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  return Uint8Array.of(base + SHORT_MAX + length.length, ...length);
}

/**
 * Give start and end of the payload of the item at `place`, and whether it is a list.
 * @param {Uint8Array} data
 * @param {number} place
 */
function measure(data, place) {
  if (place >= data.length) throw new RlpError("cut short");
  const first = data[place];
  if (first < STRING) return { start: place, end: place + 1, isList: false };
  const isList = first >= LIST;
  const long = isList ? LONG_LIST : LONG_STRING;
  const [start, size] =
    first > long
      ? measureLong(data, place + 1, first - long)
      : [place + 1, first - (isList ? LIST : STRING)];
  const end = start + size;
  if (end > data.length) throw new RlpError("cut short");
  const small = size === 1 && !isList && first < LONG_STRING && data[start] < STRING;
  if (small) throw new RlpError("a small byte with a prefix");
  return { start, end, isList };
}

/**
 * Give the start and the size of a payload whose size takes `width` bytes.
 * @param {Uint8Array} data
 * @param {number} place
 * @param {number} width
 * @returns {[number, number]}
 */
function measureLong(data, place, width) {
  const start = place + width;
  const length = data.subarray(place, start);
  const size = length.reduce((sum, byte) => sum * 256 + byte, 0);
  if (length.length !== width || length[0] === 0 || size <= SHORT_MAX)
    throw new RlpError("a length that is cut short or not the shortest");
  return [start, size];
}
