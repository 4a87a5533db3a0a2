"""What the lending markets of Solana have in common: targets, plans to read them, and readings.

The read itself mints the anchor, so a plan yields a `Snapshot`, and `build_read` makes positions
of it once the anchor is known. A wallet may have several obligations in a market: one may lie at
an address that follows from the wallet, a scan finds the others. A protocol's folder holds what
differs; see `chains.discover.SolanaMarket`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AccountId, Address, ChainId
from chains.model.position import Position
from chains.model.price import Price, PriceStatus
from chains.model.units import USD, Usd
from chains.oracles.pyth import FeedMemory
from chains.solana.accounts import CLOCK, AccountPlan, ClockTime, RawAccount, decode_clock

Found = Mapping[Pubkey, RawAccount | None]
"""Accounts that were read, None for one that does not exist."""
_MOST_USD: Final = Usd(10**15 * USD)
_SHORT: Final = 8

View = TypeVar("View")
Loan = TypeVar("Loan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An account to read: the wallet, and one obligation it owns in the market."""

    account: AccountId
    obligation: Pubkey


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetTerms:
    """What an asset is called, and between which prices (USD x 1e8, excluded) it is believed.

    `feed` pins the Pyth feed that its oracle account must be of, without it `feeds` the first one
    seen. One that is not `known` is not in the configuration: nobody vouches for its price.
    """

    symbol: str
    minimum: Usd = Usd(0)
    maximum: Usd = _MOST_USD
    feed: bytes | None = None
    feeds: FeedMemory | None = field(default=None, compare=False)
    known: bool = True

    def judge(self, price: Price) -> Price:
        """Give the price as it may be believed."""
        doubtful = price.valid and not self.known
        return replace(price, status=PriceStatus.UNREADABLE) if doubtful else price


def find_terms(assets: Mapping[Pubkey, AssetTerms], mint: Pubkey) -> AssetTerms:
    """Give a mint's terms; those of an unknown asset, named by its mint, where there are none."""
    return assets.get(mint) or AssetTerms(symbol=str(mint)[:_SHORT], known=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Generic[View, Loan]):
    """A market at the Clock's slot, refreshed as its program would refresh it there.

    `loans` has None for an obligation that does not exist; `unreadable` says why others miss.
    `unvalued` says why one that owes nothing counts as nothing: its loan is None as well.
    """

    clock: ClockTime
    view: View
    loans: Mapping[Target, Loan | None]
    unreadable: Mapping[Target, str]
    unvalued: Mapping[Target, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRead(Generic[View, Loan]):
    """What the daemon gets: a position per readable obligation, a price per reserve.

    A wallet without any obligation has one position, without legs. `unvalued` says which wallets
    have obligations without debts that count as nothing, and why.
    """

    positions: tuple[Position, ...]
    unreadable: Mapping[AccountId, str]
    prices: tuple[Price, ...]
    snapshot: Snapshot[View, Loan]
    unvalued: Mapping[AccountId, str] = field(default_factory=dict)


def plan_snapshot(
    chain: ChainId,
    keys: Iterable[Pubkey],
    targets: Sequence[Target],
    *,
    decode_view: Callable[[Found, ClockTime], View],
    decode_loan: Callable[[Found, Target, View, ClockTime], Loan],
    owes: Callable[[Pubkey, RawAccount | None], bool],
) -> AccountPlan[Snapshot[View, Loan]]:
    """Plan to read a market's own accounts, `keys`, and these obligations.

    Decoding raises ChainError where the market cannot be read; an obligation that cannot is noted
    as unreadable, and the others stand. One that owes nothing counts as nothing then: anybody can
    give such to anybody, so it must not hide its owner, and without it he only looks poorer.
    """

    def decode(found: Found) -> Snapshot[View, Loan]:
        try:
            clock = decode_clock(found[CLOCK])
        except ValueError as error:
            raise DecodeError(chain, str(error)) from error
        view = decode_view(found, clock)
        loans: dict[Target, Loan | None] = {}
        unreadable: dict[Target, str] = {}
        unvalued: dict[Target, str] = {}
        for target in targets:
            account = found[target.obligation]
            try:
                loans[target] = decode_loan(found, target, view, clock) if account else None
            except DecodeError as error:
                if owes(target.obligation, account):
                    unreadable[target] = error.reason
                else:
                    loans[target], unvalued[target] = None, error.reason
        return Snapshot(
            clock=clock, view=view, loans=loans, unreadable=unreadable, unvalued=unvalued
        )

    obligations = (target.obligation for target in targets)
    return AccountPlan(keys=tuple(dict.fromkeys((CLOCK, *keys, *obligations))), decode=decode)


def build_read(
    snapshot: Snapshot[View, Loan],
    prices: Iterable[Price],
    build_position: Callable[[Target, Loan | None], Position],
) -> MarketRead[View, Loan]:
    """Give positions of a snapshot; one that cannot be built is unreadable as well."""
    positions: list[Position] = []
    unreadable: dict[Target, str] = dict(snapshot.unreadable)
    for target, loan in _worth_showing(snapshot):
        try:
            positions.append(build_position(target, loan))
        except DecodeError as error:
            unreadable[target] = error.reason
    return MarketRead(
        positions=tuple(positions),
        unreadable=_by_account(unreadable),
        prices=tuple(prices),
        snapshot=snapshot,
        unvalued=_by_account(snapshot.unvalued),
    )


def check_loan(
    chain: ChainId, target: Target, *, owner: bytes, market: bytes, expected: bytes
) -> None:
    """Refuse an obligation that is not of the wallet, or not of the market: DecodeError."""
    if market != expected:
        raise DecodeError(chain, f"obligation {target.obligation} is of another market")
    if str(Pubkey(owner)) != target.account.address:
        raise DecodeError(chain, f"obligation {target.obligation} belongs to another wallet")


def address_of(target: Target) -> Address:
    """Give the address of a target's obligation."""
    return Address(str(target.obligation))


def _worth_showing(snapshot: Snapshot[View, Loan]) -> list[tuple[Target, Loan | None]]:
    """Give the loans there are, and one that is none for a wallet that has not any."""
    having = {target.account for target, loan in snapshot.loans.items() if loan is not None}
    having |= {target.account for target in snapshot.unreadable}
    shown: list[tuple[Target, Loan | None]] = []
    for target, loan in snapshot.loans.items():
        if loan is not None or target.account not in having:
            shown.append((target, loan))
            having.add(target.account)
    return shown


def _by_account(unreadable: Mapping[Target, str]) -> Mapping[AccountId, str]:
    reasons: dict[AccountId, list[str]] = {}
    for target, reason in unreadable.items():
        reasons.setdefault(target.account, []).append(reason)
    return {account: "; ".join(found) for account, found in reasons.items()}
