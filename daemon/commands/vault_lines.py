"""Bringing a line of a vault account to a size: on one chain, past finality, on the other.

Every step looks at the chains first, so whoever runs it again goes on where it stood. The other
chain's part may be brought by anybody: keepers do it, and the command itself where none did.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from chains.evm.multicall import ReadPlan, read
from chains.evm.protocols.plimsoll_vault.contracts import (
    LOWER_LINE,
    POST_QUANTITIES,
    RAISE_LINE,
    TAKE_LOWERED,
    TAKE_RAISED,
)
from chains.evm.protocols.plimsoll_vault.owners import FACTS, LINE_IN, LINE_OUT
from config.amounts import WAD_DECIMALS, format_amount
from daemon.commands.common import CommandError
from daemon.commands.health import ask
from daemon.commands.vault_desk import CallRefused, Desk
from daemon.commands.vault_place import VaultAsset
from daemon.commands.vault_proofs import back_fact
from proofs.refusal import Refused
from proofs.strict import encode_view
from proofs.vault_document import Carried, VaultDocument, decode_vault_document
from proofs.vaults import FactKey, FactKind, VaultFact, VaultQuantities, build_arguments

LOOK_S: Final = 0.5
_UNHEALTHY: Final = "health"
LEAVE_S: Final = 4.0
"""How long a statement at hand is left to a keeper before it is brought from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSides:
    """What both vaults say of a line, in wad: the lender's figures, then the borrower's."""

    out: int
    raised: int
    counted: int
    lowered: int

    @property
    def standing(self) -> int:
        """What the line comes to once each chain knows all of the other."""
        return max(0, self.raised - self.lowered)

    def knows(self, kind: FactKind) -> bool:
        """Say whether the chain that takes a kind of fact knows all of it."""
        if kind is FactKind.RAISED:
            return self.counted >= self.standing
        return self.out <= self.standing


@dataclass(slots=True, kw_only=True)
class LineWork:
    """One line of an account: `lender` lends the asset to `borrower`; `url` is a daemon's API."""

    account: bytes
    lender: Desk
    borrower: Desk
    asset: VaultAsset
    url: str
    limit_s: float
    _said: str = field(default="", init=False)

    async def bring_to(self, units: int, *, wait: bool) -> LineSides:
        """Raise or lower the line to so many wad units, and see that both chains know it."""
        sides = await self.read()
        if sides.standing < units:
            await self._raise(units - sides.standing)
        elif sides.standing > units:
            if not sides.knows(FactKind.RAISED):
                await self._settle(FactKind.RAISED)
            await self._lower(sides.standing - units)
        if wait:
            for kind in (FactKind.LOWERED, FactKind.RAISED):
                await self._settle(kind)
        return await self.read()

    async def read(self) -> LineSides:
        """Read both sides at their newest blocks."""
        here, there, number = self._ends[0], self._ends[1], self.asset.number
        lends = LINE_OUT.plan(self.lender.vault, self.account, there, number)
        counts = LINE_IN.plan(self.borrower.vault, self.account, here, number)
        return LineSides(
            out=await self.lender.read(lends),
            raised=await self.lender.read(self._plan(FactKind.RAISED)),
            counted=await self.borrower.read(counts),
            lowered=await self.borrower.read(self._plan(FactKind.LOWERED)),
        )

    @property
    def _ends(self) -> tuple[int, int]:
        return self.lender.place.number, self.borrower.place.number

    def _teller(self, kind: FactKind) -> Desk:
        return self.lender if kind is FactKind.RAISED else self.borrower

    def _taker(self, kind: FactKind) -> Desk:
        return self.borrower if kind is FactKind.RAISED else self.lender

    def _key(self, kind: FactKind) -> FactKey:
        return FactKey(kind=kind, subject=self.account, numbers=(*self._ends, self.asset.number))

    def _plan(self, kind: FactKind) -> ReadPlan[int]:
        return FACTS.plan(self._teller(kind).vault, self._key(kind).hash)

    async def _raise(self, more: int) -> None:
        call = RAISE_LINE.call(
            self.lender.vault, self.account, self._ends[1], self.asset.number, more
        )
        what = f"lend {self._name(more)} to {self.borrower.place.label}"
        try:
            await self.lender.send(call, what)
        except CallRefused as error:
            # A chain that was not told lately what lies elsewhere counts every line as drawn.
            if error.reason != _UNHEALTHY or not await self._tell():
                raise
            await self.lender.send(call, what)

    async def _tell(self) -> bool:
        """Bring the newest quantities to the lender; says whether there are any."""
        for found in await self._ask(self.lender, "quantities"):
            if isinstance(found.said, VaultQuantities):
                said, judge = build_arguments(found.said), await self.lender.read_judge()
                call = POST_QUANTITIES.call(judge, said, found.bitmap, found.proof)
                await self.lender.send(call, "bring the newest quantities")
                return True
        return False

    async def _lower(self, less: int) -> None:
        call = LOWER_LINE.call(
            self.borrower.vault, self.account, self._ends[0], self.asset.number, less
        )
        await self.borrower.send(call, f"give {self._name(less)} back to {self.lender.place.label}")

    def _name(self, units: int) -> str:
        return f"{format_amount(units, WAD_DECIMALS)} {self.asset.symbol}"

    async def _settle(self, kind: FactKind) -> None:
        """Wait until the other chain knows a fact, and bring it there where nobody does."""
        deadline, seen_at = time.monotonic() + self.limit_s, None
        while not (await self.read()).knows(kind):
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{self._said} after {self.limit_s:.0f} s; run it again to go on"
                )
            document = await self._find(kind)
            if document is not None:
                seen_at = seen_at or time.monotonic()
                if time.monotonic() >= seen_at + LEAVE_S:
                    await self._take(kind, document)
                    continue
            await asyncio.sleep(LOOK_S)

    async def _find(self, kind: FactKind) -> VaultDocument | None:
        """Find the statement of all that was told; says what is waited for where there is none."""
        teller, taker = self._teller(kind), self._taker(kind)
        told = await teller.read(self._plan(kind))
        final = await teller.read_final()
        if await read(teller.client, final, self._plan(kind)) < told:
            self._say(f"waiting until the block is final on {teller.place.label}")
            return None
        for document in await self._ask(taker, kind):
            if document.key == self._key(kind) and _value(document) >= told:
                self._say(f"the committee has stated it; waiting until {taker.place.label} knows")
                return document
        self._say("it is final; waiting for the committee's statement")
        return None

    async def _ask(self, taker: Desk, kind: str) -> list[VaultDocument]:
        """Ask the daemon for statements that a chain's contracts take."""
        query = {"account": f"0x{self.account.hex()}", "for": str(taker.place.id), "kind": kind}
        path = f"/v1/vaults/statements?{urlencode(query)}"
        answer = await asyncio.to_thread(ask, self.url, path)
        return [_decode(found["document"], self.url) for found in answer["statements"]]

    async def _take(self, kind: FactKind, document: VaultDocument) -> None:
        """Bring a statement."""
        raised = kind is FactKind.RAISED
        taker, function = self._taker(kind), TAKE_RAISED if raised else TAKE_LOWERED
        other = self._teller(kind).place.number
        try:
            fact = await back_fact(taker, self._teller(kind), Carried(document=document))
            if isinstance(fact, str):
                self._say(f"it is stated; waiting: {fact}")
                await asyncio.sleep(LOOK_S)
                return
            call = function.call(
                taker.vault, self.account, other, self.asset.number, fact.said.value, *fact.witness
            )
            await taker.send(call, "take the statement")
        except CommandError:
            # Somebody else may have been quicker.
            if not (await self.read()).knows(kind):
                raise

    def _say(self, line: str) -> None:
        if line != self._said:
            self.lender.say(line)
        self._said = line


def _decode(view: Mapping[str, Any], url: str) -> VaultDocument:
    try:
        return decode_vault_document(encode_view(view))
    except (Refused, TypeError) as error:
        raise CommandError(f"{url} gave a statement that cannot be read: {error}") from error


def _value(document: VaultDocument) -> int:
    return document.said.value if isinstance(document.said, VaultFact) else 0
