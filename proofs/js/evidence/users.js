/**
 * What accounts have in an Aave v3 market, and that they have nothing else. An account's
 * configuration word has two bits for each reserve. Where a bit is not set there is nothing to
 * prove: no debt, and no collateral that counts.
 */

import { EvidenceRefused } from "./flaws.js";
import { STABLE_RATE, STABLE_TIME, STABLE_TIMES, addressKey, mapSlot, take } from "./layout.js";
import { findImplementation, readImmutable } from "./parts.js";

const DEBTS = ["variableDebt", "stableDebt"];
/** A token's role in our layouts -> its role in the table of codes. */
const CODE_ROLES = /** @type {Record<string, string>} */ ({
  supplied: "supplied",
  variableDebt: "variable_debt",
  stableDebt: "stable_debt",
});
const CATEGORY_BITS = 8;

/**
 * What an account uses: its configuration word, eMode category (0 for none), reserves by number.
 * @typedef {import("./reserves.js").Desk} Desk
 * @typedef {import("./reserves.js").Reserve} Reserve
 * @typedef {{account: string, configuration: bigint, category: bigint, numbers: bigint[]}} Use
 * @typedef {{principal: bigint, rate: bigint, updatedAt: bigint}} StableDebt
 * @typedef {{number: bigint, scaledCollateral: bigint, scaledDebt: bigint,
 *   stableDebt: StableDebt | null, usedAsCollateral: boolean}} Holding
 * @typedef {{category: bigint, holdings: Holding[]}} User
 */

/**
 * Give what each account uses.
 * @param {Desk} desk
 * @param {readonly string[]} accounts
 * @returns {Use[]}
 */
export function readUses({ state, pool, layout }, accounts) {
  return accounts.map((account) => {
    const key = addressKey(account);
    const configuration = state.word(pool, mapSlot(layout.usersConfig, key));
    const word = state.word(pool, mapSlot(layout.usersCategory, key));
    const category = BigInt.asUintN(CATEGORY_BITS, word);
    return { account, configuration, category, numbers: listUsed(configuration) };
  });
}

/**
 * Give the reserves that a configuration has a flag for, ascending.
 * @param {bigint} configuration
 */
function listUsed(configuration) {
  const numbers = [];
  for (let rest = configuration, number = 0n; rest > 0n; rest >>= 2n, number += 1n) {
    if (rest & 3n) numbers.push(number);
  }
  return numbers;
}

/**
 * @param {bigint} configuration
 * @param {bigint} number
 */
function hasBorrowed(configuration, number) {
  return ((configuration >> (2n * number)) & 1n) !== 0n;
}

/**
 * @param {bigint} configuration
 * @param {bigint} number
 */
function asCollateral(configuration, number) {
  return ((configuration >> (2n * number)) & 2n) !== 0n;
}

/**
 * Give the accounts' holdings in the reserves that they use.
 * @param {Desk} desk
 * @param {readonly Use[]} uses
 * @param {Map<bigint, Reserve>} reserves
 * @returns {Map<string, User>}
 */
export function readUsers(desk, uses, reserves) {
  checkTokens(desk, uses, reserves);
  return new Map(
    uses.map((use) => {
      const holdings = use.numbers.map((number) => readHolding(desk, use, number, reserves));
      return [use.account, { category: use.category, holdings }];
    }),
  );
}

/**
 * Give the tokens of a reserve in which an account has something that matters.
 * @param {Use} use
 * @param {bigint} number
 */
function rolesOf({ configuration }, number) {
  return [
    ...(asCollateral(configuration, number) ? ["supplied"] : []),
    ...(hasBorrowed(configuration, number) ? DEBTS : []),
  ];
}

/**
 * See that the tokens are the pool's own, of its release.
 * @param {Desk} desk
 * @param {readonly Use[]} uses
 * @param {Map<bigint, Reserve>} reserves
 */
function checkTokens({ state, pool, code: { release } }, uses, reserves) {
  for (const [number, { tokens }] of reserves) {
    const used = uses.filter((use) => use.numbers.includes(number));
    const roles = new Set(used.flatMap((use) => rolesOf(use, number)));
    for (const [role, token] of tokens) {
      if (!roles.has(role)) continue;
      const code = findImplementation(state, token, CODE_ROLES[role]);
      if (code.release !== release || readImmutable(code, "POOL") !== pool) {
        const detail = `${token} is a ${role} of another market or release`;
        throw new EvidenceRefused("market", detail);
      }
    }
  }
}

/**
 * @param {Desk} desk
 * @param {Use} use
 * @param {bigint} number
 * @param {Map<bigint, Reserve>} reserves
 * @returns {Holding}
 */
function readHolding({ state, layout }, use, number, reserves) {
  const tokens = reserves.get(number)?.tokens ?? new Map();
  const roles = rolesOf(use, number);
  const key = addressKey(use.account);
  const read = (/** @type {string} */ role, /** @type {bigint} */ slot) =>
    roles.includes(role) && tokens.has(role)
      ? state.word(tokens.get(role), mapSlot(slot, key))
      : 0n;
  const word = (/** @type {string} */ role) => read(role, layout.balances[role]);
  return {
    number,
    scaledCollateral: take(layout.balance, word("supplied")),
    scaledDebt: take(layout.balance, word("variableDebt")),
    stableDebt: decodeStable(layout, word("stableDebt"), read("stableDebt", STABLE_TIMES)),
    usedAsCollateral: asCollateral(use.configuration, number),
  };
}

/**
 * Decode stable debt from a user's state and its time; null without any.
 * @param {import("./layout.js").AaveLayout} layout
 * @param {bigint} word
 * @param {bigint} time
 * @returns {StableDebt | null}
 */
function decodeStable({ balance }, word, time) {
  const principal = take(balance, word);
  if (principal === 0n) return null;
  return { principal, rate: take(STABLE_RATE, word), updatedAt: take(STABLE_TIME, time) };
}
