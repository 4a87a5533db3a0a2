/* A pool of two tokens with constant product, so that what a liquidation seizes can be sold.
 *
 * Pool account, 138 bytes: version u8, bump u8, fee in basis points u64, mints at 10 and 42,
 * vaults at 74 and 106. The vaults belong to the address of seeds [pool, bump].
 *   0 create: tag, bump u8, fee u64. Accounts: pool*, vault, vault, authority
 *   1 swap: tag, amount u64, least u64. Accounts: pool, vault in*, vault out*, source*,
 *     destination*, authority, payer!, token */
#include "wide.h"

#define POOL_SIZE 138
#define VERSION 1
#define BUMP 1
#define FEE_BPS 2
#define MINTS 10
#define VAULTS 74
#define BPS 10000

enum { BAD_DATA = 1, BAD_ACCOUNT, BAD_AUTHORITY, EXISTS, TOO_LITTLE, MATH_OVERFLOW = 14 };
static const Key TOKEN_PROGRAM = {{0x93a165d7e1f6dd06ULL, 0xac79ebce46e1cbd9ULL,
                                   0x91375b5fed85b41cULL, 0xa900ff7e85f58c3aULL}};

static NOINLINE u64 check_authority(const Account *pool, const Account *authority, const u8 *bump) {
  Seed *seeds = allocate(2 * sizeof(Seed));
  Key *address = allocate(sizeof(Key));
  seeds[0] = (Seed){pool->key, 32};
  seeds[1] = (Seed){bump, 1};
  NEED(!sol_create_program_address(seeds, 2, CALL->program, address), BAD_AUTHORITY);
  NEED(same(address, authority->key), BAD_AUTHORITY);
  return 0;
}

static NOINLINE u64 create(const Account *a) {
  u8 *pool = a[0].data;
  NEED(CALL->size == 10 && CALL->count >= 4, BAD_DATA);
  NEED(pool[0] == 0, EXISTS);
  TRY(check_authority(a, a + 3, CALL->data + 1));
  u64 fee = get64(CALL->data + 2);
  NEED(fee < BPS, BAD_DATA);
  for (u64 i = 0; i < 2; i++) {
    const Account *vault = a + 1 + i;
    NEED(same(vault->owner, &TOKEN_PROGRAM) && vault->size == TOKEN_SIZE, BAD_ACCOUNT);
    NEED(same(key_at(vault->data + TOKEN_OWNER), a[3].key), BAD_AUTHORITY);
    put_key(pool + MINTS + 32 * i, key_at(vault->data + TOKEN_MINT));
    put_key(pool + VAULTS + 32 * i, vault->key);
  }
  NEED(!same(a[1].key, a[2].key), BAD_ACCOUNT);
  pool[0] = VERSION;
  pool[BUMP] = CALL->data[1];
  put64(pool + FEE_BPS, fee);
  return 0;
}

/* out = in' * reserve out / (reserve in * 10^4 + in'), in' = in * (10^4 - fee); rounded down. */
static NOINLINE u64 quote(u64 amount, u64 in, u64 out, u64 fee) {
  Num paid, other, sum;
  set(&paid, amount);
  set(&other, BPS - fee);
  multiply(&paid, &paid, &other);
  set(&sum, in);
  set(&other, BPS);
  multiply(&sum, &sum, &other);
  add(&sum, &sum, &paid);
  set(&other, out);
  multiply(&paid, &paid, &other);
  divide(&paid, &paid, &sum);
  return to64(&paid);
}

static NOINLINE u64 swap(const Account *a) {
  const u8 *pool = a[0].data;
  NEED(CALL->size == 17 && CALL->count >= 8, BAD_DATA);
  NEED(pool[0] == VERSION, BAD_ACCOUNT);
  const Key *first = key_at(pool + VAULTS), *second = key_at(pool + VAULTS + 32);
  NEED((same(a[1].key, first) && same(a[2].key, second)) ||
           (same(a[1].key, second) && same(a[2].key, first)), BAD_ACCOUNT);
  NEED(!same(a[3].key, a[1].key) && !same(a[4].key, a[2].key), BAD_ACCOUNT);
  TRY(check_authority(a, a + 5, pool + BUMP));
  NEED(same(a[7].key, &TOKEN_PROGRAM), BAD_ACCOUNT);
  u64 amount = get64(CALL->data + 1), in = get64(a[1].data + TOKEN_AMOUNT);
  u64 out = quote(amount, in, get64(a[2].data + TOKEN_AMOUNT), get64(pool + FEE_BPS));
  NEED(!CALL->math_failed, MATH_OVERFLOW);
  NEED(out && out >= get64(CALL->data + 9), TOO_LITTLE);
  TRY(call_token(&(TokenCall){TOKEN_TRANSFER, a + 7, a + 3, a + 1, a + 6, amount, 0, 0}));
  return call_token(&(TokenCall){TOKEN_TRANSFER, a + 7, a + 2, a + 4, a + 5, out, a[0].key, pool[BUMP]});
}

u64 entrypoint(u8 *input) {
  TRY(read_input(input));
  const Account *pool = CALL->accounts;
  NEED(CALL->count && CALL->size, BAD_DATA);
  NEED(same(pool->owner, CALL->program) && pool->size == POOL_SIZE, BAD_ACCOUNT);
  switch (CALL->data[0]) {
    case 0: return create(pool);
    case 1: return swap(pool);
    default: return BAD_DATA;
  }
}
