/* What is asked of the accounts and the data that a caller hands in. */
#ifndef PLIMSOLL_LENDING_CHECKS_H
#define PLIMSOLL_LENDING_CHECKS_H

#include "lending_state.h"

static NOINLINE u64 check_state(const Account *state, u64 size) {
  NEED(same(state->owner, CALL->program), INVALID_ACCOUNT_OWNER);
  NEED(state->size == size && state->data[0] == VERSION, INVALID_ACCOUNT_INPUT);
  return 0;
}

static NOINLINE u64 check_reserve(const Account *reserve, const Key *market) {
  TRY(check_state(reserve, RESERVE_SIZE));
  NEED(same(key_at(reserve->data + MARKET), market), INVALID_ACCOUNT_INPUT);
  return 0;
}

static NOINLINE u64 check_obligation(const Account *obligation, const Key *market) {
  TRY(check_state(obligation, OBLIGATION_SIZE));
  NEED(same(key_at(obligation->data + MARKET), market), INVALID_ACCOUNT_INPUT);
  return 0;
}

static NOINLINE u64 check_blank(const Account *state, u64 size) {
  NEED(same(state->owner, CALL->program), INVALID_ACCOUNT_OWNER);
  NEED(state->size == size, INVALID_ACCOUNT_INPUT);
  NEED(state->data[0] == 0, ALREADY_INITIALIZED);
  return 0;
}

static NOINLINE u64 check_market(const Account *market, const Account *token) {
  TRY(check_state(market, MARKET_SIZE));
  NEED(same(key_at(market->data + MARKET_TOKEN_PROGRAM), token->key), INVALID_TOKEN_PROGRAM);
  return 0;
}

/* The authority over a market's tokens is the address of seeds [market, bump]. */
static NOINLINE u64 check_authority(const Account *market, const Account *authority, const u8 *bump) {
  Seed *seeds = allocate(2 * sizeof(Seed));
  Key *address = allocate(sizeof(Key));
  seeds[0] = (Seed){market->key, 32};
  seeds[1] = (Seed){bump, 1};
  NEED(!sol_create_program_address(seeds, 2, CALL->program, address), INVALID_MARKET_AUTHORITY);
  NEED(same(address, authority->key), INVALID_MARKET_AUTHORITY);
  return 0;
}

static NOINLINE u64 at_field(const Account *account, const Account *state, u64 field) {
  return same(account->key, key_at(state->data + field));
}

/* An amount as data: tag, u64. */
static NOINLINE u64 read_amount(u64 *amount) {
  NEED(CALL->size == 9, FAIL(UNPACK_ERROR));
  *amount = get64(CALL->data + 1);
  NEED(*amount, INVALID_AMOUNT);
  return 0;
}

#endif
