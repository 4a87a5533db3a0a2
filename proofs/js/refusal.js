/** Every reason for which an attestation is refused, with the exit code of `plimsoll verify`. */

const AGAIN = "fetch the file again; it was changed or damaged";
const CHANGED = "the file was changed after signing: do not rely on it";
const NEWER = "ask for a newer attestation";
const PUBLISHER = "do not rely on it and tell its publisher";

/** Reason -> [code, what to do]; the names and codes of docs/attestations.md. */
export const REFUSALS = Object.freeze({
  malformed: [10, AGAIN],
  unknown_field: [11, AGAIN],
  missing_field: [12, AGAIN],
  duplicated_field: [13, AGAIN],
  bad_type: [14, AGAIN],
  not_canonical: [15, "only the exact RFC 8785 bytes are taken; do not reformat the file"],
  schema: [16, "this verifier knows schema 1 only; update it"],

  deployment: [20, "it belongs to another deployment; check the one you expect"],
  audience: [21, "it is meant for another consumer; ask for one for yours or for anybody"],
  committee: [22, "it names another committee than yours; check the one you expect"],
  committee_id: [23, CHANGED],
  committee_rules: [24, "no quorum of such a committee can be trusted"],
  committee_period: [25, "the committee may not sign now; ask for one of the current set"],
  committee_unknown: [26, "your chain of committees does not reach it; fetch the chain again"],
  committee_superseded: [27, "another committee has taken over; ask for one of the current set"],
  committee_chain: [28, "no quorum handed over to it: do not rely on it"],
  committee_fork: [29, "one quorum named two successors: stop, and look for a fraud proof"],

  leaf: [30, PUBLISHER],
  reference: [31, PUBLISHER],
  duplicated_leaf: [32, PUBLISHER],
  accounts_root: [33, CHANGED],
  blocks_root: [34, CHANGED],
  positions_root: [35, CHANGED],
  prices_root: [36, CHANGED],
  count: [37, CHANGED],
  value: [38, PUBLISHER],
  health: [39, PUBLISHER],

  expired: [40, NEWER],
  future: [41, "check this machine's clock, then ask for another attestation"],
  ttl: [42, "its life is longer than you allow; do not rely on it"],
  skew: [43, "its chains were read too far apart; ask for another attestation"],
  stale_price: [44, NEWER],
  future_price: [45, "check this machine's clock, then ask for another attestation"],
  min_price_time: [46, PUBLISHER],

  quorum: [50, "too few members signed: do not rely on it"],
  signer_order: [51, PUBLISHER],
  signer_unknown: [52, PUBLISHER],
  high_s: [53, "the signature was rewritten; fetch the original"],
  signature: [54, CHANGED],
  scheme: [55, "the committee does not sign in this scheme, or this verifier is too old"],
  member_key: [56, "a member's key is weak, or he does not hold it: do not rely on it"],

  params_hash: [70, CHANGED],
  params: [71, PUBLISHER],

  evidence: [72, "the evidence is damaged; fetch it again"],
  evidence_block: [73, "the evidence is of another block; fetch that of this attestation"],
  evidence_hash: [74, "the evidence is not the one that was signed; fetch it again"],
  evidence_missing: [75, "the evidence does not reach; fetch it again"],
  evidence_code: [76, "a contract is none that this verifier knows; update it"],
  unproved: [77, PUBLISHER],
  omitted: [78, PUBLISHER],
  contradicted: [79, PUBLISHER],
});

/** An attestation is not accepted: `refusal` is the reason, `detail` where it was found. */
export class Refused extends Error {
  /**
   * @param {keyof typeof REFUSALS} refusal
   * @param {string} detail
   */
  constructor(refusal, detail) {
    const [code, advice] = REFUSALS[refusal];
    super(`${detail}; ${advice}`);
    this.name = "Refused";
    this.refusal = refusal;
    this.code = code;
    this.advice = advice;
    this.detail = detail;
  }
}

/**
 * Throw Refused unless `holds`.
 * @param {boolean} holds
 * @param {keyof typeof REFUSALS} refusal
 * @param {string} detail
 */
export function demand(holds, refusal, detail) {
  if (!holds) throw new Refused(refusal, detail);
}
