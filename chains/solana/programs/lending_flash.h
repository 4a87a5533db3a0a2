/* Flash loans: a reserve lends what a later instruction of the same transaction gives back.
 *
 * The Instructions sysvar shows the transaction's own instructions, those of other programs'
 * calls left out: a program that is not shown as the current one was called by another.
 * Source: Save's public instruction list; https://docs.solana.com/developing/runtime-facilities
 * (the serialised form of the sysvar: count u16, offsets u16; each instruction as account count
 * u16, flags u8 and key for each account, program, data size u16, data; the current index last). */
#ifndef PLIMSOLL_LENDING_FLASH_H
#define PLIMSOLL_LENDING_FLASH_H

#include "lending_checks.h"
#include "lending_math.h"

#define FLASH_BORROW 19
#define FLASH_REPAY 20
#define FLASH_DISABLED (~0ULL)
#define BORROW_RESERVE 2 /* among the accounts of tag 19 */
#define REPAY_RESERVE_AT 4 /* and of tag 20 */
#define META_SIZE 33
#define FLASH_BORROW_SIZE 9
#define FLASH_REPAY_SIZE 10

static const Key INSTRUCTIONS = {{0x66d17b1817d5a706ULL, 0xc0c2fd5504d4da35ULL,
                                  0xa57556218fc624c1ULL, 0x000000085fcbbadbULL}};

/* One instruction of the transaction, as the sysvar shows it. */
typedef struct { const Key *program; const u8 *metas; u64 accounts; const u8 *data; u64 size; } Shown;

INLINE u64 get16(const u8 *at) { return *(const unsigned short *)at; }

static NOINLINE void show(Shown *out, const u8 *sysvar, u64 index) {
  const u8 *at = sysvar + get16(sysvar + 2 + 2 * index);
  out->accounts = get16(at);
  out->metas = at + 2;
  at += 2 + META_SIZE * out->accounts;
  out->program = key_at(at);
  out->size = get16(at + sizeof(Key));
  out->data = at + sizeof(Key) + 2;
}

static NOINLINE u64 is_ours(const Shown *shown, u8 tag, u64 size) {
  return same(shown->program, CALL->program) && shown->size == size && shown->data[0] == tag;
}

static NOINLINE u64 names(const Shown *shown, u64 account, const Key *key) {
  return account < shown->accounts && same(key_at(shown->metas + META_SIZE * account + 1), key);
}

/* Find the current index; `cpi` where another program called. */
static NOINLINE u64 find_current(const Account *sysvar, u64 cpi, u64 *index) {
  Shown shown;
  NEED(same(sysvar->key, &INSTRUCTIONS) && sysvar->size > 4, INVALID_ACCOUNT_INPUT);
  *index = get16(sysvar->data + sysvar->size - 2);
  show(&shown, sysvar->data, *index);
  NEED(same(shown.program, CALL->program), cpi);
  return 0;
}

/* One repay of the same reserve, amount and index must follow, and no other flash loan. */
static NOINLINE u64 check_repay_follows(const Account *sysvar, const Key *reserve, u64 amount) {
  u64 index, found = 0, count = get16(sysvar->data);
  TRY(find_current(sysvar, FLASH_BORROW_CPI, &index));
  for (u64 i = index + 1; i < count; i++) {
    Shown shown;
    show(&shown, sysvar->data, i);
    NEED(!is_ours(&shown, FLASH_BORROW, FLASH_BORROW_SIZE), MULTIPLE_FLASH_BORROWS);
    if (!is_ours(&shown, FLASH_REPAY, FLASH_REPAY_SIZE)) continue;
    NEED(!found, MULTIPLE_FLASH_BORROWS);
    NEED(names(&shown, REPAY_RESERVE_AT, reserve), INVALID_FLASH_REPAY);
    NEED(get64(shown.data + 1) == amount && shown.data[9] == index, INVALID_FLASH_REPAY);
    found = 1;
  }
  NEED(found, NO_FLASH_REPAY_FOUND);
  return 0;
}

/* The borrow that a repay names must be an earlier one of the same reserve and amount. */
static NOINLINE u64 check_borrowed(const Account *sysvar, const Key *reserve, u64 amount, u64 from) {
  u64 index;
  Shown shown;
  TRY(find_current(sysvar, FLASH_REPAY_CPI, &index));
  NEED(from < index, INVALID_FLASH_REPAY);
  show(&shown, sysvar->data, from);
  NEED(is_ours(&shown, FLASH_BORROW, FLASH_BORROW_SIZE), INVALID_FLASH_REPAY);
  NEED(names(&shown, BORROW_RESERVE, reserve), INVALID_FLASH_REPAY);
  NEED(get64(shown.data + 1) == amount, INVALID_FLASH_REPAY);
  return 0;
}

static NOINLINE u64 round64(const Num *a) {
  Num half;
  set(&half, WAD / 2);
  add(&half, a, &half);
  return floor64(&half);
}

typedef struct { u64 owner, host; } FlashFee;

/* The fee on top of an amount, rounded to the nearest unit; each who takes a part gets one. */
static NOINLINE u64 find_flash_fee(FlashFee *out, const u8 *reserve, u64 amount) {
  Num fee, bound, rate;
  u64 rate_wad = get64(reserve + FLASH_FEE), host = reserve[HOST_FEE];
  *out = (FlashFee){0, 0};
  if (!rate_wad) return 0;
  set_whole(&bound, amount);
  set(&rate, rate_wad);
  wad_multiply(&fee, &bound, &rate);
  set_whole(&rate, host ? 2 : 1);
  take_greater(&fee, &rate);
  NEED(compare(&fee, &bound) == LESS, BORROW_TOO_SMALL);
  out->owner = round64(&fee);
  if (!host) return 0;
  set_percent(&rate, host);
  wad_multiply(&fee, &fee, &rate);
  out->host = round64(&fee);
  if (!out->host) out->host = 1;
  NEED(out->host <= out->owner, MATH_OVERFLOW);
  out->owner -= out->host;
  return 0;
}

/* Move an amount from what a reserve has to what it is owed. */
static NOINLINE u64 lend(u8 *reserve, u64 amount) {
  Num owed, more;
  u64 available = get64(reserve + AVAILABLE);
  NEED(amount <= available, INSUFFICIENT_LIQUIDITY);
  put64(reserve + AVAILABLE, available - amount);
  get128(&owed, reserve + BORROWED);
  set_whole(&more, amount);
  add(&owed, &owed, &more);
  put128(reserve + BORROWED, &owed);
  reserve[STALE] = 1;
  return 0;
}

/* 19. Accounts: supply*, destination*, reserve*, market, authority, Instructions sysvar, token. */
static NOINLINE u64 flash_borrow(const Account *a) {
  const Account *market = a + 3, *authority = a + 4, *token = a + 6;
  u8 *reserve = a[2].data;
  u64 amount;
  TRY(read_amount(&amount));
  NEED(CALL->count >= 7, FAIL(UNPACK_ERROR));
  TRY(check_market(market, token));
  TRY(check_authority(market, authority, market->data + MARKET_BUMP));
  TRY(check_reserve(a + 2, market->key));
  NEED(at_field(a, a + 2, SUPPLY) && !at_field(a + 1, a + 2, SUPPLY), INVALID_ACCOUNT_INPUT);
  NEED(get64(reserve + FLASH_FEE) != FLASH_DISABLED, FLASH_LOANS_DISABLED);
  TRY(check_repay_follows(a + 5, a[2].key, amount));
  accrue(reserve);
  put64(reserve + UPDATED_SLOT, CALL->clock.slot);
  TRY(lend(reserve, amount));
  u8 bump = market->data[MARKET_BUMP];
  return call_token(&(TokenCall){TOKEN_TRANSFER, token, a, a + 1, authority, amount, market->key, bump});
}

/* 20. Accounts: source*, supply*, fee receiver*, host fee receiver*, reserve*, market, payer!,
 * Instructions sysvar, token. Data: tag, amount u64, index of the borrow u8. */
static NOINLINE u64 flash_repay(const Account *a) {
  const Account *reserve = a + 4, *market = a + 5, *payer = a + 6, *token = a + 8;
  FlashFee *fee = allocate(sizeof(FlashFee));
  Num *owed = allocate(2 * sizeof(Num));
  NEED(CALL->count >= 9 && CALL->size == FLASH_REPAY_SIZE, FAIL(UNPACK_ERROR));
  u64 amount = get64(CALL->data + 1);
  TRY(check_market(market, token));
  TRY(check_reserve(reserve, market->key));
  NEED(payer->is_signer, INVALID_SIGNER);
  NEED(at_field(a + 1, reserve, SUPPLY) && !at_field(a, reserve, SUPPLY), INVALID_ACCOUNT_INPUT);
  NEED(at_field(a + 2, reserve, FEE_RECEIVER), INVALID_ACCOUNT_INPUT);
  TRY(check_borrowed(a + 7, reserve->key, amount, CALL->data[9]));
  TRY(find_flash_fee(fee, reserve->data, amount));
  get128(owed, reserve->data + BORROWED);
  set_whole(owed + 1, amount);
  subtract(owed, owed, owed + 1);
  put128(reserve->data + BORROWED, owed);
  u64 available = get64(reserve->data + AVAILABLE) + amount;
  NEED(available >= amount, MATH_OVERFLOW);
  put64(reserve->data + AVAILABLE, available);
  reserve->data[STALE] = 1;
  TRY(call_token(&(TokenCall){TOKEN_TRANSFER, token, a, a + 1, payer, amount, 0, 0}));
  if (fee->host) TRY(call_token(&(TokenCall){TOKEN_TRANSFER, token, a, a + 3, payer, fee->host, 0, 0}));
  if (fee->owner) TRY(call_token(&(TokenCall){TOKEN_TRANSFER, token, a, a + 2, payer, fee->owner, 0, 0}));
  return 0;
}

#endif
