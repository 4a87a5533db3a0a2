"""The index-ordered Merkle tree over typed leaves, and inclusion paths for single ones.

leaf = keccak(0x00‖hashStruct), node = keccak(0x01‖left‖right); the list is filled up with
pad = keccak(0x00) to a power of two. The root of the empty list is the pad itself. The prefixes
keep a node from being taken for a leaf and the pad from being taken for either, so a root commits
to the number and the order of its leaves; paths stay in index order, nothing is sorted.
"""

from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

PAD: Final = bytes(keccak(b"\x00"))
EMPTY_ROOT: Final = PAD


def hash_leaf(struct_hash: bytes) -> bytes:
    """Give the leaf of a struct's hash."""
    return bytes(keccak(b"\x00" + struct_hash))


def hash_node(left: bytes, right: bytes) -> bytes:
    """Give the parent of two nodes."""
    return bytes(keccak(b"\x01" + left + right))


def calculate_root(struct_hashes: Sequence[bytes]) -> bytes:
    """Give the root over the structs' hashes in index order."""
    level = _leaves(struct_hashes)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def build_path(struct_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Give the siblings from leaf `index` up to the root; IndexError when there is no such leaf."""
    if not 0 <= index < len(struct_hashes):
        raise IndexError(f"there is no leaf {index} among {len(struct_hashes)}")
    siblings = []
    level = _leaves(struct_hashes)
    while len(level) > 1:
        siblings.append(level[index ^ 1])
        level = _parents(level)
        index //= 2
    return tuple(siblings)


def verify_path(root: bytes, struct_hash: bytes, index: int, path: Sequence[bytes]) -> bool:
    """Say whether the struct is leaf `index` under the root."""
    if not 0 <= index < 2 ** len(path):
        return False
    node = hash_leaf(struct_hash)
    for sibling in path:
        node = hash_node(sibling, node) if index & 1 else hash_node(node, sibling)
        index //= 2
    return node == root


def _leaves(struct_hashes: Sequence[bytes]) -> list[bytes]:
    width = 1 << max(0, len(struct_hashes) - 1).bit_length()
    leaves = [hash_leaf(h) for h in struct_hashes]
    return leaves + [PAD] * (width - len(leaves))


def _parents(level: Sequence[bytes]) -> list[bytes]:
    return [hash_node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
