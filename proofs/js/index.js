/**
 * The verifier of Plimsoll health attestations for wallets. docs/attestations.md is the format,
 * README.md the short way in.
 */

export { committeeId, keysRoot } from "./committee.js";
export { FORMAT, MAX_BYTES, decodeDocument } from "./document.js";
export { BadEnvelope, decodeEnvelope } from "./envelope.js";
export { verifyEvidence } from "./evidence/check.js";
export { calculateHealth, calculateValue } from "./health.js";
export { EMPTY_ROOT, PAD, buildPath, calculateRoot, hashLeaf, verifyPath } from "./merkle.js";
export { hashParams } from "./params.js";
export { REFUSALS, Refused } from "./refusal.js";
export { SCHEMES, schemeOf } from "./schemes.js";
export { openChain } from "./succession.js";
export {
  AccountLeaf,
  AssetParam,
  BlockRef,
  CommitteeRecord,
  HealthAttestation,
  KeyLeaf,
  MarketParam,
  MemberLeaf,
  PositionLeaf,
  PriceLeaf,
  RiskParams,
} from "./structs.js";
export { digestStruct, domainSeparator, hashAudience, hashStruct, hashText } from "./typed.js";
export { verifyFile } from "./verify.js";
