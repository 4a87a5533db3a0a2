/**
 * What a statement claims of one EVM block, and what the block's state proves of it. A chain is
 * proved as a whole or not at all: every account of the statement on it, in every market that the
 * parameters list for it. So nothing can be left out: what an account owes is read from the market,
 * not from the leaves. Prices are proved one by one, where the feed's storage is known.
 */

import { BPS, COLLATERAL } from "../health.js";
import { Refused } from "../refusal.js";
import { EvidenceRefused } from "./flaws.js";
import { LAYOUTS } from "./layout.js";
import { listLegs, readHoldings } from "./market.js";

export const PROVED = 1n;
const PROTOCOL = "aave_v3";
/** What the names of markets begin with that are books: a publisher's, no contract's. */
const BOOK = "book:";
const PUBLISHER_SIGNED = 4n;
const REQUIREMENT = 2n;
const WHOLE = "all";
const UNSTAKED = "none";
const EVM = 0n;
const CHAINLINK = 1n;
const ERC20 = "erc20:";
const SIDES = ["collateral", "debt", "requirement"];

/**
 * Markets looked through at a block, accounts (addresses) and leaves of its chain. Legs that are
 * held or stated stand by what names them, their figures in order.
 * @typedef {Record<string, any>} Struct
 * @typedef {import("../document.js").Statement} Statement
 * @typedef {import("./market.js").ProvedMarket} ProvedMarket
 * @typedef {{block: Struct, statement: Statement, markets: Struct[], accounts: string[],
 *   positions: Struct[], prices: Struct[]}} Claim
 * @typedef {Map<string, {told: string, figures: string[]}>} Legs
 */

/**
 * Say whether a leaf is a requirement on a publisher's word: no chain's state can prove it.
 * @param {Struct} leaf
 */
export function isPublished(leaf) {
  return leaf.evidence === PUBLISHER_SIGNED && leaf.side === REQUIREMENT;
}

/**
 * Give the claims of a statement that can be proved, by chain: none of Solana, and none of a chain
 * with a market whose storage layout is not known.
 * @param {Statement} statement
 * @returns {Map<string, Claim>}
 */
export function findClaims(statement) {
  const made = statement.leaves.blocks.map((block) => makeClaim(statement, block));
  return new Map(made.flatMap((claim) => (claim === null ? [] : [[claim.block.caip2, claim]])));
}

/**
 * @param {Statement} statement
 * @param {Struct} block
 * @returns {Claim | null}
 */
function makeClaim(statement, block) {
  const { accounts, positions, prices } = statement.leaves;
  const chain = `${block.caip2}:`;
  const markets = statement.params.markets.filter(
    ({ market, protocol }) => market.startsWith(chain) && !protocol.startsWith(BOOK),
  );
  const known = markets.every(
    ({ protocol, formula, reserve }) =>
      protocol === PROTOCOL && LAYOUTS.has(formula) && reserve === WHOLE,
  );
  if (block.kind !== EVM || !known) return null;
  const own = accounts.map(({ caip10 }) => caip10).filter((caip10) => caip10.startsWith(chain));
  return {
    block,
    statement,
    markets,
    accounts: own.map(addressOf),
    positions: positions.filter((leaf) => leaf.blockRef === block.index && !isPublished(leaf)),
    prices: prices.filter(({ asset }) => asset.startsWith(`${block.caip2}/`)),
  };
}

/**
 * Read everything that a claim is about, by market.
 * @param {import("./state.js").ProvedState} state
 * @param {Claim} claim
 * @returns {Map<string, ProvedMarket>}
 */
export function readClaim(state, { block, markets, accounts, prices }) {
  const priced = prices.flatMap(({ asset }) => tokenOf(asset) ?? []);
  return new Map(
    markets.map(({ market, formula }) => {
      const pool = addressOf(market);
      const read = readHoldings(state, pool, accounts, block.time, priced);
      if (read.release !== formula)
        throw new EvidenceRefused("code", `${pool} is ${read.release}, not ${formula}`);
      return [market, read];
    }),
  );
}

/**
 * Compare a claim with what is proved; give the indices of the prices that feeds bear out.
 * @param {Claim} claim
 * @param {Map<string, ProvedMarket>} markets
 * @returns {Set<bigint>}
 */
export function judgeClaim(claim, markets) {
  const held = listHeld(claim, markets);
  const stated = listStated(claim);
  for (const [name, { told, figures }] of held) {
    const leaf = stated.get(name);
    if (leaf === undefined) throw new Refused("omitted", `${told} is held, and no leaf states it`);
    const same = figures.sort().join() === leaf.figures.sort().join();
    if (!same) throw new Refused("contradicted", `${told} is ${figures}, not ${leaf.figures}`);
  }
  for (const [name, { told }] of stated) {
    if (!held.has(name))
      throw new Refused("contradicted", `${told} is not there, as a leaf states`);
  }
  return findProved(claim, markets);
}

/**
 * Give the legs that the state proves and that count.
 * @param {Claim} claim
 * @param {Map<string, ProvedMarket>} markets
 */
function listHeld({ block, statement, accounts }, markets) {
  const haircuts = new Map(statement.params.assets.map((asset) => [asset.asset, asset.haircutBps]));
  /** @type {Legs} */
  const legs = new Map();
  for (const [market, proved] of markets) {
    for (const account of accounts) {
      for (const leg of listLegs(proved, account)) {
        const asset = `${block.caip2}/${ERC20}${leg.asset}`;
        const counts = leg.liquidationThreshold > 0n && (haircuts.get(asset) ?? BPS) < BPS;
        if (leg.side === COLLATERAL && !counts) continue;
        const { units, decimals, ltv, liquidationThreshold } = leg;
        const figures = [units, decimals, ltv, liquidationThreshold];
        add(legs, [`${block.caip2}:${account}`, market, asset], leg.side, figures);
      }
    }
  }
  return legs;
}

/** @param {Claim} claim */
function listStated({ positions, statement }) {
  const { accounts } = statement.leaves;
  /** @type {Legs} */
  const legs = new Map();
  for (const leaf of positions) {
    const { caip10 } = accounts[Number(leaf.account)];
    const figures = [leaf.amountRaw, leaf.decimals, leaf.ltvBps, leaf.liqThresholdBps];
    add(legs, [caip10, leaf.market, leaf.asset], leaf.side, figures);
  }
  return legs;
}

/**
 * @param {Legs} legs
 * @param {string[]} names account, market and asset
 * @param {bigint} side
 * @param {bigint[]} figures
 */
function add(legs, names, side, figures) {
  const name = [...names, side].join("\n");
  const [account, market, asset] = names;
  const told = `a ${SIDES[Number(side)]} of ${account} in ${asset} of ${market}`;
  const leg = legs.get(name) ?? { told, figures: [] };
  leg.figures.push(figures.join("/"));
  legs.set(name, leg);
}

/**
 * Give the indices of the prices that a feed in the state bears out; refused is one that lies. A
 * price converted by a staked form's ratio is not the feed's number: it is not proved.
 * @param {Claim} claim
 * @param {Map<string, ProvedMarket>} markets
 */
function findProved(claim, markets) {
  /** @type {Set<bigint>} */
  const proved = new Set();
  for (const leaf of claim.prices) {
    for (const { prices } of markets.values()) {
      const price = prices.get(tokenOf(leaf.asset) ?? "");
      if (price === undefined || leaf.feedId !== `${claim.block.caip2}:${price.feed}`) continue;
      const same = leaf.priceE8 === price.usd && leaf.publishTime === price.publishedAt;
      if (same && leaf.source === CHAINLINK) {
        proved.add(leaf.index);
        break;
      }
      if (isConverted(claim, leaf)) continue;
      const detail = `prices[${leaf.index}]: the feed says ${price.usd} at ${price.publishedAt}`;
      throw new Refused("contradicted", `${detail}, not ${leaf.priceE8} at ${leaf.publishTime}`);
    }
  }
  return proved;
}

/**
 * Say whether a ratio may stand between the feed's number and the leaf's.
 * @param {Claim} claim
 * @param {Struct} leaf
 */
function isConverted({ statement: { leaves, params } }, leaf) {
  const users = leaves.positions.filter(({ price }) => price === leaf.index);
  const named = new Set([leaf.asset, ...users.map(({ asset }) => asset)]);
  return params.assets.some(({ asset, ratio }) => ratio !== UNSTAKED && named.has(asset));
}

/** Give the address of a CAIP-10 text. @param {string} caip10 */
function addressOf(caip10) {
  return caip10.slice(caip10.lastIndexOf(":") + 1);
}

/** Give the address of an ERC-20 token, null for other assets. @param {string} asset */
function tokenOf(asset) {
  const name = asset.slice(asset.indexOf("/") + 1);
  return name.startsWith(ERC20) ? name.slice(ERC20.length) : null;
}
