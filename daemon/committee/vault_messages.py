"""What members send each other about vaults: proposals, votes, statements; read strictly. Pure.

A proposal is a part with the turn and the newest blocks that top-ups were seen up to, then
statements that nobody signed yet. Votes answer them one by one: a signature, or why there is none
and whether a chain could not be read at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from daemon.committee.messages import (
    MAX_STATEMENTS_BYTES,
    BadMessage,
    decode_reason,
    encode_reason,
    join_parts,
)
from proofs.recover import SIGNATURE_BYTES
from proofs.typed import WORD
from proofs.vault_document import VaultDocument, decode_vault_document, encode_vault_document
from proofs.vaults import MAX_CHAINS

BATCH: Final = 32
"""How many statements are in a message at most."""
_NUMBER: Final = 8
_TIP_BYTES: Final = 2 * _NUMBER + WORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The block of a chain up to which top-ups were looked for."""

    chain: int
    height: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultProposal:
    """Statements that a member would have signed in its turn."""

    turn: int
    documents: tuple[VaultDocument, ...]
    tips: tuple[Tip, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultVote:
    """A signature, or why there is none; `unread` are chains that could not be read."""

    signature: bytes | None = None
    reason: str = ""
    unread: tuple[int, ...] = ()


class _Answer(IntEnum):
    SIGNED = 1
    REFUSED = 2


def encode_proposal(proposal: VaultProposal) -> bytes:
    """Give a proposal's body."""
    tips = (_write(tip.chain) + _write(tip.height) + tip.hash for tip in proposal.tips)
    documents = (encode_vault_document(document) for document in proposal.documents)
    return join_parts([_write(proposal.turn) + b"".join(tips), *documents])


def decode_proposal(parts: Sequence[bytes]) -> VaultProposal:
    """Read a proposal; BadMessage or Refused."""
    if not 1 < len(parts) <= BATCH + 1:
        raise BadMessage(f"not 1 to {BATCH} statements")
    head, documents = parts[0], tuple(map(decode_vault_document, parts[1:]))
    tips = tuple(_read_tips(head[_NUMBER:]))
    if len(head) < _NUMBER or len(tips) > MAX_CHAINS or len({t.chain for t in tips}) < len(tips):
        raise BadMessage("its turn and blocks cannot be read")
    if any(document.signatures for document in documents):
        raise BadMessage("a proposed statement is signed already")
    if len({document.committee.id for document in documents}) != 1:
        raise BadMessage("statements of several committees")
    return VaultProposal(turn=_read(head[:_NUMBER]), documents=documents, tips=tips)


def encode_votes(votes: Sequence[VaultVote]) -> bytes:
    """Give the answer's body, a part for each statement."""
    return join_parts([_encode_vote(vote) for vote in votes])


def decode_votes(parts: Sequence[bytes], count: int) -> tuple[VaultVote, ...]:
    """Read as many votes as there were statements; BadMessage."""
    if len(parts) != count:
        raise BadMessage(f"{len(parts)} votes for {count} statements")
    return tuple(map(_decode_vote, parts))


def batch_documents(documents: Sequence[VaultDocument]) -> Iterator[tuple[VaultDocument, ...]]:
    """Cut statements into messages that are not too many and not too large."""
    batch: list[VaultDocument] = []
    size = 0
    for document in documents:
        length = len(encode_vault_document(document)) + _NUMBER
        if batch and (len(batch) == BATCH or size + length > MAX_STATEMENTS_BYTES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(document)
        size += length
    if batch:
        yield tuple(batch)


def encode_cursor(cursor: int) -> bytes:
    """Give where a page of statements starts."""
    return _write(cursor)


def decode_cursor(raw: bytes) -> int:
    """Read where a page of statements starts; BadMessage."""
    if len(raw) != _NUMBER:
        raise BadMessage("not a place to start at")
    return _read(raw)


def _encode_vote(vote: VaultVote) -> bytes:
    if vote.signature is not None:
        return bytes([_Answer.SIGNED]) + vote.signature
    unread = b"".join(map(_write, vote.unread))
    return bytes([_Answer.REFUSED, len(vote.unread)]) + unread + encode_reason(vote.reason)


def _decode_vote(raw: bytes) -> VaultVote:
    if raw[:1] == bytes([_Answer.SIGNED]) and len(raw) == 1 + SIGNATURE_BYTES:
        return VaultVote(signature=raw[1:])
    if raw[:1] != bytes([_Answer.REFUSED]) or len(raw) < 2 + _NUMBER * raw[1]:
        raise BadMessage("a vote cannot be read")
    end = 2 + _NUMBER * raw[1]
    unread = tuple(_read(raw[at : at + _NUMBER]) for at in range(2, end, _NUMBER))
    return VaultVote(reason=decode_reason(raw[end:]), unread=unread)


def _read_tips(raw: bytes) -> Iterator[Tip]:
    if len(raw) % _TIP_BYTES:
        raise BadMessage("its blocks are cut short")
    for at in range(0, len(raw), _TIP_BYTES):
        height = at + _NUMBER
        yield Tip(
            chain=_read(raw[at:height]),
            height=_read(raw[height : height + _NUMBER]),
            hash=raw[height + _NUMBER : at + _TIP_BYTES],
        )


def _write(number: int) -> bytes:
    return number.to_bytes(_NUMBER, "big")


def _read(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
