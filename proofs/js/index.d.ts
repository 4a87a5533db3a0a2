/** Types of the verifier for wallets. Integers are bigint, bytes 0x hex in lower case. */

export type Hex = string;

/** A committee: addresses ascending; keys of other schemes are everybody's or nobody's. */
export interface Committee {
  readonly epoch: bigint;
  readonly threshold: bigint;
  readonly members: readonly Hex[];
  readonly validFrom: bigint;
  readonly validUntil: bigint;
  readonly prevCommitteeId: Hex;
  readonly ed25519Keys: readonly Hex[];
  readonly blsKeys: readonly Hex[];
  readonly blsProofs: readonly Hex[];
}

export interface Header {
  schemaVersion: bigint;
  audience: Hex;
  accountSetRoot: Hex;
  blockRefsRoot: Hex;
  positionsRoot: Hex;
  pricesRoot: Hex;
  paramsHash: Hex;
  zkCommitment: Hex;
  committeeId: Hex;
  epoch: bigint;
  sequence: bigint;
  prevDigest: Hex;
  issuedAt: bigint;
  expiresAt: bigint;
  minPriceTime: bigint;
  positionCount: bigint;
  status: bigint;
  accountCount: bigint;
  maxSkew: bigint;
  healthFactorE18: bigint;
  netEquityE8: bigint;
}

export interface AccountLeaf {
  index: bigint;
  caip10: string;
  salt: Hex;
}

export interface BlockRef {
  index: bigint;
  caip2: string;
  kind: bigint;
  height: bigint;
  blockHash: Hex;
  stateRoot: Hex;
  time: bigint;
  finality: bigint;
}

export interface PositionLeaf {
  index: bigint;
  account: bigint;
  blockRef: bigint;
  price: bigint;
  protocol: string;
  market: string;
  asset: string;
  side: bigint;
  amountRaw: bigint;
  decimals: bigint;
  ltvBps: bigint;
  liqThresholdBps: bigint;
  haircutBps: bigint;
  debtWeightBps: bigint;
  valueE8: bigint;
  /** 1 proved, 2 oracle-signed, 3 quorum-read, 4 publisher-signed. */
  evidence: bigint;
  formula: string;
  evidenceHash: Hex;
}

export interface PriceLeaf {
  index: bigint;
  asset: string;
  source: bigint;
  feedId: string;
  priceE8: bigint;
  confE8: bigint;
  publishTime: bigint;
  heartbeat: bigint;
  evidence: bigint;
  evidenceHash: Hex;
}

export interface MarketParam {
  index: bigint;
  protocol: string;
  market: string;
  formula: string;
  reserve: string;
}

export interface AssetParam {
  index: bigint;
  asset: string;
  underlying: string;
  form: string;
  kind: string;
  tier: string;
  haircutBps: bigint;
  debtWeightBps: bigint;
  feed: string;
  heartbeat: bigint;
  minimumE8: bigint;
  maximumE8: bigint;
  ratio: string;
}

export interface Params {
  markets: MarketParam[];
  assets: AssetParam[];
}

export interface Statement {
  deployment: string;
  committee: Committee;
  header: Header;
  params: Params;
  leaves: {
    accounts: AccountLeaf[];
    blocks: BlockRef[];
    positions: PositionLeaf[];
    prices: PriceLeaf[];
  };
}

/** A member by his place in the committee, and his signature or the sum of all. */
export interface Signature {
  member: number;
  signature: Hex;
}

export interface Scheme {
  readonly id: number;
  readonly name: string;
  readonly signatureBytes: number;
  readonly aggregates: boolean;
}

export interface Document {
  statement: Statement;
  signatures: Signature[];
  scheme: Scheme;
}

/** Sums in USD x 10^8; `factor` x 10^18, null where nothing is owed. */
export interface Health {
  collateral: bigint;
  requirement: bigint;
  equity: bigint;
  factor: bigint | null;
}

/** Committees that handed over to each other, verified: only openChain makes one. */
export interface CommitteeChain {
  readonly deployment: string;
  readonly committees: readonly Committee[];
}

/** What is trusted and allowed; times in seconds. What is left out is as the file says. */
export interface Options {
  now: number | bigint;
  deployment?: string;
  /** Of hashAudience; an attestation for anybody is always taken. */
  audience?: Hex;
  committeeId?: Hex;
  /** The whole committee's addresses; secp256k1 only. */
  members?: readonly Hex[];
  /** With it, committeeId may be any committee of the chain that came before. */
  chain?: CommitteeChain;
  /** 3600 unless given. */
  maxTtl?: number | bigint;
  /** 300 unless given. */
  maxSkew?: number | bigint;
}

/** An accepted attestation: consistent, its leaves not compared with any chain. */
export interface Verdict {
  digest: Hex;
  statement: Statement;
  health: Health;
  signers: Hex[];
  /** Whether the options said who may sign: without it, anybody may have signed. */
  pinned: boolean;
}

/** What was proved of one chain: accounts in markets, legs, and prices of how many stated. */
export interface Grounds {
  accounts: number;
  markets: number;
  positions: number;
  prices: number;
  pricesStated: number;
  /** Whether the block is one that the caller trusts. */
  anchored: boolean;
}

/** By chain (CAIP-2); the leaves of a chain that is not there are quorum-read. */
export interface EvidenceVerdict {
  /** "anchored" where every block stated is proved and trusted. */
  verdict: "consistent, unanchored" | "anchored";
  chains: Record<string, Grounds>;
}

export interface EvidenceOptions {
  /** Hashes of blocks that are trusted, by chain (CAIP-2): from a node of your own, say. */
  anchors?: Readonly<Record<string, Hex>>;
}

export interface Envelope {
  scheme: string;
  header: Header;
  committeeSize: number;
  signatures: Signature[];
}

export interface StructType {
  readonly name: string;
  readonly members: readonly { readonly kind: string; readonly name: string }[];
  readonly typeString: string;
  readonly typeHash: Uint8Array;
}

/** The names of the reasons, as docs/attestations.md lists them. */
export type Refusal = string;

/** Each reason with the exit code of `plimsoll verify` and what to do. */
export const REFUSALS: Readonly<Record<string, readonly [number, string]>>;

export class Refused extends Error {
  readonly refusal: Refusal;
  readonly code: number;
  readonly advice: string;
  readonly detail: string;
}

export class BadEnvelope extends Error {}

export const FORMAT: string;
export const MAX_BYTES: number;
export const PAD: Uint8Array;
export const EMPTY_ROOT: Uint8Array;
export const SCHEMES: ReadonlyMap<number, Scheme>;

export const HealthAttestation: StructType;
export const AccountLeaf: StructType;
export const BlockRef: StructType;
export const PositionLeaf: StructType;
export const PriceLeaf: StructType;
export const CommitteeRecord: StructType;
export const KeyLeaf: StructType;
export const MemberLeaf: StructType;
export const RiskParams: StructType;
export const MarketParam: StructType;
export const AssetParam: StructType;

/** Verify a file's exact bytes; throws Refused with the first reason found. */
export function verifyFile(raw: Uint8Array, options: Options): Verdict;
/** Verify an unpacked bundle against the statement of a verdict; throws Refused. */
export function verifyEvidence(
  statement: Statement,
  unpacked: Uint8Array,
  options?: EvidenceOptions,
): EvidenceVerdict;
/** Read and verify a chain's exact bytes; throws Refused. */
export function openChain(raw: Uint8Array): CommitteeChain;
/** Read a file strictly without verifying it; throws Refused. */
export function decodeDocument(raw: Uint8Array): Document;
/** Read a signed header without leaves, strictly; throws BadEnvelope. */
export function decodeEnvelope(raw: Uint8Array): Envelope;
/** Throws RangeError for a scheme that is not known here. */
export function schemeOf(id: number): Scheme;

export function committeeId(committee: Committee): Hex;
export function keysRoot(committee: Committee): Uint8Array;
export function hashParams(params: Params): Hex;
export function hashAudience(consumer: string): Hex;
export function hashText(text: string): Hex;
export function hashStruct(type: StructType, value: object): Uint8Array;
export function domainSeparator(salt: Hex): Uint8Array;
export function digestStruct(type: StructType, value: object, salt: Hex): Uint8Array;
export function hashLeaf(structHash: Uint8Array): Uint8Array;
export function calculateRoot(structHashes: readonly Uint8Array[]): Uint8Array;
export function buildPath(structHashes: readonly Uint8Array[], index: number): Uint8Array[];
/** Say whether the struct is leaf `index` under the root; siblings from the leaf up. */
export function verifyPath(
  root: Uint8Array,
  structHash: Uint8Array,
  index: number,
  path: readonly Uint8Array[],
): boolean;
export function calculateHealth(positions: readonly PositionLeaf[]): Health;
export function calculateValue(
  side: bigint,
  amountRaw: bigint,
  priceE8: bigint,
  decimals: bigint,
): bigint;
