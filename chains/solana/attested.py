"""Signed headers in the short form that the rescue program reads, so that they fit a transaction.

What the program knows by itself is left out: schema, audience, account set, committee, epoch,
status. Source: programs/rescue_attestation.h.
"""

from collections.abc import Sequence
from typing import Any, Final

FIELDS: Final = (
    "schemaVersion", "audience", "accountSetRoot", "blockRefsRoot", "positionsRoot", "pricesRoot",
    "paramsHash", "zkCommitment", "committeeId", "epoch", "sequence", "prevDigest", "issuedAt",
    "expiresAt", "minPriceTime", "positionCount", "status", "accountCount", "maxSkew",
    "healthFactorE18", "netEquityE8",
)  # fmt: skip
"""The members of HealthAttestation in order."""
_FIXED: Final = {"schemaVersion": 1, "audience": bytes(32), "epoch": 0, "status": 0}
_KNOWN: Final = frozenset({*_FIXED, "accountSetRoot", "committeeId"})
_FILLED: Final = 128
_FIGURE_BITS: Final = 128


class NotAccepted(ValueError):
    """A header that the rescue program accepts in no case; the message names the field."""


def encode_header(fields: Sequence[Any]) -> bytes:
    """Give the short form of a header's 21 values in order; NotAccepted where there is none."""
    values = dict(zip(FIELDS, fields, strict=True))
    for name, value in _FIXED.items():
        if values[name] != value:
            raise NotAccepted(f"{name} of an attestation for Solana must be {value!r:.20}")
    return b"".join(_encode(name, value) for name, value in values.items() if name not in _KNOWN)


def _encode(name: str, value: bytes | int) -> bytes:
    if isinstance(value, bytes):
        short = value.lstrip(b"\0")
        return bytes([len(short)]) + short
    if not -(1 << _FIGURE_BITS) <= value < 1 << _FIGURE_BITS:
        raise NotAccepted(f"{name} of an attestation for Solana has more than 128 bits")
    if value < 0:
        rest = value + (1 << _FIGURE_BITS)
        # what is left out is filled with ones
        short = rest.to_bytes(_FIGURE_BITS // 8, "big").lstrip(b"\xff")
        return bytes([_FILLED | len(short)]) + short
    short = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(short)]) + short
