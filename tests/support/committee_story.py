"""A story of several daemons that attest together, on the stage's chains or across to Solana.

The last member has the story's proxies before its chains, and may be lied to; the others ask the
nodes themselves. All run dry.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from chains.model.ids import Address
from proofs.committee import Committee
from proofs.document import Document, decode_document
from proofs.strict import encode_view
from proofs.verify import Expected, verify_document
from tests.support.committee import DevMember, make_committee
from tests.support.daemon import Daemon
from tests.support.stage import DEPLOYMENT, format_accounts
from tests.support.story import Story

TTL_S: Final = 8
STEP_S: Final = 0.25


class Together:
    """Daemons on a story's chains, whose blocks the story mines; `liar` is the last one's place."""

    def __init__(self, story: Story, *, size: int, threshold: int) -> None:
        self.story = story
        self.committee = make_committee(story.folder / "committee", size=size, threshold=threshold)
        self.daemons = [self._build(member) for member in self.committee.members]
        self.liar = size - 1

    @property
    def record(self) -> Committee:
        """The committee that attestations name."""
        return self.committee.build(DEPLOYMENT)

    async def begin_all(self, **changes: object) -> None:
        """Start everybody, and wait until all serve an attestation."""
        for member in self.committee.members:
            self.write(member, **changes)
        async with asyncio.TaskGroup() as group:
            for daemon in self.daemons:
                group.create_task(daemon.start())
        await self.until_attested(range(len(self.daemons)))

    def write(self, member: DevMember, **changes: object) -> None:
        """Write a member's files."""
        settings: dict[str, object] = {
            "attestation.refresh_s": 1,
            "attestation.ttl_s": TTL_S,
            "keeper.liquidate": False,
        }
        if member.place == self.liar:
            for name, proxy in self.story.proxies.items():
                settings[f"chains.{name}.rpc"] = [proxy.url]
                settings[f"chains.{name}.ws"] = [proxy.ws_url]
        settings |= {key.replace("__", "."): value for key, value in changes.items()}
        self.committee.write_config(member, settings=settings)
        (member.folder / "accounts.toml").write_text(format_accounts(self.story.members))

    async def document(self, place: int) -> Document | None:
        """Give the attestation that a member serves, verified as a wallet would."""
        found = await self.daemons[place].attestation()
        if found is None:
            return None
        document = decode_document(encode_view(found))
        expected = Expected(deployment=DEPLOYMENT, committee_id=self.record.id)
        verify_document(document, expected, now=document.statement.header.issued_at)
        return document

    def sequence_of(self, document: Document | None) -> int:
        """Give an attestation's sequence, −1 where there is none."""
        return document.statement.header.sequence if document else -1

    async def signers(self, place: int) -> set[int]:
        """Give who signed the attestation that a member serves."""
        document = await self.document(place)
        return {index for index, _ in document.signatures} if document else set()

    async def until_attested(
        self, places: Sequence[int], *, by: set[int] | None = None, timeout_s: float = 20.0
    ) -> None:
        """Go on until these members serve an attestation newer than now, signed by these."""
        known = {place: await self._sequence(place) for place in places}

        async def attested() -> bool:
            for place in places:
                if await self._sequence(place) <= known[place]:
                    return False
                if by is not None and await self.signers(place) != by:
                    return False
            return True

        await self.go_on(attested, f"an attestation by {by or 'a quorum'}", timeout_s)

    async def go_on(
        self, condition: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 20.0
    ) -> None:
        """Mine, and leave the members the time to read and to attest, until something holds."""
        deadline = time.monotonic() + timeout_s
        while not await condition():
            if time.monotonic() > deadline:
                told = "\n".join(daemon.last_words(8) for daemon in self.daemons)
                raise AssertionError(f"not in {timeout_s:g} s: {what}\n{told}")
            await self.story._pace()
            self.story.mine()
            await asyncio.sleep(STEP_S)

    async def refusals(self, place: int) -> list[dict[str, Any]]:
        """Give the refusals that a member has on record, newest first."""
        _, body = await self.daemons[place].get("/v1/committee")
        found: list[dict[str, Any]] = body["refusals"]
        return found

    async def unready(self, place: int) -> dict[str, str]:
        """Give what a member is not ready for, and why."""
        _, ready = await self.daemons[place].get("/readyz")
        return {fault["what"]: fault["reason"] for fault in ready["unready"]}

    def address(self, place: int) -> Address:
        """Give a member's address."""
        return self.committee.addresses[place]

    async def _sequence(self, place: int) -> int:
        return self.sequence_of(await self.document(place))

    def _build(self, member: DevMember) -> Daemon:
        *base, _ = self.story.daemon.files
        return Daemon(
            files=(*base, member.config_file, member.folder / "accounts.toml"),
            log_file=member.folder / "daemon.log",
            state_dir=member.state_dir,
        )


@asynccontextmanager
async def together(story: Story, *, size: int, threshold: int) -> AsyncIterator[Together]:
    """Give daemons, not started; afterwards they are gone."""
    daemons = Together(story, size=size, threshold=threshold)
    async with AsyncExitStack() as stack:
        for daemon in daemons.daemons:
            await stack.enter_async_context(daemon)
        yield daemons
