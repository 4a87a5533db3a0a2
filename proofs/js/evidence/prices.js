/** Prices of Aave's oracle that are proved: of feeds whose storage is known, and not silent. */

import { ZERO_ADDRESS } from "./codes.js";
import {
  FEED_ANSWER,
  FEED_ROUND,
  FEED_ROUNDS,
  FEED_UPDATED_AT,
  ORACLE_SOURCES,
  addressKey,
  mapSlot,
  mapSlotVyper,
} from "./layout.js";
import { readAddress } from "./parts.js";

const FEED = { release: "plimsoll", role: "feed" };
const SIGN = 1n << 255n;

/**
 * What an asset costs (USD x 10^8), the oracle's feed of it, and when it was published (seconds).
 * @typedef {{usd: bigint, feed: string, publishedAt: bigint}} ProvedPrice
 */

/**
 * Give the oracle's prices of those assets whose feed has a storage that is known.
 * @param {import("./state.js").ProvedState} state
 * @param {string} oracle
 * @param {Iterable<string>} assets
 * @returns {Map<string, ProvedPrice>}
 */
export function readKnownPrices(state, oracle, assets) {
  const listed = [...new Set(assets)].sort();
  const feeds = listed.map((asset) => {
    const slot = mapSlot(ORACLE_SOURCES, addressKey(asset));
    return { asset, feed: readAddress(state, oracle, slot) };
  });
  const known = feeds.filter(({ feed }) => feed !== ZERO_ADDRESS && isKnown(state, feed));
  const prices = new Map();
  for (const { asset, feed } of known) {
    const price = readPrice(state, feed);
    if (price !== null) prices.set(asset, price);
  }
  return prices;
}

/**
 * @param {import("./state.js").ProvedState} state
 * @param {string} feed
 */
function isKnown(state, feed) {
  const code = state.code(feed);
  return code !== null && code.release === FEED.release && code.role === FEED.role;
}

/**
 * Read a feed's newest round; null where it is silent.
 * @param {import("./state.js").ProvedState} state
 * @param {string} feed
 * @returns {ProvedPrice | null}
 */
function readPrice(state, feed) {
  const start = mapSlotVyper(FEED_ROUNDS, state.word(feed, FEED_ROUND));
  const usd = state.word(feed, start + FEED_ANSWER);
  const publishedAt = state.word(feed, start + FEED_UPDATED_AT);
  return 0n < usd && usd < SIGN ? { usd, feed, publishedAt } : null;
}
