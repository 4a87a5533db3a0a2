/* Attestations: the signed header from its short form, its digest, its signatures, its age.
 *
 * The short form leaves out what is known: schema 1, audience 0, epoch 0, status 0, the mandate's
 * account set and the committee's id. Each other member follows in order as one byte, how many
 * bytes there are (128 added where the word is filled with ones: a negative equity), and the bytes,
 * most significant first. A member that does not fit its type is refused. */
#ifndef PLIMSOLL_RESCUE_ATTESTATION_H
#define PLIMSOLL_RESCUE_ATTESTATION_H

#include "rescue_committee.h"

u64 sol_secp256k1_recover(const u8 *hash, u64 recovery, const u8 *signature, u8 *key);

static const char ATTESTATION_TYPE[] =
    "HealthAttestation(uint16 schemaVersion,bytes32 audience,bytes32 accountSetRoot,"
    "bytes32 blockRefsRoot,bytes32 positionsRoot,bytes32 pricesRoot,bytes32 paramsHash,"
    "bytes32 zkCommitment,bytes32 committeeId,uint64 epoch,uint64 sequence,bytes32 prevDigest,"
    "uint64 issuedAt,uint64 expiresAt,uint64 minPriceTime,uint32 positionCount,uint8 status,"
    "uint32 accountCount,uint32 maxSkew,uint256 healthFactorE18,int256 netEquityE8)";

/* The words of the struct: its type's hash, then its members. */
enum {
  TYPE_HASH, SCHEMA_VERSION, AUDIENCE, ACCOUNT_SET_ROOT, BLOCK_REFS_ROOT, POSITIONS_ROOT,
  PRICES_ROOT, PARAMS_HASH, ZK_COMMITMENT, COMMITTEE_ID_WORD, EPOCH, SEQUENCE, PREV_DIGEST,
  ISSUED_AT, EXPIRES_AT, MIN_PRICE_TIME, POSITION_COUNT, STATUS, ACCOUNT_COUNT, MAX_SKEW,
  HEALTH_FACTOR, NET_EQUITY, HEADER_WORDS,
};
/* The members carried, and the most bytes of each; figures above 128 bits are of no account. */
static const u8 CARRIED[][2] = {
    {BLOCK_REFS_ROOT, 32}, {POSITIONS_ROOT, 32}, {PRICES_ROOT, 32}, {PARAMS_HASH, 32},
    {ZK_COMMITMENT, 32}, {SEQUENCE, 8}, {PREV_DIGEST, 32}, {ISSUED_AT, 8}, {EXPIRES_AT, 8},
    {MIN_PRICE_TIME, 8}, {POSITION_COUNT, 4}, {ACCOUNT_COUNT, 4}, {MAX_SKEW, 4},
    {HEALTH_FACTOR, 16}, {NET_EQUITY, 16},
};
#define FILLED 128
#define BITMAP_AT 9 /* of the data: tag, amount u64, bitmap u32, header, signatures */
#define HEADER_AT 13
#define SIGNATURE_SIZE 65
#define SCHEMA 1

/* Half the order of secp256k1: of the two valid s only the lower one is taken. */
static const u8 MAX_S[WORD] = {
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

typedef struct {
  u8 *words;
  const u8 *proof;
  u64 proof_size;
  u32 bitmap;
  u8 digest[WORD];
} Attestation;

INLINE u8 *word_of(const Attestation *attestation, u64 member) {
  return attestation->words + WORD * member;
}

static NOINLINE u64 get_word64(const u8 *word) {
  u64 value = 0;
  for (u64 i = WORD - 8; i < WORD; i++) value = value << 8 | word[i];
  return value;
}

/* The lower 128 bits of a word. */
static NOINLINE void get_word128(Num *r, const u8 *word) {
  set(r, 0);
  for (u64 i = 0; i < 16; i++) r->d[i / 4] |= (u32)word[WORD - 1 - i] << 8 * (i % 4);
}

static NOINLINE u64 read_header(Attestation *out, const u8 *at, const u8 *end) {
  for (u64 i = 0; i < sizeof(CARRIED) / 2; i++) {
    u8 *word = word_of(out, CARRIED[i][0]);
    NEED(at < end, BAD_DATA);
    u64 filled = *at & FILLED, size = *at & (FILLED - 1);
    at++;
    NEED(size <= CARRIED[i][1] && size <= (u64)(end - at), BAD_DATA);
    NEED(!filled || CARRIED[i][0] == NET_EQUITY, BAD_DATA);
    for (u64 j = 0; filled && j < WORD - size; j++) word[j] = 0xff;
    copy(word + WORD - size, at, size);
    at += size;
  }
  out->proof = at;
  out->proof_size = (u64)(end - at);
  return 0;
}

static NOINLINE void find_digest(Attestation *out, const u8 *committee) {
  static const u8 PREFIX[] = {0x19, 0x01};
  u8 *inner = allocate(WORD);
  hash(inner, out->words, HEADER_WORDS * WORD);
  Seed parts[3] = {{PREFIX, 2}, {committee + COMMITTEE_DOMAIN, WORD}, {inner, WORD}};
  sol_keccak256(parts, 3, out->digest);
}

/* Read the data behind tag and amount, for a mandate and a committee. */
static NOINLINE u64 read_attestation(Attestation *out, const u8 *mandate, const u8 *committee) {
  out->words = allocate(HEADER_WORDS * WORD);
  hash(out->words, TEXT(ATTESTATION_TYPE));
  put_word64(word_of(out, SCHEMA_VERSION), SCHEMA);
  copy(word_of(out, ACCOUNT_SET_ROOT), mandate + MANDATE_ROOT, WORD);
  copy(word_of(out, COMMITTEE_ID_WORD), committee + COMMITTEE_ID, WORD);
  out->bitmap = *(const u32 *)(CALL->data + BITMAP_AT);
  TRY(read_header(out, CALL->data + HEADER_AT, CALL->data + CALL->size));
  find_digest(out, committee);
  return 0;
}

static NOINLINE u64 check_signature(const u8 *digest, const u8 *signature, const u8 *member) {
  u8 *key = allocate(2 * WORD), *address = allocate(WORD);
  u64 v = signature[2 * WORD];
  NEED(!is_below(MAX_S, signature + WORD, WORD), HIGH_S);
  NEED(v == 27 || v == 28, BAD_V);
  NEED(!sol_secp256k1_recover(digest, v - 27, signature, key), WRONG_SIGNER);
  hash(address, key, 2 * WORD);
  const u8 *signer = address + WORD - MEMBER_SIZE;
  for (u64 i = 0; i < MEMBER_SIZE; i++) NEED(signer[i] == member[i], WRONG_SIGNER);
  return 0;
}

/* A quorum of the committee, one signature for each bit in ascending order. */
static NOINLINE u64 check_signatures(const Attestation *signed_, const u8 *committee) {
  u64 count = signed_->proof_size / SIGNATURE_SIZE, used = 0;
  NEED(count * SIGNATURE_SIZE == signed_->proof_size, BAD_PROOF);
  NEED(count >= committee[COMMITTEE_THRESHOLD], NO_QUORUM);
  NEED(signed_->bitmap >> committee[COMMITTEE_COUNT] == 0, BAD_BITMAP);
  for (u64 i = 0; i < committee[COMMITTEE_COUNT]; i++) {
    if (!(signed_->bitmap >> i & 1)) continue;
    NEED(used < count, BAD_BITMAP);
    TRY(check_signature(signed_->digest, signed_->proof + SIGNATURE_SIZE * used,
                        committee + COMMITTEE_MEMBERS + MEMBER_SIZE * i));
    used++;
  }
  NEED(used == count, BAD_BITMAP);
  return 0;
}

static NOINLINE u64 check_times(const Attestation *said, const u8 *mandate, const u8 *committee) {
  u64 issued = get_word64(word_of(said, ISSUED_AT)), expires = get_word64(word_of(said, EXPIRES_AT));
  NEED(expires >= now(), EXPIRED);
  NEED(issued <= now() + CLOCK_TOLERANCE_S, FUTURE);
  NEED(issued <= expires && expires - issued <= get64(committee + COMMITTEE_MAX_TTL), TTL_TOO_LONG);
  NEED(issued + get64(mandate + MANDATE_MAX_AGE) >= now(), TOO_OLD);
  return 0;
}

/* The place of an account set in the owner's state. One that served more than a day ago may make
 * room: no mandate takes an attestation that old, so nothing is accepted twice. */
static NOINLINE u8 *find_set(u8 *state, const u8 *root) {
  u8 *room = 0;
  for (u64 i = 0; i < MAX_SETS; i++) {
    u8 *set = state + STATE_SETS + SET_SIZE * i;
    if (same(key_at(set + SET_ROOT), key_at(root))) return set;
    if (get64(set + SET_USED_AT) + SECONDS_A_DAY + CLOCK_TOLERANCE_S < now()) room = set;
  }
  if (!room) return 0;
  put_key(room + SET_ROOT, key_at(root));
  put64(room + SET_SEQUENCE, 0);
  return room;
}

/* An attestation serves one action of one mandate of an owner. What was attested before an action
 * does not know of it: it would have the same need met twice. */
static NOINLINE u64 take_sequence(const Attestation *said, u8 *state, const u8 *mandate) {
  u64 sequence = get_word64(word_of(said, SEQUENCE)), issued = get_word64(word_of(said, ISSUED_AT));
  u8 *set = find_set(state, mandate + MANDATE_ROOT);
  NEED(set, TOO_MANY_SETS);
  NEED(sequence > get64(set + SET_SEQUENCE), SEQUENCE_USED);
  NEED(issued > get64(set + SET_USED_AT), BEFORE_ACTION);
  NEED(issued > get64(mandate + MANDATE_LAST_ACTION), BEFORE_ACTION);
  put64(set + SET_SEQUENCE, sequence);
  put64(set + SET_USED_AT, now());
  return 0;
}

#endif
