# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll prover: reads a storage word of another chain out of a Merkle-Patricia proof
@notice Given a state root that somebody else vouches for, it says what a word of a contract's
        storage was; zero where the proof shows that there is none.
@dev The proof is the RLP of the account's nodes from the root down, then of the word's, one after
     another and nothing else. Keys are hashed, so every node must be one that such a trie can hold
     and every item canonical RLP; anything else reverts with proof. Source: Ethereum yellow paper,
     appendices B and D; EIP-1186.
"""
import rlp

MAX_PROOF: constant(uint256) = 12288
# A branch of sixteen hashes takes 532 bytes; no node of a state trie takes more.
MAX_NODE: constant(uint256) = 544
BRANCH: constant(uint256) = 17
KEY_NIBBLES: constant(uint256) = 64
EMPTY_ROOT: constant(bytes32) = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421


@external
@view
def read_word(
    state_root: bytes32, contract: address, slot: bytes32, proof: Bytes[MAX_PROOF]
) -> uint256:
    """
    @notice Give a word of a contract's storage under a state root
    @dev Reverts with proof
    @param state_root of the block
    @param contract whose storage
    @param slot the word's place
    @param proof the account's nodes, then the word's
    """
    place: uint256 = 0
    account: Bytes[MAX_NODE] = b""
    key: bytes32 = keccak256(slice(convert(convert(contract, bytes20), bytes32), 0, 20))
    account, place = self._find(state_root, key, proof, place)
    word: Bytes[MAX_NODE] = b""
    if len(account) > 0:
        word, place = self._find(self._storage_root(account), keccak256(slot), proof, place)
    assert place == len(proof), "proof"
    return self._decode_word(word) if len(word) > 0 else 0


@internal
@pure
def _find(
    _root: bytes32, _key: bytes32, _proof: Bytes[MAX_PROOF], _place: uint256
) -> (Bytes[MAX_NODE], uint256):
    # The value under a key, empty where there is none; and where the proof goes on.
    if _root == EMPTY_ROOT:
        return b"", _place
    place: uint256 = _place
    depth: uint256 = 0
    node: Bytes[MAX_NODE] = b""
    node, place = self._take(_proof, place, _root)
    for _: uint256 in range(KEY_NIBBLES + 1):
        items: DynArray[rlp.Item, BRANCH] = self._split(node)
        child: rlp.Item = items[1]
        if len(items) == BRANCH:
            assert items[16].start == items[16].end and not items[16].is_list, "proof"
            assert depth < KEY_NIBBLES, "proof"
            child = items[self._nibble(_key, depth)]
            depth += 1
            if child.start == child.end and not child.is_list:
                return b"", place
        else:
            assert len(items) == 2, "proof"
            size: uint256 = 0
            same: bool = False
            is_leaf: bool = False
            size, same, is_leaf = self._follow(node, items[0], _key, depth)
            depth += size
            if is_leaf:
                assert depth == KEY_NIBBLES and not child.is_list, "proof"
                length: uint256 = child.end - child.start
                assert length > 0, "proof"
                if same:
                    return slice(node, child.start, length), place
                return b"", place
            assert size > 0, "proof"
            if not same:
                self._check_child(child)
                return b"", place
        self._check_child(child)
        if child.is_list:
            # Less than 32 bytes: it stands in its parent.
            node = slice(node, child.start - 1, child.end - child.start + 1)
        else:
            node, place = self._take(_proof, place, extract32(node, child.start))
    raise "proof"


@internal
@pure
def _take(
    _proof: Bytes[MAX_PROOF], _place: uint256, _hash: bytes32
) -> (Bytes[MAX_NODE], uint256):
    # The node at a place of the proof, which must have the hash.
    assert _place < len(_proof), "proof"
    first: uint256 = convert(slice(_proof, _place, 1), uint256)
    size: uint256 = 0
    if first >= rlp.LIST and first <= rlp.LIST + rlp.SHORT:
        size = first - rlp.LIST + 1
    elif first == rlp.LIST + rlp.SHORT + 1:
        assert _place + 2 <= len(_proof), "proof"
        size = convert(slice(_proof, _place + 1, 1), uint256) + 2
    elif first == rlp.LIST + rlp.SHORT + 2:
        assert _place + 3 <= len(_proof), "proof"
        size = convert(slice(_proof, _place + 1, 2), uint256) + 3
    assert size > 0 and size <= MAX_NODE and _place + size <= len(_proof), "proof"
    node: Bytes[MAX_NODE] = convert(slice(_proof, _place, size), Bytes[MAX_NODE])
    assert keccak256(node) == _hash, "proof"
    return node, _place + size


@internal
@pure
def _follow(
    _node: Bytes[MAX_NODE], _item: rlp.Item, _key: bytes32, _depth: uint256
) -> (uint256, bool, bool):
    # A path's nibbles, whether they are the key's, and whether it ends in a leaf.
    assert not _item.is_list and _item.start < _item.end, "proof"
    assert _item.end - _item.start <= 33, "proof"
    first: uint256 = convert(slice(_node, _item.start, 1), uint256)
    flags: uint256 = first >> 4
    assert flags < 4, "proof"
    odd: uint256 = flags & 1
    assert odd == 1 or first & 15 == 0, "proof"
    size: uint256 = 2 * (_item.end - _item.start - 1) + odd
    assert _depth + size <= KEY_NIBBLES, "proof"
    same: bool = True
    for i: uint256 in range(size, bound=KEY_NIBBLES):
        at: uint256 = i + 2 - odd
        byte: uint256 = convert(slice(_node, _item.start + at // 2, 1), uint256)
        nibble: uint256 = byte & 15 if at % 2 == 1 else byte >> 4
        if nibble != self._nibble(_key, _depth + i):
            same = False
            break
    return size, same, flags & 2 == 2


@internal
@pure
def _check_child(_child: rlp.Item):
    # A hash, or a node too small to have one.
    size: uint256 = _child.end - _child.start
    if _child.is_list:
        assert size + 1 < 32, "proof"
    else:
        assert size == 32, "proof"


@internal
@pure
def _nibble(_key: bytes32, _depth: uint256) -> uint256:
    return (convert(_key, uint256) >> (252 - 4 * _depth)) & 15


@internal
@pure
def _storage_root(_account: Bytes[MAX_NODE]) -> bytes32:
    # nonce, balance, storage root, hash of the code
    items: DynArray[rlp.Item, BRANCH] = self._split(_account)
    assert len(items) == 4, "proof"
    assert not items[2].is_list and items[2].end - items[2].start == 32, "proof"
    return extract32(_account, items[2].start)


@internal
@pure
def _decode_word(_word: Bytes[MAX_NODE]) -> uint256:
    # Canonical: no leading zero, and zero itself is not stored.
    item: rlp.Item = rlp.measure(_word, 0)
    size: uint256 = item.end - item.start
    assert not item.is_list and item.end == len(_word), "proof"
    assert size > 0 and size <= 32, "proof"
    assert slice(_word, item.start, 1) != x"00", "proof"
    padded: Bytes[MAX_NODE + 32] = concat(_word, empty(bytes32))
    return convert(extract32(padded, item.start), uint256) >> (8 * (32 - size))


# RLP


@internal
@pure
def _split(_node: Bytes[MAX_NODE]) -> DynArray[rlp.Item, BRANCH]:
    # The items of a list that is all there is.
    whole: rlp.Item = rlp.measure(_node, 0)
    assert whole.is_list and whole.end == len(_node), "proof"
    items: DynArray[rlp.Item, BRANCH] = []
    place: uint256 = whole.start
    for _: uint256 in range(BRANCH):
        if place == whole.end:
            break
        item: rlp.Item = rlp.measure(_node, place)
        items.append(item)
        place = item.end
    assert place == whole.end, "proof"
    assert len(items) == BRANCH or len(items) == 2 or len(items) == 4, "proof"
    return items
