/**
 * Aave v3's interest and thresholds to the last unit, each release with its own rounding. Indices
 * and rates are rays (10^27), weights basis points, times seconds.
 * Source: GenericLogic.sol, MathUtils.sol, ReserveLogic.sol, TokenMath.sol, EModeLogic.sol of
 * @aave/core-v3 1.19.3 (3.0) and @aave-dao/aave-v3-origin 3.6.0 (3.6).
 */

import { divideUp } from "../health.js";
import { EvidenceRefused } from "./flaws.js";
import { V3_0 } from "./layout.js";

export const RAY = 10n ** 27n;
const SECONDS_PER_YEAR = 365n * 24n * 3600n;
const NO_WEIGHTS = Object.freeze({ ltv: 0n, liquidationThreshold: 0n });

/**
 * What units are accrued from: units at index 1, the index when it was brought up, its yearly rate.
 * @typedef {{scaled: bigint, index: bigint, rate: bigint, updatedAt: bigint}} Accrual
 * @typedef {import("./reserves.js").Reserve} Reserve
 * @typedef {import("./reserves.js").Category} Category
 * @typedef {import("./users.js").Holding} Holding
 */

/**
 * Give the base units of what is supplied, at `now`.
 * @param {string} version
 * @param {Accrual} accrual
 * @param {bigint} now
 */
export function accrueCollateral(version, { scaled, index, rate, updatedAt }, now) {
  const elapsed = elapse(updatedAt, now);
  const factor = RAY + (rate * elapsed) / SECONDS_PER_YEAR;
  const grown = elapsed === 0n ? index : rayMul(factor, index);
  return version === V3_0 ? rayMul(scaled, grown) : (scaled * grown) / RAY;
}

/**
 * Give the base units of what is owed, at `now`.
 * @param {string} version
 * @param {Accrual} accrual
 * @param {bigint} now
 */
export function accrueDebt(version, { scaled, index, rate, updatedAt }, now) {
  const elapsed = elapse(updatedAt, now);
  const grown = elapsed === 0n ? index : rayMul(compound(version, rate, elapsed), index);
  return version === V3_0 ? rayMul(scaled, grown) : divideUp(scaled * grown, RAY);
}

/**
 * Give what a reserve's collateral counts with for one user, after eMode and the collateral flag. A
 * reserve with LTV 0 keeps 0 in eMode on 3.0, and where its bit says so on 3.6.
 * @param {string} version
 * @param {Category | null} category
 * @param {Reserve} reserve
 * @param {Holding} holding
 */
export function effectiveWeights(version, category, reserve, holding) {
  const without = version === V3_0 && reserve.liquidationThreshold === 0n;
  if (without || !holding.usedAsCollateral) return NO_WEIGHTS;
  if (category === null || !covers(version, category, reserve)) {
    return { ltv: reserve.ltv, liquidationThreshold: reserve.liquidationThreshold };
  }
  const withoutLtv =
    version === V3_0 ? reserve.ltv === 0n : hasBit(category.ltvZeroBitmap, reserve.number);
  const { ltv, liquidationThreshold } = category;
  return { ltv: withoutLtv ? 0n : ltv, liquidationThreshold };
}

/**
 * Say whether a user's category applies to collateral in a reserve.
 * @param {string} version
 * @param {Category} category
 * @param {Reserve} reserve
 */
function covers(version, category, reserve) {
  if (version === V3_0) return reserve.category === category.number;
  return hasBit(category.collateralBitmap, reserve.number);
}

/**
 * @param {bigint} bitmap
 * @param {bigint} place
 */
function hasBit(bitmap, place) {
  return ((bitmap >> place) & 1n) !== 0n;
}

/**
 * Give the growth factor of debt: three terms of the series, 3.0 of the binomial of a rate per
 * second, 3.6 of the exponential.
 * @param {string} version
 * @param {bigint} rate
 * @param {bigint} elapsed
 */
function compound(version, rate, elapsed) {
  const first = (rate * elapsed) / SECONDS_PER_YEAR;
  if (version !== V3_0) return RAY + first + rayMul(first, first / 2n + rayMul(first, first / 6n));
  const pairs = elapsed * (elapsed - 1n);
  const triples = elapsed > 2n ? pairs * (elapsed - 2n) : 0n;
  const squared = rayMul(rate, rate) / (SECONDS_PER_YEAR * SECONDS_PER_YEAR);
  const cubed = rayMul(squared, rate) / SECONDS_PER_YEAR;
  return RAY + first + (pairs * squared) / 2n + (triples * cubed) / 6n;
}

/**
 * @param {bigint} updatedAt
 * @param {bigint} now
 */
function elapse(updatedAt, now) {
  if (updatedAt > now)
    throw new EvidenceRefused("bad_value", `an index was brought up at ${updatedAt}, after ${now}`);
  return now - updatedAt;
}

/**
 * Multiply at 10^27, half up.
 * @param {bigint} one
 * @param {bigint} other
 */
function rayMul(one, other) {
  return (one * other + RAY / 2n) / RAY;
}
