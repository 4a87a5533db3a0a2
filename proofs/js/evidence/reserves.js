/** An Aave v3 market's own part of a state: its oracle, reserves, tokens and eMode categories. */

import { ZERO_ADDRESS, wordAddress } from "./codes.js";
import { EvidenceRefused } from "./flaws.js";
import { LAYOUTS, PROVIDER_ADDRESSES, addressKey, mapSlot, nameKey, take } from "./layout.js";
import { expectCode, findImplementation, readAddress, readImmutable } from "./parts.js";

const USD = 10n ** 8n;
const TOKENS = ["stableDebt", "supplied", "variableDebt"];

/**
 * A pool whose code is known, on one state; a reserve as the pool keeps it (`tokens` by role, one
 * of stable debt need not be there); an eMode category with what its release has of it.
 * @typedef {import("./state.js").ProvedState} ProvedState
 * @typedef {import("./layout.js").Fields} Fields
 * @typedef {{state: ProvedState, pool: string, code: import("./codes.js").Code,
 *   layout: import("./layout.js").AaveLayout}} Desk
 * @typedef {{number: bigint, asset: string, decimals: bigint, ltv: bigint,
 *   liquidationThreshold: bigint, category: bigint, liquidityIndex: bigint, liquidityRate: bigint,
 *   borrowIndex: bigint, borrowRate: bigint, updatedAt: bigint,
 *   tokens: Map<string, string>}} Reserve
 * @typedef {{number: bigint, ltv: bigint, liquidationThreshold: bigint, collateralBitmap: bigint,
 *   ltvZeroBitmap: bigint, priceSource: string | null}} Category
 */

/**
 * Find a pool's code.
 * @param {ProvedState} state
 * @param {string} pool
 * @returns {Desk}
 */
export function openDesk(state, pool) {
  const code = findImplementation(state, pool, "pool");
  const layout = LAYOUTS.get(code.release);
  if (layout === undefined)
    throw new EvidenceRefused("code", `the storage layout of ${code.release} is not known`);
  return { state, pool, code, layout };
}

/**
 * Give the oracle that the pool's provider names, which must count in USD x 10^8.
 * @param {Desk} desk
 */
export function findOracle({ state, pool, code }) {
  const provider = readImmutable(code, "ADDRESSES_PROVIDER");
  expectCode(state, provider, "provider");
  const part = (/** @type {string} */ name) =>
    readAddress(state, provider, mapSlot(PROVIDER_ADDRESSES, nameKey(name)));
  const owner = part("POOL");
  if (owner !== pool)
    throw new EvidenceRefused("market", `the provider of ${pool} is that of ${owner}`);
  const oracle = part("PRICE_ORACLE");
  const { immutables } = expectCode(state, oracle, "oracle");
  const base = [immutables.get("BASE_CURRENCY"), immutables.get("BASE_CURRENCY_UNIT")];
  if (base[0] !== 0n || base[1] !== USD)
    throw new EvidenceRefused("market", `the oracle ${oracle} does not count in USD x 1e8`);
  return oracle;
}

/**
 * Give the assets of reserves in order of their numbers; the zero address for one not listed.
 * @param {Desk} desk
 * @param {Iterable<bigint>} numbers
 * @returns {Map<bigint, string>}
 */
function readAssets({ state, pool, layout }, numbers) {
  const slot = (/** @type {bigint} */ number) => mapSlot(layout.reservesList, number);
  return new Map(ascend(numbers).map((number) => [number, readAddress(state, pool, slot(number))]));
}

/**
 * Give the reserves by number; refused is a number that is not listed.
 * @param {Desk} desk
 * @param {Iterable<bigint>} numbers
 * @returns {Map<bigint, Reserve>}
 */
export function readReserves(desk, numbers) {
  const { layout, pool } = desk;
  return new Map(
    [...readAssets(desk, numbers)].map(([number, asset]) => {
      const values = readFields(desk, layout.reserves, addressKey(asset), layout.reserve);
      if (asset === ZERO_ADDRESS || values.number !== number)
        throw new EvidenceRefused("market", `${pool} has no reserve ${number}`);
      const tokens = readTokens(layout, values);
      return [number, /** @type {any} */ ({ category: 0n, ...values, asset, tokens })];
    }),
  );
}

/**
 * Give eMode categories by number.
 * @param {Desk} desk
 * @param {Iterable<bigint>} numbers
 * @returns {Map<bigint, Category>}
 */
export function readCategories(desk, numbers) {
  const { layout } = desk;
  return new Map(
    ascend(numbers).map((number) => {
      const values = readFields(desk, layout.categories, number, layout.category);
      const source = values.priceSource ? wordAddress(values.priceSource) : null;
      const bitmaps = { collateralBitmap: 0n, ltvZeroBitmap: 0n };
      return [number, /** @type {any} */ ({ ...bitmaps, ...values, number, priceSource: source })];
    }),
  );
}

/**
 * @param {import("./layout.js").AaveLayout} layout
 * @param {Record<string, bigint>} values
 */
function readTokens({ balances }, values) {
  const roles = TOKENS.filter(
    (role) => role in balances && (values[role] || role !== "stableDebt"),
  );
  return new Map(roles.map((role) => [role, wordAddress(values[role]) ?? ZERO_ADDRESS]));
}

/**
 * Read a struct that a mapping of the pool holds for a key.
 * @param {Desk} desk
 * @param {bigint} mapping
 * @param {bigint} key
 * @param {Fields} fields
 * @returns {Record<string, bigint>}
 */
function readFields({ state, pool }, mapping, key, fields) {
  const start = mapSlot(mapping, key);
  return Object.fromEntries(
    Object.entries(fields).map(([name, place]) => [
      name,
      take(place, state.word(pool, start + place[0])),
    ]),
  );
}

/** @param {Iterable<bigint>} numbers */
function ascend(numbers) {
  return [...new Set(numbers)].sort((one, other) => (one < other ? -1 : 1));
}
