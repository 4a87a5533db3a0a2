/**
 * Merkle-Patricia lookups in a set of nodes known by their hashes. The tries of Ethereum's state
 * have keys of 32 bytes (hashed) and no two ways to be written: any node that such a trie cannot
 * hold is refused. A value that is not there is proved as strictly as one that is.
 * Source: Ethereum yellow paper, appendix D; EIP-1186.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { EvidenceRefused } from "./flaws.js";
import { RlpError, decodeList } from "./rlp.js";

export const NOTHING = new Uint8Array(0);
export const EMPTY_ROOT = bytesToHex(keccak_256(Uint8Array.of(0x80)));
const HASH_SIZE = 32;
const BRANCH_ITEMS = 17;
const PAIR_ITEMS = 2;

/**
 * A branch's children by the next digit, an extension's child, or a leaf's value.
 * @typedef {import("./rlp.js").Item} Item
 * @typedef {{children: Item[]} | {path: string, child: Item} |
 *   {path: string, value: Uint8Array}} Node
 */

/**
 * Give byte strings by their hashes (hex).
 * @param {readonly Uint8Array[]} listed
 */
export function hashAll(listed) {
  return new Map(listed.map((data) => [bytesToHex(keccak_256(data)), data]));
}

/** The tries of one state over a common set of nodes; `used` are the hashes looked at. */
export class Trie {
  /** @param {ReadonlyMap<string, Uint8Array>} nodes */
  constructor(nodes) {
    this.nodes = nodes;
    /** @type {Set<string>} */
    this.used = new Set();
    /** @type {Map<string, Node>} */
    this.decoded = new Map();
  }

  /**
   * Give the value under the hash of `key`, of length 0 where the trie proves that there is none.
   * @param {string} root hex
   * @param {Uint8Array} key
   */
  get(root, key) {
    if (root === EMPTY_ROOT) return NOTHING;
    let rest = bytesToHex(keccak_256(key));
    let node = this.find(root);
    for (;;) {
      if ("value" in node) return takeValue(node, rest);
      const [child, size] = takeChild(node, rest);
      if (child === null || child.data.length === 0) return NOTHING;
      rest = rest.slice(size);
      node = child.isList ? decodeNode(child.data) : this.find(bytesToHex(child.data));
    }
  }

  /** @param {string} reference */
  find(reference) {
    const known = this.decoded.get(reference);
    if (known !== undefined) return known;
    const encoded = this.nodes.get(reference);
    if (encoded === undefined) throw new EvidenceRefused("missing_node", `no node 0x${reference}`);
    this.used.add(reference);
    const node = decodeNode(encoded);
    this.decoded.set(reference, node);
    return node;
  }
}

/**
 * @param {{path: string, value: Uint8Array}} leaf
 * @param {string} rest
 */
function takeValue({ path, value }, rest) {
  if (path.length !== rest.length) throw bad("a leaf's key is not 32 bytes long");
  return path === rest ? value : NOTHING;
}

/**
 * Give the child on the way and how many digits lead to it; null where the way ends.
 * @param {{children: Item[]} | {path: string, child: Item}} node
 * @param {string} rest
 * @returns {[Item | null, number]}
 */
function takeChild(node, rest) {
  if ("path" in node)
    return rest.startsWith(node.path) ? [node.child, node.path.length] : [null, 0];
  if (rest === "") throw bad("a branch lies below the end of its keys");
  return [node.children[parseInt(rest[0], 16)], 1];
}

/**
 * Decode a node; EvidenceRefused when no state trie holds such a one.
 * @param {Uint8Array} encoded
 * @returns {Node}
 */
export function decodeNode(encoded) {
  const items = decodeItems(encoded);
  if (items.length === BRANCH_ITEMS) return decodeBranch(items);
  if (items.length !== PAIR_ITEMS) throw bad(`${items.length} items`);
  const [path, isLeaf] = decodePath(items[0]);
  const { data, isList } = items[1];
  if (isLeaf) {
    if (isList || data.length === 0) throw bad("a leaf without a value");
    return { path, value: data };
  }
  if (path === "" || data.length === 0) throw bad("an extension without a path or a child");
  return { path, child: checkChild(items[1]) };
}

/** @param {Uint8Array} encoded */
function decodeItems(encoded) {
  try {
    return decodeList(encoded);
  } catch (error) {
    if (!(error instanceof RlpError)) throw error;
    throw bad(error.message);
  }
}

/** @param {Item[]} items */
function decodeBranch(items) {
  const value = items[BRANCH_ITEMS - 1];
  if (value.isList || value.data.length !== 0) throw bad("a branch with a value");
  return { children: items.slice(0, -1).map(checkChild) };
}

/** See that a child is empty, a hash, or a node too small to be hashed. @param {Item} item */
function checkChild(item) {
  const size = item.data.length;
  if (item.isList) {
    if (size >= HASH_SIZE) throw bad(`a node of ${size} bytes inside another`);
  } else if (size !== 0 && size !== HASH_SIZE) {
    throw bad(`a reference of ${size} bytes`);
  }
  return item;
}

/**
 * Give the digits of a hex-prefix path and whether it ends in a leaf.
 * @param {Item} item
 * @returns {[string, boolean]}
 */
function decodePath({ data, isList }) {
  const digits = bytesToHex(data);
  if (isList || digits === "" || !"0123".includes(digits[0]))
    throw bad("a path without a valid prefix");
  const flags = parseInt(digits[0], 16);
  const isLeaf = (flags & 2) !== 0;
  if (flags & 1) return [digits.slice(1), isLeaf];
  if (digits[1] !== "0") throw bad("a path whose prefix is not padded with 0");
  return [digits.slice(2), isLeaf];
}

/** @param {string} detail */
function bad(detail) {
  return new EvidenceRefused("bad_node", detail);
}
