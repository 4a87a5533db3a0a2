/**
 * How a committee hands over: a chain of records, each signed by the quorum before it. A successor
 * has the next epoch and starts while its predecessor may still sign; from then on only it may
 * issue. Whoever pins one committee of the chain follows it from there.
 */

import { committeeId, hashCommittee } from "./committee.js";
import {
  SCHEME,
  isTerseCommittee,
  isTerseSigned,
  readCommittee,
  readScheme,
  readSignatures,
} from "./parts.js";
import { checkKeys, checkQuorum } from "./quorum.js";
import { Refused, demand } from "./refusal.js";
import { readFields, readList, readText, readView } from "./strict.js";
import { hashText } from "./typed.js";

const FORMAT = "plimsoll/committee-chain/1";
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 6;
const MAX_SUCCESSORS = 256;
const FIELDS = ["format", "deployment", "root", "successors"];
const SUCCESSOR_FIELDS = ["committee", "signatures"];

/**
 * @typedef {import("./committee.js").Committee} Committee
 * @typedef {{deployment: string, committees: readonly Committee[]}} CommitteeChain
 * @typedef {{committee: Committee, scheme: import("./schemes.js").Scheme,
 *   signatures: import("./parts.js").Signature[]}} Succession
 */

/** @type {WeakSet<object>} */
const verified = new WeakSet();

/**
 * Read a chain's file and check every record, key and handover; Refused with the first reason.
 * What it gives is the `chain` that verifyFile takes.
 * @param {Uint8Array} raw
 * @returns {CommitteeChain}
 */
export function openChain(raw) {
  const { deployment, root, successors } = decodeChain(raw);
  const salt = hashText(deployment);
  const rooted = root.epoch !== 0n || root.prevCommitteeId === salt;
  demand(rooted, "committee_chain", `its first committee is not of the deployment '${deployment}'`);
  checkKeys(root);
  const committees = [root];
  for (const succession of successors) {
    checkSuccession(committees, succession, salt);
    committees.push(succession.committee);
  }
  const chain = Object.freeze({ deployment, committees: Object.freeze(committees) });
  verified.add(chain);
  return chain;
}

/**
 * Say whether openChain made the value.
 * @param {unknown} value
 * @returns {value is CommitteeChain}
 */
export function isOpened(value) {
  return typeof value === "object" && value !== null && verified.has(value);
}

/** @param {Uint8Array} raw */
function decodeChain(raw) {
  const { view, isCanonical } = readView(raw, MAX_BYTES, MAX_DEPTH);
  const fields = readFields(view, "", FIELDS);
  demand(fields.get("format") === FORMAT, "schema", `format is not '${FORMAT}'`);
  const listed = readList(fields.get("successors"), "successors");
  const many = `successors are ${listed.length}, more than ${MAX_SUCCESSORS}`;
  demand(listed.length <= MAX_SUCCESSORS, "malformed", many);
  const deployment = readText(fields.get("deployment"), "deployment");
  const root = readCommittee(fields.get("root"), "root");
  const successors = listed.map((item, i) => readSuccession(item, `successors[${i}]`));
  const isTerse = (/** @type {any} */ item) =>
    isTerseSigned(item) && isTerseCommittee(item.get("committee"));
  const terse = isTerseCommittee(fields.get("root")) && listed.every(isTerse);
  demand(terse && isCanonical(), "not_canonical", "the bytes are not the canonical form");
  return { deployment, root, successors };
}

/**
 * @param {import("./json.js").Json} value
 * @param {string} path
 * @returns {Succession}
 */
function readSuccession(value, path) {
  const fields = readFields(value, path, SUCCESSOR_FIELDS, [SCHEME]);
  const scheme = readScheme(fields);
  const committee = readCommittee(fields.get("committee"), `${path}.committee`);
  const signatures = readSignatures(scheme, fields.get("signatures"), `${path}.signatures`);
  return { committee, scheme, signatures };
}

/**
 * @param {readonly Committee[]} before
 * @param {Succession} succession
 * @param {string} salt
 */
function checkSuccession(before, { committee, scheme, signatures }, salt) {
  const last = before[before.length - 1];
  const path = `the committee of epoch ${committee.epoch}`;
  const named = before.find((each) => committeeId(each) === committee.prevCommitteeId);
  if (named === undefined) {
    throw new Refused("committee_chain", `${path} follows none of those before it`);
  }
  checkQuorum(named, scheme, hashCommittee(committee, salt), signatures);
  const forked = `${path} follows epoch ${named.epoch}, which has another successor`;
  demand(named === last, "committee_fork", forked);
  const next = committee.epoch === last.epoch + 1n;
  demand(next, "committee_chain", `${path} follows epoch ${last.epoch}`);
  const { validFrom } = committee;
  const joined = last.validFrom < validFrom && validFrom <= last.validUntil;
  const apart = `${path} starts at ${validFrom}, not while epoch ${last.epoch} may sign`;
  demand(joined, "committee_chain", apart);
  checkKeys(committee);
}
