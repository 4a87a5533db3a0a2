/**
 * The attestation file read strictly: exactly the canonical bytes (a final newline is let pass), no
 * field unknown, missing, twice or of another type. Checks stand in the order of the reference in
 * Python, so that both give the same reason.
 */

import {
  SCHEME,
  isTerseCommittee,
  isTerseSigned,
  readCommittee,
  readScheme,
  readSignatures,
} from "./parts.js";
import { readParams } from "./params.js";
import { demand } from "./refusal.js";
import { readFields, readLeaves, readStruct, readText, readView } from "./strict.js";
import { AccountLeaf, BlockRef, HealthAttestation, PositionLeaf, PriceLeaf } from "./structs.js";

export const FORMAT = "plimsoll/health-attestation/1";
export const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 4;
const ROOT_FIELDS = [
  "format",
  "deployment",
  "committee",
  "header",
  "params",
  "accounts",
  "blocks",
  "positions",
  "prices",
  "signatures",
];

/**
 * @typedef {{accounts: Record<string, any>[], blocks: Record<string, any>[],
 *   positions: any[], prices: Record<string, any>[]}} Leaves
 * @typedef {{deployment: string, committee: import("./committee.js").Committee,
 *   header: Record<string, any>, params: import("./params.js").Params,
 *   leaves: Leaves}} Statement
 * @typedef {{statement: Statement, signatures: import("./parts.js").Signature[],
 *   scheme: import("./schemes.js").Scheme}} Document
 */

/**
 * Read the file's bytes; Refused names the field.
 * @param {Uint8Array} raw
 * @returns {Document}
 */
export function decodeDocument(raw) {
  const { view, isCanonical } = readView(raw, MAX_BYTES, MAX_DEPTH);
  const root = readFields(view, "", ROOT_FIELDS, [SCHEME]);
  demand(root.get("format") === FORMAT, "schema", `format is not '${FORMAT}'`);
  const scheme = readScheme(root);
  const document = {
    statement: {
      deployment: readText(root.get("deployment"), "deployment"),
      committee: readCommittee(root.get("committee"), "committee"),
      header: readStruct(HealthAttestation, root.get("header"), "header"),
      params: readParams(root.get("params"), "params"),
      leaves: {
        accounts: readLeaves(AccountLeaf, root.get("accounts"), "accounts"),
        blocks: readLeaves(BlockRef, root.get("blocks"), "blocks"),
        positions: readLeaves(PositionLeaf, root.get("positions"), "positions"),
        prices: readLeaves(PriceLeaf, root.get("prices"), "prices"),
      },
    },
    signatures: readSignatures(scheme, root.get("signatures"), "signatures"),
    scheme,
  };
  const terse = isTerseCommittee(root.get("committee")) && isTerseSigned(root);
  demand(terse && isCanonical(), "not_canonical", "the bytes are not the canonical form");
  return document;
}
