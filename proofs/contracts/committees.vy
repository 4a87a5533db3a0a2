# pragma version 0.4.3
# @license Apache-2.0
"""
@title The committees of a deployment: the newest, the one before it, and their keys
@dev A committee's id is hashStruct(CommitteeRecord); its keysRoot is over KeyLeaf where the members
     have secp256k1 keys only, else over MemberLeaf. Nothing older than the one before the newest
     is ever looked up again.
"""
import bls
import merkle


# A CommitteeRecord without its keysRoot, which follows from the members.
struct Terms:
    epoch: uint64
    threshold: uint32
    validFrom: uint64
    validUntil: uint64
    prevCommitteeId: bytes32


# `blsKey` is keccak256 of the 48 compressed bytes; zero where the members have no such keys.
struct Member:
    key: address
    ed25519Key: bytes32
    blsKey: bytes32


# What every check of an attestation needs, in one word of storage.
struct Rules:
    epoch: uint256
    valid_from: uint256
    valid_until: uint256
    threshold: uint256
    count: uint256


MAX_MEMBERS: constant(uint256) = 32
MAX_WORD: constant(uint256) = 2**64 - 1
MAX_HALF: constant(uint256) = 2**128 - 1
COMMITTEE_TYPEHASH: constant(bytes32) = keccak256(
    "CommitteeRecord(uint64 epoch,uint32 threshold,bytes32 keysRoot,uint64 validFrom,uint64 validUntil,bytes32 prevCommitteeId)"
)
KEY_TYPEHASH: constant(bytes32) = keccak256("KeyLeaf(uint32 index,address key)")
MEMBER_TYPEHASH: constant(bytes32) = keccak256(
    "MemberLeaf(uint32 index,address key,bytes32 ed25519Key,bytes32 blsKey)"
)

latest: bytes32
previous: bytes32
rules: HashMap[bytes32, uint256]
members: HashMap[bytes32, HashMap[uint256, address]]
keys_roots: HashMap[bytes32, bytes32]
# BLS keys whose holders proved possession: the upper halves of x and y joined, then the lower ones.
registered: HashMap[bytes32, uint256]
bls_keys: HashMap[bytes32, HashMap[uint256, uint256[3]]]
bls_sums: HashMap[bytes32, uint256[3]]


# Records


@internal
@pure
def identify(_terms: Terms, _keys_root: bytes32) -> bytes32:
    return keccak256(
        abi_encode(
            COMMITTEE_TYPEHASH,
            _terms.epoch,
            _terms.threshold,
            _keys_root,
            _terms.validFrom,
            _terms.validUntil,
            _terms.prevCommitteeId,
        )
    )


@internal
@pure
def calculate_keys_root(_members: DynArray[Member, MAX_MEMBERS]) -> bytes32:
    nodes: bytes32[MAX_MEMBERS] = empty(bytes32[MAX_MEMBERS])
    width: uint256 = 1
    for _: uint256 in range(5):
        if width < len(_members):
            width *= 2
    plain: bool = _members[0].ed25519Key | _members[0].blsKey == empty(bytes32)
    for i: uint256 in range(width, bound=MAX_MEMBERS):
        if i >= len(_members):
            nodes[i] = keccak256(x"00")
        elif plain:
            nodes[i] = merkle.leaf(keccak256(abi_encode(KEY_TYPEHASH, i, _members[i].key)))
        else:
            nodes[i] = merkle.leaf(keccak256(abi_encode(MEMBER_TYPEHASH, i, _members[i])))
    for _: uint256 in range(5):
        width = width // 2
        for i: uint256 in range(width, bound=16):
            nodes[i] = merkle.node(nodes[2 * i], nodes[2 * i + 1])
    return nodes[0]


@internal
@pure
def check(_terms: Terms, _members: DynArray[Member, MAX_MEMBERS]):
    count: uint256 = len(_members)
    threshold: uint256 = convert(_terms.threshold, uint256)
    assert threshold <= count and 3 * threshold > 2 * count, "threshold"
    assert _terms.validFrom < _terms.validUntil, "validity"
    last: uint256 = 0
    for member: Member in _members:
        number: uint256 = convert(member.key, uint256)
        assert number > last, "members not ascending"
        last = number
    # Other keys are everybody's or nobody's, and no two members have the same.
    nothing: bytes32 = empty(bytes32)
    for i: uint256 in range(count, bound=MAX_MEMBERS):
        member: Member = _members[i]
        assert (member.ed25519Key == nothing) == (_members[0].ed25519Key == nothing), "keys"
        assert (member.blsKey == nothing) == (_members[0].blsKey == nothing), "keys"
        for j: uint256 in range(i, bound=MAX_MEMBERS):
            other: Member = _members[j]
            assert member.ed25519Key == nothing or member.ed25519Key != other.ed25519Key, "keys"
            assert member.blsKey == nothing or member.blsKey != other.blsKey, "keys"


@internal
def take(
    _terms: Terms, _members: DynArray[Member, MAX_MEMBERS], _keys_root: bytes32
) -> bytes32:
    # Make a committee the newest; it has been checked.
    id: bytes32 = self.identify(_terms, _keys_root)
    word: uint256 = convert(_terms.epoch, uint256)
    word |= convert(_terms.validFrom, uint256) << 64
    word |= convert(_terms.validUntil, uint256) << 128
    word |= convert(_terms.threshold, uint256) << 192
    word |= len(_members) << 224
    self.rules[id] = word
    self.keys_roots[id] = _keys_root
    for i: uint256 in range(len(_members), bound=MAX_MEMBERS):
        self.members[id][i] = _members[i].key
    self.previous = self.latest
    self.latest = id
    return id


# Who may sign


@internal
@view
def read(_id: bytes32) -> Rules:
    word: uint256 = self.rules[_id]
    return Rules(
        epoch=word & MAX_WORD,
        valid_from=(word >> 64) & MAX_WORD,
        valid_until=(word >> 128) & MAX_WORD,
        threshold=(word >> 192) & 255,
        count=word >> 224,
    )


@internal
@view
def require_known(_id: bytes32) -> bool:
    # Whether it is the newest; only the one before it is known besides.
    if _id == self.latest:
        return True
    assert _id != empty(bytes32) and _id == self.previous, "committee"
    return False


@internal
@view
def current() -> bytes32:
    # Whose turn it is: the newest, or the one before it until the newest starts.
    id: bytes32 = self.latest
    if self.previous != empty(bytes32) and block.timestamp < self.read(id).valid_from:
        return self.previous
    return id


# BLS keys


@internal
def register(
    _id: bytes32,
    _index: uint256,
    _ed25519_key: bytes32,
    _key: uint256[4],
    _proof: uint256[8],
    _siblings: DynArray[bytes32, merkle.MAX_DEPTH],
):
    self.require_known(_id)
    assert _index < self.read(_id).count, "index"
    registered: uint256 = self.registered[_id]
    assert (registered >> _index) & 1 == 0, "registered"
    assert not bls.is_infinity(_key), "infinity"
    compressed: Bytes[48] = bls.compress(_key)
    member: Member = Member(
        key=self.members[_id][_index], ed25519Key=_ed25519_key, blsKey=keccak256(compressed)
    )
    struct_hash: bytes32 = keccak256(abi_encode(MEMBER_TYPEHASH, _index, member))
    assert merkle.root(struct_hash, _index, _siblings) == self.keys_roots[_id], "key"
    assert bls.is_signed(_key, compressed, bls.POSSESSION_TAG, _proof), "possession"
    self.registered[_id] = registered | (1 << _index)
    self.bls_keys[_id][_index] = self._pack(_key)
    joined: uint256[4] = _key if registered == 0 else bls.add(self._unpack(self.bls_sums[_id]), _key)
    self.bls_sums[_id] = self._pack(joined)


@internal
@view
def join_keys(_id: bytes32, _count: uint256, _bitmap: uint256) -> uint256[4]:
    # The sum of the signers' keys: of them, or of all without the absent, whichever are fewer.
    registered: uint256 = self.registered[_id]
    if registered & _bitmap != _bitmap:
        assert bls.is_available(), "EIP-2537"
        raise "unregistered"
    absent: uint256 = registered ^ _bitmap
    if self._count_bits(absent, _count) + 1 >= self._count_bits(_bitmap, _count):
        return self._sum_keys(_id, _count, _bitmap)
    joined: uint256[4] = self._unpack(self.bls_sums[_id])
    if absent == 0:
        return joined
    return bls.add(joined, bls.negate(self._sum_keys(_id, _count, absent)))


@internal
@view
def _sum_keys(_id: bytes32, _count: uint256, _bitmap: uint256) -> uint256[4]:
    joined: uint256[4] = empty(uint256[4])
    some: bool = False
    for i: uint256 in range(_count, bound=MAX_MEMBERS):
        if (_bitmap >> i) & 1 == 1:
            key: uint256[4] = self._unpack(self.bls_keys[_id][i])
            joined = bls.add(joined, key) if some else key
            some = True
    return joined


@internal
@pure
def _count_bits(_bitmap: uint256, _count: uint256) -> uint256:
    found: uint256 = 0
    for i: uint256 in range(_count, bound=MAX_MEMBERS):
        found += (_bitmap >> i) & 1
    return found


@internal
@pure
def _pack(_key: uint256[4]) -> uint256[3]:
    return [(_key[0] << 128) | _key[2], _key[1], _key[3]]


@internal
@pure
def _unpack(_words: uint256[3]) -> uint256[4]:
    return [_words[0] >> 128, _words[1], _words[0] & MAX_HALF, _words[2]]
