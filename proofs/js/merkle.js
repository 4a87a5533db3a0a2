/**
 * The index-ordered Merkle tree over struct hashes: leaf = keccak(0x00‖hash),
 * node = keccak(0x01‖left‖right), filled up with pad = keccak(0x00) to a power of two.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { concatBytes } from "@noble/hashes/utils.js";

export const PAD = keccak_256(Uint8Array.of(0));
export const EMPTY_ROOT = PAD;

/** Give the leaf of a struct's hash. @param {Uint8Array} structHash */
export function hashLeaf(structHash) {
  return keccak_256(concatBytes(Uint8Array.of(0), structHash));
}

/**
 * Give the root over the structs' hashes in index order.
 * @param {readonly Uint8Array[]} structHashes
 */
export function calculateRoot(structHashes) {
  let level = leavesOf(structHashes);
  while (level.length > 1) level = parentsOf(level);
  return level[0];
}

/**
 * Give the siblings from leaf `index` up to the root; RangeError when there is no such leaf.
 * @param {readonly Uint8Array[]} structHashes
 * @param {number} index
 */
export function buildPath(structHashes, index) {
  if (!(Number.isInteger(index) && 0 <= index && index < structHashes.length)) {
    throw new RangeError(`there is no leaf ${index} among ${structHashes.length}`);
  }
  const siblings = [];
  let level = leavesOf(structHashes);
  for (let place = index; level.length > 1; place >>= 1) {
    siblings.push(level[place ^ 1]);
    level = parentsOf(level);
  }
  return siblings;
}

/**
 * Say whether the struct is leaf `index` under the root.
 * @param {Uint8Array} root
 * @param {Uint8Array} structHash
 * @param {number} index
 * @param {readonly Uint8Array[]} path siblings from the leaf up
 */
export function verifyPath(root, structHash, index, path) {
  if (!(Number.isSafeInteger(index) && 0 <= index && BigInt(index) >> BigInt(path.length) === 0n))
    return false;
  let node = hashLeaf(structHash);
  let place = BigInt(index);
  for (const sibling of path) {
    node = place & 1n ? hashNode(sibling, node) : hashNode(node, sibling);
    place >>= 1n;
  }
  return sameBytes(node, root);
}

/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
function hashNode(left, right) {
  return keccak_256(concatBytes(Uint8Array.of(1), left, right));
}

/** @param {readonly Uint8Array[]} structHashes */
function leavesOf(structHashes) {
  let width = 1;
  while (width < structHashes.length) width *= 2;
  const leaves = structHashes.map(hashLeaf);
  while (leaves.length < width) leaves.push(PAD);
  return leaves;
}

/** @param {readonly Uint8Array[]} level */
function parentsOf(level) {
  const parents = [];
  for (let i = 0; i < level.length; i += 2) parents.push(hashNode(level[i], level[i + 1]));
  return parents;
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
