/* Unsigned integers of 192 bits, and decimals of 18 places in them (WAD).
 *
 * The machine multiplies and divides 64 bits only. A number is six limbs of 32 bits, least
 * first. What does not fit into 192 bits (128 where stored), a subtraction below zero and a
 * division by zero leave the mark CALL->math_failed and give zero: a call that bears the mark
 * at its end fails as a whole, so that nothing wrong is ever kept.
 * Division is the schoolbook's, normalised (Knuth, TAOCP volume 2, 4.3.1, algorithm D). */
#ifndef PLIMSOLL_WIDE_H
#define PLIMSOLL_WIDE_H

#include "sol.h"

#define LIMBS 6
#define WAD 1000000000000000000ULL

typedef struct { u32 d[LIMBS]; } Num;

INLINE void math_fail(void) { CALL->math_failed = 1; }

static NOINLINE void set(Num *r, u64 value) {
  r->d[0] = (u32)value;
  r->d[1] = (u32)(value >> 32);
  for (u64 i = 2; i < LIMBS; i++) r->d[i] = 0;
}

static NOINLINE void get128(Num *r, const u8 *at) {
  for (u64 i = 0; i < 4; i++) r->d[i] = ((const u32 *)at)[i];
  r->d[4] = r->d[5] = 0;
}

static NOINLINE void put128(u8 *at, const Num *a) {
  if (a->d[4] | a->d[5]) math_fail();
  for (u64 i = 0; i < 4; i++) ((u32 *)at)[i] = a->d[i];
}

static NOINLINE u64 to64(const Num *a) {
  if (a->d[2] | a->d[3] | a->d[4] | a->d[5]) math_fail();
  return (u64)a->d[1] << 32 | a->d[0];
}

/* 0 where equal, 1 where a is less, 2 where a is greater. */
#define EQUAL 0
#define LESS 1
#define GREATER 2
static NOINLINE u64 compare(const Num *a, const Num *b) {
  for (u64 i = LIMBS; i-- > 0;)
    if (a->d[i] != b->d[i]) return a->d[i] < b->d[i] ? LESS : GREATER;
  return EQUAL;
}

static NOINLINE u64 is_zero(const Num *a) {
  return !(a->d[0] | a->d[1] | a->d[2] | a->d[3] | a->d[4] | a->d[5]);
}

INLINE void take_lesser(Num *r, const Num *a) { if (compare(a, r) == LESS) *r = *a; }
INLINE void take_greater(Num *r, const Num *a) { if (compare(a, r) == GREATER) *r = *a; }

static NOINLINE void add(Num *r, const Num *a, const Num *b) {
  u64 carry = 0;
  for (u64 i = 0; i < LIMBS; i++) {
    carry += (u64)a->d[i] + b->d[i];
    r->d[i] = (u32)carry;
    carry >>= 32;
  }
  if (carry) { math_fail(); set(r, 0); }
}

static NOINLINE void subtract(Num *r, const Num *a, const Num *b) {
  u64 borrow = 0;
  for (u64 i = 0; i < LIMBS; i++) {
    u64 digit = (u64)a->d[i] - b->d[i] - borrow;
    r->d[i] = (u32)digit;
    borrow = digit >> 63;
  }
  if (borrow) { math_fail(); set(r, 0); }
}

static NOINLINE void multiply(Num *r, const Num *a, const Num *b) {
  u32 product[2 * LIMBS];
  u32 above = 0;
  for (u64 i = 0; i < 2 * LIMBS; i++) product[i] = 0;
  for (u64 i = 0; i < LIMBS; i++) {
    u64 carry = 0, digit = a->d[i];
    if (!digit) continue;
    for (u64 j = 0; j < LIMBS; j++) {
      carry += digit * b->d[j] + product[i + j];
      product[i + j] = (u32)carry;
      carry >>= 32;
    }
    product[i + LIMBS] = (u32)carry;
  }
  for (u64 i = 0; i < LIMBS; i++) {
    r->d[i] = product[i];
    above |= product[i + LIMBS];
  }
  if (above) { math_fail(); set(r, 0); }
}

INLINE u64 limbs_of(const Num *a) {
  u64 n = LIMBS;
  while (n > 0 && !a->d[n - 1]) n--;
  return n;
}

INLINE void divide_short(Num *q, const Num *a, u64 divisor) {
  u64 rest = 0;
  for (u64 i = LIMBS; i-- > 0;) {
    rest = rest << 32 | a->d[i];
    q->d[i] = (u32)(rest / divisor);
    rest %= divisor;
  }
}

/* Subtract digit * v from u (n + 1 limbs); add v back where digit was one too many. */
static NOINLINE u32 take_digit(u32 *u, const u32 *v, u64 n, u64 digit) {
  u64 carry = 0, borrow = 0, part;
  for (u64 i = 0; i < n; i++) {
    carry += digit * v[i];
    part = (u64)u[i] - (u32)carry - borrow;
    u[i] = (u32)part;
    carry >>= 32;
    borrow = part >> 63;
  }
  part = (u64)u[n] - carry - borrow;
  u[n] = (u32)part;
  if (!(part >> 63)) return (u32)digit;
  carry = 0;
  for (u64 i = 0; i < n; i++) {
    carry += (u64)u[i] + v[i];
    u[i] = (u32)carry;
    carry >>= 32;
  }
  u[n] += (u32)carry;
  return (u32)digit - 1;
}

/* Give the digit of the quotient from the leading limbs; it is right or one too many. */
INLINE u64 guess_digit(const u32 *u, const u32 *v, u64 n) {
  u64 head = (u64)u[n] << 32 | u[n - 1];
  u64 digit = head / v[n - 1], rest = head % v[n - 1];
  while (digit >> 32 || digit * v[n - 2] > (rest << 32 | u[n - 2])) {
    digit--;
    rest += v[n - 1];
    if (rest >> 32) break;
  }
  return digit;
}

static NOINLINE void divide(Num *r, const Num *a, const Num *b) {
  u64 n = limbs_of(b), m = limbs_of(a), shift = 0;
  u32 u[LIMBS + 1], v[LIMBS];
  Num q;
  set(&q, 0);
  if (n == 0) {
    math_fail();
  } else if (n == 1) {
    divide_short(&q, a, b->d[0]);
  } else if (m >= n) {
    while (!(b->d[n - 1] << shift >> 31)) shift++;
    for (u64 i = n - 1; i > 0; i--) v[i] = (u32)(((u64)b->d[i] << 32 | b->d[i - 1]) << shift >> 32);
    v[0] = b->d[0] << shift;
    u[m] = (u32)((u64)a->d[m - 1] << shift >> 32);
    for (u64 i = m - 1; i > 0; i--) u[i] = (u32)(((u64)a->d[i] << 32 | a->d[i - 1]) << shift >> 32);
    u[0] = a->d[0] << shift;
    for (u64 j = m - n + 1; j-- > 0;) q.d[j] = take_digit(u + j, v, n, guess_digit(u + j, v, n));
  }
  *r = q;
}

/* Decimals: 1 is WAD, every result is rounded down. */

static NOINLINE void set_whole(Num *r, u64 value) {
  Num wad;
  set(r, value);
  set(&wad, WAD);
  multiply(r, r, &wad);
}

static NOINLINE void set_percent(Num *r, u64 percent) {
  Num hundredth;
  set(r, percent);
  set(&hundredth, WAD / 100);
  multiply(r, r, &hundredth);
}

static NOINLINE void wad_multiply(Num *r, const Num *a, const Num *b) {
  Num wad;
  set(&wad, WAD);
  multiply(r, a, b);
  divide(r, r, &wad);
}

static NOINLINE void wad_divide(Num *r, const Num *a, const Num *b) {
  Num wad;
  set(&wad, WAD);
  multiply(&wad, a, &wad);
  divide(r, &wad, b);
}

static NOINLINE u64 floor64(const Num *a) {
  Num wad, whole;
  set(&wad, WAD);
  divide(&whole, a, &wad);
  return to64(&whole);
}

static NOINLINE u64 ceil64(const Num *a) {
  Num up;
  set(&up, WAD - 1);
  add(&up, a, &up);
  return floor64(&up);
}

/* Multiply r by a power of ten. */
static NOINLINE void scale_up(Num *r, u64 decimals) {
  Num ten;
  set(&ten, 10);
  for (u64 i = 0; i < decimals; i++) multiply(r, r, &ten);
}

static NOINLINE void power(Num *r, const Num *base, u64 exponent) {
  Num square = *base, result;
  set(&result, WAD);
  while (exponent) {
    if (exponent & 1) wad_multiply(&result, &result, &square);
    exponent >>= 1;
    if (exponent) wad_multiply(&square, &square, &square);
  }
  *r = result;
}

#endif
