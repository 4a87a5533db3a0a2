// Builds the messages of the cases on standard input with Kamino's own SDK.
// In: {cases: [{action, v2, market, reserves, loan, ...}]}, accounts as {key, data (base64)}.
// Out: per case a list of {program, data (base64), accounts: [[key, role]]}.
import { createRequire } from "node:module";
import { readFileSync, writeSync } from "node:fs";

const require = createRequire(import.meta.url);
console.log = console.warn = console.error = () => {};
const sdk = require("@kamino-finance/klend-sdk");
const { address, createNoopSigner } = require("@solana/kit");
const Decimal = require("decimal.js");
const BN = require("bn.js");

const input = JSON.parse(readFileSync(0, "utf8"));
const bytes = (account) => Buffer.from(account.data, "base64");
// wallets have no metadata here; every other account that the SDK asks after exists, so that it
// initialises none
const wallets = new Set();
const exists = { data: ["", "base64"], executable: false, lamports: 1n, owner: sdk.PROGRAM_ID, space: 0n };
const rpc = {
  getAccountInfo: (key) => ({ send: async () => ({ value: wallets.has(key) ? null : exists }) }),
};

function open(one) {
  const price = { mintAddress: one.market.key, decimals: new Decimal(1), price: new Decimal(1), timestamp: 0n, valid: true };
  const reserves = new Map(
    one.reserves.map((each) => {
      const state = sdk.Reserve.decode(bytes(each));
      return [each.key, sdk.KaminoReserve.initialize(address(each.key), state, price, rpc, 400)];
    }),
  );
  const state = sdk.LendingMarket.decode(bytes(one.market));
  return sdk.KaminoMarket.createMarket(rpc, state, address(one.market.key), reserves, 400);
}

async function build(one) {
  const market = open(one);
  for (const key of [one.owner, one.payer]) wallets.add((await sdk.userMetadataPda(address(key)))[0]);
  const rates = new Map(one.reserves.map((each) => [each.key, new Decimal(1)]));
  const obligation = new sdk.KaminoObligation(
    market, address(one.loan.key), sdk.Obligation.decode(bytes(one.loan)), rates, rates,
  );
  const common = {
    kaminoMarket: market,
    amount: new BN(one.units),
    obligation,
    useV2Ixs: one.v2,
    scopeRefreshConfig: undefined,
    extraComputeBudget: 0,
    includeAtaIxs: false,
    initUserMetadata: { skipInitialization: true, skipLutCreation: true },
    currentSlot: 0n,
  };
  const owner = createNoopSigner(address(one.owner));
  const payer = createNoopSigner(address(one.payer));
  const make = {
    repay: () => sdk.KaminoAction.buildRepayTxns({ ...common, owner, payer, reserveAddress: address(one.repay) }),
    deposit: () => sdk.KaminoAction.buildDepositTxns({ ...common, owner, reserveAddress: address(one.withdraw) }),
    liquidate: () => sdk.KaminoAction.buildLiquidateTxns({
      ...common,
      minCollateralReceiveAmount: new BN(one.minimum),
      repayReserveAddress: address(one.repay),
      withdrawReserveAddress: address(one.withdraw),
      liquidator: payer,
      obligationOwner: owner.address,
    }),
  };
  const action = await make[one.action]();
  return [...action.setupIxs, ...action.lendingIxs, ...action.cleanupIxs].map((each) => ({
    program: each.programAddress,
    data: Buffer.from(each.data).toString("base64"),
    accounts: each.accounts.map((account) => [account.address, account.role]),
  }));
}

const built = [];
for (const one of input.cases) built.push(await build(one));
writeSync(1, JSON.stringify(built));
