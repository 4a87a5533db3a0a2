/** Puts shared vectors before the verifier; runs in Node and in browsers alike. */

import {
  AccountLeaf,
  AssetParam,
  BadEnvelope,
  BlockRef,
  CommitteeRecord,
  EMPTY_ROOT,
  HealthAttestation,
  KeyLeaf,
  MarketParam,
  PositionLeaf,
  PriceLeaf,
  REFUSALS,
  Refused,
  RiskParams,
  buildPath,
  committeeId,
  decodeDocument,
  decodeEnvelope,
  digestStruct,
  domainSeparator,
  hashAudience,
  hashLeaf,
  hashStruct,
  hashText,
  keysRoot,
  openChain,
  verifyEvidence,
  verifyFile,
  verifyPath,
} from "../../../proofs/js/index.js";

const STRUCTS = [
  HealthAttestation,
  AccountLeaf,
  BlockRef,
  PositionLeaf,
  PriceLeaf,
  CommitteeRecord,
  KeyLeaf,
  RiskParams,
  MarketParam,
  AssetParam,
];

/** Answer what the tests in Python ask: verdicts, hashes of the example, places, envelopes. */
export function answer({ verdicts, files, example, inclusion, envelopes, evidence }) {
  return {
    verdicts: judgeVectors(verdicts),
    files: files.map(({ put, now }) => judge(bytesOf(put), () => ({ now }))),
    example: hashExample(bytesOf(example)),
    places: provePlaces(inclusion),
    envelopes: envelopes.map(openEnvelope),
    refusals: Object.fromEntries(Object.entries(REFUSALS).map(([name, [code]]) => [name, code])),
    misuse: MISUSES.map((options) => judge(bytesOf(example), () => options)),
    evidence: evidence.vectors.map((vector) => proveVector(evidence, vector)),
    anchored: evidence.anchors.map((anchors) => proveVector(evidence, { ...UNCHANGED, anchors })),
    misproved: misprove(evidence),
  };
}

const UNCHANGED = { file: [], bundle: [] };

const MISUSES = [
  {},
  { now: 1.5 },
  { now: "1" },
  { now: 1, commiteeId: "0x" },
  { now: 1, committeeId: "0x01" },
  { now: 1, members: ["0x01"] },
  { now: 1, members: "0x01" },
  { now: 1, deployment: 5 },
  { now: 1, audience: null },
  { now: 1, maxTtl: Infinity },
  { now: 1, chain: { deployment: "plimsoll-vectors", committees: [] } },
];

function judgeVectors({ bases, chains, vectors }) {
  return vectors.map(({ base, edits, now, expected }) =>
    judge(bytesOf(applyEdits(bases[base], edits)), () => readExpected(expected, now, chains)),
  );
}

/** Give the verdict on one file's bytes; anything but Refused is a crash and says so. */
function judge(raw, readOptions) {
  try {
    return viewVerdict(verifyFile(raw, readOptions()));
  } catch (error) {
    return error instanceof Refused ? { refused: error.refusal } : { crashed: String(error) };
  }
}

/** Verify a file and the bundle beside it, both made from the sound ones by edits. */
function proveVector({ file, bundle, now }, { file: edits, bundle: others, anchors }) {
  try {
    const made = bytesOf(applyEdits(atob(file), edits.map(unpackEdit)));
    const beside = bytesOf(applyEdits(atob(bundle), others.map(unpackEdit)));
    const { statement } = verifyFile(made, { now: BigInt(now) });
    return verifyEvidence(statement, beside, anchors === undefined ? {} : { anchors });
  } catch (error) {
    return error instanceof Refused ? { refused: error.refusal } : { crashed: String(error) };
  }
}

/** Call the verifier of evidence with what it does not take. */
function misprove({ file, bundle, now }) {
  const raw = bytesOf(atob(file));
  const { statement } = verifyFile(raw, { now: BigInt(now) });
  return [
    () => verifyEvidence(decodeDocument(raw).statement, bytesOf(atob(bundle))),
    () => verifyEvidence({ ...statement }, bytesOf(atob(bundle))),
    () => verifyEvidence(statement, atob(bundle)),
    () => verifyEvidence(statement, bytesOf(atob(bundle)), { anchor: {} }),
  ].map((call) => {
    try {
      return call();
    } catch (error) {
      return error.name;
    }
  });
}

function unpackEdit([at, drop, put]) {
  return [at, drop, atob(put)];
}

/** Give every intermediate hash of the example's file, as health_attestation_v1.json has them. */
function hashExample(raw) {
  const { statement } = decodeDocument(raw);
  const { committee, deployment, header, leaves, params } = statement;
  const salt = hashText(deployment);
  const hashed = (type, listed) => listed.map((leaf) => hashStruct(type, leaf));
  const positions = hashed(PositionLeaf, leaves.positions);
  const path = buildPath(positions, 1);
  return {
    domain: { salt, separator: hex(domainSeparator(salt)) },
    types: Object.fromEntries(STRUCTS.map((type) => [type.typeString, hex(type.typeHash)])),
    emptyRoot: hex(EMPTY_ROOT),
    keysRoot: hex(keysRoot(committee)),
    committeeId: committeeId(committee),
    hashStruct: {
      header: hex(hashStruct(HealthAttestation, header)),
      accounts: hashed(AccountLeaf, leaves.accounts).map(hex),
      blocks: hashed(BlockRef, leaves.blocks).map(hex),
      positions: positions.map(hex),
      prices: hashed(PriceLeaf, leaves.prices).map(hex),
      markets: hashed(MarketParam, params.markets).map(hex),
      assets: hashed(AssetParam, params.assets).map(hex),
    },
    inclusion: {
      list: "positions",
      index: "1",
      leaf: hex(hashLeaf(positions[1])),
      path: path.map(hex),
    },
    digest: hex(digestStruct(HealthAttestation, header, salt)),
    audience: hashAudience(`eip155:31337:0x${"01".repeat(20)}`),
  };
}

/** Say for each place whether the path proves the leaf there. */
function provePlaces({ root, structHash, path, places }) {
  const siblings = path.map(unhex);
  return places.map((place) => verifyPath(unhex(root), unhex(structHash), place, siblings));
}

/** Give an envelope's header and signatures as JSON values, or why it is none. */
function openEnvelope(raw) {
  try {
    const { scheme, header, committeeSize, signatures } = decodeEnvelope(unhex(raw));
    const shown = Object.fromEntries(Object.entries(header).map(([name, v]) => [name, String(v)]));
    return { scheme, committeeSize, header: shown, signatures };
  } catch (error) {
    return error instanceof BadEnvelope ? { bad: error.message } : { crashed: String(error) };
  }
}

function readExpected(expected, now, chains) {
  const seconds = ["maxTtl", "maxSkew"].filter((name) => name in expected);
  const limits = Object.fromEntries(seconds.map((name) => [name, BigInt(expected[name])]));
  const options = { ...expected, ...limits, now: BigInt(now) };
  if ("chain" in expected) options.chain = openChain(bytesOf(chains[expected.chain]));
  return options;
}

function viewVerdict({ digest, health, signers, pinned }) {
  return {
    digest,
    collateralE8: String(health.collateral),
    requirementE8: String(health.requirement),
    netEquityE8: String(health.equity),
    healthFactorE18: health.factor === null ? null : String(health.factor),
    signers,
    pinned,
  };
}

/** Files travel as texts of one character per byte. */
function applyEdits(base, edits) {
  let made = "";
  let at = 0;
  for (const [start, drop, put] of edits) {
    made += base.slice(at, start) + put;
    at = start + drop;
  }
  return made + base.slice(at);
}

function bytesOf(text) {
  const raw = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) raw[i] = text.charCodeAt(i);
  return raw;
}

function unhex(text) {
  return Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function hex(raw) {
  return `0x${Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
