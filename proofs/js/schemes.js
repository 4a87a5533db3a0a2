/**
 * The signature schemes over the one digest, by the number that envelopes carry. One that is not
 * here is refused by its number, never guessed.
 */

import { BLS12_381 } from "./bls.js";
import { ED25519 } from "./ed25519.js";
import { SECP256K1 } from "./secp256k1.js";

/**
 * `checkKeys` throws Refused unless every member's key of the scheme is a good one that he holds,
 * `checkSignatures` unless each signature, or the one sum, is by the members it names.
 * @typedef {import("./committee.js").Committee} Committee
 * @typedef {import("./parts.js").Signature} Signature
 * @typedef {{id: number, name: string, signatureBytes: number, aggregates: boolean,
 *   keysOf: (committee: Committee) => readonly string[],
 *   checkKeys: (committee: Committee) => void,
 *   checkSignatures: (digest: Uint8Array, signatures: readonly Signature[],
 *     committee: Committee) => void}} Scheme
 */

/** @type {ReadonlyMap<number, Scheme>} */
export const SCHEMES = new Map(
  [SECP256K1, ED25519, BLS12_381].map((scheme) => [scheme.id, scheme]),
);

/**
 * Give a scheme by its number; RangeError when this verifier does not know it.
 * @param {number} id
 */
export function schemeOf(id) {
  const scheme = SCHEMES.get(id);
  if (scheme !== undefined) return scheme;
  const known = [...SCHEMES.values()].map(({ id: number, name }) => `${number} (${name})`);
  throw new RangeError(
    `signature scheme ${id} is unknown; this verifier knows ${known.join(", ")}`,
  );
}
