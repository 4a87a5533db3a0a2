/**
 * EIP-712 structs: type strings, hashStruct, the domain and the digest. Integers are bigint, bytes
 * 0x hex in lower case, and a member of kind "text" is a string whose keccak256 is signed.
 * Source: https://eips.ethereum.org/EIPS/eip-712#definition-of-hashstruct
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export const WORD = 32;
export const ZERO = `0x${"00".repeat(WORD)}`;
export const DOMAIN_NAME = "Plimsoll/HealthAttestation";
export const DOMAIN_VERSION = "1";
const DOMAIN_TYPE = keccak_256(
  utf8ToBytes("EIP712Domain(string name,string version,bytes32 salt)"),
);
const CONSUMER = /^eip155:([0-9]{1,32}):0x([0-9a-fA-F]{40})$/;

/**
 * @typedef {{kind: string, name: string}} Member
 * @typedef {{name: string, members: readonly Member[], typeString: string,
 *   typeHash: Uint8Array}} StructType
 */

/**
 * Describe a struct by its members, as "kind name,kind name"; "text" stands for a hashed text.
 * @param {string} name
 * @param {string} listed
 * @returns {StructType}
 */
export function struct(name, listed) {
  const members = listed.split(",").map((part) => {
    const [kind, member] = part.split(" ");
    return Object.freeze({ kind, name: member });
  });
  const typeString = `${name}(${listed.replaceAll("text ", "bytes32 ")})`;
  const typeHash = keccak_256(utf8ToBytes(typeString));
  return Object.freeze({ name, members: Object.freeze(members), typeString, typeHash });
}

/** Give 0x hex. @param {Uint8Array} bytes */
export function toHex(bytes) {
  return `0x${bytesToHex(bytes)}`;
}

/** Give the bytes of 0x hex. @param {string} hex */
export function fromHex(hex) {
  return hexToBytes(hex.slice(2));
}

/**
 * Give keccak256 of a text as 0x hex: how CAIP ids, names and deployments are signed.
 * @param {string} text
 */
export function hashText(text) {
  return toHex(keccak_256(utf8ToBytes(text)));
}

/**
 * Say whether an integer fits a member of this kind.
 * @param {string} kind
 * @param {bigint} value
 */
export function fits(kind, value) {
  const bits = Number(kind.replace(/^u?int/, ""));
  return kind.startsWith("u")
    ? BigInt.asUintN(bits, value) === value
    : BigInt.asIntN(bits, value) === value;
}

/**
 * Give the members as 32-byte words; RangeError names the one that does not fit.
 * @param {StructType} type
 * @param {Record<string, any>} value
 */
export function encodeWords(type, value) {
  return concatBytes(
    ...type.members.map(({ kind, name }) => {
      if (kind === "text") return keccak_256(utf8ToBytes(value[name]));
      if (kind === "bytes32" || kind === "address") return padWord(fromHex(value[name]));
      if (!fits(kind, value[name]))
        throw new RangeError(`${type.name}.${name} does not fit ${kind}`);
      return encodeInteger(value[name]);
    }),
  );
}

/**
 * Give hashStruct.
 * @param {StructType} type
 * @param {Record<string, any>} value
 */
export function hashStruct(type, value) {
  return keccak_256(concatBytes(type.typeHash, encodeWords(type, value)));
}

/**
 * Give the domain of a deployment's salt (0x hex): no chain and no contract.
 * @param {string} salt
 */
export function domainSeparator(salt) {
  const name = keccak_256(utf8ToBytes(DOMAIN_NAME));
  const version = keccak_256(utf8ToBytes(DOMAIN_VERSION));
  return keccak_256(concatBytes(DOMAIN_TYPE, name, version, fromHex(salt)));
}

/**
 * Give the digest of a struct in the domain of a deployment's salt: what every scheme signs.
 * @param {StructType} type
 * @param {Record<string, any>} value
 * @param {string} salt
 */
export function digestStruct(type, value, salt) {
  const prefix = Uint8Array.of(0x19, 0x01);
  return keccak_256(concatBytes(prefix, domainSeparator(salt), hashStruct(type, value)));
}

/**
 * Give the audience that binds an attestation to one contract, as 0x hex:
 * keccak256(abi.encode(uint256 chain number, address)).
 * @param {string} consumer CAIP-10, `eip155:1:0x…`
 */
export function hashAudience(consumer) {
  const match = CONSUMER.exec(consumer);
  if (match === null) throw new TypeError(`${consumer} is not a CAIP-10 account of an EVM chain`);
  return toHex(
    keccak_256(concatBytes(encodeInteger(BigInt(match[1])), padWord(hexToBytes(match[2])))),
  );
}

/** @param {bigint} value */
function encodeInteger(value) {
  return hexToBytes(
    BigInt.asUintN(8 * WORD, value)
      .toString(16)
      .padStart(2 * WORD, "0"),
  );
}

/** @param {Uint8Array} bytes */
function padWord(bytes) {
  const word = new Uint8Array(WORD);
  word.set(bytes, WORD - bytes.length);
  return word;
}
