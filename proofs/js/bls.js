/**
 * Scheme 3: one sum of BLS12-381 signatures (96 bytes) under keys of 48 bytes, in the
 * proof-of-possession scheme. Infinity, points outside the subgroup and other than canonical
 * encodings are refused, of keys, proofs and sums alike.
 * Source: https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-bls-signature-05#section-4.2.3
 */

import { bls12_381 } from "@noble/curves/bls12-381.js";

import { demand } from "./refusal.js";
import { fromHex } from "./typed.js";

const SIGNATURE_TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
const POSSESSION_TAG = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
const { longSignatures } = bls12_381;
const MAX_PROVED = 256;
/** @type {Set<string>} */
const proved = new Set();

/** @type {import("./schemes.js").Scheme} */
export const BLS12_381 = Object.freeze({
  id: 3,
  name: "bls12-381",
  signatureBytes: 96,
  aggregates: true,
  keysOf: (committee) => committee.blsKeys,
  checkKeys({ blsKeys, blsProofs }) {
    blsKeys.forEach((key, i) => {
      const possessed = isPossessed(key, blsProofs[i]);
      demand(possessed, "member_key", `member ${i} does not prove that he holds his BLS key`);
    });
  },
  checkSignatures(digest, signatures, { blsKeys }) {
    const keys = signatures.map(({ member }) => fromHex(blsKeys[member]));
    const sum = fromHex(signatures[0].signature);
    const made = isMade(keys, digest, sum, SIGNATURE_TAG);
    demand(made, "signature", "the sum is not of the signatures of those it names");
  },
});

/**
 * Say whether the key's holder made the proof; keys that did prove it are remembered.
 * @param {string} key
 * @param {string} proof
 */
function isPossessed(key, proof) {
  const name = key + proof;
  if (proved.has(name)) return true;
  const raw = fromHex(key);
  if (!isMade([raw], raw, fromHex(proof), POSSESSION_TAG)) return false;
  if (proved.size >= MAX_PROVED) proved.clear();
  proved.add(name);
  return true;
}

/**
 * Say whether the holders of all keys, of which there is at least one, made the sum.
 * @param {readonly Uint8Array[]} keys
 * @param {Uint8Array} message
 * @param {Uint8Array} sum
 * @param {string} tag
 */
function isMade(keys, message, sum, tag) {
  try {
    const points = keys.map((key) => readPoint(bls12_381.G1.Point, key));
    const joined = longSignatures.aggregatePublicKeys(points);
    const signature = readPoint(bls12_381.G2.Point, sum);
    const hashed = longSignatures.hash(message, tag);
    return !joined.is0() && longSignatures.verify(signature, hashed, joined);
  } catch {
    return false;
  }
}

/**
 * Read a point of the subgroup, written canonically and not infinity; Error otherwise.
 * @param {any} curve
 * @param {Uint8Array} bytes
 */
function readPoint(curve, bytes) {
  const point = curve.fromBytes(bytes);
  point.assertValidity();
  const canonical = point
    .toBytes(true)
    .every((/** @type {number} */ b, /** @type {number} */ i) => b === bytes[i]);
  if (point.is0() || !point.isTorsionFree() || !canonical) throw new Error("no good point");
  return point;
}
