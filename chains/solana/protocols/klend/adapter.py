"""Kamino Lend as the daemon uses it: plans to read, instructions, liquidations foreseen.

A wallet's plain obligation lies at an address that follows from the wallet, others at any.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, ChainId
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
from chains.solana.protocols.klend.decode import decode_market, decode_obligation, decode_reserve
from chains.solana.protocols.klend.fraction import Overflow
from chains.solana.protocols.klend.instructions import Builder, derive_obligation
from chains.solana.protocols.klend.layout import OBLIGATION, PROGRAM
from chains.solana.protocols.klend.liquidation import Healthy, Liquidation, predict_liquidation
from chains.solana.protocols.klend.math import (
    MissingReserve,
    accrue_reserve,
    deposit_units,
    refresh_obligation,
)
from chains.solana.protocols.klend.positions import (
    LAYOUT_VERSION,
    PROTOCOL,
    MarketView,
    PricedReserve,
    build_position,
)
from chains.solana.protocols.klend.prices import find_oracles, price_reserve
from chains.solana.protocols.klend.state import LendingMarket, Obligation, Reserve

KlendSnapshot = Snapshot[MarketView, Obligation]
KlendRead = MarketRead[MarketView, Obligation]


class KlendMarket:
    """One lending market, with the reserves it is used with."""

    protocol: ClassVar[str] = PROTOCOL
    version: ClassVar[str] = LAYOUT_VERSION

    def __init__(
        self,
        chain: ChainId,
        market: LendingMarket,
        reserves: Sequence[Reserve],
        assets: Mapping[Pubkey, AssetTerms],
        *,
        program: Pubkey,
    ) -> None:
        self.chain: Final = chain
        self.market: Final = AccountId(chain, str(Pubkey(market.key)))
        self.program: Final = program
        self.builder: Final = Builder(market=market, program=program)
        self._reserves = {reserve.key: reserve for reserve in reserves}
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
    ) -> "AccountPlan[KlendMarket]":
        """Plan to learn a market's reserves; `assets` are terms by mint.

        Decoding raises DecodeError for a reserve of another market.
        """
        at = program or PROGRAM

        def decode(found: Found) -> "KlendMarket":
            state = decode_market(chain, market, found[market], program=at)
            states = [decode_reserve(chain, key, found[key], program=at) for key in reserves]
            for reserve in states:
                if reserve.market != bytes(market):
                    raise DecodeError(chain, f"reserve {Pubkey(reserve.key)} is not of {market}")
            return cls(chain, state, states, assets, program=at)

        return AccountPlan(keys=(market, *reserves), decode=decode)

    def find_target(self, account: AccountId) -> Target:
        """Give a wallet's plain obligation."""
        wallet, market = Pubkey.from_string(account.address), Pubkey(self.builder.market.key)
        key = derive_obligation(wallet, market, program=self.program)
        return Target(account=account, obligation=key)

    def scan_filters(self, account: AccountId | None = None) -> tuple[Filter, ...]:
        """Give what all obligations of the market, or of a wallet in it, have."""
        fields = OBLIGATION.fields
        found = (
            SizeFilter(size=OBLIGATION.size),
            BytesFilter(offset=0, data=OBLIGATION.discriminator),
            BytesFilter(offset=fields["market"].offset, data=self.builder.market.key),
        )
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

    def plan_read(self, targets: Sequence[Target]) -> AccountPlan[KlendSnapshot]:
        """Plan to read the market, its reserves, their oracles, and these obligations.

        Decoding raises Stale for a reserve whose accounts changed: open the market again.
        """
        reserves = (Pubkey(key) for key in self._reserves)
        oracles = (key for each in self._reserves.values() for key in find_oracles(each.prices))
        return plan_snapshot(
            self.chain,
            (Pubkey(self.builder.market.key), *reserves, *oracles),
            targets,
            decode_view=self._decode_view,
            decode_loan=self._decode_loan,
            owes=self.owes,
        )

    def build_read(self, snapshot: KlendSnapshot, anchor: BlockAnchor) -> KlendRead:
        """Give positions and prices of a snapshot at the anchor its read minted."""
        view = snapshot.view
        return build_read(
            snapshot,
            (priced.price for priced in view.reserves.values()),
            lambda target, loan: build_position(target, self.market, loan, view, anchor),
        )

    def predict_liquidation(
        self, snapshot: KlendSnapshot, target: Target, *, repay: bytes, withdraw: bytes, units: int
    ) -> Liquidation:
        """Say what liquidating a loan does at the snapshot's slot, by reserve keys.

        Raises Healthy where it may not be liquidated, NoSuchPart where it has no such legs.
        """
        loan = snapshot.loans[target]
        if loan is None:
            raise Healthy("there is no loan")
        reserves = snapshot.view.reserves
        return predict_liquidation(
            loan,
            snapshot.view.market,
            collateral=reserves[withdraw].state,
            debt=reserves[repay].state,
            units=units,
        )

    def _decode_view(self, found: Found, clock: ClockTime) -> MarketView:
        key = Pubkey(self.builder.market.key)
        market = decode_market(self.chain, key, found[key], program=self.program)
        reserves = {
            each: self._decode_reserve(found, each, market, clock) for each in self._reserves
        }
        return MarketView(market=market, reserves=reserves)

    def _decode_reserve(
        self, found: Found, key: bytes, market: LendingMarket, clock: ClockTime
    ) -> PricedReserve:
        address = Pubkey(key)
        stored = decode_reserve(self.chain, address, found[address], program=self.program)
        known = self._reserves[key]
        parts = (stored.keys, stored.market, find_oracles(stored.prices))
        if parts != (known.keys, known.market, find_oracles(known.prices)):
            raise Stale(self.chain, f"reserve {address} has other accounts than before")
        try:
            accrued = accrue_reserve(stored, market, clock.slot)
        except Overflow as error:
            raise DecodeError(self.chain, f"reserve {address} cannot accrue: {error}") from error
        terms = find_terms(self._assets, Pubkey(stored.keys.mint))
        state, price = price_reserve(self.chain, accrued, found, terms, now=clock.unix_timestamp)
        return PricedReserve(state=state, terms=terms, price=terms.judge(price))

    def _decode_loan(
        self, found: Found, target: Target, view: MarketView, _: ClockTime
    ) -> Obligation:
        key = target.obligation
        loan = decode_obligation(self.chain, key, found[key], program=self.program)
        check_loan(
            self.chain,
            target,
            owner=loan.owner,
            market=loan.market,
            expected=self.builder.market.key,
        )
        states = {each: priced.state for each, priced in view.reserves.items()}
        try:
            fresh = refresh_obligation(loan, view.market, states)
            for deposit in fresh.deposits:
                deposit_units(states[deposit.reserve], deposit)
        except (MissingReserve, Overflow) as error:
            raise DecodeError(self.chain, f"obligation {key} cannot be valued: {error}") from error
        return fresh


MARKET: Final = KlendMarket
