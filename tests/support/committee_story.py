"""A story of four daemons that attest together, three of which must sign.

The last member has proxies before its chains, and may be lied to; the others ask the nodes
themselves. All run dry.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from chains.model.ids import Address
from proofs.committee import Committee
from proofs.document import Document, decode_document
from proofs.strict import encode_view
from proofs.verify import Expected, verify_document
from tests.support.committee import DevMember, make_committee
from tests.support.daemon import ROOT, Daemon
from tests.support.proxy import FaultProxy
from tests.support.stage import DEPLOYMENT, Stage, format_accounts
from tests.support.story import Story

SIZE: Final = 4
THRESHOLD: Final = 3
LIAR: Final = 3
TTL_S: Final = 8
Settings = Mapping[str, object]


class CommitteeStory(Story):
    """The stage and four daemons; the story's own `daemon` is the first member's."""

    def __init__(self, stage: Stage, folder: Path, proxies: Mapping[str, FaultProxy]) -> None:
        super().__init__(stage, folder, proxies)
        self.committee = make_committee(folder / "committee", size=SIZE, threshold=THRESHOLD)
        self.daemons = [self._build(member) for member in self.committee.members]
        self.daemon = self.daemons[0]

    @property
    def record(self) -> Committee:
        """The committee that attestations name."""
        return self.committee.build(DEPLOYMENT)

    async def begin_all(self, **changes: object) -> None:
        """Start everybody, and wait until all serve an attestation."""
        for member in self.committee.members:
            self.write(member, **changes)
        for daemon in self.daemons:
            await daemon.start()
        await self.until_attested(range(SIZE))

    def write(self, member: DevMember, **changes: object) -> None:
        """Write a member's files."""
        settings: dict[str, object] = {
            "attestation.refresh_s": 1,
            "attestation.ttl_s": TTL_S,
            "keeper.liquidate": False,
        }
        if member.place == LIAR:
            for name, proxy in self.proxies.items():
                settings[f"chains.{name}.rpc"] = [proxy.url]
                settings[f"chains.{name}.ws"] = [proxy.ws_url]
        settings |= {key.replace("__", "."): value for key, value in changes.items()}
        self.committee.write_config(member, settings=settings)
        (member.folder / "accounts.toml").write_text(format_accounts(self.members))

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
        """Mine now and then until something holds."""
        await self.until(condition, what, timeout_s=timeout_s)

    async def step(self, *names: str, blocks: int = 1) -> None:
        """Mine, and leave the members the time to read and to attest."""
        for _ in range(blocks):
            await self._pace()
            self.mine(*names)
            await asyncio.sleep(0.25)

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
        files = (
            ROOT / "config/devnet.toml",
            self.stage.folder.run_file,
            member.config_file,
            member.folder / "accounts.toml",
        )
        return Daemon(
            files=files, log_file=member.folder / "daemon.log", state_dir=member.state_dir
        )


@asynccontextmanager
async def telling_together(stage: Stage, folder: Path) -> AsyncIterator[CommitteeStory]:
    """Mine by hand; afterwards all is gone and the stage as before."""
    with stage.net.reverting():
        for chain in stage.net.chains:
            chain.set_automine(on=False)
        async with AsyncExitStack() as stack:
            proxies = {
                chain.name: await stack.enter_async_context(FaultProxy(chain.url))
                for chain in stage.net.chains
            }
            story = CommitteeStory(stage, folder, proxies)
            for daemon in story.daemons:
                await stack.enter_async_context(daemon)
            yield story
