"""A block's header, believed for its hash alone.

The fields that matter here have kept their places since genesis; forks only add fields at the
end. Source: Ethereum yellow paper §4.4; EIP-1559, 4895, 4844, 4788, 7685.
"""

from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.rlp import Encoded, RlpError, decode_int, decode_list

FIRST_FIELDS: Final = 15
MOST_FIELDS: Final = 32
MOST_BYTES: Final = 4096
_HASHES: Final = (0, 1, 3, 4, 5, 13)
_SIZES: Final = {**dict.fromkeys(_HASHES, 32), 2: 20, 6: 256, 14: 8}
_PARENT, _STATE_ROOT, _HEIGHT, _TIME = 0, 3, 8, 11
_WIDTH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says of its block; `time` in seconds."""

    hash: bytes
    parent_hash: bytes
    state_root: bytes
    height: int
    time: int


def decode_header(raw: bytes) -> Header:
    """Decode an encoded header and calculate its hash; EvidenceRefused with HEADER."""
    try:
        fields = decode_list(raw[: MOST_BYTES + 1])
        _check_shape(raw, fields)
        return Header(
            hash=bytes(keccak(raw)),
            parent_hash=fields[_PARENT],
            state_root=fields[_STATE_ROOT],
            height=_decode_number(fields[_HEIGHT]),
            time=_decode_number(fields[_TIME]),
        )
    except RlpError as error:
        raise EvidenceRefused(Flaw.HEADER, str(error)) from error


def verify_header(raw: bytes, block_hash: bytes) -> Header:
    """Give the header of a block; EvidenceRefused with HEADER or, for another's, BLOCK_HASH."""
    header = decode_header(raw)
    if header.hash != block_hash:
        detail = f"the header is that of 0x{header.hash.hex()}, not of 0x{block_hash.hex()}"
        raise EvidenceRefused(Flaw.BLOCK_HASH, detail)
    return header


def _check_shape(raw: bytes, fields: list[bytes]) -> None:
    if len(raw) > MOST_BYTES or not FIRST_FIELDS <= len(fields) <= MOST_FIELDS:
        raise RlpError(f"{len(fields)} fields in {len(raw)} bytes")
    if any(isinstance(field, Encoded) for field in fields):
        raise RlpError("a list among the fields")
    for place, size in _SIZES.items():
        if len(fields[place]) != size:
            raise RlpError(f"field {place} has {len(fields[place])} bytes, not {size}")


def _decode_number(field: bytes) -> int:
    if len(field) > _WIDTH:
        raise RlpError(f"a number of {len(field)} bytes")
    return decode_int(field)
