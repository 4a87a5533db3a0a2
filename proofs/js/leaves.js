/** The rules that leaves keep whoever signs: canonical ids, known numbers, one chain per leg. */

import { BPS, COLLATERAL, calculateValue } from "./health.js";
import { chainOfAccount, chainOfAsset, chainOfChain, isEvm } from "./ids.js";
import { Refused, demand } from "./refusal.js";

const EVM = 0n;
const SOLANA = 1n;
const LAST_FINALITY = 2n;
const LAST_SOURCE = 5n;
const LAST_SIDE = 2n;
const LAST_EVIDENCE = 4n;
const PUBLISHER_SIGNED = 4n;

/**
 * @typedef {import("./document.js").Leaves} Leaves
 * @typedef {Record<string, any>} Leaf
 */

/**
 * Refuse leaves that break a rule, name what is not there or stand twice.
 * @param {Leaves} leaves
 */
export function checkLeaves(leaves) {
  const { accounts, blocks, positions, prices } = leaves;
  for (const account of accounts)
    canonical(chainOfAccount, account.caip10, `accounts[${account.index}].caip10`);
  blocks.forEach(checkBlock);
  prices.forEach(checkPrice);
  for (const position of positions) checkPosition(position, leaves);
  checkOnce(
    accounts.map((leaf) => leaf.caip10),
    "an account",
  );
  checkOnce(
    blocks.map((leaf) => leaf.caip2),
    "a chain's block",
  );
  checkOnce(positions.map(nameLeg), "a position's leg");
}

/** Texts hold no control character, so a newline parts them. @param {Leaf} leaf */
function nameLeg({ account, protocol, market, asset, side }) {
  return [account, protocol, market, asset, side].join("\n");
}

/**
 * @param {string[]} keys
 * @param {string} what
 */
function checkOnce(keys, what) {
  demand(new Set(keys).size === keys.length, "duplicated_leaf", `${what} stands twice`);
}

/**
 * @param {(text: string) => string | null} chainOf
 * @param {string} text
 * @param {string} path
 * @returns {string}
 */
function canonical(chainOf, text, path) {
  const chain = chainOf(text);
  if (chain === null) throw new Refused("leaf", `${path}: '${text}' is no canonical CAIP id`);
  return chain;
}

/** @param {Leaf} block */
function checkBlock(block) {
  const path = `blocks[${block.index}]`;
  const kind = isEvm(canonical(chainOfChain, block.caip2, `${path}.caip2`)) ? EVM : SOLANA;
  demand(block.kind === kind, "leaf", `${path}.kind is ${block.kind}, not ${kind}`);
  demand(block.finality <= LAST_FINALITY, "leaf", `${path}.finality is ${block.finality}`);
}

/** @param {Leaf} price */
function checkPrice(price) {
  const path = `prices[${price.index}]`;
  canonical(chainOfAsset, price.asset, `${path}.asset`);
  const known = 1n <= price.source && price.source <= LAST_SOURCE && isEvidence(price.evidence);
  demand(known, "leaf", `${path} has an unknown source or evidence`);
  demand(price.priceE8 > 0n, "leaf", `${path}.priceE8 is 0`);
}

/**
 * @param {Leaf} leaf
 * @param {Leaves} leaves
 */
function checkPosition(leaf, leaves) {
  const path = `positions[${leaf.index}]`;
  const account = find(leaves.accounts, leaf.account, `${path}.account`);
  const block = find(leaves.blocks, leaf.blockRef, `${path}.blockRef`);
  const price = find(leaves.prices, leaf.price, `${path}.price`);
  const chains = new Set([
    canonical(chainOfAccount, leaf.market, `${path}.market`),
    canonical(chainOfAsset, leaf.asset, `${path}.asset`),
    chainOfAccount(account.caip10),
    block.caip2,
  ]);
  demand(chains.size === 1, "reference", `${path} mixes chains`);
  checkWeights(leaf, path);
  const value = calculateValue(leaf.side, leaf.amountRaw, price.priceE8, leaf.decimals);
  const detail = `${path}.valueE8 is ${leaf.valueE8}, not ${value} as its amount and price say`;
  demand(leaf.valueE8 === value, "value", detail);
}

/**
 * @param {Leaf[]} listed
 * @param {bigint} index
 * @param {string} path
 */
function find(listed, index, path) {
  demand(index < BigInt(listed.length), "reference", `${path} names no leaf`);
  return listed[Number(index)];
}

/**
 * @param {Leaf} leaf
 * @param {string} path
 */
function checkWeights(leaf, path) {
  demand(leaf.side <= LAST_SIDE, "leaf", `${path}.side is ${leaf.side}`);
  demand(isEvidence(leaf.evidence), "leaf", `${path}.evidence is ${leaf.evidence}`);
  const ratios = [leaf.ltvBps, leaf.liqThresholdBps, leaf.haircutBps];
  demand(
    ratios.every((ratio) => ratio <= BPS),
    "leaf",
    `${path} has a ratio above ${BPS} basis points`,
  );
  demand(leaf.debtWeightBps >= BPS, "leaf", `${path}.debtWeightBps is below ${BPS}`);
  const asserted = leaf.evidence === PUBLISHER_SIGNED && leaf.side === COLLATERAL;
  demand(!asserted, "leaf", `${path} is collateral on its publisher's word alone`);
}

/** @param {bigint} evidence */
function isEvidence(evidence) {
  return 1n <= evidence && evidence <= LAST_EVIDENCE;
}
