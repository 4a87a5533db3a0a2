"""Save (formerly Solend) as the daemon uses it: plans to read, instructions, liquidations foreseen.

An account's obligation lies at a conventional address, so that a wallet is enough to find it; a
scan of the program's accounts finds strangers. On Solana the read itself mints the anchor, so a
plan yields a `Snapshot`, and `build_read` makes positions of it once the anchor is known.
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
from chains.oracles.pyth import PriceUpdate, decode_update
from chains.solana.accounts import CLOCK, AccountPlan, ClockTime, RawAccount, decode_clock
from chains.solana.protocols.save.decode import decode_market, decode_obligation, decode_reserve
from chains.solana.protocols.save.instructions import Builder, derive_obligation
from chains.solana.protocols.save.layout import OBLIGATION, PROGRAM
from chains.solana.protocols.save.liquidation import Liquidation, Refusal, predict_liquidation
from chains.solana.protocols.save.math import EVERYTHING
from chains.solana.protocols.save.positions import (
    PROTOCOL,
    STATE_VERSION,
    AssetTerms,
    PricedReserve,
    build_position,
    price_reserve,
    refresh,
)
from chains.solana.protocols.save.state import Market, Obligation, Reserve

Found = Mapping[Pubkey, RawAccount | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An account to read: the wallet, and one obligation it owns in the market."""

    account: AccountId
    obligation: Pubkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A market at the Clock's slot, refreshed as its program would refresh it there.

    `obligations` has None for one that does not exist; `unreadable` says why others miss.
    """

    clock: ClockTime
    reserves: Mapping[bytes, PricedReserve]
    obligations: Mapping[Target, Obligation | None]
    unreadable: Mapping[Target, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRead:
    """What the daemon gets: a position per readable obligation, a price per reserve."""

    positions: tuple[Position, ...]
    unreadable: Mapping[Target, str]
    prices: tuple[Price, ...]
    snapshot: Snapshot


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
        program: Pubkey = PROGRAM,
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
        program: Pubkey = PROGRAM,
    ) -> "AccountPlan[SaveMarket]":
        """Plan to learn a market's reserves; `assets` are terms by mint.

        Decoding raises DecodeError for a reserve of another market and for one without terms.
        """

        def decode(found: Found) -> "SaveMarket":
            state = decode_market(chain, market, found[market], program=program)
            states = [decode_reserve(chain, key, found[key], program=program) for key in reserves]
            for reserve in states:
                _check_reserve(chain, reserve, market, assets)
            return cls(chain, state, states, assets, program=program)

        return AccountPlan(keys=(market, *reserves), decode=decode)

    def find_target(self, account: AccountId) -> Target:
        """Give a wallet's obligation by convention."""
        wallet, market = Pubkey.from_string(account.address), Pubkey(self.builder.market.key)
        return Target(account=account, obligation=derive_obligation(market, wallet, self.program))

    def scan_filters(self, account: AccountId | None = None) -> tuple[tuple[int, bytes], ...]:
        """Give offsets and bytes that all obligations of the market, or of a wallet in it, have.

        A reserve names its market at the same place: the scan also asks for `OBLIGATION.size`.
        """
        fields = OBLIGATION.fields
        market = (fields["market"].offset, self.builder.market.key)
        if account is None:
            return (market,)
        owner = (fields["owner"].offset, bytes(Pubkey.from_string(account.address)))
        return market, owner

    def plan_read(self, targets: Sequence[Target]) -> AccountPlan[Snapshot]:
        """Plan to read the market's reserves, their oracles, and these accounts.

        Decoding raises DecodeError where a reserve cannot be read; an obligation that cannot is
        noted as unreadable, and the others stand.
        """
        reserves = tuple(Pubkey(key) for key in self._reserves)
        oracles = tuple(Pubkey(keys.oracle) for keys in self._reserves.values())
        obligations = tuple(target.obligation for target in targets)
        keys = tuple(dict.fromkeys((CLOCK, *reserves, *oracles, *obligations)))
        return AccountPlan(keys=keys, decode=lambda found: self._decode(found, targets))

    def build_read(self, snapshot: Snapshot, anchor: BlockAnchor) -> MarketRead:
        """Give positions and prices of a snapshot at the anchor its read minted."""
        positions: list[Position] = []
        unreadable = dict(snapshot.unreadable)
        for target, obligation in snapshot.obligations.items():
            try:
                position = build_position(
                    target.account, self.market, obligation, snapshot.reserves, anchor
                )
            except DecodeError as error:
                unreadable[target] = error.reason
            else:
                positions.append(position)
        return MarketRead(
            positions=tuple(positions),
            unreadable=unreadable,
            prices=tuple(reserve.price for reserve in snapshot.reserves.values()),
            snapshot=snapshot,
        )

    def predict_liquidation(
        self,
        snapshot: Snapshot,
        target: Target,
        *,
        repay: bytes,
        withdraw: bytes,
        units: int = EVERYTHING,
    ) -> Liquidation | Refusal:
        """Say what liquidating an obligation does at the snapshot's slot, by reserve keys."""
        obligation = snapshot.obligations.get(target)
        if obligation is None:
            return Refusal.NO_DEBT
        states = {key: reserve.state for key, reserve in snapshot.reserves.items()}
        return predict_liquidation(obligation, states, repay=repay, withdraw=withdraw, wanted=units)

    def _decode(self, found: Found, targets: Sequence[Target]) -> Snapshot:
        try:
            clock = decode_clock(found[CLOCK])
        except ValueError as error:
            raise DecodeError(self.chain, str(error)) from error
        reserves = {key: self._decode_reserve(found, key, clock) for key in self._reserves}
        obligations: dict[Target, Obligation | None] = {}
        unreadable: dict[Target, str] = {}
        for target in targets:
            try:
                obligations[target] = self._decode_target(found, target, reserves, clock)
            except DecodeError as error:
                unreadable[target] = error.reason
        return Snapshot(
            clock=clock, reserves=reserves, obligations=obligations, unreadable=unreadable
        )

    def _decode_reserve(self, found: Found, key: bytes, clock: ClockTime) -> PricedReserve:
        address = Pubkey(key)
        reserve = decode_reserve(self.chain, address, found[address], program=self.program)
        if reserve.keys != self._reserves[key]:
            raise DecodeError(self.chain, f"Save reserve {address} has other accounts than before")
        return price_reserve(
            self.chain,
            reserve,
            self._assets[Pubkey(reserve.keys.mint)],
            self._decode_update(found, Pubkey(reserve.keys.oracle)),
            slot=clock.slot,
            now=clock.unix_timestamp,
        )

    def _decode_update(self, found: Found, oracle: Pubkey) -> PriceUpdate | None:
        try:
            return decode_update(self.chain, oracle, found[oracle])
        except DecodeError:
            return None

    def _decode_target(
        self,
        found: Found,
        target: Target,
        reserves: Mapping[bytes, PricedReserve],
        clock: ClockTime,
    ) -> Obligation | None:
        key = target.obligation
        account = found[key]
        if account is None:
            return None
        obligation = decode_obligation(self.chain, key, account, program=self.program)
        if obligation.market != self.builder.market.key:
            raise DecodeError(self.chain, f"Save obligation {key} is of another market")
        if str(Pubkey(obligation.owner)) != target.account.address:
            raise DecodeError(self.chain, f"Save obligation {key} belongs to another wallet")
        return refresh(self.chain, obligation, reserves, slot=clock.slot)


def _check_reserve(
    chain: ChainId, reserve: Reserve, market: Pubkey, assets: Mapping[Pubkey, AssetTerms]
) -> None:
    key, mint = Pubkey(reserve.keys.reserve), Pubkey(reserve.keys.mint)
    if reserve.keys.market != bytes(market):
        raise DecodeError(chain, f"Save reserve {key} is of another market than {market}")
    if mint not in assets:
        raise DecodeError(chain, f"Save reserve {key} holds {mint}, for which there are no terms")


MARKET: Final = SaveMarket
