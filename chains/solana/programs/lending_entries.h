/* The deposits and borrows of an obligation: found, added, removed. */
#ifndef PLIMSOLL_LENDING_ENTRIES_H
#define PLIMSOLL_LENDING_ENTRIES_H

#include "lending_state.h"

static NOINLINE u8 *find_deposit(u8 *obligation, const Key *reserve) {
  for (u64 i = 0; i < obligation[DEPOSIT_COUNT]; i++)
    if (same(key_at(deposit_at(obligation, i)), reserve)) return deposit_at(obligation, i);
  return 0;
}

static NOINLINE u8 *find_borrow(u8 *obligation, const Key *reserve) {
  for (u64 i = 0; i < obligation[BORROW_COUNT]; i++)
    if (same(key_at(borrow_at(obligation, i)), reserve)) return borrow_at(obligation, i);
  return 0;
}

static NOINLINE u8 *make_room(u8 *obligation, u8 *at, u64 size) {
  for (u8 *p = obligation + OBLIGATION_SIZE; p-- > at + size;) *p = *(p - size);
  for (u64 i = 0; i < size; i++) at[i] = 0;
  return at;
}

static NOINLINE void close_gap(u8 *obligation, u8 *at, u64 size) {
  u8 *end = obligation + OBLIGATION_SIZE;
  for (; at + size < end; at++) *at = *(at + size);
  for (; at < end; at++) *at = 0;
}

static NOINLINE u64 add_deposit(u8 *obligation, const Key *reserve, u64 amount) {
  u8 *deposit = find_deposit(obligation, reserve);
  if (!deposit) {
    u64 deposits = obligation[DEPOSIT_COUNT];
    NEED(deposits + obligation[BORROW_COUNT] < MAX_ENTRIES, OBLIGATION_RESERVE_LIMIT);
    deposit = make_room(obligation, deposit_at(obligation, deposits), DEPOSIT_SIZE);
    obligation[DEPOSIT_COUNT]++;
    put_key(deposit, reserve);
  }
  u64 sum = get64(deposit + DEPOSIT_AMOUNT) + amount;
  NEED(sum >= amount, MATH_OVERFLOW);
  put64(deposit + DEPOSIT_AMOUNT, sum);
  return 0;
}

static NOINLINE u64 add_borrow(u8 *obligation, const Account *reserve, const Num *amount) {
  u8 *borrow = find_borrow(obligation, reserve->key);
  Num sum;
  if (!borrow) {
    u64 borrows = obligation[BORROW_COUNT];
    NEED(borrows + obligation[DEPOSIT_COUNT] < MAX_ENTRIES, OBLIGATION_RESERVE_LIMIT);
    borrow = make_room(obligation, borrow_at(obligation, borrows), BORROW_SIZE);
    obligation[BORROW_COUNT]++;
    put_key(borrow, reserve->key);
    get128(&sum, reserve->data + CUMULATIVE_RATE);
    put128(borrow + BORROW_RATE, &sum);
  }
  get128(&sum, borrow + BORROW_WADS);
  add(&sum, &sum, amount);
  put128(borrow + BORROW_WADS, &sum);
  return 0;
}

#endif
