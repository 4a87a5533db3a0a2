"""Kamino Lend as the daemon uses it: plans to read, instructions, liquidations foreseen.

A wallet may have many obligations in a market. Its plain one lies at an address that follows from
the wallet; the others are found by a scan (`scan_filters`). On Solana the read itself mints the
anchor, so a plan yields a `Snapshot`, and `build_read` makes positions of it once the anchor is
known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, ChainId
from chains.model.position import Position
from chains.model.price import Price
from chains.solana.accounts import CLOCK, AccountPlan, ClockTime, RawAccount, decode_clock
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
    PROTOCOL,
    MarketView,
    PricedReserve,
    build_position,
)
from chains.solana.protocols.klend.prices import Bounds, find_oracles, price_reserve
from chains.solana.protocols.klend.state import LendingMarket, Obligation, Reserve

Found = Mapping[Pubkey, RawAccount | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An account to read: the wallet, and one obligation it owns in the market."""

    account: AccountId
    obligation: Pubkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A market at the Clock's slot, refreshed as its program would refresh it there.

    `loans` has None for an obligation that does not exist; `unreadable` says why others miss.
    """

    clock: ClockTime
    view: MarketView
    loans: Mapping[Target, Obligation | None]
    unreadable: Mapping[Target, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRead:
    """What the daemon gets: a position per readable obligation, a price per reserve."""

    positions: tuple[Position, ...]
    unreadable: Mapping[Target, str]
    prices: tuple[Price, ...]
    snapshot: Snapshot


class KlendMarket:
    """One lending market, with the reserves it is used with."""

    protocol: ClassVar[str] = PROTOCOL

    def __init__(
        self,
        chain: ChainId,
        market: LendingMarket,
        reserves: Sequence[Reserve],
        *,
        bounds: Mapping[Pubkey, Bounds] | None = None,
        program: Pubkey = PROGRAM,
    ) -> None:
        self.chain: Final = chain
        self.market: Final = AccountId(chain, str(Pubkey(market.key)))
        self.program: Final = program
        self.builder: Final = Builder(market=market, program=program)
        self._reserves = {reserve.key: reserve for reserve in reserves}
        self._bounds = dict(bounds or {})

    @classmethod
    def plan_open(
        cls,
        chain: ChainId,
        *,
        market: Pubkey,
        reserves: Sequence[Pubkey],
        bounds: Mapping[Pubkey, Bounds] | None = None,
        program: Pubkey = PROGRAM,
    ) -> "AccountPlan[KlendMarket]":
        """Plan to learn a market's reserves; `bounds` are price limits of ours by mint.

        Decoding raises DecodeError for a reserve of another market.
        """

        def decode(found: Found) -> "KlendMarket":
            state = decode_market(chain, market, found[market], program=program)
            states = [decode_reserve(chain, key, found[key], program=program) for key in reserves]
            for reserve in states:
                if reserve.market != bytes(market):
                    raise DecodeError(chain, f"reserve {Pubkey(reserve.key)} is not of {market}")
            return cls(chain, state, states, bounds=bounds, program=program)

        return AccountPlan(keys=(market, *reserves), decode=decode)

    def find_target(self, account: AccountId) -> Target:
        """Give a wallet's plain obligation."""
        wallet, market = Pubkey.from_string(account.address), Pubkey(self.builder.market.key)
        key = derive_obligation(wallet, market, program=self.program)
        return Target(account=account, obligation=key)

    def scan_filters(self, account: AccountId | None = None) -> tuple[tuple[int, bytes], ...]:
        """Give offsets and bytes that all obligations of the market, or of a wallet in it, have."""
        fields = OBLIGATION.fields
        kind = (0, OBLIGATION.discriminator)
        market = (fields["market"].offset, self.builder.market.key)
        if account is None:
            return kind, market
        owner = (fields["owner"].offset, bytes(Pubkey.from_string(account.address)))
        return kind, market, owner

    def plan_read(self, targets: Sequence[Target]) -> AccountPlan[Snapshot]:
        """Plan to read the market, its reserves, their oracles, and these obligations.

        Decoding raises DecodeError where the market or a reserve cannot be read; an obligation
        that cannot is noted as unreadable, and the others stand.
        """
        reserves = tuple(Pubkey(key) for key in self._reserves)
        oracles = [key for each in self._reserves.values() for key in find_oracles(each.prices)]
        market = Pubkey(self.builder.market.key)
        obligations = [target.obligation for target in targets]
        keys = tuple(dict.fromkeys((CLOCK, market, *reserves, *oracles, *obligations)))
        return AccountPlan(keys=keys, decode=lambda found: self._decode(found, targets))

    def build_read(self, snapshot: Snapshot, anchor: BlockAnchor) -> MarketRead:
        """Give positions and prices of a snapshot at the anchor its read minted."""
        return MarketRead(
            positions=tuple(
                build_position(target.account, self.market, loan, snapshot.view, anchor)
                for target, loan in snapshot.loans.items()
            ),
            unreadable=snapshot.unreadable,
            prices=tuple(priced.price for priced in snapshot.view.reserves.values()),
            snapshot=snapshot,
        )

    def predict_liquidation(
        self, snapshot: Snapshot, target: Target, *, repay: bytes, withdraw: bytes, units: int
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

    def _decode(self, found: Found, targets: Sequence[Target]) -> Snapshot:
        try:
            clock = decode_clock(found[CLOCK])
        except ValueError as error:
            raise DecodeError(self.chain, str(error)) from error
        key = Pubkey(self.builder.market.key)
        market = decode_market(self.chain, key, found[key], program=self.program)
        reserves = {
            each: self._decode_reserve(found, each, market, clock) for each in self._reserves
        }
        view = MarketView(market=market, reserves=reserves)
        loans: dict[Target, Obligation | None] = {}
        unreadable: dict[Target, str] = {}
        for target in targets:
            try:
                loans[target] = self._decode_loan(found, target, view)
            except DecodeError as error:
                unreadable[target] = error.reason
        return Snapshot(clock=clock, view=view, loans=loans, unreadable=unreadable)

    def _decode_reserve(
        self, found: Found, key: bytes, market: LendingMarket, clock: ClockTime
    ) -> PricedReserve:
        address = Pubkey(key)
        stored = decode_reserve(self.chain, address, found[address], program=self.program)
        known = self._reserves[key]
        if (stored.keys, stored.market) != (known.keys, known.market):
            raise DecodeError(self.chain, f"reserve {address} has other accounts than before")
        try:
            accrued = accrue_reserve(stored, market, clock.slot)
        except Overflow as error:
            raise DecodeError(self.chain, f"reserve {address} cannot accrue: {error}") from error
        bounds = self._bounds.get(Pubkey(stored.keys.mint), Bounds())
        state, price = price_reserve(self.chain, accrued, found, bounds, now=clock.unix_timestamp)
        return PricedReserve(state=state, price=price)

    def _decode_loan(self, found: Found, target: Target, view: MarketView) -> Obligation | None:
        key = target.obligation
        if found[key] is None:
            return None
        loan = decode_obligation(self.chain, key, found[key], program=self.program)
        if loan.market != self.builder.market.key:
            raise DecodeError(self.chain, f"obligation {key} is of another market")
        if str(Pubkey(loan.owner)) != target.account.address:
            raise DecodeError(self.chain, f"obligation {key} belongs to another wallet")
        states = {each: priced.state for each, priced in view.reserves.items()}
        try:
            fresh = refresh_obligation(loan, view.market, states)
            for deposit in fresh.deposits:
                deposit_units(states[deposit.reserve], deposit)
        except (MissingReserve, Overflow) as error:
            raise DecodeError(self.chain, f"obligation {key} cannot be valued: {error}") from error
        return fresh


MARKET: Final = KlendMarket
