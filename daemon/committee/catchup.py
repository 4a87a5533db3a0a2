"""What a late member asks the others for: their committees, and the newest attestations."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from chains.model.ids import Address
from daemon.committee.client import Peers, Silent
from daemon.committee.frauds import FraudWatch
from daemon.committee.membership import Membership
from daemon.committee.messages import NEWEST_AT_ONCE, BadMessage, Kind, join_parts, split_parts
from daemon.committee.standing import Standing
from proofs.document import Document, decode_document
from proofs.refusal import Refused
from proofs.succession import decode_chain

log = structlog.get_logger(__name__)


def read_document(raw: bytes, frauds: FraudWatch) -> Document:
    """Read another member's document, and remember who signed it; Refused where it is none."""
    document = decode_document(raw)
    frauds.witness(document)
    return document


@dataclass(slots=True, kw_only=True)
class CatchUp:
    """Asks, verifies and takes up; nobody is believed for being a member."""

    membership: Membership
    peers: Peers
    standing: Standing
    frauds: FraudWatch
    clock: Callable[[], float] = time.time

    async def ask_all(self) -> None:
        """Ask everybody side by side, those who do not answer are passed over."""
        committee = self.membership.current(int(self.clock()))
        if committee is None:
            return
        async with asyncio.TaskGroup() as group:
            for member in self.membership.others(committee):
                group.create_task(self.ask(member))

    async def ask(self, member: Address) -> None:
        """Take up what one member knows more."""
        try:
            for roots in _batch(tuple(self.standing.roots)):
                reply = await self.peers.ask(member, Kind.NEWEST, join_parts(roots))
                if reply.header.kind is Kind.RECORDS:
                    await self._take(member, split_parts(reply.body))
        except Silent:
            return
        except (BadMessage, Refused) as error:
            log.warning("committee.records_refused", member=member, reason=str(error))

    async def _take(self, member: Address, parts: Sequence[bytes]) -> None:
        if not parts:
            raise BadMessage("there are no committees in it")
        offered = await asyncio.to_thread(decode_chain, parts[0])
        self.membership.follow(offered, int(self.clock()))
        for raw in parts[1:]:
            document = read_document(raw, self.frauds)
            if await self.standing.adopt(document, int(self.clock())):
                log.info(
                    "committee.caught_up",
                    member=member,
                    sequence=document.statement.header.sequence,
                )


def _batch(roots: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(roots), NEWEST_AT_ONCE):
        yield roots[start : start + NEWEST_AT_ONCE]
