/* Where the fields of the rescue program's accounts lie, and how its instructions refuse.
 *
 * Mandate 472 bytes, owner's state 424, committee 492; keys are 32 bytes, numbers little-endian,
 * health factors u128 x 1e18, amounts units of the token, times seconds. The first byte says what
 * an account is; only this program writes accounts that it owns, so that byte can be trusted. */
#ifndef PLIMSOLL_RESCUE_STATE_H
#define PLIMSOLL_RESCUE_STATE_H

#include "lending_state.h"

#define IS_MANDATE 1
#define IS_STATE 2
#define IS_COMMITTEE 3

#define NATIVE 0
#define UNIFIED 1
#define REPAY 1

#define MANDATE_SIZE 472
#define MANDATE_KIND 1
#define MANDATE_DELEGATE_BUMP 2
#define MANDATE_TERMS 8 /* what the owner says, in the order of set_mandate's data */
#define MANDATE_KEEPER 8
#define MANDATE_TRIGGER 40
#define MANDATE_TARGET 56
#define MANDATE_PER_ACTION 72
#define MANDATE_PER_DAY 80
#define MANDATE_MIN_ACTION 88
#define MANDATE_COOLDOWN 96
#define MANDATE_DEADLINE 104
#define MANDATE_ROOT 112
#define MANDATE_MAX_AGE 144
#define MANDATE_SLACK 152
#define MANDATE_OWNER 160 /* what his accounts said when he set it */
#define MANDATE_LENDING 192
#define MANDATE_MARKET 224
#define MANDATE_RESERVE 256
#define MANDATE_OBLIGATION 288
#define MANDATE_MINT 320
#define MANDATE_DELEGATE 352
#define MANDATE_STATE 384
#define MANDATE_COMMITTEE 416
#define MANDATE_DAY 448 /* what was used */
#define MANDATE_SPENT 456
#define MANDATE_LAST_ACTION 464

#define STATE_SIZE 424
#define STATE_PAUSED 1
#define STATE_OWNER 8
#define STATE_SETS 40
#define MAX_SETS 8
#define SET_SIZE 48
#define SET_ROOT 0
#define SET_SEQUENCE 32
#define SET_USED_AT 40

#define COMMITTEE_SIZE 492
#define COMMITTEE_COUNT 1
#define COMMITTEE_THRESHOLD 2
#define COMMITTEE_MAX_TTL 8
#define COMMITTEE_SALT 16
#define COMMITTEE_DOMAIN 48
#define COMMITTEE_ID 80
#define COMMITTEE_MEMBERS 112
#define MAX_MEMBERS 19
#define MEMBER_SIZE 20

#define TOKEN_DELEGATE_TAG 72
#define TOKEN_DELEGATE 76
#define TOKEN_DELEGATED 121

#define SECONDS_A_DAY 86400ULL
#define CLOCK_TOLERANCE_S 15
#define MAX_COOLDOWN_S (365 * SECONDS_A_DAY)
#define MAX_TARGET_WHOLE 100
#define BPS 10000ULL

enum {
  BAD_DATA = 100,
  MISSING_ACCOUNT = 101,
  MISSING_SIGNATURE = 102,
  WRONG_ADDRESS = 103,
  ALREADY_THERE = 104,
  BAD_KIND = 105,
  BAD_KEEPER = 106,
  BAD_TARGET = 107,
  BAD_LIMITS = 108,
  BAD_COOLDOWN = 109,
  BAD_DEADLINE = 110,
  BAD_ROOT = 111,
  BAD_AGE = 112,
  BAD_SLACK = 113,
  NOT_UNIFIED = 114,
  BAD_SALT = 115,
  BAD_THRESHOLD = 116,
  BAD_MEMBERS = 117,
  BAD_MAX_TTL = 118,
  BAD_RENT = 119,
  WRONG_LENDING = 120,
  WRONG_MARKET = 121,
  WRONG_RESERVE = 122,
  WRONG_OBLIGATION = 123,
  NO_MANDATE = 124,
  WRONG_KEEPER = 125,
  PAUSED = 126,
  WRONG_KIND = 127,
  ENDED = 128,
  COOLING = 129,
  WRONG_STATE = 130,
  WRONG_SOURCE = 131,
  WRONG_DELEGATE = 132,
  NOT_FRESH = 133,
  PRICE_MOVED = 134,
  NO_DEBT = 135,
  HEALTHY = 136,
  NO_FUNDS = 137,
  TOO_SMALL = 138,
  TARGET_MISSED = 139,
  WRONG_AMOUNT = 140,
  NATIVE_LOWER = 141,
  WRONG_COMMITTEE = 142,
  EXPIRED = 143,
  FUTURE = 144,
  TTL_TOO_LONG = 145,
  TOO_OLD = 146,
  SEQUENCE_USED = 147,
  TOO_MANY_SETS = 148,
  BAD_PROOF = 149,
  NO_QUORUM = 150,
  BAD_BITMAP = 151,
  HIGH_S = 152,
  BAD_V = 153,
  WRONG_SIGNER = 154,
  BAD_FIGURES = 155,
  ABOVE_NEED = 156,
  MATH_FAILED = 157,
  BEFORE_ACTION = 158,
};

INLINE u64 now(void) { return (u64)CALL->clock.unix_timestamp; }

INLINE void copy(u8 *to, const u8 *from, u64 size) {
  for (u64 i = 0; i < size; i++) to[i] = from[i];
}

static NOINLINE u64 is_blank(const u8 *at, u64 size) {
  for (u64 i = 0; i < size; i++)
    if (at[i]) return 0;
  return 1;
}

/* Whether an account is ours and of a kind. */
static NOINLINE u64 is_ours(const Account *account, u8 kind, u64 size) {
  return same(account->owner, CALL->program) && account->size == size && account->data[0] == kind;
}

static NOINLINE u64 is_at(const Account *account, const u8 *field) {
  return same(account->key, key_at(field));
}

#endif
