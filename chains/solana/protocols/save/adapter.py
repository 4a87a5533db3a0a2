"""Save (formerly Solend) as the daemon uses it: plans to read, instructions, liquidations foreseen.

A wallet's first obligation lies at a conventional address, others at any.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, ChainId
from chains.oracles.pyth import PriceUpdate, decode_update
from chains.solana.accounts import AccountPlan, ClockTime, RawAccount
from chains.solana.client import BytesFilter, Filter, SizeFilter
from chains.solana.markets import (
    AssetTerms,
    Found,
    MarketRead,
    Snapshot,
    Target,
    build_read,
    check_loan,
    find_terms,
    plan_snapshot,
)
from chains.solana.protocols.save.decode import decode_market, decode_obligation, decode_reserve
from chains.solana.protocols.save.instructions import Builder, derive_obligation
from chains.solana.protocols.save.layout import OBLIGATION, PROGRAM
from chains.solana.protocols.save.liquidation import Liquidation, Refusal, predict_liquidation
from chains.solana.protocols.save.math import EVERYTHING
from chains.solana.protocols.save.positions import (
    PROTOCOL,
    STATE_VERSION,
    MarketView,
    PricedReserve,
    build_position,
    price_reserve,
    refresh,
)
from chains.solana.protocols.save.state import Market, Obligation, Reserve

SaveSnapshot = Snapshot[MarketView, Obligation]
SaveRead = MarketRead[MarketView, Obligation]


class SaveMarket:
    """One lending market, its reserves known."""

    protocol: ClassVar[str] = PROTOCOL
    version: ClassVar[str] = STATE_VERSION

    def __init__(
        self,
        chain: ChainId,
        state: Market,
        reserves: Sequence[Reserve],
        assets: Mapping[Pubkey, AssetTerms],
        *,
        program: Pubkey,
    ) -> None:
        self.chain: Final = chain
        self.market: Final = AccountId(chain, str(Pubkey(state.key)))
        self.program: Final = program
        self.builder: Final = Builder(market=state, program=program)
        self._reserves = {reserve.keys.reserve: reserve.keys for reserve in reserves}
        self._assets = dict(assets)

    @classmethod
    def plan_open(
        cls,
        chain: ChainId,
        *,
        market: Pubkey,
        reserves: Sequence[Pubkey],
        assets: Mapping[Pubkey, AssetTerms],
        program: Pubkey | None = None,
    ) -> "AccountPlan[SaveMarket]":
        """Plan to learn a market's reserves; `assets` are terms by mint.

        Decoding raises DecodeError for a reserve of another market.
        """
        at = program or PROGRAM

        def decode(found: Found) -> "SaveMarket":
            state = decode_market(chain, market, found[market], program=at)
            states = [decode_reserve(chain, key, found[key], program=at) for key in reserves]
            for reserve in states:
                if reserve.keys.market != bytes(market):
                    key = Pubkey(reserve.keys.reserve)
                    raise DecodeError(chain, f"Save reserve {key} is not of {market}")
            return cls(chain, state, states, assets, program=at)

        return AccountPlan(keys=(market, *reserves), decode=decode)

    def find_target(self, account: AccountId) -> Target:
        """Give a wallet's obligation by convention."""
        wallet, market = Pubkey.from_string(account.address), Pubkey(self.builder.market.key)
        return Target(account=account, obligation=derive_obligation(market, wallet, self.program))

    def scan_filters(self, account: AccountId | None = None) -> tuple[Filter, ...]:
        """Give what all obligations of the market, or of a wallet in it, have.

        A reserve names its market at the same place: the size tells them apart.
        """
        fields = OBLIGATION.fields
        market = BytesFilter(offset=fields["market"].offset, data=self.builder.market.key)
        found = (SizeFilter(size=OBLIGATION.size), market)
        if account is None:
            return found
        owner = bytes(Pubkey.from_string(account.address))
        return *found, BytesFilter(offset=fields["owner"].offset, data=owner)

    def owes(self, key: Pubkey, account: RawAccount | None) -> bool:
        """Say whether an obligation's bytes show a debt, or cannot be read."""
        try:
            return bool(decode_obligation(self.chain, key, account, program=self.program).borrows)
        except DecodeError:
            return True

    def plan_read(self, targets: Sequence[Target]) -> AccountPlan[SaveSnapshot]:
        """Plan to read the market's reserves, their oracles, and these obligations.

        Decoding raises Stale for a reserve whose accounts changed: open the market again.
        """
        reserves = (Pubkey(key) for key in self._reserves)
        oracles = (Pubkey(keys.oracle) for keys in self._reserves.values())
        return plan_snapshot(
            self.chain,
            (*reserves, *oracles),
            targets,
            decode_view=self._decode_view,
            decode_loan=self._decode_loan,
            owes=self.owes,
        )

    def build_read(self, snapshot: SaveSnapshot, anchor: BlockAnchor) -> SaveRead:
        """Give positions and prices of a snapshot at the anchor its read minted."""
        reserves = snapshot.view.reserves
        return build_read(
            snapshot,
            (reserve.price for reserve in reserves.values()),
            lambda target, loan: build_position(target, self.market, loan, reserves, anchor),
        )

    def predict_liquidation(
        self,
        snapshot: SaveSnapshot,
        target: Target,
        *,
        repay: bytes,
        withdraw: bytes,
        units: int = EVERYTHING,
    ) -> Liquidation | Refusal:
        """Say what liquidating an obligation does at the snapshot's slot, by reserve keys."""
        obligation = snapshot.loans.get(target)
        if obligation is None:
            return Refusal.NO_DEBT
        states = {key: reserve.state for key, reserve in snapshot.view.reserves.items()}
        return predict_liquidation(obligation, states, repay=repay, withdraw=withdraw, wanted=units)

    def _decode_view(self, found: Found, clock: ClockTime) -> MarketView:
        reserves = {key: self._decode_reserve(found, key, clock) for key in self._reserves}
        return MarketView(reserves=reserves)

    def _decode_reserve(self, found: Found, key: bytes, clock: ClockTime) -> PricedReserve:
        address = Pubkey(key)
        reserve = decode_reserve(self.chain, address, found[address], program=self.program)
        if reserve.keys != self._reserves[key]:
            raise Stale(self.chain, f"Save reserve {address} has other accounts than before")
        return price_reserve(
            self.chain,
            reserve,
            find_terms(self._assets, Pubkey(reserve.keys.mint)),
            self._decode_update(found, Pubkey(reserve.keys.oracle)),
            slot=clock.slot,
            now=clock.unix_timestamp,
        )

    def _decode_update(self, found: Found, oracle: Pubkey) -> PriceUpdate | None:
        try:
            return decode_update(self.chain, oracle, found[oracle])
        except DecodeError:
            return None

    def _decode_loan(
        self, found: Found, target: Target, view: MarketView, clock: ClockTime
    ) -> Obligation:
        key = target.obligation
        obligation = decode_obligation(self.chain, key, found[key], program=self.program)
        check_loan(
            self.chain,
            target,
            owner=obligation.owner,
            market=obligation.market,
            expected=self.builder.market.key,
        )
        return refresh(self.chain, obligation, view.reserves, slot=clock.slot)


MARKET: Final = SaveMarket
