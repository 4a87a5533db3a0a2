"""The file of evidence beside an attestation: per block its header, trie nodes and codes.

"PLME", a version byte, then one zstd frame of RLP: a list of blocks in order of their chains, each
`[caip2, header, [node…], [code…]]` with every node and code once, in byte order. There is one
encoding of the same evidence; its name is the keccak of the RLP, which no compressor changes.
What is proved is not in the file: the verifier knows what it asks for. No node is under 32 bytes:
a smaller one stands inside another, and a root's key alone is longer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import zstandard
from eth_hash.auto import keccak

from proofs.evidence.codes import Code
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.header import Header, verify_header
from proofs.evidence.rlp import Encoded, RlpError, decode_list, encode_list
from proofs.evidence.state import ProvedState
from proofs.evidence.trie import HASH_SIZE

MAGIC: Final = b"PLME\x01"
MOST_BYTES: Final = 32 * 1024 * 1024
"""The most that a file may unpack to."""
MOST_PARTS: Final = 10_000
"""The most nodes and codes, together, that a file may hold."""
_FIELDS: Final = 4
_LEVEL: Final = 9
_WINDOW: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEvidence:
    """What proves state at one block: chain (CAIP-2), encoded header, nodes and codes."""

    chain: str
    header: bytes
    nodes: tuple[bytes, ...]
    codes: tuple[bytes, ...] = ()


def encode_bundle(blocks: Sequence[BlockEvidence]) -> bytes:
    """Give the file of evidence at one block per chain; ValueError for two of one chain."""
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    return MAGIC + packer.compress(_encode(blocks))


def hash_bundle(blocks: Sequence[BlockEvidence]) -> bytes:
    """Give the name of evidence: the keccak of its one uncompressed form."""
    return bytes(keccak(_encode(blocks)))


def hash_block(block: BlockEvidence) -> bytes:
    """Give the evidenceHash of what a block proves: of its chain, header and nodes.

    Codes are left out: nodes name them by their hashes, and a verifier may know them already.
    """
    nodes = Encoded(encode_list(sorted(set(block.nodes))))
    return bytes(keccak(encode_list([block.chain.encode(), block.header, nodes])))


def decode_bundle(raw: bytes) -> tuple[BlockEvidence, ...]:
    """Decode a file; EvidenceRefused with BUNDLE for anything but the one canonical form."""
    unpacked = unpack_bundle(raw)
    blocks: list[BlockEvidence] = []
    left = MOST_PARTS
    try:
        for item in decode_list(unpacked, most=left):
            blocks.append(_decode_block(item, left))
            left -= count_parts(blocks[-1:])
    except (RlpError, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from error
    _check_order([block.chain.encode() for block in blocks], "blocks")
    return tuple(blocks)


def count_parts(blocks: Sequence[BlockEvidence]) -> int:
    """Count nodes and codes; a file of more than MOST_PARTS is refused."""
    return sum(len(block.nodes) + len(block.codes) for block in blocks)


def unpack_bundle(raw: bytes) -> bytes:
    """Give the RLP that a file holds, undecoded; EvidenceRefused with BUNDLE for a damaged one."""
    if not raw.startswith(MAGIC):
        raise _damaged("it does not begin as evidence does")
    return _unpack(raw[len(MAGIC) :])


def open_block(
    block: BlockEvidence, block_hash: bytes, *, known: Mapping[bytes, Code] | None = None
) -> tuple[Header, ProvedState]:
    """Give a block's header and the state under it; EvidenceRefused with HEADER or BLOCK_HASH.

    Read of the state what is to be proved, then see `ProvedState.check_all_used`.
    """
    header = verify_header(block.header, block_hash)
    state = ProvedState(header.state_root, nodes=block.nodes, codes=block.codes, known=known)
    return header, state


def _encode(blocks: Sequence[BlockEvidence]) -> bytes:
    listed = sorted(blocks, key=lambda block: block.chain.encode())
    if len({block.chain for block in listed}) != len(listed):
        raise ValueError("evidence holds one block of a chain")
    return encode_list([Encoded(_encode_block(block)) for block in listed])


def _encode_block(block: BlockEvidence) -> bytes:
    nodes, codes = (Encoded(encode_list(sorted(set(p)))) for p in (block.nodes, block.codes))
    return encode_list([block.chain.encode(), block.header, nodes, codes])


def _unpack(packed: bytes) -> bytes:
    """Decompress exactly one frame of known and bounded size, with its checksum."""
    try:
        frame = zstandard.get_frame_parameters(packed)
        if not 0 < frame.content_size <= MOST_BYTES or frame.window_size > 1 << _WINDOW:
            raise _damaged(f"it would unpack to {frame.content_size} bytes")
        if not frame.has_checksum:
            raise _damaged("it has no checksum")
        unpacker = zstandard.ZstdDecompressor(max_window_size=1 << _WINDOW).decompressobj()
        payload = unpacker.decompress(packed)
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from error
    if not unpacker.eof or unpacker.unused_data or len(payload) != frame.content_size:
        raise _damaged("it is not exactly one zstd frame")
    return payload


def _decode_block(item: bytes, most: int) -> BlockEvidence:
    """Decode a block of at most so many nodes and codes."""
    if not isinstance(item, Encoded):
        raise RlpError("a block that is no list")
    fields = decode_list(item, most=_FIELDS)
    if [isinstance(field, Encoded) for field in fields] != [False, False, True, True]:
        raise RlpError("a block without its four parts")
    chain, header, listed, coded = fields
    nodes = _decode_strings(listed, "nodes", most)
    if any(len(node) < HASH_SIZE for node in nodes):
        raise _damaged(f"a node of less than {HASH_SIZE} bytes")
    return BlockEvidence(
        chain=chain.decode("ascii"),
        header=header,
        nodes=nodes,
        codes=_decode_strings(coded, "codes", most - len(nodes)),
    )


def _decode_strings(encoded: bytes, what: str, most: int) -> tuple[bytes, ...]:
    items = decode_list(encoded, most=most)
    if any(isinstance(item, Encoded) for item in items):
        raise RlpError(f"a list among the {what}")
    _check_order(items, what)
    return tuple(items)


def _check_order(items: Sequence[bytes], what: str) -> None:
    if not all(low < high for low, high in pairwise(items)):
        raise _damaged(f"its {what} do not ascend, each once")


def _damaged(detail: str) -> EvidenceRefused:
    return EvidenceRefused(Flaw.BUNDLE, detail)
