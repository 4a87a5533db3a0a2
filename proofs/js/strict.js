/**
 * The strict reading of JSON views: integers are decimal texts, bytes 0x hex in lower case; no
 * field is unknown, missing or of another type. Refused names it.
 */

import { parseJson, writeJson } from "./json.js";
import { Refused, demand } from "./refusal.js";
import { WORD, fits } from "./typed.js";

const INDEX = "index";
const MAX_DIGITS = 79;
const NEWLINE = 10;
const DECIMAL = /^(?:0|-?[1-9][0-9]*)$/;
const HEX = /^0x(?:[0-9a-f]{2})*$/;
const TEXT = /^[\x20-\x7e]{1,256}$/;

/**
 * @typedef {import("./json.js").Json} Json
 * @typedef {import("./typed.js").StructType} StructType
 */

/**
 * Read a file as JSON; `isCanonical` says whether its bytes are the canonical ones (a final newline
 * is let pass) of what was read.
 * @param {Uint8Array} raw
 * @param {number} maxBytes
 * @param {number} maxDepth
 * @returns {{view: Json, isCanonical: () => boolean}}
 */
export function readView(raw, maxBytes, maxDepth) {
  if (!(raw instanceof Uint8Array)) throw new TypeError("give the file's bytes as a Uint8Array");
  demand(raw.length <= maxBytes, "malformed", `the file is larger than ${maxBytes} bytes`);
  const text = decodeText(raw);
  const view = parseJson(text, maxDepth);
  const body = raw[raw.length - 1] === NEWLINE ? text.slice(0, -1) : text;
  return { view, isCanonical: () => writeJson(view) === body };
}

/** @param {Uint8Array} raw */
function decodeText(raw) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw new Refused("malformed", "the file is not JSON");
  }
}

/**
 * @param {Json} value
 * @param {string} path
 * @param {readonly string[]} names
 * @param {readonly string[]} optional
 * @returns {Map<string, any>}
 */
export function readFields(value, path, names, optional = []) {
  if (!(value instanceof Map))
    throw new Refused("bad_type", `${path || "the file"} is not a JSON object`);
  const prefix = path === "" ? "" : `${path}.`;
  for (const name of value.keys()) {
    const known = names.includes(name) || optional.includes(name);
    const shown = JSON.stringify(name.slice(0, 40));
    demand(known, "unknown_field", `${prefix}${shown} is unknown`);
  }
  for (const name of names) demand(value.has(name), "missing_field", `${prefix}${name} is missing`);
  return value;
}

/**
 * @param {Json} value
 * @param {string} path
 * @returns {Json[]}
 */
export function readList(value, path) {
  if (!Array.isArray(value)) throw new Refused("bad_type", `${path} is not a list`);
  return value;
}

/**
 * @param {Json} value
 * @param {string} path
 */
export function readText(value, path) {
  if (typeof value === "string" && TEXT.test(value)) return value;
  throw new Refused("bad_type", `${path} is not a printable ASCII text`);
}

/**
 * @param {Json} value
 * @param {string} path
 */
export function readInteger(value, path) {
  if (typeof value === "string" && value.length <= MAX_DIGITS && DECIMAL.test(value))
    return BigInt(value);
  throw new Refused("bad_type", `${path} is not an integer as a decimal string`);
}

/**
 * @param {Json} value
 * @param {string} path
 * @param {number} size
 */
export function readBytes(value, path, size) {
  if (typeof value === "string" && value.length === 2 + 2 * size && HEX.test(value)) return value;
  throw new Refused("bad_type", `${path} is not ${size} bytes as lower-case 0x hex`);
}

/**
 * @param {import("./typed.js").Member} member
 * @param {Json} value
 * @param {string} path
 */
function readMember({ kind }, value, path) {
  if (kind === "text") return readText(value, path);
  if (kind === "bytes32") return readBytes(value, path, WORD);
  const number = readInteger(value, path);
  demand(fits(kind, number), "bad_type", `${path}: ${number} does not fit ${kind}`);
  return number;
}

/**
 * @param {StructType} type
 * @param {Json} value
 * @param {string} path
 * @param {Record<string, bigint>} known
 */
export function readStruct(type, value, path, known = {}) {
  const members = type.members.filter(({ name }) => !(name in known));
  const fields = readFields(
    value,
    path,
    members.map(({ name }) => name),
  );
  /** @type {Record<string, any>} */
  const made = { ...known };
  for (const member of members) {
    made[member.name] = readMember(member, fields.get(member.name), `${path}.${member.name}`);
  }
  return made;
}

/**
 * @param {StructType} type
 * @param {Json} value
 * @param {string} path
 */
export function readLeaves(type, value, path) {
  const items = readList(value, path);
  return items.map((item, i) => readStruct(type, item, `${path}[${i}]`, { [INDEX]: BigInt(i) }));
}
