// Times Aave's own library on the accounts on standard input, and gives their health.
// In: {now, reserves: [...], users: [[{underlyingAsset, ...}]], rounds}; a reserve has the fields of
// ReserveDataWithPrice. Out: {seconds: [...], health: [...]}, one time per round over all users.
import { createRequire } from "node:module";
import { readFileSync, writeSync } from "node:fs";

const require = createRequire(import.meta.url);
const { formatReserves, formatUserSummary } = require("@aave/math-utils");

const input = JSON.parse(readFileSync(0, "utf8"));
const terms = { currentTimestamp: input.now, marketReferenceCurrencyDecimals: 8 };
const formattedReserves = formatReserves({
  ...terms,
  reserves: input.reserves,
  marketReferencePriceInUsd: "100000000",
});
const summarise = (userReserves) =>
  formatUserSummary({
    ...terms,
    userReserves,
    formattedReserves,
    marketReferencePriceInUsd: "100000000",
    userEmodeCategoryId: 0,
  });

let health = input.users.map((each) => summarise(each).healthFactor);
const seconds = [];
for (let round = 0; round < input.rounds; round++) {
  const began = process.hrtime.bigint();
  health = input.users.map((each) => summarise(each).healthFactor);
  seconds.push(Number(process.hrtime.bigint() - began) / 1e9);
}
writeSync(1, JSON.stringify([{ seconds, health }]));
