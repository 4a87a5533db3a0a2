/* Save's arithmetic: interest, exchange rate, prices, health, liquidation amounts.
 *
 * Every decimal is rounded down; what a payer owes is rounded up to the unit. The same rules in
 * Python stand in chains/solana/protocols/save/math.py, and tests hold both to the unit. */
#ifndef PLIMSOLL_LENDING_MATH_H
#define PLIMSOLL_LENDING_MATH_H

#include "lending_state.h"

#define SLOTS_PER_YEAR 63072000ULL /* two slots a second */
#define CLOSE_FACTOR 20 /* percent of what is owed */
#define MAX_VALUE_AT_ONCE 500000
#define DUST_VALUE 1
#define BONUS_LIMIT 25 /* percent, fee included */
#define ALL (~0ULL)

/* Interest. */

/* min + (max - min) * (at - from) / (to - from), rates in percent. */
typedef struct { u64 from, to, low, high; } Slope;
static NOINLINE void climb(Num *r, const Num *at, const Slope *slope) {
  Num a, b;
  set_percent(&a, slope->from);
  set_percent(&b, slope->to);
  subtract(&b, &b, &a);
  subtract(&a, at, &a);
  wad_divide(&a, &a, &b);
  set_percent(&b, slope->high - slope->low);
  wad_multiply(&a, &a, &b);
  set_percent(&b, slope->low);
  add(r, &a, &b);
}

static NOINLINE void utilization(Num *r, const u8 *reserve) {
  Num borrowed, total;
  get128(&borrowed, reserve + BORROWED);
  set_whole(&total, get64(reserve + AVAILABLE));
  add(&total, &total, &borrowed);
  set(r, 0);
  if (!is_zero(&total)) wad_divide(r, &borrowed, &total);
}

static NOINLINE void borrow_rate(Num *r, const u8 *reserve) {
  u64 optimal = reserve[OPTIMAL_UTILIZATION], most = reserve[MAX_UTILIZATION];
  Num used, bound;
  Slope slope;
  utilization(&used, reserve);
  set_percent(&bound, optimal);
  if (compare(&used, &bound) != GREATER) {
    set_percent(r, reserve[MIN_RATE]);
    if (!optimal) return;
    slope = (Slope){0, optimal, reserve[MIN_RATE], reserve[OPTIMAL_RATE]};
  } else {
    set_percent(&bound, most);
    if (compare(&used, &bound) != GREATER)
      slope = (Slope){optimal, most, reserve[OPTIMAL_RATE], reserve[MAX_RATE]};
    else
      slope = (Slope){most, 100, reserve[MAX_RATE], get64(reserve + SUPER_MAX_RATE)};
  }
  climb(r, &used, &slope);
}

/* Charge interest up to the current slot, compounded per slot. */
static NOINLINE void accrue(u8 *reserve) {
  u64 before = get64(reserve + UPDATED_SLOT), now = CALL->clock.slot;
  Num factor, number, debt, fees;
  if (now < before) math_fail();
  if (now <= before) return;
  borrow_rate(&factor, reserve);
  set(&number, SLOTS_PER_YEAR);
  divide(&factor, &factor, &number);
  set(&number, WAD);
  add(&factor, &factor, &number);
  power(&factor, &factor, now - before);
  get128(&number, reserve + CUMULATIVE_RATE);
  wad_multiply(&number, &number, &factor);
  put128(reserve + CUMULATIVE_RATE, &number);
  get128(&debt, reserve + BORROWED);
  wad_multiply(&number, &debt, &factor);
  put128(reserve + BORROWED, &number);
  subtract(&debt, &number, &debt);
  set_percent(&number, reserve[TAKE_RATE]);
  wad_multiply(&debt, &debt, &number);
  get128(&fees, reserve + PROTOCOL_FEES);
  add(&fees, &fees, &debt);
  put128(reserve + PROTOCOL_FEES, &fees);
}

/* Bring one borrow of an obligation to its reserve's cumulative rate. */
static NOINLINE void accrue_borrow(u8 *borrow, const u8 *reserve) {
  Num before, now, owed;
  get128(&before, borrow + BORROW_RATE);
  get128(&now, reserve + CUMULATIVE_RATE);
  if (compare(&now, &before) == LESS) math_fail();
  if (compare(&now, &before) != GREATER) return;
  put128(borrow + BORROW_RATE, &now);
  wad_divide(&now, &now, &before);
  get128(&owed, borrow + BORROW_WADS);
  wad_multiply(&owed, &owed, &now);
  put128(borrow + BORROW_WADS, &owed);
}

/* Exchange rate: collateral tokens per unit of liquidity. */

static NOINLINE void exchange_rate(Num *r, const u8 *reserve) {
  Num total, fees;
  get128(&total, reserve + BORROWED);
  set_whole(r, get64(reserve + AVAILABLE));
  add(&total, &total, r);
  get128(&fees, reserve + PROTOCOL_FEES);
  subtract(&total, &total, &fees);
  set_whole(r, get64(reserve + COLLATERAL_MINTED));
  if (is_zero(r) || is_zero(&total)) set(r, WAD);
  else wad_divide(r, r, &total);
}

static NOINLINE u64 to_collateral(const u8 *reserve, u64 liquidity) {
  Num rate, amount;
  exchange_rate(&rate, reserve);
  set_whole(&amount, liquidity);
  wad_multiply(&amount, &amount, &rate);
  return floor64(&amount);
}

static NOINLINE void to_liquidity(Num *r, const u8 *reserve, u64 collateral) {
  Num rate;
  exchange_rate(&rate, reserve);
  set_whole(r, collateral);
  wad_divide(r, r, &rate);
}

/* Values. */

static NOINLINE void value_at(Num *r, const u8 *reserve, const Num *price, const Num *amount) {
  Num unit, value;
  set_whole(&unit, 1);
  scale_up(&unit, reserve[DECIMALS]);
  wad_multiply(&value, price, amount);
  wad_divide(r, &value, &unit);
}

static NOINLINE void spot(Num *r, const u8 *reserve) { get128(r, reserve + PRICE); }

/* The least and the greatest of spot, smoothed and extra price. */
static NOINLINE void price_bounds(Num *least, Num *most, const u8 *reserve) {
  Num other;
  spot(least, reserve);
  get128(&other, reserve + SMOOTHED_PRICE);
  *most = *least;
  take_lesser(least, &other);
  take_greater(most, &other);
  if (!reserve[HAS_EXTRA_PRICE]) return;
  get128(&other, reserve + EXTRA_PRICE);
  take_lesser(least, &other);
  take_greater(most, &other);
}

static NOINLINE void add_to(u8 *total, const Num *value, const Num *weight) {
  Num sum, weighted = *value;
  if (weight) wad_multiply(&weighted, value, weight);
  get128(&sum, total);
  add(&sum, &sum, &weighted);
  put128(total, &sum);
}

static NOINLINE void borrow_weight(Num *r, const u8 *reserve) {
  Num unit;
  set(r, get64(reserve + ADDED_WEIGHT_BPS));
  set(&unit, WAD / 10000);
  multiply(r, r, &unit);
  set(&unit, WAD);
  add(r, r, &unit);
}

static NOINLINE void add_percent_of(u8 *total, const Num *value, u64 percent) {
  Num weight;
  set_percent(&weight, percent);
  add_to(total, value, &weight);
}

static NOINLINE void value_deposit(u8 *obligation, u8 *deposit, const u8 *reserve) {
  Num amount, value, least, most;
  to_liquidity(&amount, reserve, get64(deposit + DEPOSIT_AMOUNT));
  spot(&value, reserve);
  value_at(&value, reserve, &value, &amount);
  price_bounds(&least, &most, reserve);
  value_at(&least, reserve, &least, &amount);
  put128(deposit + DEPOSIT_VALUE, &value);
  add_to(obligation + DEPOSITED_VALUE, &value, 0);
  add_percent_of(obligation + ALLOWED_VALUE, &least, reserve[LOAN_TO_VALUE]);
  add_percent_of(obligation + UNHEALTHY_VALUE, &value, reserve[THRESHOLD]);
  add_percent_of(obligation + SUPER_UNHEALTHY_VALUE, &value, reserve[MAX_THRESHOLD]);
}

static NOINLINE void value_borrow(u8 *obligation, u8 *borrow, const u8 *reserve) {
  Num amount, value, least, most;
  accrue_borrow(borrow, reserve);
  get128(&amount, borrow + BORROW_WADS);
  spot(&value, reserve);
  value_at(&value, reserve, &value, &amount);
  price_bounds(&least, &most, reserve);
  value_at(&most, reserve, &most, &amount);
  put128(borrow + BORROW_VALUE, &value);
  add_to(obligation + UNWEIGHTED_VALUE, &value, 0);
  borrow_weight(&least, reserve);
  add_to(obligation + BORROWED_VALUE, &value, &least);
  add_to(obligation + BORROWED_UPPER_VALUE, &most, &least);
}

/* Liquidation. */

typedef struct { Num total, fee; } Bonus;

/* The bonus grows from the threshold to the greatest threshold; 29 for a healthy obligation. */
static NOINLINE u64 find_bonus(Bonus *bonus, const u8 *obligation, const u8 *reserve) {
  Num owed, bound, far, one;
  get128(&owed, obligation + BORROWED_VALUE);
  get128(&bound, obligation + UNHEALTHY_VALUE);
  get128(&far, obligation + SUPER_UNHEALTHY_VALUE);
  set(&bonus->total, 0);
  set(&bonus->fee, 0);
  if (compare(&owed, &bound) == LESS) return obligation[CLOSEABLE] ? 0 : OBLIGATION_HEALTHY;
  set_percent(&bonus->fee, reserve[LIQUIDATION_FEE]);
  set(&one, 10);
  divide(&bonus->fee, &bonus->fee, &one);
  if (compare(&far, &bound) != EQUAL) {
    set(&one, WAD);
    subtract(&owed, &owed, &bound);
    subtract(&far, &far, &bound);
    wad_divide(&owed, &owed, &far);
    take_lesser(&owed, &one);
    set_percent(&bound, reserve[MAX_BONUS] - reserve[BONUS]);
    wad_multiply(&bonus->total, &owed, &bound);
  }
  set_percent(&bound, reserve[BONUS]);
  add(&bonus->total, &bonus->total, &bound);
  add(&bonus->total, &bonus->total, &bonus->fee);
  set_percent(&bound, BONUS_LIMIT);
  take_lesser(&bonus->total, &bound);
  return 0;
}

typedef struct {
  Num settle; /* what the debt shrinks by, wad */
  u64 repay;  /* what the liquidator pays */
  u64 withdraw; /* collateral tokens */
} Liquidation;

/* How much of one borrow may be covered now, wad. */
static NOINLINE void find_cover(Num *r, const u8 *obligation, const u8 *borrow, u64 wanted) {
  Num owed, value, limit;
  get128(&owed, borrow + BORROW_WADS);
  get128(&value, borrow + BORROW_VALUE);
  set_whole(&limit, DUST_VALUE);
  if (compare(&value, &limit) != GREATER) {
    *r = owed;
    return;
  }
  get128(r, obligation + BORROWED_VALUE);
  set_percent(&limit, CLOSE_FACTOR);
  wad_multiply(r, r, &limit);
  take_lesser(r, &value);
  set_whole(&limit, MAX_VALUE_AT_ONCE);
  take_lesser(r, &limit);
  wad_divide(r, r, &value);
  wad_multiply(r, r, &owed);
  if (wanted != ALL) {
    set_whole(&limit, wanted);
    take_lesser(r, &limit);
  }
  take_lesser(r, &owed);
}

static NOINLINE void find_liquidation(
    Liquidation *out, const u8 *deposit, const u8 *borrow, const Num *cover, const Bonus *bonus) {
  Num owed, value, held, part;
  get128(&owed, borrow + BORROW_WADS);
  get128(&value, borrow + BORROW_VALUE);
  get128(&held, deposit + DEPOSIT_VALUE);
  out->settle = *cover;
  out->withdraw = get64(deposit + DEPOSIT_AMOUNT);
  wad_divide(&part, cover, &owed);
  wad_multiply(&value, &value, &part);
  set(&part, WAD);
  add(&part, &part, &bonus->total);
  wad_multiply(&value, &value, &part);
  if (compare(&value, &held) == GREATER) {
    wad_divide(&part, &held, &value);
    wad_multiply(&out->settle, cover, &part);
  } else if (compare(&value, &held) == LESS) {
    wad_divide(&part, &value, &held);
    set_whole(&held, out->withdraw);
    wad_multiply(&held, &held, &part);
    out->withdraw = floor64(&held);
  }
  out->repay = ceil64(&out->settle);
}

/* The protocol's part of what was seized: its share of the amount without bonus, at least 1. */
static NOINLINE u64 liquidation_fee(u64 seized, const Bonus *bonus) {
  Num amount, one;
  u64 fee;
  set(&one, WAD);
  add(&one, &one, &bonus->total);
  set_whole(&amount, seized);
  wad_divide(&amount, &amount, &one);
  wad_multiply(&amount, &amount, &bonus->fee);
  fee = ceil64(&amount);
  return fee ? fee : 1;
}

#endif
