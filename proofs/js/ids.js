/**
 * Canonical CAIP-2, CAIP-10 and CAIP-19 texts, and the chain each names. EVM addresses are lower
 * case, Solana's base58 of 32 bytes.
 */

const CHAIN = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/;
const EVM_ADDRESS = /^0x[0-9a-f]{40}$/;
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const KEY_TEXT = new RegExp(`^[${BASE58}]{32,44}$`);
const KEY_BYTES = 32;
const ACCOUNT = /^[-.%a-zA-Z0-9]{1,128}$/;
const ASSET = /^([-a-z0-9]{3,8}):([-.%a-zA-Z0-9]{1,128})$/;
const EIP155 = "eip155:";
const SOLANA = "solana:";

/** Give the chain of a CAIP-2 text, or null when it is none. @param {string} text */
export function chainOfChain(text) {
  return CHAIN.test(text) ? text : null;
}

/** Give the chain of a canonical CAIP-10 text, or null. @param {string} text */
export function chainOfAccount(text) {
  const cut = text.lastIndexOf(":");
  const chain = chainOfChain(text.slice(0, Math.max(cut, 0)));
  const address = text.slice(cut + 1);
  return chain !== null && isAddress(chain, address) ? chain : null;
}

/** Give the chain of a canonical CAIP-19 text, or null. @param {string} text */
export function chainOfAsset(text) {
  const cut = text.indexOf("/");
  const chain = cut < 0 ? null : chainOfChain(text.slice(0, cut));
  const match = ASSET.exec(text.slice(cut + 1));
  if (chain === null || match === null) return null;
  return match[1] !== "erc20" || EVM_ADDRESS.test(match[2]) ? chain : null;
}

/** Say whether a chain is an EVM chain. @param {string} chain */
export function isEvm(chain) {
  return chain.startsWith(EIP155);
}

/**
 * @param {string} chain
 * @param {string} address
 */
function isAddress(chain, address) {
  if (isEvm(chain)) return EVM_ADDRESS.test(address);
  if (chain.startsWith(SOLANA))
    return KEY_TEXT.test(address) && countKeyBytes(address) === KEY_BYTES;
  return ACCOUNT.test(address);
}

/** @param {string} text */
function countKeyBytes(text) {
  let number = 0n;
  for (const character of text) number = number * 58n + BigInt(BASE58.indexOf(character));
  const digits = number === 0n ? "" : number.toString(16);
  const zeros = text.length - text.replace(/^1+/, "").length;
  return zeros + Math.ceil(digits.length / 2);
}
