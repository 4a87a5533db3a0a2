"""What members send each other: sealed by the sender's attestation key, bounded, read strictly.

A message is a header of fixed size and a body::

    "PLMM"(4) version(1) kind(1) sender(20) recipient(20) sentAt(8, ms) nonce(32) bodyHash(32)
    signature(65) length(4) body

The signature is secp256k1 over the EIP-712 digest of `MemberMessage` in the deployment's domain: a
struct of its own, so that a message never passes for an attestation. The body's hash stands in the
header, so that the signature is checked before a byte of the body is read. A request's nonce is
random, a reply's is the digest of what it answers. A body is a list of parts, each after its
length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from eth_hash.auto import keccak

from chains.model.ids import Address
from proofs.document import MAX_BYTES as MAX_DOCUMENT
from proofs.recover import SIGNATURE_BYTES, BadSignatureError, recover_address
from proofs.succession import MAX_BYTES as MAX_CHAIN
from proofs.typed import WORD, AddressWord, Bytes32, UInt8, UInt64, digest_struct

MAGIC: Final = b"PLMM"
VERSION: Final = 1
MAX_PARTS: Final = 128
MAX_SLOTS_BYTES: Final = 2 * 1024 * 1024
"""What the raw accounts of Solana in a proposal may take together."""
MAX_EVIDENCE_BYTES: Final = 1024 * 1024
"""What the evidence in a proposal may take; more of it is not sent, and the leaves stay as read."""
MAX_STATEMENTS_BYTES: Final = 512 * 1024
"""What statements about vaults in one message may take together."""
MAX_REASON: Final = 400
NEWEST_AT_ONCE: Final = 8
"""Of how many accounts the newest attestations are asked for in one message."""
_ADDRESS: Final = 20
_TIME: Final = 8
_LENGTH: Final = 4
_FIXED: Final = len(MAGIC) + 2
HEADER_BYTES: Final = _FIXED + 2 * _ADDRESS + _TIME + 2 * WORD + SIGNATURE_BYTES + _LENGTH
_SMALL: Final = 4_096


class Kind(IntEnum):
    """What a message says; replies have the upper numbers."""

    PROPOSAL = 1
    ATTESTATION = 2
    NEWEST = 3
    VAULT_PROPOSAL = 4
    VAULT_STATEMENTS = 5
    VAULT_NEWEST = 6
    VOTE = 17
    REFUSAL = 18
    RECORDS = 19
    TAKEN = 20
    VAULT_VOTES = 21
    VAULT_RECORDS = 22


MAX_BODY: Final[Mapping[Kind, int]] = {
    Kind.PROPOSAL: MAX_DOCUMENT + MAX_SLOTS_BYTES + MAX_EVIDENCE_BYTES + _SMALL,
    Kind.ATTESTATION: MAX_DOCUMENT + _SMALL,
    Kind.NEWEST: _SMALL,
    Kind.VAULT_PROPOSAL: MAX_STATEMENTS_BYTES + _SMALL,
    Kind.VAULT_STATEMENTS: MAX_STATEMENTS_BYTES + _SMALL,
    Kind.VAULT_NEWEST: _SMALL,
    Kind.VOTE: _SMALL,
    Kind.REFUSAL: _SMALL,
    Kind.RECORDS: MAX_CHAIN + NEWEST_AT_ONCE * (MAX_DOCUMENT + _LENGTH) + _SMALL,
    Kind.TAKEN: _SMALL,
    Kind.VAULT_VOTES: MAX_PARTS * (MAX_REASON + SIGNATURE_BYTES) + _SMALL,
    Kind.VAULT_RECORDS: MAX_STATEMENTS_BYTES + _SMALL,
}
"""How many bytes a body of each kind may have."""
VAULT_REQUESTS: Final = frozenset({Kind.VAULT_PROPOSAL, Kind.VAULT_STATEMENTS, Kind.VAULT_NEWEST})
"""What is asked about vaults."""
REQUESTS: Final = VAULT_REQUESTS | {Kind.PROPOSAL, Kind.ATTESTATION, Kind.NEWEST}


class BadMessage(ValueError):
    """The bytes are no message of this version, or not by whom they say."""


class TooLarge(BadMessage):
    """The body is larger than its kind may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberMessage:
    """The struct behind a message's signature; `sent_at` in milliseconds."""

    kind: UInt8
    sender: AddressWord
    recipient: AddressWord
    sent_at: UInt64
    nonce: Bytes32
    body_hash: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before a body of `length` bytes."""

    kind: Kind
    sender: Address
    recipient: Address
    sent_at: int
    nonce: bytes
    body_hash: bytes
    signature: bytes
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message whose signature was checked; `digest` is what a reply names."""

    header: Header
    body: bytes
    digest: bytes


def digest_message(
    kind: Kind, sender: Address, recipient: Address, sent_at: int, nonce: bytes, *,
    body_hash: bytes, salt: bytes,
) -> bytes:  # fmt: skip
    """Give the 32 bytes that the sender signs."""
    struct = MemberMessage(
        kind=kind,
        sender=sender,
        recipient=recipient,
        sent_at=sent_at,
        nonce=nonce,
        body_hash=body_hash,
    )
    return digest_struct(struct, salt)


def hash_body(body: bytes) -> bytes:
    """Give the keccak that the header and the signature name a body by."""
    return bytes(keccak(body))


def encode_message(header: Header, body: bytes) -> bytes:
    """Give a message's bytes."""
    return b"".join(
        (
            MAGIC,
            bytes([VERSION, header.kind]),
            bytes.fromhex(header.sender[2:]),
            bytes.fromhex(header.recipient[2:]),
            header.sent_at.to_bytes(_TIME, "big"),
            header.nonce,
            header.body_hash,
            header.signature,
            len(body).to_bytes(_LENGTH, "big"),
            body,
        )
    )


def decode_header(raw: bytes) -> Header:
    """Read the header; BadMessage, or TooLarge where the body it announces is."""
    if len(raw) != HEADER_BYTES or raw[:4] != MAGIC or raw[4] != VERSION:
        raise BadMessage("not a member's message of version 1")
    try:
        kind = Kind(raw[5])
    except ValueError as error:
        raise BadMessage(f"there is no message of kind {raw[5]}") from error
    fields = _Cursor(raw, _FIXED)
    header = Header(
        kind=kind,
        sender=Address("0x" + fields.take(_ADDRESS).hex()),
        recipient=Address("0x" + fields.take(_ADDRESS).hex()),
        sent_at=int.from_bytes(fields.take(_TIME), "big"),
        nonce=fields.take(WORD),
        body_hash=fields.take(WORD),
        signature=fields.take(SIGNATURE_BYTES),
        length=int.from_bytes(fields.take(_LENGTH), "big"),
    )
    if header.length > MAX_BODY[kind]:
        raise TooLarge(f"{header.length} bytes, {MAX_BODY[kind]} at most")
    return header


def check_header(header: Header, salt: bytes) -> bytes:
    """Check that the sender signed this header; gives the digest, BadMessage if he did not."""
    digest = digest_message(
        header.kind,
        header.sender,
        header.recipient,
        header.sent_at,
        header.nonce,
        body_hash=header.body_hash,
        salt=salt,
    )
    try:
        signer = recover_address(digest, header.signature)
    except BadSignatureError as error:
        raise BadMessage(f"its signature: {error}") from error
    if signer != header.sender:
        raise BadMessage(f"it is not by {header.sender}")
    return digest


def open_message(header: Header, digest: bytes, body: bytes) -> Message:
    """Check that a body is the one of a checked header; BadMessage if not."""
    if len(body) != header.length:
        raise BadMessage(f"{len(body)} bytes, not {header.length} as it says")
    if hash_body(body) != header.body_hash:
        raise BadMessage("the body is not the one that was signed")
    return Message(header=header, body=body, digest=digest)


def join_parts(parts: Sequence[bytes]) -> bytes:
    """Give a body of these parts."""
    return b"".join(len(part).to_bytes(_LENGTH, "big") + part for part in parts)


def split_parts(body: bytes) -> tuple[bytes, ...]:
    """Read a body's parts, all of it; BadMessage where they do not add up."""
    parts: list[bytes] = []
    cursor = _Cursor(body, 0)
    while not cursor.done:
        if len(parts) == MAX_PARTS:
            raise BadMessage(f"more than {MAX_PARTS} parts")
        parts.append(cursor.take(int.from_bytes(cursor.take(_LENGTH), "big")))
    return tuple(parts)


def encode_reason(reason: str) -> bytes:
    """Give a reason as a message carries it: printable ASCII, cut to what fits."""
    kept = "".join(c if c.isascii() and c.isprintable() else "?" for c in reason)
    return kept[:MAX_REASON].encode()


def decode_reason(raw: bytes) -> str:
    """Read another member's reason: nothing in it is trusted, not even to be printable."""
    return encode_reason(raw[: 4 * MAX_REASON].decode("ascii", "replace")).decode()


class _Cursor:
    """Takes bytes from the front; BadMessage where too few are left."""

    def __init__(self, raw: bytes, start: int) -> None:
        self._raw = raw
        self._at = start

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._raw)

    def take(self, size: int) -> bytes:
        """Take so many bytes."""
        taken = self._raw[self._at : self._at + size]
        if len(taken) != size:
            raise BadMessage(f"{len(taken)} bytes where {size} were announced")
        self._at += size
        return taken
