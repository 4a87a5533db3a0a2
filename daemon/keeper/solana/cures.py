"""The orders of chosen cures on Solana: refreshes, then the rescue, in one message.

The rescue program judges refreshed state of the same slot only, and the lending program refuses
what is stale, so every reserve of the obligation and the obligation itself are refreshed first.
Where the accounts lie is known from the reader's last read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from chains.discover import SolanaMarket
from chains.errors import ChainError
from chains.model.action import Action
from chains.model.ids import AccountId
from chains.model.snapshot import MandateKind
from chains.solana.accounts import AccountReader, read
from chains.solana.attested import NotAccepted
from chains.solana.markets import MarketRead
from chains.solana.orders import build_call
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.protocols.save.positions import PricedReserve
from chains.solana.protocols.save.state import Obligation
from chains.solana.rescue import Debt, build_native_rescue, build_unified_rescue
from chains.solana.tables import plan_tables
from chains.solana.transactions import Order
from daemon.board import Attested
from daemon.keeper.calls import list_values
from daemon.keeper.plan import Cure
from daemon.keeper.solana.selling import fits


class Sight(Protocol):
    """What a chain's reader saw last (chains.solana.reader.SolanaReader)."""

    @property
    def opened(self) -> Mapping[AccountId, SolanaMarket]:
        """The open markets by their ids."""
        ...

    @property
    def reads(self) -> Mapping[AccountId, MarketRead[Any, Any]]:
        """What was read of each."""
        ...


class SlotCures:
    """Builds the cures of one key on one chain; a daemon.keeper.ports.CureBuilder.

    The lookup `tables` shorten messages that would not fit otherwise, those with many signatures of
    a committee or many reserves; only then are they read.
    """

    def __init__(
        self,
        sight: Sight,
        keeper: Pubkey,
        client: AccountReader,
        tables: Sequence[Pubkey] = (),
        timeout_s: float = 1.0,
    ) -> None:
        self._sight: Final = sight
        self._keeper: Final = keeper
        self._client: Final = client
        self._tables: Final = tables
        self._timeout_s: Final = timeout_s

    async def __call__(self, cure: Cure, attested: Attested | None) -> Action | str:
        """Give a cure's action, or say why there is none now."""
        position = cure.position
        market = self._sight.opened.get(position.market)
        if not isinstance(market, SaveMarket):
            return f"{position.market}: no rescue is known for {position.protocol}"
        if (seen := self._find(cure, market)) is None:
            return f"{position.market}: {position.obligation} was not read with this debt"
        obligation, reserves, debt = seen
        try:
            rescue = self._build_rescue(cure, debt, attested)
            states = {key: priced.state for key, priced in reserves.items()}
            order = await self._shorten([*market.builder.refresh(obligation, states), rescue])
        except NotAccepted as error:
            return f"{position.account.chain}: {error}"
        except (ChainError, TimeoutError) as error:
            return f"{position.account.chain}: lookup tables cannot be read: {error}"
        return Action(
            chain=position.account.chain,
            instrument=cure.instrument,
            market=position.market,
            account=position.account,
            asset=cure.fund.asset,
            units=cure.units,
            call=build_call(rescue.program_id, order),
        )

    def _find(
        self, cure: Cure, market: SaveMarket
    ) -> tuple[Obligation, Mapping[bytes, PricedReserve], Debt] | None:
        """Find the obligation and its debt in what was read."""
        seen = self._sight.reads.get(market.market)
        if seen is None:
            return None
        loans = seen.snapshot.loans.items()
        found = (loan for at, loan in loans if str(at.obligation) == cure.position.obligation)
        reserves: Mapping[bytes, PricedReserve] = seen.snapshot.view.reserves
        if (loan := next(found, None)) is None:
            return None
        for borrow in loan.borrows:
            keys = reserves[borrow.reserve].state.keys
            if str(Pubkey(keys.mint)) == cure.fund.asset.reference:
                debt = Debt(
                    owner=Pubkey.from_string(cure.mandate.owner.address),
                    obligation=Pubkey(loan.key),
                    lending=market.program,
                    market=Pubkey(loan.market),
                    reserve=Pubkey(keys.reserve),
                    supply=Pubkey(keys.supply),
                    mint=Pubkey(keys.mint),
                )
                return loan, reserves, debt
        return None

    def _build_rescue(self, cure: Cure, debt: Debt, attested: Attested | None) -> Instruction:
        program = Pubkey.from_string(cure.mandate.contract.address)
        if cure.kind is MandateKind.NATIVE:
            return build_native_rescue(program, debt, keeper=self._keeper)
        if attested is None:
            raise ValueError("a unified cure needs an attestation")
        return build_unified_rescue(
            program,
            debt,
            keeper=self._keeper,
            committee=Pubkey.from_string(cure.mandate.verifier),
            units=cure.units,
            attestation_fields=list_values(attested.envelope.header),
            bitmap=attested.envelope.bitmap,
            proof=attested.envelope.proof,
        )

    async def _shorten(self, instructions: Sequence[Instruction]) -> Order:
        if not self._tables or fits(self._keeper, instructions):
            return Order(instructions=tuple(instructions))
        async with asyncio.timeout(self._timeout_s):
            _, tables = await read(self._client, plan_tables(self._tables), min_slot=0)
        return Order(instructions=tuple(instructions), tables=tables)
