"""The compact binary form of a signed header, for carrying and for contracts.

"PLMS"(4) ver(1) scheme(1) n(2) committeeId(32) bitmap(⌈n/8⌉) sigs header: n members, big-endian;
bitmap bit i = member i, least significant first, unused bits 0; k signatures in ascending member
order (65 bytes each in secp256k1, 64 in ed25519) or their sum (96 bytes, BLS12-381, where k is not
0); the header as its 21 ABI words. Leaves are not carried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from proofs.scheme import Scheme, Signatures
from proofs.statement import HealthAttestation
from proofs.typed import WORD, Member, describe, encode_words

MAGIC: Final = b"PLMS"
VERSION: Final = 1
_FIXED: Final = len(MAGIC) + 1 + 1 + 2 + WORD
_MEMBERS: Final = describe(HealthAttestation).members
_HEADER_BYTES: Final = WORD * len(_MEMBERS)
_MAX_SIZE: Final = 2**16 - 1


class BadEnvelope(ValueError):
    """The bytes are no envelope of this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A signed header; `signatures` by member index, at least nobody's."""

    header: HealthAttestation
    committee_size: int
    signatures: Signatures
    scheme: Scheme = Scheme.SECP256K1

    @property
    def bitmap(self) -> int:
        """Bit i says that member i signed: the contract's `bitmap`."""
        return sum(1 << index for index, _ in self.signatures)

    @property
    def proof(self) -> bytes:
        """The signatures one after the other, or their sum: the contract's `proof`."""
        listed = [signature for _, signature in self.signatures]
        return b"".join(listed[:1] if self.scheme.aggregates else listed)


def encode_envelope(envelope: Envelope) -> bytes:
    """Give the bytes; BadEnvelope when the signatures are not in order or of another size."""
    indices, scheme = [index for index, _ in envelope.signatures], envelope.scheme
    if not 0 <= envelope.committee_size <= _MAX_SIZE:
        raise BadEnvelope(f"a committee of {envelope.committee_size} cannot be written")
    if indices != sorted(set(indices)) or not all(
        0 <= i < envelope.committee_size for i in indices
    ):
        raise BadEnvelope("signers must ascend, each once, within the committee")
    listed = {signature for _, signature in envelope.signatures}
    if any(len(signature) != scheme.signature_bytes for signature in listed):
        raise BadEnvelope(f"a {scheme.label} signature has {scheme.signature_bytes} bytes")
    if scheme.aggregates and len(listed) > 1:
        raise BadEnvelope("signers of one sum have one signature")
    return b"".join(
        (
            MAGIC,
            bytes([VERSION, scheme]),
            envelope.committee_size.to_bytes(2, "big"),
            envelope.header.committee_id,
            envelope.bitmap.to_bytes(_bitmap_bytes(envelope.committee_size), "little"),
            envelope.proof,
            encode_words(envelope.header),
        )
    )


def decode_envelope(raw: bytes) -> Envelope:
    """Read the bytes strictly: nothing may be left over, unused or contradictory."""
    if len(raw) < _FIXED or raw[:4] != MAGIC or raw[4] != VERSION:
        raise BadEnvelope("not a PLMS envelope of version 1")
    scheme = _decode_scheme(raw[5])
    size = int.from_bytes(raw[6:8], "big")
    start = _FIXED + _bitmap_bytes(size)
    bitmap = int.from_bytes(raw[_FIXED:start], "little")
    if bitmap >> size:
        raise BadEnvelope("the bitmap has bits beyond the committee")
    indices = [index for index in range(size) if bitmap >> index & 1]
    end = start + scheme.signature_bytes * _count_written(scheme, len(indices))
    if len(raw) != end + _HEADER_BYTES:
        raise BadEnvelope(f"{len(raw)} bytes, not {end + _HEADER_BYTES} as its bitmap says")
    header = _decode_header(raw[end:])
    if header.committee_id != raw[8:_FIXED]:
        raise BadEnvelope("the envelope's committeeId is not the header's")
    return Envelope(
        header=header,
        committee_size=size,
        signatures=_decode_signatures(scheme, indices, raw[start:end]),
        scheme=scheme,
    )


def _decode_scheme(number: int) -> Scheme:
    try:
        return Scheme(number)
    except ValueError as error:
        raise BadEnvelope(f"there is no signature scheme {number}") from error


def _count_written(scheme: Scheme, signers: int) -> int:
    return min(signers, 1) if scheme.aggregates else signers


def _decode_signatures(scheme: Scheme, indices: Sequence[int], raw: bytes) -> Signatures:
    if scheme.aggregates:
        return tuple((index, raw) for index in indices)
    size = scheme.signature_bytes
    return tuple((index, raw[i * size : (i + 1) * size]) for i, index in enumerate(indices))


def _bitmap_bytes(size: int) -> int:
    return (size + 7) // 8


def _decode_header(raw: bytes) -> HealthAttestation:
    values: dict[str, Any] = {}
    for index, member in enumerate(_MEMBERS):
        word = raw[index * WORD : (index + 1) * WORD]
        values[member.attribute] = _decode_word(member, word)
    return HealthAttestation(**values)


def _decode_word(member: Member, word: bytes) -> int | bytes:
    if member.kind == "bytes32":
        return word
    value = int.from_bytes(word, "big", signed=member.kind.startswith("int"))
    try:
        member.encode(value)
    except ValueError as error:
        raise BadEnvelope(f"{member.name}: {error}") from error
    return value
