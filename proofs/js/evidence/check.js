/**
 * A statement against the evidence beside it: no network, no keys, no clock. From the block's hash
 * in the statement to the header, the state root, accounts and words; there accrual is done again
 * at the block's time and compared with every leaf of the chain. What is left to believe is the
 * block's hash: an anchor is one that the caller has from elsewhere.
 */

import { chainOfAsset } from "../ids.js";
import { Refused, demand } from "../refusal.js";
import { isVerified } from "../verify.js";
import { readAnchors } from "./anchors.js";
import { decodeBundle, hashBlock } from "./bundle.js";
import { PROVED, findClaims, isPublished, judgeClaim, readClaim } from "./claims.js";
import { telling } from "./flaws.js";
import { verifyHeader } from "./header.js";
import { ProvedState } from "./state.js";

export const UNANCHORED = "consistent, unanchored";
export const ANCHORED = "anchored";

/**
 * What was proved of one chain: how many accounts, markets, legs, and prices of how many; whether
 * its block is one that the caller trusts.
 * @typedef {import("../document.js").Statement} Statement
 * @typedef {import("./bundle.js").BlockEvidence} BlockEvidence
 * @typedef {import("./claims.js").Claim} Claim
 * @typedef {{accounts: number, markets: number, positions: number, prices: number,
 *   pricesStated: number, anchored: boolean}} Grounds
 */

/**
 * Verify an unpacked bundle against the statement of a verdict, by chain; chains that are not in
 * the result are quorum-read. Refused carries the first reason found, TypeError names a wrong argument.
 * @param {Statement} statement of verifyFile
 * @param {Uint8Array} unpacked
 * @param {{anchors?: Record<string, string>}} options
 * @returns {{verdict: string, chains: Record<string, Grounds>}}
 */
export function verifyEvidence(statement, unpacked, options = {}) {
  if (!isVerified(statement)) throw new TypeError("the statement is not from verifyFile");
  if (!(unpacked instanceof Uint8Array)) throw new TypeError("the bundle is no Uint8Array");
  const anchors = readAnchors(options, statement);
  const blocks = telling("the evidence", () => decodeBundle(unpacked));
  const claims = findClaims(statement);
  const pairs = blocks.map((evidence) => ({ evidence, claim: findClaim(claims, evidence) }));
  checkLabels(statement, new Map(blocks.map((block) => [block.chain, hashBlock(block)])));
  const proved = pairs.map(({ claim, evidence }) => proveClaim(claim, evidence));
  pairs.forEach(({ claim }, i) => checkPrices(claim, proved[i]));
  const chains = Object.fromEntries(
    pairs.map(({ claim }) => [claim.block.caip2, sumUp(claim, anchors)]),
  );
  const firm = statement.leaves.blocks.every(({ caip2 }) => chains[caip2]?.anchored);
  return { verdict: firm && blocks.length > 0 ? ANCHORED : UNANCHORED, chains };
}

/**
 * @param {Map<string, Claim>} claims
 * @param {BlockEvidence} evidence
 */
function findClaim(claims, { chain }) {
  const claim = claims.get(chain);
  if (claim !== undefined) return claim;
  throw new Refused("evidence", `it is of ${chain}, of which nothing can be proved`);
}

/**
 * See that what is signed as proved has its evidence, and that no other evidence is given.
 * @param {Statement} statement
 * @param {Map<string, string>} hashes
 */
function checkLabels({ leaves: { blocks, positions, prices } }, hashes) {
  for (const leaf of positions) {
    const chain = blocks[Number(leaf.blockRef)].caip2;
    const path = `positions[${leaf.index}]`;
    checkLabel(leaf, path, hashes.get(chain));
    const labelled = leaf.evidence === PROVED || isPublished(leaf) || !hashes.has(chain);
    demand(labelled, "evidence_hash", `${path} is signed without this evidence`);
  }
  for (const leaf of prices)
    checkLabel(leaf, `prices[${leaf.index}]`, hashes.get(chainOfAsset(leaf.asset) ?? ""));
}

/**
 * @param {Record<string, any>} leaf
 * @param {string} path
 * @param {string | undefined} found
 */
function checkLabel(leaf, path, found) {
  if (leaf.evidence !== PROVED) return;
  demand(found !== undefined, "unproved", `${path} is signed as proved, and nothing proves it`);
  const same = leaf.evidenceHash === found;
  demand(same, "evidence_hash", `${path}.evidenceHash is not that of the evidence`);
}

/**
 * Give the prices that evidence of a block proves of a claim, by index.
 * @param {Claim} claim
 * @param {BlockEvidence} evidence
 */
function proveClaim(claim, { header, nodes, codes }) {
  const { index, caip2, blockHash, height, time, stateRoot } = claim.block;
  return telling(caip2, () => {
    const found = verifyHeader(header, blockHash);
    const same = found.height === height && found.time === time && found.stateRoot === stateRoot;
    demand(same, "evidence_block", `blocks[${index}] differs from its header`);
    const state = new ProvedState(stateRoot, nodes, codes);
    const markets = readClaim(state, claim);
    state.checkAllUsed();
    return judgeClaim(claim, markets);
  });
}

/**
 * @param {Claim} claim
 * @param {Set<bigint>} proved
 */
function checkPrices({ prices }, proved) {
  for (const { index, evidence } of prices) {
    const borne = evidence !== PROVED || proved.has(index);
    const detail = `prices[${index}] is signed as proved, and no feed in the state has it`;
    demand(borne, "unproved", detail);
  }
}

/**
 * @param {Claim} claim
 * @param {ReadonlyMap<string, string>} anchors
 * @returns {Grounds}
 */
function sumUp({ block, accounts, markets, positions, prices }, anchors) {
  return {
    accounts: accounts.length,
    markets: markets.length,
    positions: positions.length,
    prices: prices.filter(({ evidence }) => evidence === PROVED).length,
    pricesStated: prices.length,
    anchored: anchors.get(block.caip2) === block.blockHash,
  };
}
