/* What a program sees of the machine it runs on: types, system calls, accounts, token calls.
 *
 * There is no C library, no writable global and no stack frame above 512 bytes; scratch space is
 * the heap of 32 KiB, which starts as zeros. Multi-byte fields of accounts lie at any address,
 * which this machine loads as they are.
 * Source: https://solana.com/docs/programs (input serialisation, C system-call interface). */
#ifndef PLIMSOLL_SOL_H
#define PLIMSOLL_SOL_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))
#define TRY(expression) do { u64 failed_ = (expression); if (failed_) return failed_; } while (0)
#define NEED(condition, code) do { if (!(condition)) return (code); } while (0)

typedef struct { u64 w[4]; } Key;
typedef struct {
  const Key *key;
  u64 *lamports;
  u64 size;
  u8 *data;
  const Key *owner;
  u64 rent_epoch;
  u8 is_signer, is_writable, is_executable;
} Account;
typedef struct { const Key *key; u8 is_writable, is_signer; } Meta;
typedef struct { const Key *program; const Meta *metas; u64 meta_count; const u8 *data; u64 size; } Instruction;
typedef struct { const void *at; u64 size; } Seed;
typedef struct { const Seed *seeds; u64 count; } Signer;
typedef struct { u64 slot; i64 epoch_start; u64 epoch, leader_epoch; i64 unix_timestamp; } Clock;

u64 sol_invoke_signed_c(const Instruction *, const Account *, u64 count, const Signer *, u64 signers);
u64 sol_create_program_address(const Seed *, u64 count, const Key *program, Key *address);
u64 sol_get_clock_sysvar(Clock *);
u64 sol_set_return_data(const u8 *, u64 size);

/* One call of the program. `math_failed` is the mark that wide.h leaves. */
typedef struct {
  u64 math_failed;
  u64 heap_used;
  u64 count;
  Account *accounts;
  const u8 *data;
  u64 size;
  const Key *program;
  Clock clock;
} Call;

#define HEAP_START 0x300000000ULL
#define CALL ((Call *)HEAP_START)
#define MAX_ACCOUNTS 32
#define REALLOCATION_ROOM 10240

INLINE u64 get64(const u8 *at) { return *(const u64 *)at; }
INLINE i64 get64s(const u8 *at) { return *(const i64 *)at; }
INLINE void put64(u8 *at, u64 value) { *(u64 *)at = value; }
INLINE const Key *key_at(const u8 *at) { return (const Key *)at; }

static NOINLINE u64 same(const Key *a, const Key *b) {
  return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

static NOINLINE void put_key(u8 *at, const Key *key) {
  for (u64 i = 0; i < 4; i++) ((u64 *)at)[i] = key->w[i];
}

static NOINLINE void *allocate(u64 size) {
  void *at = (void *)(HEAP_START + CALL->heap_used);
  CALL->heap_used += (size + 7) & ~7ULL;
  return at;
}

/* Read the serialised input into CALL. */
static NOINLINE u64 read_input(u8 *at) {
  Call *call = CALL;
  call->heap_used = (sizeof(Call) + 7) & ~7ULL;
  call->count = get64(at);
  if (call->count > MAX_ACCOUNTS) return 1;
  call->accounts = allocate(sizeof(Account) * MAX_ACCOUNTS);
  at += 8;
  for (u64 i = 0; i < call->count; i++) {
    Account *account = &call->accounts[i];
    if (at[0] != 0xff) {
      *account = call->accounts[at[0]];
      at += 8;
      continue;
    }
    account->is_signer = at[1];
    account->is_writable = at[2];
    account->is_executable = at[3];
    account->key = key_at(at + 8);
    account->owner = key_at(at + 40);
    account->lamports = (u64 *)(at + 72);
    account->size = get64(at + 80);
    account->data = at + 88;
    at += 88 + account->size + REALLOCATION_ROOM;
    at = (u8 *)(((u64)at + 7) & ~7ULL);
    account->rent_epoch = get64(at);
    at += 8;
  }
  call->size = get64(at);
  call->data = at + 8;
  call->program = key_at(at + 8 + call->size);
  return sol_get_clock_sysvar(&call->clock);
}

/* SPL Token accounts. */
#define TOKEN_SIZE 165
#define TOKEN_MINT 0
#define TOKEN_OWNER 32
#define TOKEN_AMOUNT 64
#define MINT_SIZE 82
#define MINT_AUTHORITY 4
#define MINT_SUPPLY 36
#define MINT_DECIMALS 44
#define TOKEN_TRANSFER 3
#define TOKEN_MINT_TO 7
#define TOKEN_BURN 8

typedef struct {
  u8 operation;
  const Account *program, *from, *to, *authority;
  u64 amount;
  const Key *seed; /* of the authority, where the program itself signs */
  u8 bump;
} TokenCall;

/* Have the token program transfer, mint or burn. */
static NOINLINE u64 call_token(const TokenCall *what) {
  Meta *metas = allocate(3 * sizeof(Meta));
  u8 *data = allocate(16);
  Instruction *instruction = allocate(sizeof(Instruction));
  Seed *seeds = allocate(2 * sizeof(Seed));
  Signer *signer = allocate(sizeof(Signer));
  metas[0] = (Meta){what->from->key, 1, 0};
  metas[1] = (Meta){what->to->key, 1, 0};
  metas[2] = (Meta){what->authority->key, 0, 1};
  data[0] = what->operation;
  put64(data + 1, what->amount);
  *instruction = (Instruction){what->program->key, metas, 3, data, 9};
  seeds[0] = (Seed){what->seed, 32};
  seeds[1] = (Seed){&what->bump, 1};
  *signer = (Signer){seeds, 2};
  return sol_invoke_signed_c(instruction, CALL->accounts, CALL->count, signer, what->seed ? 1 : 0);
}

#endif
