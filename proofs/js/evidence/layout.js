/**
 * Where contracts keep what health depends on, per release.
 * Source: the storage layouts that solc writes for @aave/core-v3 1.19.3 (0.8.10) and
 * @aave-dao/aave-v3-origin 3.6.0, ReserveConfiguration.sol, and Vyper's layout of our feed.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

import { readNumber } from "./rlp.js";

export const V3_0 = "3.0";
export const V3_6 = "3.6";
const WORD = 32;
const RAY = 128n;
const ADDRESS = 160n;

/**
 * A field of a struct: its word, its lowest bit there and its width.
 * @typedef {readonly [word: bigint, shift: bigint, width: bigint]} Place
 * @typedef {Readonly<Record<string, Place>>} Fields
 */

/**
 * Give a field's value from its word.
 * @param {Place} place
 * @param {bigint} word
 */
export function take([, shift, width], word) {
  return BigInt.asUintN(Number(width), word >> shift);
}

/** @type {Fields} */
const CONFIGURATION = {
  ltv: [0n, 0n, 16n],
  liquidationThreshold: [0n, 16n, 16n],
  decimals: [0n, 48n, 8n],
};
/** @type {Fields} */
const RESERVE = {
  liquidityIndex: [1n, 0n, RAY],
  liquidityRate: [1n, 128n, RAY],
  borrowIndex: [2n, 0n, RAY],
  borrowRate: [2n, 128n, RAY],
  updatedAt: [3n, 128n, 40n],
  number: [3n, 168n, 16n],
  supplied: [4n, 0n, ADDRESS],
  stableDebt: [5n, 0n, ADDRESS],
  variableDebt: [6n, 0n, ADDRESS],
};
/** @type {Fields} */
const TERMS = { ltv: [0n, 0n, 16n], liquidationThreshold: [0n, 16n, 16n] };

/**
 * Slots of the pool's mappings, fields of the structs in them, and by a token's role the slot of
 * its users' states, one word whose `balance` is the scaled one (of stable debt the principal).
 * @typedef {{version: string, reserves: bigint, usersConfig: bigint, reservesList: bigint,
 *   categories: bigint, usersCategory: bigint, reserve: Fields, category: Fields,
 *   balances: Readonly<Record<string, bigint>>, balance: Place}} AaveLayout
 */

const MAPPINGS = {
  reserves: 52n,
  usersConfig: 53n,
  reservesList: 54n,
  categories: 55n,
  usersCategory: 56n,
};

/** @type {AaveLayout} */
const AAVE_V3_0 = {
  ...MAPPINGS,
  version: V3_0,
  reserve: { ...CONFIGURATION, category: [0n, 168n, 8n], ...RESERVE },
  category: { ...TERMS, priceSource: [0n, 48n, ADDRESS] },
  balances: { supplied: 52n, variableDebt: 56n, stableDebt: 56n },
  balance: [0n, 0n, 128n],
};
/** @type {AaveLayout} */
const AAVE_V3_6 = {
  ...MAPPINGS,
  version: V3_6,
  reserve: { ...CONFIGURATION, ...RESERVE },
  category: { ...TERMS, collateralBitmap: [0n, 48n, RAY], ltvZeroBitmap: [2n, 128n, RAY] },
  balances: { supplied: 52n, variableDebt: 56n },
  balance: [0n, 0n, 120n],
};
export const LAYOUTS = new Map([
  ["aave_v3@3.0", AAVE_V3_0],
  ["aave_v3@3.6", AAVE_V3_6],
]);

/** Where a proxy keeps its implementation (EIP-1967). */
export const IMPLEMENTATION =
  readNumber(keccak_256(utf8ToBytes("eip1967.proxy.implementation"))) - 1n;
/** The rate beside the principal of stable debt, and when it was set (3.0 only). */
export const STABLE_RATE = /** @type {Place} */ ([0n, 128n, RAY]);
export const STABLE_TIMES = 62n;
export const STABLE_TIME = /** @type {Place} */ ([0n, 0n, 40n]);
/** `PoolAddressesProvider._addresses` by the part's name, `AaveOracle.assetsSources` by asset. */
export const PROVIDER_ADDRESSES = 2n;
export const ORACLE_SOURCES = 0n;
/** Our feed's newest round, and its rounds by number: answer, start, update, answered in. */
export const FEED_ROUND = 2n;
export const FEED_ROUNDS = 3n;
export const FEED_ANSWER = 0n;
export const FEED_UPDATED_AT = 2n;

/**
 * Give where Solidity's mapping at `slot` keeps the value of a key.
 * @param {bigint} slot
 * @param {bigint} key
 */
export function mapSlot(slot, key) {
  return readNumber(keccak_256(concatBytes(wordOf(key), wordOf(slot))));
}

/**
 * Give where Vyper's map at `slot` keeps the value of a key.
 * @param {bigint} slot
 * @param {bigint} key
 */
export function mapSlotVyper(slot, key) {
  return readNumber(keccak_256(concatBytes(wordOf(slot), wordOf(key))));
}

/** Give a name of at most 32 letters as the bytes32 that stands for it. @param {string} name */
export function nameKey(name) {
  const padded = new Uint8Array(WORD);
  padded.set(utf8ToBytes(name));
  return readNumber(padded);
}

/** Give an address as a key of a map. @param {string} address */
export function addressKey(address) {
  return BigInt(address);
}

/** @param {bigint} number */
function wordOf(number) {
  return hexToBytes(number.toString(16).padStart(2 * WORD, "0"));
}
