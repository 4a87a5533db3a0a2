"""Sealing what this member sends, and judging who sent what it gets."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from chains.model.ids import Address
from daemon.committee.membership import Membership
from daemon.committee.messages import (
    REQUESTS,
    BadMessage,
    Header,
    Kind,
    Message,
    check_header,
    digest_message,
    encode_message,
    hash_body,
    open_message,
)
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.typed import WORD, ZERO

WINDOW_S: Final = 30
"""How far members' clocks, and a message's way, may be apart."""
_MS: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Post:
    """One member's seal, and the requests it has taken lately: none is taken twice."""

    membership: Membership
    signer: Secp256k1Signer
    clock: Callable[[], float] = time.time
    _taken: dict[bytes, float] = field(default_factory=dict)

    def seal(
        self, kind: Kind, recipient: Address, body: bytes, answers: Message | None = None
    ) -> tuple[bytes, bytes]:
        """Give a message's bytes, and its digest."""
        nonce = answers.digest if answers else secrets.token_bytes(WORD)
        sent_at, body_hash = int(self.clock() * _MS), hash_body(body)
        digest = digest_message(
            kind,
            self.signer.address,
            recipient,
            sent_at,
            nonce,
            body_hash=body_hash,
            salt=self.membership.salt,
        )
        header = Header(
            kind=kind,
            sender=self.signer.address,
            recipient=recipient,
            sent_at=sent_at,
            nonce=nonce,
            body_hash=body_hash,
            signature=self.signer.sign(digest),
            length=len(body),
        )
        return encode_message(header, body), digest

    def admit(self, header: Header) -> bytes:
        """Judge a request by its header alone, once; gives its digest.

        BadMessage for strangers, convicts, the late, replays, what is unsigned or no request.
        """
        self._check_sender(header)
        digest = check_header(header, self.membership.salt)
        now = self.clock()
        for each in [d for d, until in self._taken.items() if until < now]:
            del self._taken[each]
        if digest in self._taken:
            raise BadMessage("it was taken before")
        self._taken[digest] = now + 2 * WINDOW_S
        return digest

    def _check_sender(self, header: Header) -> None:
        now = self.clock()
        if header.kind not in REQUESTS:
            raise BadMessage(f"a {header.kind.name.lower()} answers nothing here")
        if header.recipient != self.membership.me:
            raise BadMessage(f"it is for {header.recipient}")
        if header.sender == self.membership.me or not self.membership.is_member(
            header.sender, int(now)
        ):
            raise BadMessage(f"{header.sender} is no other member")
        if (crime := self.membership.banned.get(header.sender)) is not None:
            raise BadMessage(f"{header.sender} is banned: {crime}")
        apart = abs(now - header.sent_at / _MS)
        if apart > WINDOW_S:
            raise BadMessage(f"it was sent {apart:.0f} s from now, {WINDOW_S} s are allowed")

    def take_reply(self, header: Header, body: bytes, sender: Address, asked: bytes) -> Message:
        """Open what a member answered to the request `asked`; BadMessage where it is not that."""
        if header.kind in REQUESTS or header.nonce != asked or asked == ZERO:
            raise BadMessage("it does not answer what was asked")
        if (header.sender, header.recipient) != (sender, self.membership.me):
            raise BadMessage("it is not between the two members")
        return open_message(header, check_header(header, self.membership.salt), body)
