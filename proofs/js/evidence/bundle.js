/**
 * The evidence beside an attestation, unpacked: RLP of a list of blocks ascending by their chains,
 * each `[caip2, header, [node…], [code…]]` with every node and code once, in byte order. There is
 * one encoding of the same evidence. What is proved is not in it: verifiers know what they ask. No
 * node is under 32 bytes: a smaller one stands inside another, and a root's key alone is longer.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

import { toHex } from "../typed.js";
import { EvidenceRefused } from "./flaws.js";
import { RlpError, decodeList, encodeList } from "./rlp.js";

export const MOST_BYTES = 32 * 1024 * 1024;
/** The most nodes and codes, together, that a bundle may hold. */
export const MOST_PARTS = 10_000;
const FIELDS = 4;
const HASH_SIZE = 32;
const LAST_ASCII = 0x7f;

/**
 * What proves state at one block: its chain (CAIP-2), encoded header, trie nodes and codes.
 * @typedef {import("./rlp.js").Item} Item
 * @typedef {{chain: string, header: Uint8Array, nodes: Uint8Array[],
 *   codes: Uint8Array[]}} BlockEvidence
 */

/**
 * Decode an unpacked bundle; EvidenceRefused for anything but the one canonical form.
 * @param {Uint8Array} raw
 * @returns {BlockEvidence[]}
 */
export function decodeBundle(raw) {
  if (raw.length > MOST_BYTES) throw damaged(`it has ${raw.length} bytes`);
  try {
    let left = MOST_PARTS;
    const blocks = decodeList(raw, left).map((item) => {
      const block = decodeBlock(item, left);
      left -= block.nodes.length + block.codes.length;
      return block;
    });
    checkOrder(
      blocks.map(({ chain }) => utf8ToBytes(chain)),
      "blocks",
    );
    return blocks;
  } catch (error) {
    if (!(error instanceof RlpError)) throw error;
    throw damaged(error.message);
  }
}

/**
 * Give the evidenceHash of what a block proves, as 0x hex: of its chain, header and nodes. Codes
 * are left out: nodes name them by their hashes.
 * @param {BlockEvidence} block
 */
export function hashBlock({ chain, header, nodes }) {
  const text = (/** @type {Uint8Array} */ data) => ({ data, isList: false });
  const listed = { data: encodeList(nodes.map(text)), isList: true };
  return toHex(keccak_256(encodeList([text(utf8ToBytes(chain)), text(header), listed])));
}

/**
 * Decode a block of at most so many nodes and codes.
 * @param {Item} item
 * @param {number} most
 * @returns {BlockEvidence}
 */
function decodeBlock({ data, isList }, most) {
  if (!isList) throw new RlpError("a block that is no list");
  const fields = decodeList(data, FIELDS);
  const shape = fields.map((field) => field.isList).join();
  if (shape !== "false,false,true,true") throw new RlpError("a block without its four parts");
  const [chain, header, listed, coded] = fields;
  const nodes = decodeStrings(listed.data, "nodes", most);
  if (nodes.some((node) => node.length < HASH_SIZE))
    throw damaged(`a node of less than ${HASH_SIZE} bytes`);
  return {
    chain: readText(chain.data),
    header: header.data,
    nodes,
    codes: decodeStrings(coded.data, "codes", most - nodes.length),
  };
}

/** @param {Uint8Array} data */
function readText(data) {
  if (data.some((byte) => byte > LAST_ASCII)) throw new RlpError("a chain that is no ASCII text");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
}

/**
 * @param {Uint8Array} encoded
 * @param {string} what
 * @param {number} most
 */
function decodeStrings(encoded, what, most) {
  const items = decodeList(encoded, most);
  if (items.some(({ isList }) => isList)) throw new RlpError(`a list among the ${what}`);
  const strings = items.map(({ data }) => data);
  checkOrder(strings, what);
  return strings;
}

/**
 * @param {Uint8Array[]} items
 * @param {string} what
 */
function checkOrder(items, what) {
  const ascending = items.every((item, i) => i === 0 || compare(items[i - 1], item) < 0);
  if (!ascending) throw damaged(`its ${what} do not ascend, each once`);
}

/**
 * Give less than 0 where one stands before the other in byte order.
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
function compare(one, other) {
  const shorter = Math.min(one.length, other.length);
  for (let i = 0; i < shorter; i += 1) {
    if (one[i] !== other[i]) return one[i] - other[i];
  }
  return one.length - other.length;
}

/** @param {string} detail */
function damaged(detail) {
  return new EvidenceRefused("bundle", detail);
}
