/* A lending program that speaks Save's public instruction and account layout.
 *
 * Save's tags: 3 refresh reserve, 6 init obligation, 7 refresh obligation, 10 borrow, 11 repay,
 * 14 deposit and pledge, 17 liquidate and redeem, 19 flash borrow, 20 flash repay. Markets and
 * reserves are set up by tags of our own: 200 init market, 201 init reserve (accounts and data at
 * each). Prices come from Pyth's PriceUpdateV2. Left out: withdrawals, borrow fees, rate limits,
 * attributed borrows, price offsets, a second oracle.
 * Source: the layout and the rules as published; no other program's code. */
#include "lending_checks.h"
#include "lending_entries.h"
#include "lending_flash.h"
#include "lending_math.h"
#include "lending_setup.h"

#define MAX_AGE_S 120
#define CONFIDENCE_PART 10 /* a price whose confidence is above a tenth of it is refused */
#define MAX_SCALE 18

static NOINLINE u64 scale_price(Num *r, i64 price, i32 exponent) {
  Num unit;
  NEED(price > 0 && exponent >= -MAX_SCALE && exponent <= MAX_SCALE, INVALID_ORACLE_CONFIG);
  set_whole(r, (u64)price);
  if (exponent >= 0) {
    scale_up(r, (u64)exponent);
    return 0;
  }
  set(&unit, 1);
  scale_up(&unit, (u64)-exponent);
  divide(r, r, &unit);
  return 0;
}

static NOINLINE u64 refresh_price(u8 *reserve, const Account *oracle) {
  const u8 *price = oracle->data;
  Num number;
  NEED(same(oracle->key, key_at(reserve + ORACLE)), INVALID_ACCOUNT_INPUT);
  NEED(oracle->size == PRICE_SIZE && get64(price) == PRICE_DISCRIMINATOR, INVALID_ORACLE_CONFIG);
  NEED(price[PRICE_LEVEL] == PRICE_LEVEL_FULL, INVALID_ORACLE_CONFIG);
  i64 now = CALL->clock.unix_timestamp, published = get64s(price + PRICE_PUBLISHED);
  NEED(published >= now - MAX_AGE_S, INVALID_ORACLE_CONFIG);
  i32 exponent = *(const i32 *)(price + PRICE_EXPONENT);
  TRY(scale_price(&number, get64s(price + PRICE_NUMBER), exponent));
  u64 confidence = get64(price + PRICE_CONFIDENCE);
  NEED(confidence <= get64(price + PRICE_NUMBER) / CONFIDENCE_PART, INVALID_ORACLE_CONFIG);
  put128(reserve + PRICE, &number);
  TRY(scale_price(&number, get64s(price + PRICE_SMOOTHED), exponent));
  put128(reserve + SMOOTHED_PRICE, &number);
  return 0;
}

/* 3. Accounts: reserve*, oracle, second oracle (ignored). */
static NOINLINE u64 refresh_reserve(const Account *reserve, const Account *oracle) {
  TRY(check_state(reserve, RESERVE_SIZE));
  TRY(refresh_price(reserve->data, oracle));
  accrue(reserve->data);
  mark_fresh(reserve->data);
  return 0;
}

/* 7. Accounts: obligation*, reserves of its deposits, then of its borrows, in its order. */
static NOINLINE u64 refresh_obligation(const Account *a) {
  static const u8 TOTALS[] = {DEPOSITED_VALUE, BORROWED_VALUE, ALLOWED_VALUE, UNHEALTHY_VALUE,
                              BORROWED_UPPER_VALUE, SUPER_UNHEALTHY_VALUE, UNWEIGHTED_VALUE};
  u8 *obligation = a[0].data;
  Num zero;
  NEED(CALL->count >= 1, FAIL(UNPACK_ERROR));
  TRY(check_state(a, OBLIGATION_SIZE));
  u64 deposits = obligation[DEPOSIT_COUNT], entries = deposits + obligation[BORROW_COUNT];
  NEED(CALL->count == 1 + entries, INVALID_ACCOUNT_INPUT);
  set(&zero, 0);
  for (u64 i = 0; i < sizeof(TOTALS); i++) put128(obligation + TOTALS[i], &zero);
  for (u64 i = 0; i < entries; i++) {
    const Account *reserve = a + 1 + i;
    u64 pledged = i < deposits;
    u8 *entry = pledged ? deposit_at(obligation, i) : borrow_at(obligation, i - deposits);
    TRY(check_state(reserve, RESERVE_SIZE));
    NEED(same(reserve->key, key_at(entry)),
         pledged ? INVALID_OBLIGATION_COLLATERAL : INVALID_OBLIGATION_LIQUIDITY);
    NEED(!is_stale(reserve->data), RESERVE_STALE);
    if (pledged) value_deposit(obligation, entry, reserve->data);
    else value_borrow(obligation, entry, reserve->data);
  }
  mark_fresh(obligation);
  return 0;
}

/* Take a settled debt off an obligation and its reserve; a borrow of nothing is removed. */
static NOINLINE void settle(u8 *obligation, u8 *borrow, u8 *reserve, const Num *amount, u64 paid) {
  Num owed;
  get128(&owed, reserve + BORROWED);
  if (compare(amount, &owed) == GREATER) set(&owed, 0);
  else subtract(&owed, &owed, amount);
  put128(reserve + BORROWED, &owed);
  u64 available = get64(reserve + AVAILABLE);
  if (available + paid < paid) math_fail();
  put64(reserve + AVAILABLE, available + paid);
  get128(&owed, borrow + BORROW_WADS);
  subtract(&owed, &owed, amount);
  put128(borrow + BORROW_WADS, &owed);
  if (is_zero(&owed)) {
    close_gap(obligation, borrow, BORROW_SIZE);
    obligation[BORROW_COUNT]--;
  }
  obligation[STALE] = reserve[STALE] = 1;
}

/* 14. Accounts: source*, user collateral*, reserve*, supply*, collateral mint*, market,
 * authority, collateral vault*, obligation*, owner!, oracle, second oracle, payer!, token. */
static NOINLINE u64 deposit(const Account *a) {
  const Account *market = a + 5, *authority = a + 6, *obligation = a + 8, *payer = a + 12, *token = a + 13;
  u8 *reserve = a[2].data;
  u64 amount, minted;
  Num total, limit;
  TRY(read_amount(&amount));
  NEED(CALL->count >= 14, FAIL(UNPACK_ERROR));
  TRY(check_market(market, token));
  TRY(check_authority(market, authority, market->data + MARKET_BUMP));
  TRY(check_reserve(a + 2, market->key));
  TRY(check_obligation(obligation, market->key));
  NEED(same(a[9].key, key_at(obligation->data + OWNER)), INVALID_OBLIGATION_OWNER);
  NEED(a[9].is_signer && payer->is_signer, INVALID_SIGNER);
  NEED(at_field(a + 3, a + 2, SUPPLY) && at_field(a + 4, a + 2, COLLATERAL_MINT), INVALID_ACCOUNT_INPUT);
  NEED(at_field(a + 7, a + 2, COLLATERAL_VAULT) && !at_field(a, a + 2, SUPPLY), INVALID_ACCOUNT_INPUT);
  TRY(refresh_reserve(a + 2, a + 10));
  minted = to_collateral(reserve, amount);
  NEED(minted, INVALID_AMOUNT);
  u64 available = get64(reserve + AVAILABLE) + amount;
  NEED(available >= amount, MATH_OVERFLOW);
  put64(reserve + AVAILABLE, available);
  get128(&total, reserve + BORROWED);
  set_whole(&limit, available);
  add(&total, &total, &limit);
  set_whole(&limit, get64(reserve + DEPOSIT_LIMIT));
  NEED(compare(&total, &limit) != GREATER, INVALID_AMOUNT);
  put64(reserve + COLLATERAL_MINTED, get64(reserve + COLLATERAL_MINTED) + minted);
  TRY(add_deposit(obligation->data, a[2].key, minted));
  reserve[STALE] = obligation->data[STALE] = 1;
  TRY(call_token(&(TokenCall){TOKEN_TRANSFER, token, a, a + 3, payer, amount, 0, 0}));
  u8 bump = market->data[MARKET_BUMP];
  TRY(call_token(&(TokenCall){TOKEN_MINT_TO, token, a + 4, a + 1, authority, minted, market->key, bump}));
  return call_token(&(TokenCall){TOKEN_TRANSFER, token, a + 1, a + 7, payer, minted, 0, 0});
}

/* What is owed with `amount` more of the reserve must stay within what is allowed. */
static NOINLINE u64 check_allowed(const u8 *obligation, const u8 *reserve, const Num *amount) {
  Num value, weight, allowed;
  price_bounds(&weight, &value, reserve);
  value_at(&value, reserve, &value, amount);
  borrow_weight(&weight, reserve);
  wad_multiply(&value, &value, &weight);
  get128(&allowed, obligation + BORROWED_UPPER_VALUE);
  add(&value, &value, &allowed);
  get128(&allowed, obligation + ALLOWED_VALUE);
  NEED(compare(&value, &allowed) != GREATER, BORROW_TOO_LARGE);
  return 0;
}

/* 10. Accounts: supply*, destination*, reserve*, fee receiver*, obligation*, market*, authority,
 * owner!, token. */
static NOINLINE u64 borrow(const Account *a) {
  const Account *obligation = a + 4, *market = a + 5, *authority = a + 6, *token = a + 8;
  u8 *reserve = a[2].data;
  u64 amount;
  Num wads, sum, limit;
  TRY(read_amount(&amount));
  NEED(CALL->count >= 9, FAIL(UNPACK_ERROR));
  TRY(check_market(market, token));
  TRY(check_authority(market, authority, market->data + MARKET_BUMP));
  TRY(check_reserve(a + 2, market->key));
  TRY(check_obligation(obligation, market->key));
  NEED(same(a[7].key, key_at(obligation->data + OWNER)), INVALID_OBLIGATION_OWNER);
  NEED(a[7].is_signer, INVALID_SIGNER);
  NEED(at_field(a, a + 2, SUPPLY) && !at_field(a + 1, a + 2, SUPPLY), INVALID_ACCOUNT_INPUT);
  NEED(!is_stale(reserve), RESERVE_STALE);
  NEED(!is_stale(obligation->data), OBLIGATION_STALE);
  set_whole(&wads, amount);
  TRY(check_allowed(obligation->data, reserve, &wads));
  NEED(amount <= get64(reserve + AVAILABLE), INSUFFICIENT_LIQUIDITY);
  put64(reserve + AVAILABLE, get64(reserve + AVAILABLE) - amount);
  get128(&sum, reserve + BORROWED);
  add(&sum, &sum, &wads);
  set_whole(&limit, get64(reserve + BORROW_LIMIT));
  NEED(compare(&sum, &limit) != GREATER, INVALID_AMOUNT);
  put128(reserve + BORROWED, &sum);
  TRY(add_borrow(obligation->data, a + 2, &wads));
  reserve[STALE] = obligation->data[STALE] = 1;
  u8 bump = market->data[MARKET_BUMP];
  return call_token(&(TokenCall){TOKEN_TRANSFER, token, a, a + 1, authority, amount, market->key, bump});
}

/* 11. Accounts: source*, supply*, reserve*, obligation*, market, payer!, token. Anybody may. */
static NOINLINE u64 repay(const Account *a) {
  const Account *obligation = a + 3, *market = a + 4, *token = a + 6;
  u8 *reserve = a[2].data;
  u64 amount;
  Num owed, wanted;
  TRY(read_amount(&amount));
  NEED(CALL->count >= 7, FAIL(UNPACK_ERROR));
  TRY(check_market(market, token));
  TRY(check_reserve(a + 2, market->key));
  TRY(check_obligation(obligation, market->key));
  NEED(a[5].is_signer, INVALID_SIGNER);
  NEED(at_field(a + 1, a + 2, SUPPLY) && !at_field(a, a + 2, SUPPLY), INVALID_ACCOUNT_INPUT);
  u8 *entry = find_borrow(obligation->data, a[2].key);
  NEED(entry, INVALID_OBLIGATION_LIQUIDITY);
  accrue(reserve);
  put64(reserve + UPDATED_SLOT, CALL->clock.slot);
  accrue_borrow(entry, reserve);
  get128(&owed, entry + BORROW_WADS);
  if (amount != ALL) {
    set_whole(&wanted, amount);
    take_lesser(&owed, &wanted);
  }
  u64 paid = ceil64(&owed);
  NEED(paid, REPAY_TOO_SMALL);
  settle(obligation->data, entry, reserve, &owed, paid);
  return call_token(&(TokenCall){TOKEN_TRANSFER, token, a, a + 1, a + 5, paid, 0, 0});
}

/* Accounts of tag 17. */
enum {
  SOURCE, DESTINATION_COLLATERAL, DESTINATION, REPAY_RESERVE, REPAY_SUPPLY, WITHDRAW_RESERVE,
  WITHDRAW_MINT, WITHDRAW_VAULT, WITHDRAW_SUPPLY, WITHDRAW_FEES, OBLIGATION, MARKET_ACCOUNT,
  AUTHORITY, PAYER, TOKEN, LIQUIDATE_ACCOUNTS,
};

static NOINLINE u64 check_liquidation(const Account *a) {
  const Account *market = a + MARKET_ACCOUNT, *from = a + WITHDRAW_RESERVE, *to = a + REPAY_RESERVE;
  TRY(check_market(market, a + TOKEN));
  TRY(check_authority(market, a + AUTHORITY, market->data + MARKET_BUMP));
  TRY(check_reserve(to, market->key));
  TRY(check_reserve(from, market->key));
  TRY(check_obligation(a + OBLIGATION, market->key));
  NEED(a[PAYER].is_signer, INVALID_SIGNER);
  NEED(at_field(a + REPAY_SUPPLY, to, SUPPLY) && !at_field(a + SOURCE, to, SUPPLY), INVALID_ACCOUNT_INPUT);
  NEED(at_field(a + WITHDRAW_MINT, from, COLLATERAL_MINT), INVALID_ACCOUNT_INPUT);
  NEED(at_field(a + WITHDRAW_VAULT, from, COLLATERAL_VAULT), INVALID_ACCOUNT_INPUT);
  NEED(!at_field(a + DESTINATION_COLLATERAL, from, COLLATERAL_VAULT), INVALID_ACCOUNT_INPUT);
  NEED(at_field(a + WITHDRAW_SUPPLY, from, SUPPLY), INVALID_ACCOUNT_INPUT);
  NEED(!at_field(a + DESTINATION, from, SUPPLY), INVALID_ACCOUNT_INPUT);
  NEED(at_field(a + WITHDRAW_FEES, from, FEE_RECEIVER), INVALID_ACCOUNT_INPUT);
  NEED(!is_stale(to->data) && !is_stale(from->data), RESERVE_STALE);
  NEED(!is_stale(a[OBLIGATION].data), OBLIGATION_STALE);
  return 0;
}

/* Pay the debt and give the liquidator the collateral tokens; write how many. */
static NOINLINE u64 seize(const Account *a, Bonus *bonus, u64 *seized) {
  u8 *obligation = a[OBLIGATION].data;
  u8 *held = find_deposit(obligation, a[WITHDRAW_RESERVE].key);
  u8 *owed = find_borrow(obligation, a[REPAY_RESERVE].key);
  Liquidation *amounts = allocate(sizeof(Liquidation));
  Num *cover = allocate(sizeof(Num));
  u64 wanted;
  TRY(read_amount(&wanted));
  NEED(held, INVALID_OBLIGATION_COLLATERAL);
  NEED(owed, INVALID_OBLIGATION_LIQUIDITY);
  get128(cover, held + DEPOSIT_VALUE);
  NEED(!is_zero(cover), INVALID_OBLIGATION_COLLATERAL);
  get128(cover, owed + BORROW_VALUE);
  NEED(!is_zero(cover), INVALID_OBLIGATION_LIQUIDITY);
  TRY(find_bonus(bonus, obligation, a[WITHDRAW_RESERVE].data));
  find_cover(cover, obligation, owed, wanted);
  find_liquidation(amounts, held, owed, cover, bonus);
  NEED(amounts->repay && amounts->withdraw, LIQUIDATION_TOO_SMALL);
  settle(obligation, owed, a[REPAY_RESERVE].data, &amounts->settle, amounts->repay);
  put64(held + DEPOSIT_AMOUNT, get64(held + DEPOSIT_AMOUNT) - amounts->withdraw);
  if (!get64(held + DEPOSIT_AMOUNT)) {
    close_gap(obligation, held, DEPOSIT_SIZE);
    obligation[DEPOSIT_COUNT]--;
  }
  *seized = amounts->withdraw;
  TRY(call_token(&(TokenCall){TOKEN_TRANSFER, a + TOKEN, a + SOURCE, a + REPAY_SUPPLY, a + PAYER,
                              amounts->repay, 0, 0}));
  const Account *market = a + MARKET_ACCOUNT;
  return call_token(&(TokenCall){TOKEN_TRANSFER, a + TOKEN, a + WITHDRAW_VAULT,
                                 a + DESTINATION_COLLATERAL, a + AUTHORITY, *seized, market->key,
                                 market->data[MARKET_BUMP]});
}

/* Redeem what was seized as far as the reserve has liquidity, and take the protocol's fee. */
static NOINLINE u64 redeem(const Account *a, const Bonus *bonus, u64 seized) {
  u8 *reserve = a[WITHDRAW_RESERVE].data;
  Num liquidity;
  u64 most = to_collateral(reserve, get64(reserve + AVAILABLE));
  if (seized > most) seized = most;
  reserve[STALE] = 1;
  if (!seized) return 0;
  to_liquidity(&liquidity, reserve, seized);
  u64 received = floor64(&liquidity);
  NEED(received && received <= get64(reserve + AVAILABLE), INSUFFICIENT_LIQUIDITY);
  put64(reserve + AVAILABLE, get64(reserve + AVAILABLE) - received);
  put64(reserve + COLLATERAL_MINTED, get64(reserve + COLLATERAL_MINTED) - seized);
  TRY(call_token(&(TokenCall){TOKEN_BURN, a + TOKEN, a + DESTINATION_COLLATERAL, a + WITHDRAW_MINT,
                              a + PAYER, seized, 0, 0}));
  TRY(call_token(&(TokenCall){TOKEN_TRANSFER, a + TOKEN, a + WITHDRAW_SUPPLY, a + DESTINATION, a + AUTHORITY,
                              received, a[MARKET_ACCOUNT].key, a[MARKET_ACCOUNT].data[MARKET_BUMP]}));
  return call_token(&(TokenCall){TOKEN_TRANSFER, a + TOKEN, a + DESTINATION, a + WITHDRAW_FEES, a + PAYER,
                                 liquidation_fee(received, bonus), 0, 0});
}

/* 17. Accounts as named above: payer signs, the first twelve are writable. */
static NOINLINE u64 liquidate(const Account *a) {
  Bonus *bonus = allocate(sizeof(Bonus));
  u64 seized;
  NEED(CALL->count >= LIQUIDATE_ACCOUNTS, FAIL(UNPACK_ERROR));
  TRY(check_liquidation(a));
  TRY(seize(a, bonus, &seized));
  return redeem(a, bonus, seized);
}

static NOINLINE u64 run(const Account *a) {
  NEED(CALL->size, FAIL(UNPACK_ERROR));
  switch (CALL->data[0]) {
    case 3:
      NEED(CALL->count >= 2, FAIL(UNPACK_ERROR));
      return refresh_reserve(a, a + 1);
    case 6: return init_obligation(a);
    case 7: return refresh_obligation(a);
    case 10: return borrow(a);
    case 11: return repay(a);
    case 14: return deposit(a);
    case 17: return liquidate(a);
    case FLASH_BORROW: return flash_borrow(a);
    case FLASH_REPAY: return flash_repay(a);
    case 200: return init_market(a);
    case 201: return init_reserve(a);
    default: return FAIL(UNPACK_ERROR);
  }
}

u64 entrypoint(u8 *input) {
  TRY(read_input(input));
  TRY(run(CALL->accounts));
  return CALL->math_failed ? MATH_OVERFLOW : 0;
}
