// Builds the instructions of the cases on standard input with marginfi's own SDK.
// In: {cases: [{action, accounts: {name: key}, units, flag, asset, liability, ...}]}.
// Out: per case {program, data (base64), accounts: [[key, role]]}.
import { createRequire } from "node:module";
import { readFileSync, writeSync } from "node:fs";

const require = createRequire(import.meta.url);
console.log = console.warn = console.error = () => {};
const inside = createRequire(require.resolve("@mrgnlabs/marginfi-client-v2"));
const { instructions } = require("@mrgnlabs/marginfi-client-v2");
const { composeRemainingAccounts } = inside("@mrgnlabs/mrgn-common");
const { AnchorProvider, Program, BN } = inside("@coral-xyz/anchor");
const { Connection, Keypair, PublicKey } = inside("@solana/web3.js");
const idl = inside("./idl/marginfi_0.1.8.json");

const wallet = { publicKey: Keypair.generate().publicKey };
const nowhere = new Connection("http://127.0.0.1:1");
const program = new Program(idl, new AnchorProvider(nowhere, wallet, {}));
const input = JSON.parse(readFileSync(0, "utf8"));
const read = (key) => ({ pubkey: key, isSigner: false, isWritable: false });

async function build(one) {
  const keys = Object.fromEntries(Object.entries(one.accounts).map(([name, key]) => [name, new PublicKey(key)]));
  const lists = (one.observed ?? []).map((list) => composeRemainingAccounts(list.map((each) => each.map((key) => new PublicKey(key)))));
  const rest = [...(one.first ?? []).map((key) => new PublicKey(key)), ...lists.flat()].map(read);
  const amount = new BN(one.units ?? "0");
  const methods = program.methods;
  const make = {
    deposit: () => instructions.makeDepositIx(program, keys, { amount, depositUpToLimit: one.flag ?? undefined }, rest),
    repay: () => instructions.makeRepayIx(program, keys, { amount, repayAll: one.flag ?? undefined }, rest),
    withdraw: () => instructions.makeWithdrawIx(program, keys, { amount, withdrawAll: one.flag ?? undefined }, rest),
    liquidate: () => instructions.makeLendingAccountLiquidateIx(
      program, keys,
      { assetAmount: amount, liquidatorAccounts: lists[0].length, liquidateeAccounts: lists[1].length },
      rest,
    ),
    init: () => methods.marginfiAccountInitLiqRecord().accountsPartial(keys).instruction(),
    start: () => methods.startLiquidation().accountsPartial(keys).remainingAccounts(rest).instruction(),
    end: () => methods.endLiquidation().accountsPartial(keys).remainingAccounts(rest).instruction(),
  };
  const built = await make[one.action]();
  return {
    program: built.programId.toBase58(),
    data: Buffer.from(built.data).toString("base64"),
    accounts: built.keys.map((key) => [key.pubkey.toBase58(), 2 * key.isSigner + 1 * key.isWritable]),
  };
}

const built = [];
for (const one of input.cases) built.push(await build(one));
writeSync(1, JSON.stringify(built));
process.exit(0);
