/* Setting up markets, reserves and obligations in accounts that their caller made. */
#ifndef PLIMSOLL_LENDING_SETUP_H
#define PLIMSOLL_LENDING_SETUP_H

#include "lending_checks.h"

#define MAX_DECIMALS 18

/* 200. Accounts: market*, owner!, authority, token program, oracle program. Data: tag, bump. */
static NOINLINE u64 init_market(const Account *a) {
  u8 *market = a[0].data;
  NEED(CALL->count >= 5 && CALL->size == 2, FAIL(UNPACK_ERROR));
  TRY(check_blank(a, MARKET_SIZE));
  NEED(a[1].is_signer, INVALID_SIGNER);
  TRY(check_authority(a, a + 2, CALL->data + 1));
  market[0] = VERSION;
  market[MARKET_BUMP] = CALL->data[1];
  put_key(market + MARKET_OWNER, a[1].key);
  put_key(market + MARKET_TOKEN_PROGRAM, a[3].key);
  put_key(market + MARKET_ORACLE_PROGRAM, a[4].key);
  return 0;
}

/* Where each field of a reserve's terms goes, in the order of the data of tag 201. */
static const struct { unsigned short at; u8 size; } TERMS[] = {
    {OPTIMAL_UTILIZATION, 1}, {LOAN_TO_VALUE, 1}, {BONUS, 1}, {THRESHOLD, 1}, {MIN_RATE, 1},
    {OPTIMAL_RATE, 1}, {MAX_RATE, 1}, {DEPOSIT_LIMIT, 8}, {BORROW_LIMIT, 8}, {LIQUIDATION_FEE, 1},
    {TAKE_RATE, 1}, {ADDED_WEIGHT_BPS, 8}, {MAX_UTILIZATION, 1}, {SUPER_MAX_RATE, 8},
    {MAX_BONUS, 1}, {MAX_THRESHOLD, 1}, {FLASH_FEE, 8}, {HOST_FEE, 1},
};
#define TERMS_SIZE 53

static NOINLINE u64 read_terms(u8 *reserve) {
  const u8 *from = CALL->data + 1;
  for (u64 i = 0; i < sizeof(TERMS) / sizeof(TERMS[0]); i++)
    for (u64 j = 0; j < TERMS[i].size; j++) reserve[TERMS[i].at + j] = *from++;
  NEED(reserve[OPTIMAL_UTILIZATION] <= reserve[MAX_UTILIZATION], INVALID_CONFIG);
  NEED(reserve[MAX_UTILIZATION] <= 100 && reserve[MAX_THRESHOLD] <= 100, INVALID_CONFIG);
  NEED(reserve[LOAN_TO_VALUE] <= reserve[THRESHOLD], INVALID_CONFIG);
  NEED(reserve[THRESHOLD] <= reserve[MAX_THRESHOLD], INVALID_CONFIG);
  NEED(reserve[MIN_RATE] <= reserve[OPTIMAL_RATE], INVALID_CONFIG);
  NEED(reserve[OPTIMAL_RATE] <= reserve[MAX_RATE], INVALID_CONFIG);
  NEED(reserve[MAX_RATE] <= get64(reserve + SUPER_MAX_RATE), INVALID_CONFIG);
  NEED(reserve[BONUS] <= reserve[MAX_BONUS] && reserve[TAKE_RATE] <= 100, INVALID_CONFIG);
  NEED(reserve[HOST_FEE] <= 100, INVALID_CONFIG);
  return 0;
}

static NOINLINE u64 check_vault(const Account *vault, const Key *mint, const Key *owner) {
  NEED(vault->size == TOKEN_SIZE, INVALID_ACCOUNT_INPUT);
  NEED(same(key_at(vault->data + TOKEN_MINT), mint), INVALID_TOKEN_MINT);
  NEED(!owner || same(key_at(vault->data + TOKEN_OWNER), owner), INVALID_TOKEN_OWNER);
  return 0;
}

/* The mint of collateral tokens must be the authority's alone, and unused. */
static NOINLINE u64 check_collateral_mint(const Account *mint, const Key *authority) {
  NEED(mint->size == MINT_SIZE && get64(mint->data + MINT_SUPPLY) == 0, INVALID_ACCOUNT_INPUT);
  NEED(mint->data[0] == 1, INVALID_TOKEN_MINT);
  NEED(same(key_at(mint->data + MINT_AUTHORITY), authority), INVALID_TOKEN_OWNER);
  return 0;
}

/* 201. Accounts: reserve*, market, market owner!, authority, mint, supply, collateral mint,
 * collateral vault, fee receiver, oracle. Data: tag, terms. Token accounts exist already. */
static NOINLINE u64 init_reserve(const Account *a) {
  u8 *reserve = a[0].data;
  Num one;
  NEED(CALL->count >= 10 && CALL->size == 1 + TERMS_SIZE, FAIL(UNPACK_ERROR));
  TRY(check_blank(a, RESERVE_SIZE));
  TRY(check_state(a + 1, MARKET_SIZE));
  NEED(at_field(a + 2, a + 1, MARKET_OWNER), INVALID_MARKET_OWNER);
  NEED(a[2].is_signer, INVALID_SIGNER);
  TRY(check_authority(a + 1, a + 3, a[1].data + MARKET_BUMP));
  const Key *token = key_at(a[1].data + MARKET_TOKEN_PROGRAM);
  for (u64 i = 4; i <= 8; i++) NEED(same(a[i].owner, token), INVALID_TOKEN_OWNER);
  NEED(a[4].size == MINT_SIZE && a[4].data[MINT_DECIMALS] <= MAX_DECIMALS, INVALID_ACCOUNT_INPUT);
  TRY(check_vault(a + 5, a[4].key, a[3].key));
  TRY(check_collateral_mint(a + 6, a[3].key));
  TRY(check_vault(a + 7, a[6].key, a[3].key));
  TRY(check_vault(a + 8, a[4].key, 0));
  NEED(same(a[9].owner, key_at(a[1].data + MARKET_ORACLE_PROGRAM)), INVALID_ORACLE_CONFIG);
  TRY(read_terms(reserve));
  reserve[0] = VERSION;
  put64(reserve + UPDATED_SLOT, CALL->clock.slot);
  reserve[STALE] = 1;
  put_key(reserve + MARKET, a[1].key);
  put_key(reserve + MINT, a[4].key);
  reserve[DECIMALS] = a[4].data[MINT_DECIMALS];
  put_key(reserve + SUPPLY, a[5].key);
  put_key(reserve + ORACLE, a[9].key);
  put_key(reserve + COLLATERAL_MINT, a[6].key);
  put_key(reserve + COLLATERAL_VAULT, a[7].key);
  put_key(reserve + FEE_RECEIVER, a[8].key);
  set(&one, WAD);
  put128(reserve + CUMULATIVE_RATE, &one);
  return 0;
}

/* 6. Accounts: obligation*, market, owner!. */
static NOINLINE u64 init_obligation(const Account *a) {
  u8 *obligation = a[0].data;
  NEED(CALL->count >= 3, FAIL(UNPACK_ERROR));
  TRY(check_blank(a, OBLIGATION_SIZE));
  TRY(check_state(a + 1, MARKET_SIZE));
  NEED(a[2].is_signer, INVALID_SIGNER);
  obligation[0] = VERSION;
  put64(obligation + UPDATED_SLOT, CALL->clock.slot);
  obligation[STALE] = 1;
  put_key(obligation + MARKET, a[1].key);
  put_key(obligation + OWNER, a[2].key);
  return 0;
}

#endif
