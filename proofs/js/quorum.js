/** Whether a quorum of the committee signed, in one scheme, with keys that are good ones. */

import { demand } from "./refusal.js";
import { SCHEMES } from "./schemes.js";

/**
 * Refuse unless enough members signed the digest; give the signers' addresses.
 * @param {import("./committee.js").Committee} committee
 * @param {import("./schemes.js").Scheme} scheme
 * @param {Uint8Array} digest
 * @param {readonly import("./parts.js").Signature[]} signatures
 */
export function checkQuorum(committee, scheme, digest, signatures) {
  const { members, threshold } = committee;
  const indices = signatures.map(({ member }) => member);
  const ascending = indices.every((index, i) => i === 0 || indices[i - 1] < index);
  demand(ascending, "signer_order", "the signers do not ascend, each once");
  const known = indices.every((index) => index < members.length);
  demand(known, "signer_unknown", `a signer is not among the ${members.length} members`);
  const enough = BigInt(indices.length) >= threshold;
  demand(enough, "quorum", `${indices.length} of the ${threshold} signatures needed`);
  const held = scheme.keysOf(committee).length > 0;
  demand(held, "scheme", `the members have no ${scheme.name} keys`);
  checkKeys(committee);
  scheme.checkSignatures(digest, signatures, committee);
  return indices.map((index) => members[index]);
}

/**
 * Refuse a committee with a bad key, in whichever scheme it signs: proofs of possession are not
 * hashed, so in a good file they could be changed where nobody looked.
 * @param {import("./committee.js").Committee} committee
 */
export function checkKeys(committee) {
  for (const scheme of SCHEMES.values()) scheme.checkKeys(committee);
}
