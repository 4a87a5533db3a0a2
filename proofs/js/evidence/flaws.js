/** Why evidence is refused: each flaw, and the refusal that it is told as. */

import { Refused } from "../refusal.js";

/** @type {Readonly<Record<string, keyof typeof import("../refusal.js").REFUSALS>>} */
const REFUSED_AS = Object.freeze({
  bundle: "evidence",
  header: "evidence_block",
  block_hash: "evidence_block",
  missing_node: "evidence_missing",
  bad_node: "evidence",
  bad_value: "evidence",
  code: "evidence_code",
  market: "evidence_code",
  unused: "evidence",
});

/** Evidence that proves nothing: `flaw` is the reason, `place` where it was found. */
export class EvidenceRefused extends Error {
  /**
   * @param {string} flaw
   * @param {string} place
   */
  constructor(flaw, place) {
    super(`${flaw}: ${place}`);
    this.name = "EvidenceRefused";
    this.flaw = flaw;
    this.place = place;
  }
}

/**
 * Give what a step returns; what it finds flawed is told as Refused.
 * @template T
 * @param {string} chain
 * @param {() => T} step
 * @returns {T}
 */
export function telling(chain, step) {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof EvidenceRefused)) throw error;
    throw new Refused(REFUSED_AS[error.flaw], `${chain}: ${error.message}`);
  }
}
