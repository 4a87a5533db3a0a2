/** Block hashes that the caller has from elsewhere, by chain: a node of his own, a light client. */

import { demand } from "../refusal.js";

const HASH = /^0x[0-9a-fA-F]{64}$/;

/**
 * Read the anchors: TypeError for what is none or of a chain that is not stated, Refused for a
 * block that is another than the one stated.
 * @param {{anchors?: Record<string, string>}} options
 * @param {import("../document.js").Statement} statement
 * @returns {Map<string, string>}
 */
export function readAnchors(options, { leaves: { blocks } }) {
  const unknown = Object.keys(options).find((name) => name !== "anchors");
  if (unknown !== undefined) throw new TypeError(`${unknown} is no option; there are anchors`);
  const given = Object.entries(options.anchors ?? {});
  return new Map(
    given.map(([chain, hash]) => {
      const block = blocks.find(({ caip2 }) => caip2 === chain);
      if (block === undefined) throw new TypeError(`the statement has no block of ${chain}`);
      if (typeof hash !== "string" || !HASH.test(hash))
        throw new TypeError(`the anchor of ${chain} is not 0x hex of 32 bytes`);
      const same = hash.toLowerCase() === block.blockHash;
      demand(same, "evidence_block", `blocks[${block.index}] is not the block you trust: ${hash}`);
      return [chain, block.blockHash];
    }),
  );
}
