/**
 * Committees and signatures as files show them. What a committee of secp256k1 keys alone does not
 * have is left out; signatures that were added up stand once, with all their signers.
 */

import { MAX_MEMBERS, checkCommittee } from "./committee.js";
import { Refused, demand } from "./refusal.js";
import { SECP256K1 } from "./secp256k1.js";
import { SCHEMES } from "./schemes.js";
import { readBytes, readFields, readInteger, readList, readText } from "./strict.js";
import { WORD } from "./typed.js";

export const SCHEME = "scheme";
const FIELDS = ["epoch", "threshold", "members", "validFrom", "validUntil", "prevCommitteeId"];
const KEYS = ["ed25519Keys", "blsKeys", "blsProofs"];
const ADDRESS_BYTES = 20;
const ED25519_KEY_BYTES = 32;
const BLS_KEY_BYTES = 48;
const BLS_PROOF_BYTES = 96;

/**
 * @typedef {import("./json.js").Json} Json
 * @typedef {import("./schemes.js").Scheme} Scheme
 * @typedef {{member: number, signature: string}} Signature
 */

/**
 * Read a committee's record; Refused as committee_rules when it breaks one.
 * @param {Json} value
 * @param {string} path
 * @returns {import("./committee.js").Committee}
 */
export function readCommittee(value, path) {
  const fields = readFields(value, path, FIELDS, KEYS);
  const keys = (/** @type {string} */ name, /** @type {number} */ size) =>
    readKeys(fields.get(name) ?? [], `${path}.${name}`, size);
  const committee = {
    members: keys("members", ADDRESS_BYTES),
    ed25519Keys: keys("ed25519Keys", ED25519_KEY_BYTES),
    blsKeys: keys("blsKeys", BLS_KEY_BYTES),
    blsProofs: keys("blsProofs", BLS_PROOF_BYTES),
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
 * Read which scheme signatures are of.
 * @param {Map<string, any>} fields
 * @returns {Scheme}
 */
export function readScheme(fields) {
  const label = fields.has(SCHEME) ? readText(fields.get(SCHEME), SCHEME) : SECP256K1.name;
  const scheme = [...SCHEMES.values()].find(({ name }) => name === label);
  if (scheme === undefined)
    throw new Refused("scheme", `scheme ${label.slice(0, 40)} is not known`);
  return scheme;
}

/**
 * Read signatures by member; whether the signers ascend is judged with the quorum.
 * @param {Scheme} scheme
 * @param {Json} value
 * @param {string} path
 * @returns {Signature[]}
 */
export function readSignatures(scheme, value, path) {
  const items = readList(value, path);
  const one = !scheme.aggregates || items.length <= 1;
  demand(one, "signer_order", `${path} are ${items.length} sums instead of one`);
  const read = scheme.aggregates ? readSum : readSignature;
  return items.flatMap((item, i) => read(scheme, item, `${path}[${i}]`));
}

/** Say whether keys that nobody has are left out. @param {Map<string, any>} committee */
export function isTerseCommittee(committee) {
  return KEYS.every((name) => committee.get(name)?.length !== 0);
}

/** Say whether secp256k1 and sums of nothing are left out. @param {Map<string, any>} signed */
export function isTerseSigned(signed) {
  const signatures = signed.get("signatures");
  const counted = (/** @type {any} */ item) => item.get("members")?.length !== 0;
  return signed.get(SCHEME) !== SECP256K1.name && signatures.every(counted);
}

/**
 * @param {Scheme} scheme
 * @param {Json} value
 * @param {string} path
 */
function readSignature(scheme, value, path) {
  const fields = readFields(value, path, ["member", "signature"]);
  const signature = readBytes(fields.get("signature"), `${path}.signature`, scheme.signatureBytes);
  return [{ member: readIndex(fields.get("member"), `${path}.member`), signature }];
}

/**
 * @param {Scheme} scheme
 * @param {Json} value
 * @param {string} path
 */
function readSum(scheme, value, path) {
  const fields = readFields(value, path, ["members", "signature"]);
  const signature = readBytes(fields.get("signature"), `${path}.signature`, scheme.signatureBytes);
  const listed = readList(fields.get("members"), `${path}.members`);
  return listed.map((item, i) => ({
    member: readIndex(item, `${path}.members[${i}]`),
    signature,
  }));
}

/**
 * @param {Json} value
 * @param {string} path
 */
function readIndex(value, path) {
  const index = readInteger(value, path);
  const within = 0n <= index && index < BigInt(MAX_MEMBERS);
  demand(within, "signer_unknown", `${path} is not below ${MAX_MEMBERS}`);
  return Number(index);
}

/**
 * @param {Json} value
 * @param {string} path
 * @param {number} size
 */
function readKeys(value, path, size) {
  return readList(value, path).map((item, i) => readBytes(item, `${path}[${i}]`, size));
}
