"""Lookups in tries built by the `trie` library, whole ones and spoilt ones."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import hexary

from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.rlp import Encoded, encode_list
from proofs.evidence.trie import EMPTY_ROOT, Branch, Extension, Leaf, Trie, decode_node, hash_nodes

HexaryTrie: Any = hexary.HexaryTrie
KEYS = st.binary(min_size=20, max_size=32)
ITEMS = st.dictionaries(KEYS, st.binary(min_size=1, max_size=60), min_size=1, max_size=40)
ABSENT = b"a key that is nowhere"


def build(items: Mapping[bytes, bytes]) -> tuple[bytes, Any]:
    built = HexaryTrie({})
    for key, value in items.items():
        built[keccak(key)] = value
    return built.root_hash, built


def prove(built: Any, *keys: bytes) -> set[bytes]:  # noqa: ANN401 -- the library is untyped
    return {rlp.encode(node) for key in keys for node in built.get_proof(keccak(key))}


@given(ITEMS, KEYS)
def test_every_value_and_every_absence_is_found_as_the_library_finds_it(
    items: dict[bytes, bytes], other: bytes
) -> None:
    root, built = build(items)
    found = Trie(hash_nodes(prove(built, *items, other)))
    for key in (*items, other):
        proof = built.get_proof(keccak(key))
        assert found.get(root, key) == items.get(key, b"")
        assert found.get(root, key) == HexaryTrie.get_from_proof(root, keccak(key), proof)


def test_an_empty_trie_needs_no_node() -> None:
    assert HexaryTrie({}).root_hash == EMPTY_ROOT
    assert Trie({}).get(EMPTY_ROOT, ABSENT) == b""


@given(ITEMS, st.data())
def test_without_a_node_on_its_way_no_value_is_given(
    items: dict[bytes, bytes], data: st.DataObject
) -> None:
    root, built = build(items)
    key = data.draw(st.sampled_from(sorted(items)))
    nodes = prove(built, key)
    nodes.remove(data.draw(st.sampled_from(sorted(nodes))))
    with pytest.raises(EvidenceRefused) as refused:
        Trie(hash_nodes(nodes)).get(root, key)
    assert refused.value.flaw is Flaw.MISSING_NODE


@given(ITEMS, st.data())
def test_a_node_changed_in_one_bit_is_a_node_that_is_missing(
    items: dict[bytes, bytes], data: st.DataObject
) -> None:
    root, built = build(items)
    key = data.draw(st.sampled_from(sorted(items)))
    nodes = sorted(prove(built, key))
    index = data.draw(st.integers(0, len(nodes) - 1))
    bit = data.draw(st.integers(0, 8 * len(nodes[index]) - 1))
    number = int.from_bytes(nodes[index], "big") ^ (1 << bit)
    nodes[index] = number.to_bytes(len(nodes[index]), "big")
    with pytest.raises(EvidenceRefused) as refused:
        Trie(hash_nodes(nodes)).get(root, key)
    assert refused.value.flaw is Flaw.MISSING_NODE


@given(st.binary(max_size=600))
def test_no_bytes_make_a_node_other_than_decoded_or_refused(raw: bytes) -> None:
    with suppress(EvidenceRefused):
        assert isinstance(decode_node(raw), Branch | Extension | Leaf)


def leaf(path: str, value: bytes) -> bytes:
    return encode_list([bytes.fromhex(path), value])


def branch(children: Mapping[str, bytes], value: bytes = b"") -> bytes:
    return encode_list([*(children.get(digit, b"") for digit in "0123456789abcdef"), value])


def test_nodes_too_small_to_be_hashed_are_read_where_they_stand() -> None:
    path = keccak(ABSENT).hex()
    small = Encoded(leaf("3" + path[63], b"\x07"))
    other = next(digit for digit in "01" if digit != path[62])
    inner = Encoded(branch({path[62]: small, other: Encoded(leaf("31", b"\x08"))}))
    root = encode_list([bytes.fromhex("00" + path[:62]), inner])
    found = Trie(hash_nodes([root]))
    assert found.get(keccak(root), ABSENT) == b"\x07"
    assert found.get(keccak(root), b"another") == b""


def test_a_trie_that_goes_on_below_its_keys_is_refused() -> None:
    path = keccak(ABSENT).hex()
    below = branch({"0": b"\x11" * 32})
    root = encode_list([bytes.fromhex("00" + path), keccak(below)])
    with pytest.raises(EvidenceRefused) as refused:
        Trie(hash_nodes([root, below])).get(keccak(root), ABSENT)
    assert refused.value.flaw is Flaw.BAD_NODE


def test_a_leaf_for_a_key_of_another_length_proves_nothing() -> None:
    root = leaf("20" + "ab" * 20, b"\x01")
    with pytest.raises(EvidenceRefused) as refused:
        Trie(hash_nodes([root])).get(keccak(root), ABSENT)
    assert refused.value.flaw is Flaw.BAD_NODE


@pytest.mark.parametrize(
    "node",
    [
        b"\x80",
        encode_list([]),
        encode_list([b"\x20", b"\x01", b"\x01"]),
        leaf("20ab", b""),
        leaf("40ab", b"\x01"),
        leaf("21", b""),
        leaf("25ab", b"\x01"),
        encode_list([b"", b"\x01"]),
        encode_list([bytes.fromhex("00"), b"\x11" * 32]),
        encode_list([bytes.fromhex("11"), b"\x11" * 31]),
        encode_list([bytes.fromhex("11"), Encoded(branch({"0": b"\x11" * 32}))]),
        encode_list([Encoded(b"\xc0"), b"\x11" * 32]),
        branch({"0": b"\x11" * 33}),
        branch({"0": b"\x11" * 32}, value=b"\x01"),
    ],
)
def test_a_node_that_no_state_holds_is_refused(node: bytes) -> None:
    with pytest.raises(EvidenceRefused) as refused:
        decode_node(node)
    assert refused.value.flaw is Flaw.BAD_NODE
