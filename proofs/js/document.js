/**
 * The attestation file read strictly: exactly the canonical bytes (a final newline is let pass), no
 * field unknown, missing, twice or of another type. Checks stand in the order of the reference in
 * Python, so that both give the same reason.
 */

import { MAX_MEMBERS, checkCommittee } from "./committee.js";
import { parseJson, writeJson } from "./json.js";
import { Refused, demand } from "./refusal.js";
import { SECP256K1 } from "./secp256k1.js";
import { AccountLeaf, BlockRef, HealthAttestation, PositionLeaf, PriceLeaf } from "./structs.js";
import { WORD, fits } from "./typed.js";

export const FORMAT = "plimsoll/health-attestation/1";
export const MAX_BYTES = 1024 * 1024;
const ROOT_FIELDS = [
  "format",
  "deployment",
  "committee",
  "header",
  "accounts",
  "blocks",
  "positions",
  "prices",
  "signatures",
];
const COMMITTEE_FIELDS = [
  "epoch",
  "threshold",
  "members",
  "validFrom",
  "validUntil",
  "prevCommitteeId",
];
const SIGNATURE_FIELDS = ["member", "signature"];
const INDEX = "index";
const ADDRESS_BYTES = 20;
const MAX_DIGITS = 79;
const NEWLINE = 10;
const DECIMAL = /^(?:0|-?[1-9][0-9]*)$/;
const HEX = /^0x(?:[0-9a-f]{2})*$/;
const TEXT = /^[\x20-\x7e]{1,256}$/;

/**
 * @typedef {import("./json.js").Json} Json
 * @typedef {import("./typed.js").StructType} StructType
 * @typedef {{accounts: Record<string, any>[], blocks: Record<string, any>[],
 *   positions: any[], prices: Record<string, any>[]}} Leaves
 * @typedef {{deployment: string, committee: import("./committee.js").Committee,
 *   header: Record<string, any>, leaves: Leaves}} Statement
 * @typedef {{statement: Statement, signatures: {member: number, signature: string}[]}} Document
 */

/**
 * Read the file's bytes; Refused names the field.
 * @param {Uint8Array} raw
 * @returns {Document}
 */
export function decodeDocument(raw) {
  const { root, canonical } = readRoot(raw);
  demand(root.get("format") === FORMAT, "schema", `format is not '${FORMAT}'`);
  const document = {
    statement: {
      deployment: readText(root.get("deployment"), "deployment"),
      committee: readCommittee(root.get("committee")),
      header: readStruct(HealthAttestation, root.get("header"), "header"),
      leaves: {
        accounts: readLeaves(AccountLeaf, root.get("accounts"), "accounts"),
        blocks: readLeaves(BlockRef, root.get("blocks"), "blocks"),
        positions: readLeaves(PositionLeaf, root.get("positions"), "positions"),
        prices: readLeaves(PriceLeaf, root.get("prices"), "prices"),
      },
    },
    signatures: readList(root.get("signatures"), "signatures").map((item, i) =>
      readSignature(item, `signatures[${i}]`),
    ),
  };
  demand(canonical(), "not_canonical", "the bytes are not the canonical form");
  return document;
}

/** @param {Uint8Array} raw */
function readRoot(raw) {
  if (!(raw instanceof Uint8Array)) throw new TypeError("give the file's bytes as a Uint8Array");
  demand(raw.length <= MAX_BYTES, "malformed", `the file is larger than ${MAX_BYTES} bytes`);
  const text = decodeText(raw);
  const parsed = parseJson(text);
  const root = readFields(parsed, "", ROOT_FIELDS);
  const body = raw[raw.length - 1] === NEWLINE ? text.slice(0, -1) : text;
  return { root, canonical: () => writeJson(parsed) === body };
}

/** @param {Uint8Array} raw */
function decodeText(raw) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw new Refused("malformed", "the file is not JSON");
  }
}

/**
 * @param {Json} value
 * @param {string} path
 * @param {readonly string[]} names
 * @returns {Map<string, any>}
 */
function readFields(value, path, names) {
  if (!(value instanceof Map))
    throw new Refused("bad_type", `${path || "the file"} is not a JSON object`);
  const prefix = path === "" ? "" : `${path}.`;
  for (const name of value.keys()) {
    demand(
      names.includes(name),
      "unknown_field",
      `${prefix}${JSON.stringify(name.slice(0, 40))} is unknown`,
    );
  }
  for (const name of names) demand(value.has(name), "missing_field", `${prefix}${name} is missing`);
  return value;
}

/**
 * @param {Json} value
 * @param {string} path
 * @returns {Json[]}
 */
function readList(value, path) {
  if (!Array.isArray(value)) throw new Refused("bad_type", `${path} is not a list`);
  return value;
}

/**
 * @param {Json} value
 * @param {string} path
 */
function readText(value, path) {
  if (typeof value === "string" && TEXT.test(value)) return value;
  throw new Refused("bad_type", `${path} is not a printable ASCII text`);
}

/**
 * @param {Json} value
 * @param {string} path
 */
function readInteger(value, path) {
  if (typeof value === "string" && value.length <= MAX_DIGITS && DECIMAL.test(value))
    return BigInt(value);
  throw new Refused("bad_type", `${path} is not an integer as a decimal string`);
}

/**
 * @param {Json} value
 * @param {string} path
 * @param {number} size
 */
function readBytes(value, path, size) {
  if (typeof value === "string" && value.length === 2 + 2 * size && HEX.test(value)) return value;
  throw new Refused("bad_type", `${path} is not ${size} bytes as lower-case 0x hex`);
}

/**
 * @param {import("./typed.js").Member} member
 * @param {Json} value
 * @param {string} path
 */
function readMember({ kind }, value, path) {
  if (kind === "text") return readText(value, path);
  if (kind === "bytes32") return readBytes(value, path, WORD);
  const number = readInteger(value, path);
  demand(fits(kind, number), "bad_type", `${path}: ${number} does not fit ${kind}`);
  return number;
}

/**
 * @param {StructType} type
 * @param {Json} value
 * @param {string} path
 * @param {Record<string, bigint>} known
 */
function readStruct(type, value, path, known = {}) {
  const members = type.members.filter(({ name }) => !(name in known));
  const fields = readFields(
    value,
    path,
    members.map(({ name }) => name),
  );
  /** @type {Record<string, any>} */
  const made = { ...known };
  for (const member of members) {
    made[member.name] = readMember(member, fields.get(member.name), `${path}.${member.name}`);
  }
  return made;
}

/**
 * @param {StructType} type
 * @param {Json} value
 * @param {string} path
 */
function readLeaves(type, value, path) {
  const items = readList(value, path);
  return items.map((item, i) => readStruct(type, item, `${path}[${i}]`, { [INDEX]: BigInt(i) }));
}

/** @param {Json} value */
function readCommittee(value) {
  const path = "committee";
  const fields = readFields(value, path, COMMITTEE_FIELDS);
  const listed = readList(fields.get("members"), `${path}.members`);
  const committee = {
    members: listed.map((item, i) => readBytes(item, `${path}.members[${i}]`, ADDRESS_BYTES)),
    epoch: readInteger(fields.get("epoch"), `${path}.epoch`),
    threshold: readInteger(fields.get("threshold"), `${path}.threshold`),
    validFrom: readInteger(fields.get("validFrom"), `${path}.validFrom`),
    validUntil: readInteger(fields.get("validUntil"), `${path}.validUntil`),
    prevCommitteeId: readBytes(fields.get("prevCommitteeId"), `${path}.prevCommitteeId`, WORD),
  };
  checkCommittee(committee);
  return committee;
}

/**
 * @param {Json} value
 * @param {string} path
 */
function readSignature(value, path) {
  const fields = readFields(value, path, SIGNATURE_FIELDS);
  const signature = readBytes(
    fields.get("signature"),
    `${path}.signature`,
    SECP256K1.signatureBytes,
  );
  const member = readInteger(fields.get("member"), `${path}.member`);
  const within = 0n <= member && member < BigInt(MAX_MEMBERS);
  demand(within, "signer_unknown", `${path}.member is not below ${MAX_MEMBERS}`);
  return { member: Number(member), signature };
}
