/**
 * Contracts found one through the other, each known by its code. A market's pool names the provider
 * in its code, the provider names the pool and the oracle, the pool names its tokens: nothing about
 * a market is taken on anybody's word but the pool's address.
 */

import { wordAddress } from "./codes.js";
import { EvidenceRefused } from "./flaws.js";
import { IMPLEMENTATION } from "./layout.js";

const FAMILY = "aave_v3@";
const SELF = "self";

/**
 * @typedef {import("./state.js").ProvedState} ProvedState
 * @typedef {import("./codes.js").Code} Code
 */

/**
 * Give the code behind a proxy, its libraries being what it was linked with.
 * @param {ProvedState} state
 * @param {string} proxy
 * @param {string} role
 */
export function findImplementation(state, proxy, role) {
  const implementation = readAddress(state, proxy, IMPLEMENTATION);
  expectCode(state, proxy, "proxy");
  const code = expectCode(state, implementation, role);
  checkLinks(state, code.release, code.links, new Set());
  return code;
}

/**
 * Give a contract's code, which must be known in this role.
 * @param {ProvedState} state
 * @param {string} address
 * @param {string} role
 */
export function expectCode(state, address, role) {
  const code = state.code(address);
  if (code === null || code.role !== role || !code.release.startsWith(FAMILY)) {
    const found = code === null ? "unknown" : `${code.role} of ${code.release}`;
    throw new EvidenceRefused("code", `${address} should be a ${role}; its code is ${found}`);
  }
  return code;
}

/**
 * Give the address in a word of its own.
 * @param {ProvedState} state
 * @param {string} contract
 * @param {bigint} key
 */
export function readAddress(state, contract, key) {
  const word = state.word(contract, key);
  const address = wordAddress(word);
  if (address === null) {
    const detail = `slot 0x${key.toString(16)} of ${contract} holds 0x${word.toString(16)}`;
    throw new EvidenceRefused("market", `${detail}, which is no address`);
  }
  return address;
}

/**
 * Give an address that stands in a code.
 * @param {Code} code
 * @param {string} name
 */
export function readImmutable(code, name) {
  const number = code.immutables.get(name);
  const address = number === undefined ? null : wordAddress(number);
  if (address === null) throw new EvidenceRefused("code", `a ${code.role} that names no ${name}`);
  return address;
}

/**
 * See that linked libraries are those of the release, and what they link as well.
 * @param {ProvedState} state
 * @param {string} release
 * @param {Map<string, string>} links
 * @param {Set<string>} seen
 */
function checkLinks(state, release, links, seen) {
  const fresh = [...links].filter(([name, place]) => name !== SELF && !seen.has(place));
  for (const [name, address] of fresh) {
    seen.add(address);
    const library = expectCode(state, address, name);
    if (library.release !== release || library.links.get(SELF) !== address) {
      const detail = `${address} is ${name} of ${library.release}, but not for this place`;
      throw new EvidenceRefused("code", detail);
    }
    checkLinks(state, release, library.links, seen);
  }
}
