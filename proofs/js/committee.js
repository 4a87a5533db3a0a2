/**
 * The committee that signs: the rules it must keep and its id, hashStruct(CommitteeRecord).
 */

import { keccak_256 } from "@noble/hashes/sha3.js";

import { calculateRoot } from "./merkle.js";
import { demand } from "./refusal.js";
import { CommitteeRecord, KeyLeaf, MemberLeaf } from "./structs.js";
import { ZERO, digestStruct, fits, fromHex, hashStruct, toHex } from "./typed.js";

export const MAX_MEMBERS = 32;
const NOBODY = `0x${"00".repeat(20)}`;

/**
 * Keys of another scheme are everybody's, in the members' order, or nobody's.
 * @typedef {{epoch: bigint, threshold: bigint, members: readonly string[], validFrom: bigint,
 *   validUntil: bigint, prevCommitteeId: string, ed25519Keys: readonly string[],
 *   blsKeys: readonly string[], blsProofs: readonly string[]}} Committee
 */

/**
 * Refuse a committee unless 1 to 32 members ascend and more than two thirds of them are needed.
 * Whether keys are good ones is judged with the quorum.
 * @param {Committee} committee
 */
export function checkCommittee(committee) {
  const { epoch, threshold, members, validFrom, validUntil } = committee;
  const count = BigInt(members.length);
  const sized = 1 <= members.length && members.length <= MAX_MEMBERS;
  demand(sized, "committee_rules", `a committee has 1 to ${MAX_MEMBERS} members, not ${count}`);
  const safe = 3n * threshold > 2n * count && threshold <= count;
  demand(
    safe,
    "committee_rules",
    `threshold ${threshold} of ${count}: more than two thirds must sign`,
  );
  const ascending = members.every((member, i) => member > (i === 0 ? NOBODY : members[i - 1]));
  demand(ascending, "committee_rules", "the members' addresses must ascend, each once, none zero");
  demand(fits("uint64", epoch), "committee_rules", "the epoch is no 64-bit number");
  const ordered = 0n <= validFrom && validFrom < validUntil && fits("uint64", validUntil);
  demand(ordered, "committee_rules", "validFrom must come before validUntil");
  const { ed25519Keys, blsKeys, blsProofs } = committee;
  checkKeys("ed25519 key", ed25519Keys, members.length);
  checkKeys("BLS key", blsKeys, members.length);
  checkKeys("BLS proof", blsProofs, members.length);
  const proved = blsKeys.length === blsProofs.length;
  demand(proved, "committee_rules", "no BLS key goes without its proof of possession");
}

/**
 * @param {string} what
 * @param {readonly string[]} keys
 * @param {number} count
 */
function checkKeys(what, keys, count) {
  const complete = keys.length === 0 || keys.length === count;
  demand(complete, "committee_rules", `${keys.length} ${what}s for ${count} members`);
  demand(new Set(keys).size === keys.length, "committee_rules", `a ${what} stands twice`);
}

/** Give the Merkle root over the members' keys. @param {Committee} committee */
export function keysRoot({ members, ed25519Keys, blsKeys }) {
  const plain = ed25519Keys.length === 0 && blsKeys.length === 0;
  const hashes = members.map((key, i) => {
    const index = BigInt(i);
    if (plain) return hashStruct(KeyLeaf, { index, key });
    const blsKey = blsKeys.length === 0 ? ZERO : toHex(keccak_256(fromHex(blsKeys[i])));
    return hashStruct(MemberLeaf, { index, key, ed25519Key: ed25519Keys[i] ?? ZERO, blsKey });
  });
  return calculateRoot(hashes);
}

/** Give the committeeId that headers name, as 0x hex. @param {Committee} committee */
export function committeeId(committee) {
  return toHex(hashStruct(CommitteeRecord, recordOf(committee)));
}

/**
 * Give what the quorum before it signs to hand over, in the domain of a deployment's salt.
 * @param {Committee} committee
 * @param {string} salt
 */
export function hashCommittee(committee, salt) {
  return digestStruct(CommitteeRecord, recordOf(committee), salt);
}

/** @param {Committee} committee */
function recordOf(committee) {
  return { ...committee, keysRoot: toHex(keysRoot(committee)) };
}
