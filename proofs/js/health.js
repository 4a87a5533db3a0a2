/**
 * Health from the leaves, in integers: C = Σ ⌊value·LT·(10⁴−haircut)/10⁸⌋ over collateral,
 * R = Σ ⌈value·weight/10⁴⌉ over debts and requirements, HF = ⌊C·10¹⁸/R⌋.
 */

export const BPS = 10_000n;
export const COLLATERAL = 0n;
export const DEBT = 1n;
const WAD = 10n ** 18n;
const NO_DEBT_FACTOR = 2n ** 256n - 1n;
const OWING = 0n;
const NO_DEBT = 1n;

/**
 * @typedef {{collateral: bigint, requirement: bigint, equity: bigint,
 *   factor: bigint | null}} Health
 * @typedef {{side: bigint, valueE8: bigint, liqThresholdBps: bigint, haircutBps: bigint,
 *   debtWeightBps: bigint}} Weighed
 */

/**
 * Give a leg's value against the account: collateral rounded down, the rest up.
 * @param {bigint} side
 * @param {bigint} amountRaw
 * @param {bigint} priceE8
 * @param {bigint} decimals
 */
export function calculateValue(side, amountRaw, priceE8, decimals) {
  const worth = amountRaw * priceE8;
  return side === COLLATERAL ? worth / 10n ** decimals : divideUp(worth, 10n ** decimals);
}

/**
 * Give the health that position leaves, whose weights are in range, add up to.
 * @param {readonly Weighed[]} positions
 * @returns {Health}
 */
export function calculateHealth(positions) {
  let collateral = 0n;
  let requirement = 0n;
  for (const leaf of positions) {
    if (leaf.side === COLLATERAL) {
      collateral += (leaf.valueE8 * leaf.liqThresholdBps * (BPS - leaf.haircutBps)) / (BPS * BPS);
    } else {
      requirement += divideUp(leaf.valueE8 * leaf.debtWeightBps, BPS);
    }
  }
  const factor = requirement === 0n ? null : (collateral * WAD) / requirement;
  return { collateral, requirement, equity: collateral - requirement, factor };
}

/**
 * Give the signed status and factor.
 * @param {Health} health
 * @returns {[bigint, bigint]}
 */
export function stateHealth({ factor }) {
  return factor === null ? [NO_DEBT, NO_DEBT_FACTOR] : [OWING, factor];
}

/**
 * Divide numbers that are not negative, rounding up.
 * @param {bigint} numerator
 * @param {bigint} denominator
 */
export function divideUp(numerator, denominator) {
  return (numerator + denominator - 1n) / denominator;
}
