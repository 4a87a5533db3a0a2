/* Where the fields of Save's accounts lie, and how its instructions fail.
 *
 * Market 290 bytes, reserve 619, obligation 1300; keys are 32 bytes, numbers little-endian,
 * "wad" is u128 x 1e18. A version byte of 0 marks an account that is not set up.
 * Source: Save's public account and error lists. */
#ifndef PLIMSOLL_LENDING_STATE_H
#define PLIMSOLL_LENDING_STATE_H

#include "wide.h"

#define VERSION 1

#define MARKET_SIZE 290
#define MARKET_BUMP 1
#define MARKET_OWNER 2
#define MARKET_TOKEN_PROGRAM 66
#define MARKET_ORACLE_PROGRAM 98

/* Of reserves and obligations alike. */
#define UPDATED_SLOT 1
#define STALE 9
#define MARKET 10

#define RESERVE_SIZE 619
#define MINT 42
#define DECIMALS 74
#define SUPPLY 75
#define ORACLE 107
#define SECOND_ORACLE 139
#define AVAILABLE 171
#define BORROWED 179 /* wad */
#define CUMULATIVE_RATE 195 /* wad */
#define PRICE 211 /* wad per whole token */
#define COLLATERAL_MINT 227
#define COLLATERAL_MINTED 259
#define COLLATERAL_VAULT 267
#define OPTIMAL_UTILIZATION 299 /* percent, as all rates and ratios of one byte */
#define LOAN_TO_VALUE 300
#define BONUS 301
#define THRESHOLD 302
#define MIN_RATE 303
#define OPTIMAL_RATE 304
#define MAX_RATE 305
#define BORROW_FEE 306
#define FLASH_FEE 314 /* u64, wad; the greatest number forbids flash loans */
#define HOST_FEE 322 /* percent of the fee */
#define DEPOSIT_LIMIT 323
#define BORROW_LIMIT 331
#define FEE_RECEIVER 339
#define LIQUIDATION_FEE 371 /* tenths of a percent */
#define TAKE_RATE 372
#define PROTOCOL_FEES 373 /* wad */
#define ADDED_WEIGHT_BPS 445
#define SMOOTHED_PRICE 453 /* wad */
#define MAX_UTILIZATION 470
#define SUPER_MAX_RATE 471 /* u64, percent */
#define MAX_BONUS 479
#define MAX_THRESHOLD 480
#define HAS_EXTRA_PRICE 521
#define EXTRA_PRICE 522 /* wad */

#define OBLIGATION_SIZE 1300
#define OWNER 42
#define DEPOSITED_VALUE 74 /* wad, as all values */
#define BORROWED_VALUE 90
#define ALLOWED_VALUE 106
#define UNHEALTHY_VALUE 122
#define BORROWED_UPPER_VALUE 138
#define SUPER_UNHEALTHY_VALUE 155
#define UNWEIGHTED_VALUE 171
#define CLOSEABLE 187
#define DEPOSIT_COUNT 202
#define BORROW_COUNT 203
#define ENTRIES 204
#define MAX_ENTRIES 10
#define DEPOSIT_SIZE 88
#define DEPOSIT_AMOUNT 32
#define DEPOSIT_VALUE 40
#define BORROW_SIZE 112
#define BORROW_RATE 32
#define BORROW_WADS 48
#define BORROW_VALUE 64

/* Pyth's PriceUpdateV2. */
#define PRICE_SIZE 134
#define PRICE_DISCRIMINATOR 0xcdf47e9d6323f122ULL
#define PRICE_LEVEL 40
#define PRICE_LEVEL_FULL 1
#define PRICE_NUMBER 73
#define PRICE_CONFIDENCE 81
#define PRICE_EXPONENT 89
#define PRICE_PUBLISHED 93
#define PRICE_SMOOTHED 109

enum {
  UNPACK_ERROR = 0,
  ALREADY_INITIALIZED = 1,
  INVALID_MARKET_AUTHORITY = 3,
  INVALID_MARKET_OWNER = 4,
  INVALID_ACCOUNT_OWNER = 5,
  INVALID_TOKEN_OWNER = 6,
  INVALID_TOKEN_MINT = 8,
  INVALID_TOKEN_PROGRAM = 9,
  INVALID_AMOUNT = 10,
  INVALID_CONFIG = 11,
  INVALID_SIGNER = 12,
  INVALID_ACCOUNT_INPUT = 13,
  MATH_OVERFLOW = 14,
  INSUFFICIENT_LIQUIDITY = 20,
  RESERVE_STALE = 22,
  BORROW_TOO_SMALL = 25,
  BORROW_TOO_LARGE = 26,
  REPAY_TOO_SMALL = 27,
  LIQUIDATION_TOO_SMALL = 28,
  OBLIGATION_HEALTHY = 29,
  OBLIGATION_STALE = 30,
  OBLIGATION_RESERVE_LIMIT = 31,
  INVALID_OBLIGATION_OWNER = 32,
  INVALID_OBLIGATION_COLLATERAL = 37,
  INVALID_OBLIGATION_LIQUIDITY = 38,
  INVALID_ORACLE_CONFIG = 42,
  FLASH_BORROW_CPI = 47,
  NO_FLASH_REPAY_FOUND = 48,
  INVALID_FLASH_REPAY = 49,
  FLASH_REPAY_CPI = 50,
  MULTIPLE_FLASH_BORROWS = 51,
  FLASH_LOANS_DISABLED = 52,
};

/* A custom error of 0 would read as success: the runtime's own number for it. */
#define CUSTOM_ZERO (1ULL << 32)
#define FAIL(code) ((code) ? (u64)(code) : CUSTOM_ZERO)

INLINE u8 *deposit_at(u8 *obligation, u64 i) { return obligation + ENTRIES + DEPOSIT_SIZE * i; }
INLINE u8 *borrow_at(u8 *obligation, u64 i) {
  return obligation + ENTRIES + DEPOSIT_SIZE * obligation[DEPOSIT_COUNT] + BORROW_SIZE * i;
}

INLINE u64 is_stale(const u8 *state) {
  return state[STALE] || get64(state + UPDATED_SLOT) != CALL->clock.slot;
}

INLINE void mark_fresh(u8 *state) {
  put64(state + UPDATED_SLOT, CALL->clock.slot);
  state[STALE] = 0;
}

#endif
