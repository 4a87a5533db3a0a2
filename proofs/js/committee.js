/**
 * The committee that signs: the rules it must keep and its id, hashStruct(CommitteeRecord).
 */

import { calculateRoot } from "./merkle.js";
import { demand } from "./refusal.js";
import { CommitteeRecord, KeyLeaf } from "./structs.js";
import { fits, hashStruct, toHex } from "./typed.js";

export const MAX_MEMBERS = 32;
const NOBODY = `0x${"00".repeat(20)}`;

/**
 * @typedef {{epoch: bigint, threshold: bigint, members: readonly string[], validFrom: bigint,
 *   validUntil: bigint, prevCommitteeId: string}} Committee
 */

/**
 * Refuse a committee unless 1 to 32 members ascend and more than two thirds of them are needed.
 * @param {Committee} committee
 */
export function checkCommittee({ epoch, threshold, members, validFrom, validUntil }) {
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
}

/** Give the Merkle root over the members' keys. @param {readonly string[]} members */
export function keysRoot(members) {
  return calculateRoot(members.map((key, i) => hashStruct(KeyLeaf, { index: BigInt(i), key })));
}

/** Give the committeeId that headers name, as 0x hex. @param {Committee} committee */
export function committeeId(committee) {
  return toHex(
    hashStruct(CommitteeRecord, { ...committee, keysRoot: toHex(keysRoot(committee.members)) }),
  );
}
