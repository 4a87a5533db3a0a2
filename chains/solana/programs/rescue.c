/* Plimsoll rescue on Solana: what owners let a keeper do with their idle tokens.
 *
 * An owner delegates tokens (SPL approve) to an address that only this program signs for, and sets
 * a mandate for one of his obligations in a market that speaks Save's layout, one token and one
 * kind of trigger. The keeper he names may then take that token from him, within the mandate's
 * limits, and with nothing else than to repay his own debt there. A native mandate is triggered by
 * the health that the lending program computed in this very slot; a unified one by an attestation
 * that a quorum of the mandate's committee signed. The owner can pause, change or revoke at any
 * time. There is no administrator here; who may upgrade the program is set where it is deployed.
 *
 * Amounts. Native: computed here so that the target is just reached, cut to the limits. Unified:
 * stated by the keeper, bounded by what the attested figures need (see contracts/rescue.vy) and by
 * the limits. The native health after it is computed here from the debt that is left, as the
 * lending program will at its next refresh. Days are UTC days; changing a mandate does not give the
 * day's spending back, revoking it and setting it anew does.
 *
 * Differences from rescue.vy: repayments only (Save takes no deposits from others), no refund (a
 * program cannot see the fee of its transaction), audience 0 only.
 *
 *   0 set_mandate: tag, kind u8, terms (152 bytes)   1 revoke: tag   2 set_paused: tag, on u8
 *   3 create_committee: tag, threshold u8, max ttl u64, salt, members
 *   4 execute_native: tag   5 execute_unified: tag, amount u64, bitmap u32, header, signatures */
#include "rescue_action.h"

#define TERMS_SIZE (MANDATE_OWNER - MANDATE_TERMS)

/* The owner's side. */

static NOINLINE u64 check_terms(const u8 *terms) {
  Num trigger, target, most;
  get128(&trigger, terms + MANDATE_TRIGGER);
  get128(&target, terms + MANDATE_TARGET);
  set_whole(&most, MAX_TARGET_WHOLE);
  NEED(!is_blank(terms + MANDATE_KEEPER, 32), BAD_KEEPER);
  NEED(!is_zero(&trigger) && compare(&trigger, &target) == LESS, BAD_TARGET);
  NEED(compare(&target, &most) != GREATER, BAD_TARGET);
  u64 per_action = get64(terms + MANDATE_PER_ACTION);
  NEED(per_action && get64(terms + MANDATE_MIN_ACTION) <= per_action, BAD_LIMITS);
  NEED(per_action <= get64(terms + MANDATE_PER_DAY), BAD_LIMITS);
  NEED(get64(terms + MANDATE_COOLDOWN) <= MAX_COOLDOWN_S, BAD_COOLDOWN);
  NEED(get64(terms + MANDATE_DEADLINE) > now(), BAD_DEADLINE);
  return 0;
}

static NOINLINE u64 check_unified(const u8 *terms, const Account *committee) {
  u64 age = get64(terms + MANDATE_MAX_AGE);
  NEED(!is_blank(terms + MANDATE_ROOT, 32), BAD_ROOT);
  NEED(age && age <= SECONDS_A_DAY, BAD_AGE);
  NEED(get64(terms + MANDATE_SLACK) <= BPS, BAD_SLACK);
  NEED(is_ours(committee, IS_COMMITTEE, COMMITTEE_SIZE), WRONG_COMMITTEE);
  return 0;
}

/* Accounts of set_mandate. */
enum {
  S_OWNER, /* signs, * */
  S_MANDATE, /* * */
  S_STATE, /* * */
  S_OBLIGATION,
  S_RESERVE,
  S_MARKET,
  S_LENDING,
  S_SYSTEM,
  SET_NATIVE_ACCOUNTS,
  S_COMMITTEE = SET_NATIVE_ACCOUNTS,
  SET_UNIFIED_ACCOUNTS,
};

static NOINLINE u64 is_of(const Account *state, const Account *program, u64 size) {
  return same(state->owner, program->key) && state->size == size && state->data[0] == VERSION;
}

static NOINLINE u64 check_lending(const Account *a) {
  const Account *lending = a + S_LENDING, *market = a + S_MARKET;
  const u8 *reserve = a[S_RESERVE].data, *obligation = a[S_OBLIGATION].data;
  NEED(lending->is_executable, WRONG_LENDING);
  NEED(is_of(market, lending, MARKET_SIZE), WRONG_MARKET);
  NEED(is_of(a + S_RESERVE, lending, RESERVE_SIZE), WRONG_RESERVE);
  NEED(is_at(market, reserve + MARKET), WRONG_RESERVE);
  NEED(is_of(a + S_OBLIGATION, lending, OBLIGATION_SIZE), WRONG_OBLIGATION);
  NEED(is_at(market, obligation + MARKET), WRONG_OBLIGATION);
  NEED(is_at(a + S_OWNER, obligation + OWNER), WRONG_OBLIGATION);
  return 0;
}

static NOINLINE u64 write_mandate(const Account *a, const u8 *terms, const Derived *delegate) {
  u8 *mandate = a[S_MANDATE].data;
  mandate[0] = IS_MANDATE;
  mandate[MANDATE_KIND] = CALL->data[1];
  mandate[MANDATE_DELEGATE_BUMP] = delegate->bump;
  copy(mandate + MANDATE_TERMS, terms + MANDATE_TERMS, TERMS_SIZE);
  put_key(mandate + MANDATE_OWNER, a[S_OWNER].key);
  put_key(mandate + MANDATE_LENDING, a[S_LENDING].key);
  put_key(mandate + MANDATE_MARKET, a[S_MARKET].key);
  put_key(mandate + MANDATE_RESERVE, a[S_RESERVE].key);
  put_key(mandate + MANDATE_OBLIGATION, a[S_OBLIGATION].key);
  put_key(mandate + MANDATE_MINT, key_at(a[S_RESERVE].data + MINT));
  put_key(mandate + MANDATE_DELEGATE, &delegate->address);
  put_key(mandate + MANDATE_STATE, a[S_STATE].key);
  if (mandate[MANDATE_KIND] == UNIFIED) put_key(mandate + MANDATE_COMMITTEE, a[S_COMMITTEE].key);
  return 0;
}

/* 0. Set the owner's mandate for an obligation, a token and a kind; replaces an earlier one. */
static NOINLINE u64 set_mandate(const Account *a) {
  const u8 *kind = CALL->data + 1, *terms = CALL->data + 2 - MANDATE_TERMS;
  Derived *mandate, *delegate;
  NEED(CALL->size == 2 + TERMS_SIZE, BAD_DATA);
  NEED(*kind == NATIVE || *kind == UNIFIED, BAD_KIND);
  NEED(CALL->count >= (*kind == UNIFIED ? SET_UNIFIED_ACCOUNTS : SET_NATIVE_ACCOUNTS), MISSING_ACCOUNT);
  NEED(a[S_OWNER].is_signer, MISSING_SIGNATURE);
  TRY(check_terms(terms));
  TRY(check_lending(a));
  if (*kind == UNIFIED) TRY(check_unified(terms, a + S_COMMITTEE));
  else NEED(is_blank(terms + MANDATE_ROOT, MANDATE_OWNER - MANDATE_ROOT), NOT_UNIFIED);
  TRY(find_delegate(&delegate, a[S_OWNER].key));
  TRY(find_mandate(&mandate, a[S_OWNER].key, a[S_OBLIGATION].key, key_at(a[S_RESERVE].data + MINT), kind));
  TRY(open_state(a + S_STATE, a + S_OWNER));
  TRY(make_account(a + S_MANDATE, mandate, a + S_OWNER, MANDATE_SIZE));
  return write_mandate(a, terms, delegate);
}

/* 1. Accounts: owner*!, mandate*. Its lamports go to the owner. */
static NOINLINE u64 revoke(const Account *a) {
  NEED(CALL->size == 1, BAD_DATA);
  NEED(CALL->count >= 2, MISSING_ACCOUNT);
  NEED(is_ours(a + 1, IS_MANDATE, MANDATE_SIZE), NO_MANDATE);
  NEED(is_at(a, a[1].data + MANDATE_OWNER), NO_MANDATE);
  NEED(a[0].is_signer, MISSING_SIGNATURE);
  for (u64 i = 0; i < MANDATE_SIZE; i++) a[1].data[i] = 0;
  *a[0].lamports += *a[1].lamports;
  *a[1].lamports = 0;
  return 0;
}

/* 2. Accounts: owner*!, state*, system program. Stops all of the owner's mandates, or not. */
static NOINLINE u64 set_paused(const Account *a) {
  NEED(CALL->size == 2 && CALL->data[1] <= 1, BAD_DATA);
  NEED(CALL->count >= 3, MISSING_ACCOUNT);
  NEED(a[0].is_signer, MISSING_SIGNATURE);
  TRY(open_state(a + 1, a));
  a[1].data[STATE_PAUSED] = CALL->data[1];
  return 0;
}

/* The keeper's side. */

/* 4. Lift the obligation's health to the target, or as far as the limits allow. */
static NOINLINE u64 execute_native(const Account *a) {
  Position *position = allocate(sizeof(Position));
  Num bound, after;
  NEED(CALL->size == 1, BAD_DATA);
  TRY(open_mandate(a, NATIVE));
  const u8 *mandate = a[A_MANDATE].data;
  TRY(read_position(position, a));
  get128(&bound, mandate + MANDATE_TRIGGER);
  NEED(compare(&position->health, &bound) == LESS, HEALTHY);
  get128(&bound, mandate + MANDATE_TARGET);
  u64 needed = native_needed(position, a[A_RESERVE].data, &bound);
  u64 amount = lesser(needed, lesser(find_limit(a), ceil64(&position->owed)));
  NEED(amount, NO_FUNDS);
  NEED(amount == needed || amount >= get64(mandate + MANDATE_MIN_ACTION), TOO_SMALL);
  TRY(move(a, position, amount, &after));
  if (compare(&after, &bound) == LESS)
    NEED(amount < needed && compare(&after, &position->health) == GREATER, TARGET_MISSED);
  report(a, amount, &position->health, &after);
  return 0;
}

static NOINLINE u64 take_attestation(const Account *a, Attestation *said, Num *health) {
  const u8 *mandate = a[A_MANDATE].data, *committee = a[A_COMMITTEE].data;
  Num trigger;
  NEED(is_at(a + A_COMMITTEE, mandate + MANDATE_COMMITTEE), WRONG_COMMITTEE);
  TRY(read_attestation(said, mandate, committee));
  get_word128(health, word_of(said, HEALTH_FACTOR));
  get128(&trigger, mandate + MANDATE_TRIGGER);
  NEED(compare(health, &trigger) == LESS, HEALTHY);
  TRY(check_times(said, mandate, committee));
  TRY(check_signatures(said, committee));
  return take_sequence(said, a[A_STATE].data, mandate);
}

/* 5. Repay a stated amount because the owner's attested health is low. */
static NOINLINE u64 execute_unified(const Account *a) {
  Position *position = allocate(sizeof(Position));
  Attestation *said = allocate(sizeof(Attestation));
  Num health, after;
  u64 needed;
  NEED(CALL->size > HEADER_AT, BAD_DATA);
  u64 amount = get64(CALL->data + 1);
  TRY(open_mandate(a, UNIFIED));
  TRY(take_attestation(a, said, &health));
  TRY(read_position(position, a));
  TRY(unified_needed(&needed, a, said, &health, &position->price));
  NEED(amount <= needed, ABOVE_NEED);
  NEED(amount <= find_limit(a), NO_FUNDS);
  NEED(amount && amount >= get64(a[A_MANDATE].data + MANDATE_MIN_ACTION), TOO_SMALL);
  amount = lesser(amount, ceil64(&position->owed));
  TRY(move(a, position, amount, &after));
  NEED(compare(&after, &position->health) != LESS, NATIVE_LOWER);
  report(a, amount, &position->health, &after);
  return 0;
}

static NOINLINE u64 run(const Account *a) {
  NEED(CALL->size, BAD_DATA);
  switch (CALL->data[0]) {
    case 0: return set_mandate(a);
    case 1: return revoke(a);
    case 2: return set_paused(a);
    case 3: return create_committee(a);
    case 4: return execute_native(a);
    case 5: return execute_unified(a);
    default: return BAD_DATA;
  }
}

u64 entrypoint(u8 *input) {
  TRY(read_input(input));
  TRY(run(CALL->accounts));
  return CALL->math_failed ? MATH_FAILED : 0;
}
