/**
 * The signature schemes over the one digest, by the number that envelopes carry. One that is not
 * here is refused by its number, never guessed.
 */

import { SECP256K1 } from "./secp256k1.js";

/**
 * `check` throws Refused unless the holder of `key` made the signature.
 * @typedef {{id: number, name: string, signatureBytes: number,
 *   check: (digest: Uint8Array, signature: Uint8Array, key: string, path: string) => void}} Scheme
 */

/** @type {ReadonlyMap<number, Scheme>} */
export const SCHEMES = new Map([[SECP256K1.id, SECP256K1]]);

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
