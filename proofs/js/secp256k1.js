/** Scheme 1: k signatures r‖s‖v of secp256k1 keys, which are known by their addresses. */

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { Refused, demand } from "./refusal.js";
import { fromHex, toHex } from "./typed.js";

const ORDER = secp256k1.Point.Fn.ORDER;
const V_OFFSET = 27;
const ADDRESS_AT = 12;

/** @type {import("./schemes.js").Scheme} */
export const SECP256K1 = Object.freeze({
  id: 1,
  name: "secp256k1",
  signatureBytes: 65,
  aggregates: false,
  keysOf: (committee) => committee.members,
  checkKeys: () => {},
  checkSignatures(digest, signatures, { members }) {
    for (const { member, signature } of signatures) {
      const path = `the signature of member ${member}`;
      checkSignature(digest, fromHex(signature), members[member], path);
    }
  },
});

/**
 * Refuse unless the key of this address made the signature (65 bytes, low s, v 27 or 28).
 * @param {Uint8Array} digest
 * @param {Uint8Array} signature
 * @param {string} key
 * @param {string} path
 */
function checkSignature(digest, signature, key, path) {
  const r = integer(signature.subarray(0, 32));
  const s = integer(signature.subarray(32, 64));
  const ranged = 0n < r && r < ORDER && 0n < s && s < ORDER;
  demand(ranged, "signature", `${path}: r or s is out of range`);
  demand(s <= ORDER / 2n, "high_s", `${path}: s is above half the order`);
  const v = signature[64];
  const parity = v - V_OFFSET;
  demand(parity === 0 || parity === 1, "signature", `${path}: v is ${v}, not 27 or 28`);
  const signer = recoverAddress(digest, r, s, parity, path);
  demand(signer === key, "signature", `${path} is not by ${key}`);
}

/**
 * @param {Uint8Array} digest
 * @param {bigint} r
 * @param {bigint} s
 * @param {number} parity
 * @param {string} path
 */
function recoverAddress(digest, r, s, parity, path) {
  let point;
  try {
    point = new secp256k1.Signature(r, s, parity).recoverPublicKey(digest);
  } catch {
    throw new Refused("signature", `${path}: no key made this signature`);
  }
  return toHex(keccak_256(point.toBytes(false).subarray(1)).subarray(ADDRESS_AT));
}

/** @param {Uint8Array} bytes */
function integer(bytes) {
  return BigInt(`0x${bytesToHex(bytes)}`);
}
