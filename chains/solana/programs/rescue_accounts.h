/* The program's own accounts: their addresses, and making them. */
#ifndef PLIMSOLL_RESCUE_ACCOUNTS_H
#define PLIMSOLL_RESCUE_ACCOUNTS_H

#include "rescue_state.h"

typedef struct { u64 per_byte_year, years; u8 burnt, padding[7]; } Rent; /* years is a double */

u64 sol_try_find_program_address(const Seed *, u64 count, const Key *program, Key *, u8 *bump);
u64 sol_get_rent_sysvar(Rent *);

#define ONE_YEAR 0x3ff0000000000000ULL
#define TWO_YEARS 0x4000000000000000ULL
#define ACCOUNT_OVERHEAD 128
#define SYSTEM_ASSIGN 1
#define SYSTEM_TRANSFER 2
#define SYSTEM_ALLOCATE 8
#define MAX_SEEDS 6

static const Key SYSTEM_PROGRAM = {{0, 0, 0, 0}};
static const Key TOKEN_PROGRAM = {{0x93a165d7e1f6dd06ULL, 0xac79ebce46e1cbd9ULL,
                                   0x91375b5fed85b41cULL, 0xa900ff7e85f58c3aULL}};

/* An address of this program: its seeds, the bump behind them. */
typedef struct {
  Seed seeds[MAX_SEEDS];
  u64 count;
  Key address;
  u8 bump;
} Derived;

#define TEXT(text) text, sizeof(text) - 1
INLINE Seed key_seed(const void *key) { return (Seed){key, 32}; }

static NOINLINE Derived *start_address(const char *word, u64 size, const void *key) {
  Derived *derived = allocate(sizeof(Derived));
  derived->seeds[0] = (Seed){word, size};
  derived->seeds[1] = key_seed(key);
  derived->count = 2;
  return derived;
}

static NOINLINE u64 find_address(Derived *derived) {
  NEED(!sol_try_find_program_address(derived->seeds, derived->count, CALL->program,
                                     &derived->address, &derived->bump), WRONG_ADDRESS);
  derived->seeds[derived->count++] = (Seed){&derived->bump, 1};
  return 0;
}

static NOINLINE u64 find_delegate(Derived **out, const Key *owner) {
  *out = start_address(TEXT("delegate"), owner);
  return find_address(*out);
}

static NOINLINE u64 find_state(Derived **out, const Key *owner) {
  *out = start_address(TEXT("owner"), owner);
  return find_address(*out);
}

/* [mandate, owner, obligation, mint, kind] */
static NOINLINE u64 find_mandate(
    Derived **out, const Key *owner, const Key *obligation, const Key *mint, const u8 *kind) {
  Derived *derived = start_address(TEXT("mandate"), owner);
  derived->seeds[2] = key_seed(obligation);
  derived->seeds[3] = key_seed(mint);
  derived->seeds[4] = (Seed){kind, 1};
  derived->count = 5;
  *out = derived;
  return find_address(derived);
}

static NOINLINE u64 find_rent(u64 *lamports, u64 size) {
  Rent *rent = allocate(sizeof(Rent));
  NEED(!sol_get_rent_sysvar(rent), BAD_RENT);
  NEED(rent->years == ONE_YEAR || rent->years == TWO_YEARS, BAD_RENT);
  *lamports = (ACCOUNT_OVERHEAD + size) * rent->per_byte_year * (rent->years == TWO_YEARS ? 2 : 1);
  return 0;
}

/* One system instruction about an account that this program may sign for. */
typedef struct { u32 operation; const Account *payer, *account; const Derived *address; } SystemCall;

static NOINLINE u64 call_system(const SystemCall *what, const u8 *argument, u64 size) {
  u8 *data = allocate(4 + size);
  Meta *metas = allocate(2 * sizeof(Meta));
  Instruction *instruction = allocate(sizeof(Instruction));
  Signer *signer = allocate(sizeof(Signer));
  u64 pays = what->operation == SYSTEM_TRANSFER;
  *(u32 *)data = what->operation;
  copy(data + 4, argument, size);
  metas[0] = (Meta){pays ? what->payer->key : what->account->key, 1, 1};
  metas[1] = (Meta){what->account->key, 1, 0};
  *instruction = (Instruction){&SYSTEM_PROGRAM, metas, pays ? 2 : 1, data, 4 + size};
  *signer = (Signer){what->address->seeds, what->address->count};
  return sol_invoke_signed_c(instruction, CALL->accounts, CALL->count, signer, 1);
}

/* Make an account of ours, blank, where there is none yet; the payer pays its rent. Whoever sent
 * lamports to the address before cannot prevent it. */
static NOINLINE u64 make_account(
    const Account *account, const Derived *address, const Account *payer, u64 size) {
  SystemCall *call = allocate(sizeof(SystemCall));
  u64 rent, missing;
  NEED(same(account->key, &address->address), WRONG_ADDRESS);
  TRY(find_rent(&rent, size));
  *call = (SystemCall){SYSTEM_TRANSFER, payer, account, address};
  if (*account->lamports < rent) {
    missing = rent - *account->lamports;
    TRY(call_system(call, (const u8 *)&missing, 8));
  }
  if (same(account->owner, CALL->program)) return 0;
  call->operation = SYSTEM_ALLOCATE;
  TRY(call_system(call, (const u8 *)&size, 8));
  call->operation = SYSTEM_ASSIGN;
  return call_system(call, (const u8 *)CALL->program, 32);
}

/* The owner's state, made at its first use and never removed: it remembers attestations. */
static NOINLINE u64 open_state(const Account *state, const Account *owner) {
  Derived *address;
  TRY(find_state(&address, owner->key));
  TRY(make_account(state, address, owner, STATE_SIZE));
  state->data[0] = IS_STATE;
  put_key(state->data + STATE_OWNER, owner->key);
  return 0;
}

#endif
