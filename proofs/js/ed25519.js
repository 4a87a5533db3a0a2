/**
 * Scheme 2: k signatures R‖S of ed25519 keys, strictly: keys and R are canonical points of prime
 * order, S is below the order. Among such points the equation with the cofactor, which noble
 * checks, and the one without it, which libsodium checks, have the same answer.
 */

import { ed25519 } from "@noble/curves/ed25519.js";

import { demand } from "./refusal.js";
import { fromHex } from "./typed.js";

const POINT_BYTES = 32;
const STRICT = Object.freeze({ zip215: false });

/** @type {import("./schemes.js").Scheme} */
export const ED25519 = Object.freeze({
  id: 2,
  name: "ed25519",
  signatureBytes: 64,
  aggregates: false,
  keysOf: (committee) => committee.ed25519Keys,
  checkKeys({ ed25519Keys }) {
    ed25519Keys.forEach((key, i) => {
      demand(isPoint(fromHex(key)), "member_key", `the ed25519 key of member ${i} is no good one`);
    });
  },
  checkSignatures(digest, signatures, { ed25519Keys }) {
    for (const { member, signature } of signatures) {
      const made = isSignature(fromHex(signature), digest, fromHex(ed25519Keys[member]));
      demand(made, "signature", `the signature of member ${member} is not by his key`);
    }
  },
});

/**
 * @param {Uint8Array} signature
 * @param {Uint8Array} digest
 * @param {Uint8Array} key
 */
function isSignature(signature, digest, key) {
  const sound = isPoint(key) && isPoint(signature.subarray(0, POINT_BYTES));
  return sound && ed25519.verify(signature, digest, key, STRICT);
}

/** Say whether the bytes are a canonical point of prime order. @param {Uint8Array} bytes */
function isPoint(bytes) {
  try {
    const point = ed25519.Point.fromBytes(bytes, false);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}
