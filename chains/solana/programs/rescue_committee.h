/* Committees: who may sign attestations. A committee's account lies at the hash of its content.
 *
 * Its id and its domain are what verifier.vy computes: the first committee of a deployment, epoch
 * 0, without end, the deployment's salt as its predecessor. docs/attestations.md is the format. */
#ifndef PLIMSOLL_RESCUE_COMMITTEE_H
#define PLIMSOLL_RESCUE_COMMITTEE_H

#include "rescue_accounts.h"

u64 sol_keccak256(const Seed *, u64 count, u8 *hash);

#define WORD 32
#define MAX_LEAVES 32
#define LEAF_MARK 0
#define NODE_MARK 1
#define CONTENT 1 /* of the data: threshold u8, max ttl u64, salt, members ascending */
#define CONTENT_HEAD 41

static const char DOMAIN_TYPE[] = "EIP712Domain(string name,string version,bytes32 salt)";
static const char DOMAIN_NAME[] = "Plimsoll/HealthAttestation";
static const char DOMAIN_VERSION[] = "1";
static const char COMMITTEE_TYPE[] =
    "CommitteeRecord(uint64 epoch,uint32 threshold,bytes32 keysRoot,uint64 validFrom,"
    "uint64 validUntil,bytes32 prevCommitteeId)";
static const char KEY_TYPE[] = "KeyLeaf(uint32 index,address key)";

static NOINLINE void hash(u8 *out, const void *at, u64 size) {
  Seed part = {at, size};
  sol_keccak256(&part, 1, out);
}

static NOINLINE void put_word64(u8 *word, u64 value) {
  for (u64 i = 0; i < 8; i++) word[WORD - 1 - i] = (u8)(value >> 8 * i);
}

/* A node of the Merkle tree: the mark, then one hash (leaf) or two (inner), or none (padding). */
static NOINLINE void hash_node(u8 *out, u8 mark, const u8 *at, u64 size) {
  Seed parts[2] = {{&mark, 1}, {at, size}};
  sol_keccak256(parts, 2, out);
}

static NOINLINE u8 *hash_members(const u8 *members, u64 count) {
  u8 *nodes = allocate(MAX_LEAVES * WORD), *leaf = allocate(3 * WORD);
  u64 width = 1;
  while (width < count) width *= 2;
  hash(leaf, TEXT(KEY_TYPE));
  for (u64 i = 0; i < width; i++) {
    put_word64(leaf + WORD, i);
    if (i < count) {
      copy(leaf + 3 * WORD - MEMBER_SIZE, members + MEMBER_SIZE * i, MEMBER_SIZE);
      hash(nodes + WORD * i, leaf, 3 * WORD);
    }
    hash_node(nodes + WORD * i, LEAF_MARK, nodes + WORD * i, i < count ? WORD : 0);
  }
  for (; width > 1; width /= 2)
    for (u64 i = 0; i < width / 2; i++)
      hash_node(nodes + WORD * i, NODE_MARK, nodes + 2 * WORD * i, 2 * WORD);
  return nodes;
}

/* hashStruct(CommitteeRecord) */
static NOINLINE void hash_committee(u8 *committee) {
  u8 *words = allocate(7 * WORD);
  hash(words, TEXT(COMMITTEE_TYPE));
  put_word64(words + 2 * WORD, committee[COMMITTEE_THRESHOLD]);
  copy(words + 3 * WORD, hash_members(committee + COMMITTEE_MEMBERS, committee[COMMITTEE_COUNT]), WORD);
  put_word64(words + 5 * WORD, ~0ULL);
  copy(words + 6 * WORD, committee + COMMITTEE_SALT, WORD);
  hash(committee + COMMITTEE_ID, words, 7 * WORD);
}

static NOINLINE void hash_domain(u8 *committee) {
  u8 *words = allocate(4 * WORD);
  hash(words, TEXT(DOMAIN_TYPE));
  hash(words + WORD, TEXT(DOMAIN_NAME));
  hash(words + 2 * WORD, TEXT(DOMAIN_VERSION));
  copy(words + 3 * WORD, committee + COMMITTEE_SALT, WORD);
  hash(committee + COMMITTEE_DOMAIN, words, 4 * WORD);
}

static NOINLINE u64 is_below(const u8 *a, const u8 *b, u64 size) {
  for (u64 i = 0; i < size; i++)
    if (a[i] != b[i]) return a[i] < b[i];
  return 0;
}

static NOINLINE u64 check_content(const u8 *content, u64 members) {
  const u8 *member = content + CONTENT_HEAD;
  NEED(members <= MAX_MEMBERS, BAD_MEMBERS);
  NEED(content[0] <= members && 3 * content[0] > 2 * members, BAD_THRESHOLD);
  NEED(get64(content + 1), BAD_MAX_TTL);
  NEED(!is_blank(content + 9, WORD), BAD_SALT);
  NEED(!is_blank(member, MEMBER_SIZE), BAD_MEMBERS);
  for (u64 i = 1; i < members; i++, member += MEMBER_SIZE)
    NEED(is_below(member, member + MEMBER_SIZE, MEMBER_SIZE), BAD_MEMBERS);
  return 0;
}

/* 3. Accounts: payer*!, committee*, system program. Anybody may; it never changes. */
static NOINLINE u64 create_committee(const Account *a) {
  u8 *committee = a[1].data, *digest = allocate(WORD);
  const u8 *content = CALL->data + CONTENT;
  Derived *address;
  NEED(CALL->count >= 3, MISSING_ACCOUNT);
  NEED(CALL->size >= CONTENT + CONTENT_HEAD, BAD_DATA);
  u64 size = CALL->size - CONTENT, members = (size - CONTENT_HEAD) / MEMBER_SIZE;
  NEED(members * MEMBER_SIZE + CONTENT_HEAD == size, BAD_DATA);
  TRY(check_content(content, members));
  NEED(!same(a[1].owner, CALL->program), ALREADY_THERE);
  hash(digest, content, size);
  address = start_address(TEXT("committee"), digest);
  TRY(find_address(address));
  TRY(make_account(a + 1, address, a, COMMITTEE_SIZE));
  committee[0] = IS_COMMITTEE;
  committee[COMMITTEE_COUNT] = (u8)members;
  committee[COMMITTEE_THRESHOLD] = content[0];
  put64(committee + COMMITTEE_MAX_TTL, get64(content + 1));
  copy(committee + COMMITTEE_SALT, content + 9, WORD);
  copy(committee + COMMITTEE_MEMBERS, content + CONTENT_HEAD, MEMBER_SIZE * members);
  hash_committee(committee);
  hash_domain(committee);
  return 0;
}

#endif
