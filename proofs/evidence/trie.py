"""Merkle-Patricia lookups in a set of nodes known by their hashes.

The tries of Ethereum's state have keys of 32 bytes (hashed) and no two ways to be written: any
node that such a trie cannot hold is refused. A value that is not there is proved as strictly as
one that is. Source: Ethereum yellow paper, appendix D; EIP-1186.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.rlp import Encoded, RlpError, decode_list

EMPTY_ROOT: Final = bytes(keccak(b"\x80"))
HASH_SIZE: Final = 32
_BRANCH_ITEMS: Final = 17
_PAIR_ITEMS: Final = 2
_NIBBLES: Final = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Branch:
    """Sixteen children by the next nibble's hexadecimal digit; an empty one is b""."""

    children: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Extension:
    """A shared path (hexadecimal digits) that leads to one child."""

    path: str
    child: bytes


@dataclass(frozen=True, slots=True)
class Leaf:
    """The rest of a key (hexadecimal digits) and its value."""

    path: str
    value: bytes


Node = Branch | Extension | Leaf


def hash_nodes(nodes: Iterable[bytes]) -> dict[bytes, bytes]:
    """Give encoded nodes by their hashes."""
    return {bytes(keccak(node)): node for node in nodes}


class Trie:
    """The tries of one state over a common set of nodes; `used` are the hashes looked at."""

    def __init__(self, nodes: Mapping[bytes, bytes]) -> None:
        self.used: Final[set[bytes]] = set()
        self._nodes = nodes
        self._decoded: dict[bytes, Node] = {}

    def get(self, root: bytes, key: bytes) -> bytes:
        """Give the value under the hash of `key`, b"" where the trie proves that there is none.

        EvidenceRefused with MISSING_NODE or BAD_NODE.
        """
        if root == EMPTY_ROOT:
            return b""
        rest = bytes(keccak(key)).hex()
        reference = root
        while True:
            node = self._find(reference)
            match node:
                case Branch():
                    if not rest:
                        raise _bad("a branch lies below the end of its keys")
                    reference, rest = node.children[rest[0]], rest[1:]
                case Extension():
                    if not rest.startswith(node.path):
                        return b""
                    reference, rest = node.child, rest[len(node.path) :]
                case Leaf():
                    if len(node.path) != len(rest):
                        raise _bad("a leaf's key is not 32 bytes long")
                    return node.value if node.path == rest else b""
            if not reference:
                return b""

    def _find(self, reference: bytes) -> Node:
        if (known := self._decoded.get(reference)) is not None:
            return known
        if isinstance(reference, Encoded):
            node = decode_node(reference)
        else:
            if (encoded := self._nodes.get(reference)) is None:
                raise EvidenceRefused(Flaw.MISSING_NODE, f"no node 0x{reference.hex()}")
            self.used.add(reference)
            node = decode_node(encoded)
        self._decoded[reference] = node
        return node


def decode_node(encoded: bytes) -> Node:
    """Decode a node; EvidenceRefused with BAD_NODE when no state trie holds such a one."""
    try:
        items = decode_list(encoded)
    except RlpError as error:
        raise _bad(str(error)) from error
    if len(items) == _BRANCH_ITEMS:
        return _decode_branch(items)
    if len(items) != _PAIR_ITEMS:
        raise _bad(f"{len(items)} items")
    path, is_leaf = _decode_path(items[0])
    if is_leaf:
        if isinstance(items[1], Encoded) or not items[1]:
            raise _bad("a leaf without a value")
        return Leaf(path, items[1])
    if not path or not items[1]:
        raise _bad("an extension without a path or a child")
    return Extension(path, _check_child(items[1]))


def _decode_branch(items: list[bytes]) -> Branch:
    *children, value = items
    if value or isinstance(value, Encoded):
        raise _bad("a branch with a value")
    return Branch(dict(zip(_NIBBLES, map(_check_child, children), strict=True)))


def _check_child(item: bytes) -> bytes:
    """See that a child is empty, a hash, or a node too small to be hashed."""
    size = len(item)
    if isinstance(item, Encoded):
        if size >= HASH_SIZE:
            raise _bad(f"a node of {size} bytes inside another")
    elif size not in (0, HASH_SIZE):
        raise _bad(f"a reference of {size} bytes")
    return item


def _decode_path(item: bytes) -> tuple[str, bool]:
    """Give the digits of a hex-prefix path and whether it ends in a leaf."""
    digits = item.hex()
    if isinstance(item, Encoded) or not digits or digits[0] not in "0123":
        raise _bad("a path without a valid prefix")
    flags = int(digits[0])
    if flags & 1:
        return digits[1:], bool(flags & 2)
    if digits[1] != "0":
        raise _bad("a path whose prefix is not padded with 0")
    return digits[2:], bool(flags & 2)


def _bad(detail: str) -> EvidenceRefused:
    return EvidenceRefused(Flaw.BAD_NODE, detail)
