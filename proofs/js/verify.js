/**
 * Verify an attestation: no keys, no network, the time is an argument. Everything that a signature
 * cannot excuse is done again from the leaves. Whether the leaves are what the chains held is
 * another question: the verdict is "consistent, unanchored".
 */

import { committeeId } from "./committee.js";
import { decodeDocument } from "./document.js";
import { calculateHealth, stateHealth } from "./health.js";
import { checkLeaves } from "./leaves.js";
import { calculateRoot } from "./merkle.js";
import { readOptions } from "./options.js";
import { checkParams } from "./params.js";
import { checkQuorum } from "./quorum.js";
import { demand } from "./refusal.js";
import { SECP256K1 } from "./secp256k1.js";
import { AccountLeaf, BlockRef, HealthAttestation, PositionLeaf, PriceLeaf } from "./structs.js";
import { ZERO, digestStruct, hashStruct, hashText, toHex } from "./typed.js";

const SCHEMA_VERSION = 1n;
const CLOCK_TOLERANCE_S = 15n;
/** @type {WeakSet<object>} */
const verified = new WeakSet();

/**
 * @typedef {import("./document.js").Document} Document
 * @typedef {import("./document.js").Leaves} Leaves
 * @typedef {import("./document.js").Statement} Statement
 * @typedef {import("./options.js").Options} Options
 * @typedef {import("./options.js").Expected} Expected
 */

/**
 * Verify a file's bytes; Refused carries the first reason found.
 * @param {Uint8Array} raw
 * @param {Options} options
 */
export function verifyFile(raw, options) {
  const expected = readOptions(options);
  const verdict = judge(decodeDocument(raw), expected);
  verified.add(verdict.statement);
  return verdict;
}

/** Say whether a statement is of a verdict of verifyFile. @param {object} statement */
export function isVerified(statement) {
  return verified.has(statement);
}

/**
 * @param {Document} document
 * @param {Expected} expected
 */
function judge(document, expected) {
  const { statement } = document;
  const { header, leaves } = statement;
  checkScope(statement, expected);
  checkCommittee(document, expected);
  checkRoots(header, leaves);
  checkLeaves(leaves);
  checkParams(statement);
  const health = checkHealth(header, leaves);
  checkTimes(header, expected);
  checkSkew(statement, expected);
  checkPrices(statement, expected.now);
  const digest = digestStruct(HealthAttestation, header, hashText(statement.deployment));
  const { scheme, signatures } = document;
  const signers = checkQuorum(statement.committee, scheme, digest, signatures);
  return { digest: toHex(digest), statement, health, signers, pinned: expected.pinned };
}

/**
 * @param {Statement} statement
 * @param {Expected} expected
 */
function checkScope({ deployment, header }, expected) {
  const version = header.schemaVersion;
  demand(version === SCHEMA_VERSION, "schema", `header.schemaVersion is ${version}`);
  const ours = expected.deployment === null || deployment === expected.deployment;
  demand(ours, "deployment", `the deployment is '${deployment}', not '${expected.deployment}'`);
  const allowed = header.audience === ZERO || header.audience === expected.audience;
  demand(allowed, "audience", `header.audience is ${header.audience}`);
}

/**
 * @param {Document} document
 * @param {Expected} expected
 */
function checkCommittee({ statement, scheme }, expected) {
  const { committee, header } = statement;
  const id = committeeId(committee);
  const same = header.committeeId === id && header.epoch === committee.epoch;
  demand(same, "committee_id", "the committee's record is not the one in the header");
  if (expected.chain !== null) {
    checkChain(expected.chain, statement, expected.committeeId);
  } else {
    const named = expected.committeeId === null || expected.committeeId === id;
    demand(named, "committee", `the committee is ${id}`);
  }
  if (expected.members !== null) checkMembers(committee.members, scheme, expected);
  const current = committee.validFrom <= expected.now && expected.now <= committee.validUntil;
  const period = `the committee signs from ${committee.validFrom} to ${committee.validUntil}`;
  demand(current, "committee_period", period);
}

/**
 * @param {readonly string[]} members
 * @param {import("./schemes.js").Scheme} scheme
 * @param {Expected} expected
 */
function checkMembers(members, scheme, { committeeId: pinned, members: wanted }) {
  const known = wanted?.size === members.length && members.every((member) => wanted.has(member));
  demand(known, "committee", `the committee's members are ${members.join(", ")}`);
  const named = scheme.id === SECP256K1.id || pinned !== null;
  const unnamed = `addresses say nothing of ${scheme.name} keys: name the committee's id`;
  demand(named, "committee", unnamed);
}

/**
 * Follow the chain from the committee that is pinned, or from its root, to the signing one.
 * @param {import("./succession.js").CommitteeChain} chain
 * @param {Statement} statement
 * @param {string | null} pinned
 */
function checkChain({ deployment, committees }, statement, pinned) {
  demand(deployment === statement.deployment, "deployment", "the chain is another's");
  const ids = committees.map(committeeId);
  const start = pinned === null ? 0 : ids.indexOf(pinned);
  const place = ids.indexOf(committeeId(statement.committee));
  demand(start >= 0 && place >= 0, "committee_unknown", "the chain has not both committees");
  demand(place >= start, "committee", "the committee is older than the one you trust");
  if (place + 1 === committees.length) return;
  const { epoch, validFrom } = committees[place + 1];
  const early = statement.header.issuedAt < validFrom;
  demand(early, "committee_superseded", `epoch ${epoch} has signed since ${validFrom}`);
}

/**
 * @param {Record<string, any>} header
 * @param {Leaves} leaves
 */
function checkRoots(header, leaves) {
  const cover = "does not cover the leaves in the file";
  const signed = (
    /** @type {any} */ type,
    /** @type {any[]} */ listed,
    /** @type {string} */ root,
  ) => toHex(calculateRoot(listed.map((leaf) => hashStruct(type, leaf)))) === root;
  const { accounts, blocks, positions, prices } = leaves;
  demand(
    signed(AccountLeaf, accounts, header.accountSetRoot),
    "accounts_root",
    `accounts_root ${cover}`,
  );
  demand(signed(BlockRef, blocks, header.blockRefsRoot), "blocks_root", `blocks_root ${cover}`);
  demand(
    signed(PositionLeaf, positions, header.positionsRoot),
    "positions_root",
    `positions_root ${cover}`,
  );
  demand(signed(PriceLeaf, prices, header.pricesRoot), "prices_root", `prices_root ${cover}`);
  const { accountCount, positionCount } = header;
  const same =
    accountCount === BigInt(accounts.length) && positionCount === BigInt(positions.length);
  demand(same, "count", `the header counts ${accountCount} accounts, ${positionCount} positions`);
}

/**
 * @param {Record<string, any>} header
 * @param {Leaves} leaves
 */
function checkHealth(header, leaves) {
  const health = calculateHealth(leaves.positions);
  const [status, factor] = stateHealth(health);
  for (const [name, found] of Object.entries({
    status,
    healthFactorE18: factor,
    netEquityE8: health.equity,
  })) {
    const detail = `header.${name} is ${header[name]}, not ${found} as the leaves add up to`;
    demand(header[name] === found, "health", detail);
  }
  return health;
}

/**
 * @param {Record<string, any>} header
 * @param {Expected} expected
 */
function checkTimes({ issuedAt, expiresAt }, { now, maxTtl }) {
  demand(expiresAt >= now, "expired", `it expired ${now - expiresAt} s ago`);
  const ahead = issuedAt - now;
  demand(ahead <= CLOCK_TOLERANCE_S, "future", `it is issued ${ahead} s from now`);
  const ttl = expiresAt - issuedAt;
  demand(0n <= ttl && ttl <= maxTtl, "ttl", `it lives ${ttl} s, at most ${maxTtl} s are allowed`);
}

/**
 * @param {Statement} statement
 * @param {Expected} expected
 */
function checkSkew({ header, leaves }, { maxSkew }) {
  const own = `it allows itself ${header.maxSkew} s, you allow ${maxSkew} s`;
  demand(header.maxSkew <= maxSkew, "skew", own);
  if (leaves.blocks.length === 0) return;
  const times = leaves.blocks.map((block) => block.time);
  const newest = times.reduce((one, other) => (one > other ? one : other));
  const skew = newest - oldestOf(times);
  demand(
    skew <= header.maxSkew,
    "skew",
    `the blocks lie ${skew} s apart, more than its ${header.maxSkew} s`,
  );
  const ahead = newest - header.issuedAt;
  demand(ahead <= CLOCK_TOLERANCE_S, "skew", `a block is ${ahead} s newer than it`);
}

/**
 * @param {Statement} statement
 * @param {bigint} now
 */
function checkPrices({ header, leaves }, now) {
  const times = leaves.prices.map((price) => price.publishTime);
  const oldest = times.length === 0 ? 0n : oldestOf(times);
  const detail = `header.minPriceTime is ${header.minPriceTime}, not ${oldest}`;
  demand(header.minPriceTime === oldest, "min_price_time", detail);
  for (const price of leaves.prices) {
    const age = now - price.publishTime;
    const path = `prices[${price.index}]`;
    demand(age >= -CLOCK_TOLERANCE_S, "future_price", `${path} is published ${-age} s from now`);
    const stale = `${path} is ${age} s old, its feed's heartbeat is ${price.heartbeat} s`;
    demand(age <= price.heartbeat, "stale_price", stale);
  }
}

/** @param {bigint[]} times */
function oldestOf(times) {
  return times.reduce((one, other) => (one < other ? one : other));
}
