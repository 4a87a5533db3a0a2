/**
 * The evidence beside an attestation, unpacked: RLP of a list of blocks ascending by their chains,
 * each `[caip2, header, [node…], [code…]]` with every node and code once, in byte order. There is
 * one encoding of the same evidence. What is proved is not in it: verifiers know what they ask.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

import { toHex } from "../typed.js";
import { EvidenceRefused } from "./flaws.js";
import { RlpError, decodeList, encodeList } from "./rlp.js";

export const MOST_BYTES = 32 * 1024 * 1024;
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
    const blocks = decodeList(raw).map(decodeBlock);
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
 * @param {Item} item
 * @returns {BlockEvidence}
 */
function decodeBlock({ data, isList }) {
  if (!isList) throw new RlpError("a block that is no list");
  const fields = decodeList(data);
  const shape = fields.map((field) => field.isList).join();
  if (shape !== "false,false,true,true") throw new RlpError("a block without its four parts");
  const [chain, header, nodes, codes] = fields;
  return {
    chain: readText(chain.data),
    header: header.data,
    nodes: decodeStrings(nodes.data, "nodes"),
    codes: decodeStrings(codes.data, "codes"),
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
 */
function decodeStrings(encoded, what) {
  const items = decodeList(encoded);
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
