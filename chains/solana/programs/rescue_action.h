/* A rescue: what may be taken, how much is needed, the repayment, and what must hold after it. */
#ifndef PLIMSOLL_RESCUE_ACTION_H
#define PLIMSOLL_RESCUE_ACTION_H

#include "lending_entries.h"
#include "lending_math.h"
#include "rescue_attestation.h"

void sol_log_data(const Seed *, u64 count);

#define LENDING_REPAY 11
#define ROUNDING_UNITS 4
#define ROUNDING_VALUE 2 /* what valuing a debt rounds off, wad */
#define USD_TO_WAD 10000000000ULL /* attested figures are USD x 1e8 */

/* Accounts of both rescues; those with * are writable. */
enum {
  A_KEEPER, /* signs */
  A_MANDATE, /* * */
  A_STATE, /* * where unified */
  A_DELEGATE,
  A_SOURCE, /* * */
  A_SUPPLY, /* * */
  A_RESERVE, /* * */
  A_OBLIGATION, /* * */
  A_MARKET,
  A_LENDING,
  A_TOKEN,
  NATIVE_ACCOUNTS,
  A_COMMITTEE = NATIVE_ACCOUNTS,
  UNIFIED_ACCOUNTS,
};

/* One debt of the obligation, and the obligation's health, which the lending program will find
 * again to the unit when it is next refreshed: all values are of this slot. */
typedef struct {
  Num unhealthy, borrowed; /* of the obligation, with borrow weights */
  Num price, weight;
  Num owed; /* of this debt, wad of units */
  Num weighted; /* its part of borrowed */
  Num health;
} Position;

INLINE void set_most(Num *r) {
  set(r, ~0ULL);
  r->d[2] = r->d[3] = ~0U;
}

static NOINLINE u64 clamp64(const Num *a) {
  return a->d[2] | a->d[3] | a->d[4] | a->d[5] ? ~0ULL : to64(a);
}

static NOINLINE void find_health(Num *r, const Num *unhealthy, const Num *borrowed) {
  set_most(r);
  if (is_zero(borrowed)) return;
  Num most = *r;
  wad_divide(r, unhealthy, borrowed);
  take_lesser(r, &most);
}

static NOINLINE void weigh(Num *r, const Position *position, const u8 *reserve, const Num *owed) {
  value_at(r, reserve, &position->price, owed);
  wad_multiply(r, r, &position->weight);
}

/* The obligation must be refreshed in this slot, and its debt valued at the reserve's price. */
static NOINLINE u64 read_position(Position *out, const Account *a) {
  const u8 *reserve = a[A_RESERVE].data;
  u8 *obligation = a[A_OBLIGATION].data;
  u8 *borrow = find_borrow(obligation, a[A_RESERVE].key);
  Num value, stored;
  NEED(!is_stale(obligation), NOT_FRESH);
  NEED(borrow, NO_DEBT);
  get128(&out->unhealthy, obligation + UNHEALTHY_VALUE);
  get128(&out->borrowed, obligation + BORROWED_VALUE);
  get128(&out->price, reserve + PRICE);
  get128(&out->owed, borrow + BORROW_WADS);
  get128(&stored, borrow + BORROW_VALUE);
  borrow_weight(&out->weight, reserve);
  value_at(&value, reserve, &out->price, &out->owed);
  NEED(compare(&value, &stored) == EQUAL, PRICE_MOVED);
  weigh(&out->weighted, out, reserve, &out->owed);
  find_health(&out->health, &out->unhealthy, &out->borrowed);
  return 0;
}

/* Checks before an action. */

static NOINLINE u64 check_place(const Account *a) {
  const u8 *mandate = a[A_MANDATE].data;
  const Account *lending = a + A_LENDING, *reserve = a + A_RESERVE, *obligation = a + A_OBLIGATION;
  NEED(is_at(lending, mandate + MANDATE_LENDING), WRONG_LENDING);
  NEED(is_at(a + A_MARKET, mandate + MANDATE_MARKET), WRONG_MARKET);
  NEED(is_at(reserve, mandate + MANDATE_RESERVE), WRONG_RESERVE);
  NEED(same(reserve->owner, lending->key) && reserve->size == RESERVE_SIZE, WRONG_RESERVE);
  NEED(is_at(obligation, mandate + MANDATE_OBLIGATION), WRONG_OBLIGATION);
  NEED(same(obligation->owner, lending->key), WRONG_OBLIGATION);
  NEED(obligation->size == OBLIGATION_SIZE, WRONG_OBLIGATION);
  NEED(same(a[A_TOKEN].key, &TOKEN_PROGRAM), WRONG_SOURCE);
  return 0;
}

/* The tokens must be the owner's own, and his delegate the one address that serves him alone. */
static NOINLINE u64 check_source(const Account *a) {
  const u8 *mandate = a[A_MANDATE].data, *source = a[A_SOURCE].data;
  NEED(same(a[A_SOURCE].owner, &TOKEN_PROGRAM) && a[A_SOURCE].size == TOKEN_SIZE, WRONG_SOURCE);
  NEED(same(key_at(source + TOKEN_MINT), key_at(mandate + MANDATE_MINT)), WRONG_SOURCE);
  NEED(same(key_at(source + TOKEN_OWNER), key_at(mandate + MANDATE_OWNER)), WRONG_SOURCE);
  NEED(is_at(a + A_DELEGATE, mandate + MANDATE_DELEGATE), WRONG_DELEGATE);
  NEED(source[TOKEN_DELEGATE_TAG] == 1, WRONG_DELEGATE);
  NEED(is_at(a + A_DELEGATE, source + TOKEN_DELEGATE), WRONG_DELEGATE);
  return 0;
}

static NOINLINE u64 open_mandate(const Account *a, u8 kind) {
  const u8 *mandate = a[A_MANDATE].data;
  NEED(CALL->count >= (kind == UNIFIED ? UNIFIED_ACCOUNTS : NATIVE_ACCOUNTS), MISSING_ACCOUNT);
  NEED(is_ours(a + A_MANDATE, IS_MANDATE, MANDATE_SIZE), NO_MANDATE);
  NEED(is_at(a + A_KEEPER, mandate + MANDATE_KEEPER), WRONG_KEEPER);
  NEED(a[A_KEEPER].is_signer, MISSING_SIGNATURE);
  NEED(is_at(a + A_STATE, mandate + MANDATE_STATE), WRONG_STATE);
  NEED(!a[A_STATE].data[STATE_PAUSED], PAUSED);
  NEED(mandate[MANDATE_KIND] == kind, WRONG_KIND);
  NEED(now() <= get64(mandate + MANDATE_DEADLINE), ENDED);
  u64 last = get64(mandate + MANDATE_LAST_ACTION);
  NEED(!last || now() >= last + get64(mandate + MANDATE_COOLDOWN), COOLING);
  TRY(check_place(a));
  return check_source(a);
}

static NOINLINE u64 spent_today(const u8 *mandate) {
  return get64(mandate + MANDATE_DAY) == now() / SECONDS_A_DAY ? get64(mandate + MANDATE_SPENT) : 0;
}

INLINE u64 lesser(u64 a, u64 b) { return a < b ? a : b; }

/* The least of limits, balance and delegation. */
static NOINLINE u64 find_limit(const Account *a) {
  const u8 *mandate = a[A_MANDATE].data, *source = a[A_SOURCE].data;
  u64 spent = spent_today(mandate), per_day = get64(mandate + MANDATE_PER_DAY);
  u64 most = lesser(get64(mandate + MANDATE_PER_ACTION), per_day - lesser(spent, per_day));
  return lesser(most, lesser(get64(source + TOKEN_AMOUNT), get64(source + TOKEN_DELEGATED)));
}

/* How much is needed. */

/* Units of the token that are worth a value (wad), rounded up. */
static NOINLINE void to_units(Num *r, const Num *value, const u8 *reserve, const Num *price) {
  Num units = *value, up;
  scale_up(&units, reserve[DECIMALS]);
  set(&up, 1);
  subtract(&up, price, &up);
  add(&units, &units, &up);
  divide(r, &units, price);
}

/* What brings the obligation to the target: its debt may be unhealthy / target at most. */
static NOINLINE u64 native_needed(const Position *position, const u8 *reserve, const Num *target) {
  Num value, keep, one;
  wad_divide(&keep, &position->unhealthy, target);
  subtract(&value, &position->borrowed, &keep);
  set(&one, 1);
  add(&value, &value, &one);
  wad_divide(&value, &value, &position->weight);
  set(&one, 1 + ROUNDING_VALUE);
  add(&value, &value, &one);
  to_units(&value, &value, reserve, &position->price);
  return clamp64(&value);
}

/* |equity| and |health - 1| of the attested figures; the gap rounds towards 0. */
static NOINLINE u64 read_figures(Num *equity, Num *gap, const Attestation *said, const Num *health) {
  const u8 *word = word_of(said, NET_EQUITY);
  Num wad, whole = {{0, 0, 0, 0, 1, 0}}, one;
  set(&wad, WAD);
  set(&one, 1);
  get_word128(equity, word);
  if (compare(health, &wad) != LESS) {
    NEED(!word[0], BAD_FIGURES);
    subtract(gap, health, &wad);
  } else {
    NEED(word[0], BAD_FIGURES);
    subtract(equity, &whole, equity);
    subtract(gap, &wad, health);
    subtract(gap, gap, &one);
  }
  NEED(is_zero(gap) || !is_zero(equity), BAD_FIGURES);
  return 0;
}

/* What the attested figures need at most, as rescue.vy's _unified_needed has it for repayments. */
static NOINLINE u64 unified_needed(
    u64 *out, const Account *a, const Attestation *said, const Num *health, const Num *price) {
  const u8 *mandate = a[A_MANDATE].data;
  Num value, gap, target, number;
  TRY(read_figures(&value, &gap, said, health));
  *out = ~0ULL;
  if (is_zero(&gap)) return 0;
  set(&number, WAD);
  multiply(&value, &value, &number);
  divide(&value, &value, &gap);
  set(&number, 1);
  add(&value, &value, &number);
  get128(&target, mandate + MANDATE_TARGET);
  subtract(&gap, &target, health);
  multiply(&value, &value, &gap);
  divide(&value, &value, &target);
  add(&value, &value, &number);
  set(&number, BPS + get64(mandate + MANDATE_SLACK));
  multiply(&value, &value, &number);
  set(&number, BPS);
  divide(&value, &value, &number);
  set(&number, USD_TO_WAD);
  multiply(&value, &value, &number);
  to_units(&value, &value, a[A_RESERVE].data, price);
  set(&number, ROUNDING_UNITS);
  add(&value, &value, &number);
  *out = clamp64(&value);
  return 0;
}

/* The action and its end. */

static NOINLINE void book(u8 *mandate, u64 amount) {
  put64(mandate + MANDATE_SPENT, spent_today(mandate) + amount);
  put64(mandate + MANDATE_DAY, now() / SECONDS_A_DAY);
  put64(mandate + MANDATE_LAST_ACTION, now());
}

static NOINLINE u64 call_repay(const Account *a, u64 amount) {
  static const u8 ORDER[] = {A_SOURCE, A_SUPPLY, A_RESERVE, A_OBLIGATION, A_MARKET, A_DELEGATE, A_TOKEN};
  const u8 *mandate = a[A_MANDATE].data;
  Meta *metas = allocate(sizeof(ORDER) * sizeof(Meta));
  u8 *data = allocate(16);
  Instruction *instruction = allocate(sizeof(Instruction));
  Seed *seeds = allocate(3 * sizeof(Seed));
  Signer *signer = allocate(sizeof(Signer));
  for (u64 i = 0; i < sizeof(ORDER); i++) {
    u64 at = ORDER[i];
    metas[i] = (Meta){a[at].key, at >= A_SOURCE && at <= A_OBLIGATION, at == A_DELEGATE};
  }
  data[0] = LENDING_REPAY;
  put64(data + 1, amount);
  *instruction = (Instruction){a[A_LENDING].key, metas, sizeof(ORDER), data, 9};
  seeds[0] = (Seed){TEXT("delegate")};
  seeds[1] = key_seed(mandate + MANDATE_OWNER);
  seeds[2] = (Seed){mandate + MANDATE_DELEGATE_BUMP, 1};
  *signer = (Signer){seeds, 3};
  return sol_invoke_signed_c(instruction, CALL->accounts, CALL->count, signer, 1);
}

/* The debt, of which no more than all was paid, must have fallen by the amount or be gone. */
static NOINLINE u64 check_debt(Num *left, const Num *owed, const u8 *borrow, u64 amount) {
  Num paid;
  set(left, 0);
  if (borrow) get128(left, borrow + BORROW_WADS);
  if (is_zero(left)) return 0;
  set_whole(&paid, amount);
  add(&paid, &paid, left);
  NEED(compare(&paid, owed) == EQUAL, WRONG_AMOUNT);
  return 0;
}

/* Repay; write the health after it. */
static NOINLINE u64 move(const Account *a, const Position *position, u64 amount, Num *after) {
  const u8 *source = a[A_SOURCE].data;
  u64 held = get64(source + TOKEN_AMOUNT);
  Num left, borrowed;
  book(a[A_MANDATE].data, amount);
  TRY(call_repay(a, amount));
  NEED(held - get64(source + TOKEN_AMOUNT) == amount, WRONG_AMOUNT);
  TRY(check_debt(&left, &position->owed, find_borrow(a[A_OBLIGATION].data, a[A_RESERVE].key), amount));
  weigh(&left, position, a[A_RESERVE].data, &left);
  subtract(&borrowed, &position->borrowed, &position->weighted);
  add(&borrowed, &borrowed, &left);
  find_health(after, &position->unhealthy, &borrowed);
  return 0;
}

#define RESCUED_SIZE 177

/* Rescued: mark, owner, mandate, obligation, mint, instrument u8, units u64, health before and
 * after u128 (all ones: nothing is owed any more). */
static NOINLINE void report(const Account *a, u64 amount, const Num *before, const Num *after) {
  static const char MARK[] = "rescued";
  const u8 *mandate = a[A_MANDATE].data;
  u8 *event = allocate(RESCUED_SIZE);
  copy(event, (const u8 *)MARK, 8);
  put_key(event + 8, key_at(mandate + MANDATE_OWNER));
  put_key(event + 40, a[A_MANDATE].key);
  put_key(event + 72, a[A_OBLIGATION].key);
  put_key(event + 104, key_at(mandate + MANDATE_MINT));
  event[136] = REPAY;
  put64(event + 137, amount);
  put128(event + 145, before);
  put128(event + 161, after);
  Seed part = {event, RESCUED_SIZE};
  sol_log_data(&part, 1);
}

#endif
