/**
 * One state root, and all that trie nodes prove of it: accounts, storage words and code. It answers
 * from the nodes alone and refuses where they do not reach.
 */

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

import { fromHex } from "../typed.js";
import { recogniseCode } from "./codes.js";
import { EvidenceRefused } from "./flaws.js";
import { RlpError, decodeInt, decodeList, decodeString } from "./rlp.js";
import { EMPTY_ROOT, NOTHING, Trie, hashAll } from "./trie.js";

const WORD = 32;
const EMPTY_CODE = bytesToHex(keccak_256(NOTHING));

/**
 * Hashes are hex; an account that is not there is empty.
 * @typedef {{storageRoot: string, codeHash: string}} Account
 */

/** What nodes and codes prove under a state root. */
export class ProvedState {
  /**
   * @param {string} stateRoot 0x hex
   * @param {readonly Uint8Array[]} nodes
   * @param {readonly Uint8Array[]} codes
   */
  constructor(stateRoot, nodes, codes) {
    this.root = stateRoot.slice(2);
    this.trie = new Trie(hashAll(nodes));
    this.codes = hashAll(codes);
    /** @type {Map<string, import("./codes.js").Code | null>} */
    this.recognised = new Map();
    /** @type {Map<string, Account>} */
    this.accounts = new Map();
    /** @type {Map<string, bigint>} */
    this.words = new Map();
  }

  /**
   * Give a proved account.
   * @param {string} address
   */
  account(address) {
    const known = this.accounts.get(address);
    if (known !== undefined) return known;
    const found = naming(`account ${address}`, () =>
      decodeAccount(this.trie.get(this.root, fromHex(address))),
    );
    this.accounts.set(address, found);
    return found;
  }

  /**
   * Give a proved storage word, 0 where the trie proves that there is none.
   * @param {string} contract
   * @param {bigint} key
   */
  word(contract, key) {
    const { storageRoot } = this.account(contract);
    const slot = key.toString(16);
    const place = `slot 0x${slot} of ${contract}`;
    const known = this.words.get(place);
    if (known !== undefined) return known;
    const found = naming(place, () =>
      decodeWord(this.trie.get(storageRoot, hexToBytes(slot.padStart(2 * WORD, "0")))),
    );
    this.words.set(place, found);
    return found;
  }

  /**
   * Give what is known of a contract's code; null where nothing is.
   * @param {string} address
   */
  code(address) {
    const { codeHash } = this.account(address);
    const known = this.recognised.get(codeHash);
    if (known !== undefined) return known;
    const raw = this.codes.get(codeHash);
    if (raw === undefined) return null;
    const found = recogniseCode(codeHash, raw);
    this.recognised.set(codeHash, found);
    return found;
  }

  /** Refuse nodes or codes that nothing needed. */
  checkAllUsed() {
    const nodes = this.trie.nodes.size - this.trie.used.size;
    const codes = this.codes.size - this.recognised.size;
    if (nodes !== 0 || codes !== 0)
      throw new EvidenceRefused("unused", `${nodes} nodes and ${codes} codes are not needed`);
  }
}

/**
 * Give what a step returns, a refusal saying what was looked for.
 * @template T
 * @param {string} sought
 * @param {() => T} step
 * @returns {T}
 */
function naming(sought, step) {
  try {
    return step();
  } catch (error) {
    if (error instanceof EvidenceRefused)
      throw new EvidenceRefused(error.flaw, `${sought}: ${error.place}`);
    if (error instanceof RlpError)
      throw new EvidenceRefused("bad_value", `${sought}: ${error.message}`);
    throw error;
  }
}

/** @param {Uint8Array} value */
function decodeAccount(value) {
  if (value.length === 0) return { storageRoot: EMPTY_ROOT, codeHash: EMPTY_CODE };
  const items = decodeList(value);
  if (items.length !== 4) throw new RlpError(`no account: ${items.length} items`);
  const [nonce, balance, storageRoot, codeHash] = items;
  decodeInt(nonce);
  decodeInt(balance);
  const hashed = [storageRoot, codeHash].every(
    ({ data, isList }) => !isList && data.length === WORD,
  );
  if (!hashed) throw new RlpError("its hashes are not 32 bytes long");
  return { storageRoot: bytesToHex(storageRoot.data), codeHash: bytesToHex(codeHash.data) };
}

/**
 * Decode a word; an explicit 0 is taken too, as anvil keeps words that were set to 0.
 * @param {Uint8Array} value
 */
function decodeWord(value) {
  if (value.length === 0) return 0n;
  const data = decodeString(value);
  const word = decodeInt({ data, isList: false });
  if (data.length > WORD) throw new RlpError("no storage word");
  return word;
}
