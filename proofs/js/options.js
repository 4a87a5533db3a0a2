/** What the caller trusts and allows, checked: an option misspelt would be one not enforced. */

import { isOpened } from "./succession.js";
import { ZERO } from "./typed.js";

const NAMES = [
  "now",
  "deployment",
  "audience",
  "committeeId",
  "members",
  "chain",
  "maxTtl",
  "maxSkew",
];
const HASH = /^0x[0-9a-fA-F]{64}$/;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const MAX_TTL_S = 3600n;
const MAX_SKEW_S = 300n;

/**
 * Times in seconds. What is left out is taken as the file says; an attestation for anybody
 * (audience 0) is always taken, another audience only if it is `audience`; `members` is the whole
 * committee; with a `chain` (of openChain), `committeeId` may be any of it that came before.
 * @typedef {import("./succession.js").CommitteeChain} CommitteeChain
 * @typedef {{now: number | bigint, deployment?: string, audience?: string, committeeId?: string,
 *   members?: readonly string[], chain?: CommitteeChain, maxTtl?: number | bigint,
 *   maxSkew?: number | bigint}} Options
 * @typedef {{now: bigint, deployment: string | null, audience: string, committeeId: string | null,
 *   members: Set<string> | null, chain: CommitteeChain | null, maxTtl: bigint, maxSkew: bigint,
 *   pinned: boolean}} Expected
 */

/**
 * Read the options; TypeError names the one that is wrong.
 * @param {Options} options
 * @returns {Expected}
 */
export function readOptions(options) {
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`${unknown} is no option; there are ${NAMES.join(", ")}`);
  const { deployment, audience, committeeId, members, chain } = options;
  if (chain !== undefined && !isOpened(chain)) throw new TypeError("chain is not from openChain");
  if (deployment !== undefined && typeof deployment !== "string")
    throw new TypeError("deployment is no text");
  if (members !== undefined && !Array.isArray(members)) throw new TypeError("members is no list");
  return {
    now: readSeconds(options.now, "now"),
    deployment: deployment ?? null,
    audience: audience === undefined ? ZERO : readHex(audience, HASH, "audience"),
    committeeId: committeeId === undefined ? null : readHex(committeeId, HASH, "committeeId"),
    members:
      members === undefined
        ? null
        : new Set(members.map((member) => readHex(member, ADDRESS, "members"))),
    chain: chain ?? null,
    maxTtl: readSeconds(options.maxTtl ?? MAX_TTL_S, "maxTtl"),
    maxSkew: readSeconds(options.maxSkew ?? MAX_SKEW_S, "maxSkew"),
    pinned: committeeId !== undefined || members !== undefined,
  };
}

/**
 * @param {number | bigint} value
 * @param {string} name
 */
function readSeconds(value, name) {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value))
    throw new TypeError(`${name} is no whole number of seconds`);
  return BigInt(value);
}

/**
 * @param {string} value
 * @param {RegExp} form
 * @param {string} name
 */
function readHex(value, form, name) {
  if (typeof value !== "string" || !form.test(value))
    throw new TypeError(`${name} is not 0x hex of its length`);
  return value.toLowerCase();
}
