"""The indexed tree: roots commit to number and order, paths prove single leaves."""

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from proofs.merkle import (
    EMPTY_ROOT,
    PAD,
    build_path,
    calculate_root,
    hash_leaf,
    hash_node,
    verify_path,
)

hashes = st.binary(min_size=32, max_size=32)
lists = st.lists(hashes, min_size=1, max_size=40)


def test_the_root_is_made_as_the_page_says() -> None:
    a, b, c = (bytes([i]) * 32 for i in range(3))
    la, lb, lc = (bytes(keccak(b"\x00" + x)) for x in (a, b, c))
    assert EMPTY_ROOT == PAD == keccak(b"\x00")
    assert calculate_root([]) == PAD
    assert calculate_root([a]) == la
    left = bytes(keccak(b"\x01" + la + lb))
    assert calculate_root([a, b]) == left
    right = bytes(keccak(b"\x01" + lc + PAD))
    assert calculate_root([a, b, c]) == keccak(b"\x01" + left + right)


@given(leaves=lists, data=st.data())
def test_every_leaf_is_proved_at_its_own_place_only(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, path = calculate_root(leaves), build_path(leaves, index)
    assert verify_path(root, leaves[index], index, path)
    other = data.draw(st.integers(-2, 2 * len(leaves)).filter(lambda i: i != index))
    same_leaf = 0 <= other < len(leaves) and leaves[other] == leaves[index]
    assert same_leaf or not verify_path(root, leaves[index], other, path)


@given(leaves=lists, changed=hashes, data=st.data())
def test_a_changed_leaf_or_sibling_proves_nothing(
    leaves: list[bytes], changed: bytes, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, path = calculate_root(leaves), build_path(leaves, index)
    if changed != leaves[index]:
        assert not verify_path(root, changed, index, path)
    for place in range(len(path)):
        tampered = (*path[:place], changed, *path[place + 1 :])
        assert not verify_path(root, leaves[index], index, tampered)
    assert not verify_path(root, leaves[index], index, (*path, PAD))


@given(first=st.lists(hashes, max_size=20), second=st.lists(hashes, max_size=20))
def test_different_lists_have_different_roots(first: list[bytes], second: list[bytes]) -> None:
    assert (calculate_root(first) == calculate_root(second)) == (first == second)


def test_a_node_is_no_leaf() -> None:
    a, b = bytes([1]) * 32, bytes([2]) * 32
    node = hash_node(hash_leaf(a), hash_leaf(b))
    assert not verify_path(calculate_root([a, b]), node, 0, ())
    assert hash_leaf(node) != calculate_root([a, b])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        build_path([bytes(32)] * 3, index)
