/* Settable prices in the layout of Pyth's PriceUpdateV2 (134 bytes), for a devnet and for tests.
 *
 * Accounts of both instructions: price*, authority!. The first sets the authority for good.
 *   0 create: tag, feed id (32)
 *   1 set: tag, price i64, confidence u64, exponent i32, published i64, smoothed price i64,
 *     smoothed confidence u64 */
#include "sol.h"

#define PRICE_SIZE 134
#define DISCRIMINATOR 0xcdf47e9d6323f122ULL
#define AUTHORITY 8
#define LEVEL 40
#define LEVEL_FULL 1
#define FEED 41
#define PRICE 73
#define CONFIDENCE 81
#define EXPONENT 89
#define PUBLISHED 93
#define PUBLISHED_BEFORE 101
#define SMOOTHED 109
#define SMOOTHED_CONFIDENCE 117
#define SLOT 125
#define SET_SIZE 45

enum { BAD_DATA = 1, BAD_ACCOUNT, BAD_AUTHORITY, EXISTS };

u64 entrypoint(u8 *input) {
  TRY(read_input(input));
  Account *account = CALL->accounts, *authority = CALL->accounts + 1;
  u8 *price = account->data;
  const u8 *data = CALL->data;
  NEED(CALL->count >= 2 && same(account->owner, CALL->program) && account->size == PRICE_SIZE, BAD_ACCOUNT);
  NEED(authority->is_signer, BAD_AUTHORITY);
  if (CALL->size == 1 + sizeof(Key) && data[0] == 0) {
    NEED(get64(price) == 0, EXISTS);
    put64(price, DISCRIMINATOR);
    put_key(price + AUTHORITY, authority->key);
    price[LEVEL] = LEVEL_FULL;
    put_key(price + FEED, key_at(data + 1));
    return 0;
  }
  NEED(CALL->size == SET_SIZE && data[0] == 1, BAD_DATA);
  NEED(get64(price) == DISCRIMINATOR, BAD_ACCOUNT);
  NEED(same(key_at(price + AUTHORITY), authority->key), BAD_AUTHORITY);
  put64(price + PUBLISHED_BEFORE, get64(price + PUBLISHED));
  put64(price + PRICE, get64(data + 1));
  put64(price + CONFIDENCE, get64(data + 9));
  *(u32 *)(price + EXPONENT) = *(const u32 *)(data + 17);
  put64(price + PUBLISHED, get64(data + 21));
  put64(price + SMOOTHED, get64(data + 29));
  put64(price + SMOOTHED_CONFIDENCE, get64(data + 37));
  put64(price + SLOT, CALL->clock.slot);
  return 0;
}
