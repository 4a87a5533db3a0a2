"""What a late member asks the others for: the statements of vaults that it missed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from chains.model.ids import Address
from daemon.committee.client import Peers, Silent
from daemon.committee.membership import Membership
from daemon.committee.messages import BadMessage, Kind, join_parts, split_parts
from daemon.committee.vault_acting import Acting
from daemon.committee.vault_messages import BATCH, decode_cursor, encode_cursor
from daemon.committee.vault_standing import VaultStanding
from daemon.storage.errors import StorageError
from proofs.refusal import Refused
from proofs.vault_document import decode_vault_document

MOST_PAGES: Final = 512
"""How many pages are asked for at once; what is beyond is stated anew where it is wanted."""
KNOWN_S: Final = 10.0
"""How long chains may take to say whose statements count."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class VaultCatchUp:
    """Asks, verifies and keeps; where each member's statements were read up to is remembered."""

    membership: Membership
    acting: Acting
    peers: Peers
    standing: VaultStanding
    _cursors: dict[Address, int] = field(default_factory=dict)

    async def ask_all(self) -> None:
        """Ask everybody of the committees that vaults count, side by side, once they are known."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KNOWN_S):
                await self.acting.chains.wait_known()
        committees = self.acting.committees() or self.membership.chain.committees[-1:]
        others = {m for committee in committees for m in self.membership.others(committee)}
        async with asyncio.TaskGroup() as group:
            for member in sorted(others):
                group.create_task(self.ask(member))

    async def ask(self, member: Address) -> None:
        """Keep what one member knows more; who does not answer is passed over."""
        try:
            for _ in range(MOST_PAGES):
                cursor = self._cursors.get(member, 0)
                body = join_parts([encode_cursor(cursor)])
                reply = await self.peers.ask(member, Kind.VAULT_NEWEST, body)
                if reply.header.kind is not Kind.VAULT_RECORDS:
                    return
                last = await self._take(member, split_parts(reply.body))
                if last <= cursor:
                    return
                self._cursors[member] = last
        except Silent:
            return
        except (BadMessage, Refused, StorageError) as error:
            log.warning("vaults.records_refused", member=member, reason=str(error))

    async def _take(self, member: Address, parts: Sequence[bytes]) -> int:
        """Keep a page, what is bad in it left out; gives where the next one starts."""
        if not 0 < len(parts) <= BATCH + 1:
            raise BadMessage("not a page of statements")
        last, kept = decode_cursor(parts[0]), 0
        for raw in parts[1:]:
            try:
                document = await asyncio.to_thread(decode_vault_document, raw)
                kept += await self.standing.adopt([document])
            except Refused as error:
                log.warning("vaults.record_refused", member=member, reason=str(error))
        if kept:
            log.info("vaults.caught_up", member=member, statements=kept)
        return last
