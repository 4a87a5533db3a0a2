/**
 * What an attestation is judged by, the markets looked through and how each asset counts, and that
 * the leaves follow it: paramsHash = hashStruct(RiskParams) over the roots of both lists.
 */

import { BPS } from "./health.js";
import { chainOfAccount, chainOfAsset } from "./ids.js";
import { calculateRoot } from "./merkle.js";
import { demand } from "./refusal.js";
import { readFields, readLeaves } from "./strict.js";
import { AssetParam, MarketParam, RiskParams } from "./structs.js";
import { hashStruct, toHex } from "./typed.js";

const FIELDS = ["markets", "assets"];
const WHOLE = "all";

/**
 * @typedef {Record<string, any>} Struct
 * @typedef {{markets: Struct[], assets: Struct[]}} Params
 * @typedef {import("./document.js").Leaves} Leaves
 */

/**
 * Read the parameters of a file.
 * @param {import("./json.js").Json} value
 * @param {string} path
 * @returns {Params}
 */
export function readParams(value, path) {
  const fields = readFields(value, path, FIELDS);
  return {
    markets: readLeaves(MarketParam, fields.get("markets"), `${path}.markets`),
    assets: readLeaves(AssetParam, fields.get("assets"), `${path}.assets`),
  };
}

/** Give the header's paramsHash, as 0x hex. @param {Params} params */
export function hashParams({ markets, assets }) {
  const root = (/** @type {any} */ type, /** @type {Struct[]} */ listed) =>
    toHex(calculateRoot(listed.map((leaf) => hashStruct(type, leaf))));
  const record = {
    marketCount: BigInt(markets.length),
    assetCount: BigInt(assets.length),
    marketsRoot: root(MarketParam, markets),
    assetsRoot: root(AssetParam, assets),
  };
  return toHex(hashStruct(RiskParams, record));
}

/**
 * Refuse parameters that are not the signed ones, or that the leaves do not follow.
 * @param {import("./document.js").Statement} statement
 */
export function checkParams({ header, params, leaves }) {
  const signed = header.paramsHash === hashParams(params);
  demand(signed, "params_hash", "paramsHash does not cover the params in the file");
  const { markets, assets } = params;
  const ordered = ascend(markets.map(nameMarket)) && ascend(assets.map(({ asset }) => asset));
  demand(ordered, "params", "params do not stand in their order, each once");
  const chains = new Set(leaves.blocks.map((block) => block.caip2));
  for (const market of markets) checkMarket(market, chains);
  for (const asset of assets) checkAsset(asset, chains);
  const table = new Map(assets.map((asset) => [asset.asset, asset]));
  for (const position of leaves.positions) {
    checkRegistered(position, markets);
    checkCounted(position, leaves, table);
  }
}

/** Texts hold no control character, so a newline parts and orders them. @param {Struct} market */
function nameMarket({ market, protocol, reserve }) {
  return [market, protocol, reserve].join("\n");
}

/** @param {string[]} names */
function ascend(names) {
  return names.every((name, i) => i === 0 || names[i - 1] < name);
}

/**
 * @param {Struct} market
 * @param {Set<string>} chains
 */
function checkMarket(market, chains) {
  const places = market.reserve === WHOLE ? [market.market] : [market.market, market.reserve];
  for (const place of places) {
    const path = `params.markets[${market.index}]`;
    const read = chains.has(chainOfAccount(place) ?? "");
    demand(read, "params", `${path}: '${place}' is on no chain that was read`);
  }
}

/**
 * @param {Struct} asset
 * @param {Set<string>} chains
 */
function checkAsset(asset, chains) {
  const path = `params.assets[${asset.index}]`;
  const read = chains.has(chainOfAsset(asset.asset) ?? "");
  demand(read, "params", `${path}: '${asset.asset}' is on no chain that was read`);
}

/**
 * See that a leg's market was looked through; an obligation names itself, not its market.
 * @param {Struct} position
 * @param {Struct[]} markets
 */
function checkRegistered(position, markets) {
  const chain = chainOfAccount(position.market);
  const registered = markets.some(
    ({ protocol, formula, market, reserve }) =>
      protocol === position.protocol &&
      formula === position.formula &&
      (market === position.market || reserve !== WHOLE) &&
      chainOfAccount(market) === chain,
  );
  const detail = `positions[${position.index}] is of a market that params.markets have not`;
  demand(registered, "params", detail);
}

/**
 * See that a leg has its asset's weights and a price of its asset's underlying. An asset that is
 * not declared is its own underlying, worth nothing as collateral.
 * @param {Struct} position
 * @param {Leaves} leaves
 * @param {Map<string, Struct>} table
 */
function checkCounted(position, leaves, table) {
  const path = `positions[${position.index}]`;
  const own = table.get(position.asset);
  const { haircutBps, debtWeightBps } = own ?? { haircutBps: BPS, debtWeightBps: BPS };
  const weighed = position.haircutBps === haircutBps && position.debtWeightBps === debtWeightBps;
  const found = `${position.haircutBps} and ${position.debtWeightBps} bps`;
  const wanted = `${haircutBps} and ${debtWeightBps}`;
  demand(weighed, "params", `${path} counts with ${found}, not ${wanted}`);
  const priced = leaves.prices[Number(position.price)].asset;
  const other = table.get(priced);
  const same = own && other ? own.underlying === other.underlying : priced === position.asset;
  demand(same, "params", `${path} has the price of ${priced}, which is another underlying`);
}
