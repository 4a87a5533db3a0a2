/**
 * The compact binary form of a signed header: "PLMS" version(1) scheme(1) n(2) committeeId(32)
 * bitmap(⌈n/8⌉) signatures header; signatures that were added up stand once, leaves are not
 * carried.
 */

import { schemeOf } from "./schemes.js";
import { HealthAttestation } from "./structs.js";
import { WORD, fits, toHex } from "./typed.js";

const MAGIC = [0x50, 0x4c, 0x4d, 0x53];
const VERSION = 1;
const FIXED = MAGIC.length + 1 + 1 + 2 + WORD;
const HEADER_BYTES = WORD * HealthAttestation.members.length;

/** The bytes are no envelope that this verifier reads. */
export class BadEnvelope extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "BadEnvelope";
  }
}

/**
 * Read the bytes strictly; BadEnvelope when anything is left over, unused, contradictory or of a
 * scheme that is not known here.
 * @param {Uint8Array} raw
 */
export function decodeEnvelope(raw) {
  if (raw.length < FIXED || MAGIC.some((byte, i) => raw[i] !== byte) || raw[4] !== VERSION) {
    throw new BadEnvelope(`not a PLMS envelope of version ${VERSION}`);
  }
  const scheme = knownScheme(raw[5]);
  const committeeSize = raw[6] * 256 + raw[7];
  const start = FIXED + Math.ceil(committeeSize / 8);
  const members = readBitmap(raw.subarray(FIXED, start), committeeSize);
  const written = scheme.aggregates ? Math.min(members.length, 1) : members.length;
  const end = start + scheme.signatureBytes * written;
  if (raw.length !== end + HEADER_BYTES) {
    throw new BadEnvelope(`${raw.length} bytes, not ${end + HEADER_BYTES} as its bitmap says`);
  }
  const header = readHeader(raw.subarray(end));
  if (header.committeeId !== toHex(raw.subarray(8, FIXED))) {
    throw new BadEnvelope("the envelope's committeeId is not the header's");
  }
  const signatures = members.map((member, i) => {
    const from = start + (scheme.aggregates ? 0 : i * scheme.signatureBytes);
    return { member, signature: toHex(raw.subarray(from, from + scheme.signatureBytes)) };
  });
  return { scheme: scheme.name, header, committeeSize, signatures };
}

/** @param {number} id */
function knownScheme(id) {
  try {
    return schemeOf(id);
  } catch (error) {
    throw new BadEnvelope(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {Uint8Array} bitmap
 * @param {number} size
 */
function readBitmap(bitmap, size) {
  const members = [];
  for (let i = 0; i < 8 * bitmap.length; i += 1) {
    if (((bitmap[i >> 3] >> (i & 7)) & 1) === 0) continue;
    if (i >= size) throw new BadEnvelope("the bitmap has bits beyond the committee");
    members.push(i);
  }
  return members;
}

/** @param {Uint8Array} raw */
function readHeader(raw) {
  /** @type {Record<string, any>} */
  const header = {};
  HealthAttestation.members.forEach(({ kind, name }, i) => {
    const word = toHex(raw.subarray(i * WORD, (i + 1) * WORD));
    header[name] = kind === "bytes32" ? word : readInteger(kind, name, word);
  });
  return header;
}

/**
 * @param {string} kind
 * @param {string} name
 * @param {string} word
 */
function readInteger(kind, name, word) {
  const value = kind.startsWith("u") ? BigInt(word) : BigInt.asIntN(8 * WORD, BigInt(word));
  if (!fits(kind, value)) throw new BadEnvelope(`${name}: ${value} does not fit ${kind}`);
  return value;
}
