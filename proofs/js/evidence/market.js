/**
 * Aave v3 markets and accounts, proved: what health depends on is read and nothing else, namely the
 * reserves and eMode categories that the accounts use. Whether an account owes anything at all is
 * one word of the pool, its user configuration.
 */

import { COLLATERAL, DEBT } from "../health.js";
import { RAY, accrueCollateral, accrueDebt, effectiveWeights } from "./math.js";
import { readKnownPrices } from "./prices.js";
import { findOracle, openDesk, readCategories, readReserves } from "./reserves.js";
import { readUses, readUsers } from "./users.js";

/**
 * A market as proved, with no more than the accounts use; `prices` are by asset. A leg is one asset
 * held or owed, in base units at the block's time, its weights in basis points.
 * @typedef {import("./reserves.js").Reserve} Reserve
 * @typedef {import("./users.js").Holding} Holding
 * @typedef {{release: string, version: string, now: bigint, reserves: Map<bigint, Reserve>,
 *   categories: Map<bigint, import("./reserves.js").Category>,
 *   users: Map<string, import("./users.js").User>,
 *   prices: Map<string, import("./prices.js").ProvedPrice>}} ProvedMarket
 * @typedef {{asset: string, side: bigint, units: bigint, decimals: bigint, ltv: bigint,
 *   liquidationThreshold: bigint}} Leg
 */

/**
 * Read a pool and accounts at `now`, the time of the state's block; of prices, those of the assets
 * `priced` whose feeds' storage is known.
 * @param {import("./state.js").ProvedState} state
 * @param {string} pool
 * @param {readonly string[]} accounts
 * @param {bigint} now
 * @param {readonly string[]} priced
 * @returns {ProvedMarket}
 */
export function readHoldings(state, pool, accounts, now, priced) {
  const desk = openDesk(state, pool);
  const oracle = findOracle(desk);
  const uses = readUses(desk, accounts);
  const numbers = uses.flatMap((use) => use.numbers);
  const reserves = readReserves(desk, numbers);
  const named = uses.map((use) => use.category).filter((category) => category !== 0n);
  const categories = readCategories(desk, named);
  const users = readUsers(desk, uses, reserves);
  const prices = readKnownPrices(state, oracle, priced);
  const { version } = desk.layout;
  return { release: desk.code.release, version, now, reserves, categories, users, prices };
}

/**
 * Give an account's legs in the order of the reserves, variable debt before stable.
 * @param {ProvedMarket} market
 * @param {string} account
 * @returns {Leg[]}
 */
export function listLegs(market, account) {
  const user = market.users.get(account);
  if (user === undefined) throw new RangeError(`${account} was not read`);
  const category = market.categories.get(user.category) ?? null;
  return user.holdings.flatMap((holding) => listHolding(market, category, holding));
}

/**
 * @param {ProvedMarket} market
 * @param {import("./reserves.js").Category | null} category
 * @param {Holding} holding
 * @returns {Leg[]}
 */
function listHolding({ version, now, reserves }, category, holding) {
  const reserve = /** @type {Reserve} */ (reserves.get(holding.number));
  const { asset, decimals, updatedAt, liquidityIndex, liquidityRate } = reserve;
  const { scaledCollateral, scaledDebt, stableDebt } = holding;
  const legs = [];
  if (scaledCollateral !== 0n) {
    const from = { scaled: scaledCollateral, index: liquidityIndex, rate: liquidityRate };
    const units = accrueCollateral(version, { ...from, updatedAt }, now);
    const weights = effectiveWeights(version, category, reserve, holding);
    legs.push({ asset, side: COLLATERAL, units, decimals, ...weights });
  }
  const owe = (/** @type {import("./math.js").Accrual} */ accrual) => {
    const units = accrueDebt(version, accrual, now);
    legs.push({ asset, side: DEBT, units, decimals, ltv: 0n, liquidationThreshold: 0n });
  };
  if (scaledDebt !== 0n) {
    const { borrowIndex: index, borrowRate: rate } = reserve;
    owe({ scaled: scaledDebt, index, rate, updatedAt });
  }
  if (stableDebt !== null) {
    const { principal, rate, updatedAt: setAt } = stableDebt;
    owe({ scaled: principal, index: RAY, rate, updatedAt: setAt });
  }
  return legs;
}
