"""What the model's chains and accounts are: immutable values, hashed and compared whole.

A chain has a head and what is final of it; both are a `Local`. Assets, chains and accounts are
numbers. Units are wad, values USD x 1e8, times seconds, as in the contracts, so that the pure
replica of their arithmetic serves. Interest is zero: what the model is after is the messages.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from chains.evm.protocols.plimsoll_vault.state import Asset, Entry, Legs, SeizureTerms
from chains.evm.protocols.plimsoll_vault.state import Open as Held
from chains.model.units import USD, WAD, Usd

T = TypeVar("T")

WETH, USDC = range(2)
ASSETS: Final = (WETH, USDC)
TICK_S: Final = 1_000
"""A step of a clock; the terms' times lie between one and two."""
START_S: Final = 100 * TICK_S
"""When the clocks begin: long after whatever never happened."""
UNLIMITED: Final = 10**9 * WAD
MIN_DEBT: Final = 10 * USD
CROSSING: Final = frozenset(
    {
        *("raise", "lower", "take_raised", "take_lowered", "recall"),
        *("lock", "register", "claim", "close", "release"),
    }
)
"""The actions that concern two chains."""
TERMS: Final = SeizureTerms(
    grace_s=TICK_S * 3 // 2,
    max_age_s=TICK_S * 3 // 2,
    order_life_s=TICK_S * 3 // 2,
    veto_s=TICK_S * 3 // 2,
    target=110 * WAD // 100,
    floor=90 * WAD // 100,
    min_bonus_bps=200,
    max_bonus_bps=800,
    fund_bonus_bps=200,
    buffer_bps=500,
    tolerance_bps=300,
    min_leg=10 * USD,
    min_debt=10 * USD,
    min_order=5 * USD,
)


class Fault(StrEnum):
    """A rule of the protocol that a test breaks on purpose."""

    EARLY_RAISE = "the borrowing chain takes a raise that is not final"
    EARLY_LOWER = "the lending chain lowers a line before the borrowing chain did"
    BLIND_WITHDRAW = "a withdrawal ignores what is lent"
    KEPT_LINE = "registering an order leaves the line it locked"
    LENT_LOCK = "a lock takes collateral that is lent to a third chain"
    EARLY_CLAIM = "a claim takes a receipt that is not final"
    FORGOTTEN_RECEIPTS = "a release keeps nothing back for receipts"
    UNREAD_EMPTY = "a seizure counts chains that are not read as empty"
    KEPT_UNUSED = "a line that no debt needs is never recalled"
    OLD_ENTRY = "a seizure takes an entry that is older than a line it has seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a model is run with; `hourly_cap` is of borrowing, `claim_cap` of claims, wad units.

    Caps are never refilled: a run that meets them is an hour long.
    """

    chains: int = 2
    in_cap: int = UNLIMITED
    hourly_cap: int = UNLIMITED
    claim_cap: int = UNLIMITED
    fault: Fault | None = None


class Order(NamedTuple):
    """A liquidation across two chains."""

    collateral_chain: int
    debt_chain: int
    account: int
    collateral_asset: int
    debt_asset: int
    units: int
    line_units: int
    value: int
    bonus_bps: int
    expiry: int
    nonce: int


class Receipt(NamedTuple):
    """A fill."""

    order: Order
    number: int
    units: int
    value: int


class Progress(NamedTuple):
    """What a debt chain knows of an order: how often and for how much it was filled."""

    order: Order
    fills: int
    filled: int


class Due(NamedTuple):
    """A receipt that was claimed, and what the claims' cap left of it."""

    order: Order
    number: int
    rest: int


class Said(NamedTuple):
    """A statement of quantities: its entries by chain."""

    sequence: int
    issued_at: int
    entries: tuple[Entry | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account on one chain; pairs of sums are by chain and asset.

    `raised` and `lowered` are this chain's facts, `raised_seen` and `lowered_seen` the others' as
    far as they were told, `told_at` the greatest height of a told line by chain. `held` are the
    orders whose collateral is locked here, `spent` what was ordered in the round that began with a
    sequence at a time.
    """

    collateral: tuple[int, ...]
    debt: tuple[int, ...]
    locked: tuple[int, ...]
    raised: tuple[tuple[int, ...], ...]
    lowered_seen: tuple[tuple[int, ...], ...]
    lowered: tuple[tuple[int, ...], ...]
    raised_seen: tuple[tuple[int, ...], ...]
    told_at: tuple[int, ...]
    entries: tuple[Entry | None, ...]
    orders: tuple[Order, ...] = ()
    held: tuple[Held, ...] = ()
    sequence: int = 0
    issued_at: int = 0
    spent: tuple[int, int, int] = (0, 0, 0)
    rests: tuple[tuple[int, int, int, int], ...] = ()

    def line_out(self, to: int, asset: int) -> int:
        """Give what is lent to a chain."""
        return self.raised[to][asset] - self.lowered_seen[to][asset]

    def line_in(self, origin: int, asset: int) -> int:
        """Give what a chain lends."""
        seen = self.raised_seen[origin][asset]
        return seen - min(self.lowered[origin][asset], seen)

    def lent(self, asset: int) -> int:
        """Give what is lent to all chains."""
        return sum(self.line_out(to, asset) for to in range(len(self.raised)))

    def borrowed(self, asset: int) -> int:
        """Give what all chains lend."""
        return sum(self.line_in(origin, asset) for origin in range(len(self.raised)))

    @property
    def legs(self) -> Legs:
        """As the contracts' replica takes it."""
        return Legs(
            collateral=self.collateral,
            debt=self.debt,
            locked=self.locked,
            lines_in=tuple(self.borrowed(asset) for asset in ASSETS),
            lines_out=tuple(self.lent(asset) for asset in ASSETS),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """One chain at one block: its clock and feeds, its accounts, its pools and its facts.

    `paid` are the units by asset that left the contracts and came not back; `drawn` and `claimed`
    fill the caps. `locks` and `receipts` are facts, `closed` too; `committee` is the one that
    counts here.
    """

    number: int
    clock: int
    prices: tuple[int, ...]
    accounts: tuple[Account, ...]
    cash: tuple[int, ...]
    paid: tuple[int, ...]
    drawn: tuple[int, ...]
    claimed: tuple[int, ...]
    nonce: int = 0
    committee: int = 0
    locks: tuple[Order, ...] = ()
    registered: tuple[Progress, ...] = ()
    closed: tuple[Progress, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    dues: tuple[Due, ...] = ()


class State(NamedTuple):
    """All chains, by the numbers their contents have in a `World`.

    `said` is the statement of each account that anybody may still bring, `signing` the committee
    that signs; bit i of `stalled` says that nobody reads chain i. `moved` says that a price has
    moved.
    """

    heads: tuple[int, ...]
    finals: tuple[int, ...]
    heights: tuple[int, ...]
    said: tuple[int, ...]
    sequence: int = 0
    stalled: int = 0
    silent: bool = False
    signing: int = 0
    moved: bool = False


class Action(NamedTuple):
    """What anybody does: on a chain, for an account, with the other chain that it concerns.

    `nth` counts candidates from the newest, or is an order's debt asset; `units` are wad.
    """

    name: str
    chain: int = 0
    other: int = 0
    account: int = 0
    asset: int = 0
    units: int = 0
    nth: int = 0

    def __str__(self) -> str:
        words = [f"{self.name} on chain {self.chain}"]
        if self.name in CROSSING:
            words.append(f"with chain {self.other}")
        if self.units:
            units = "all" if self.units == UNLIMITED else f"{self.units / WAD:g}"
            words.append(f"{units} of asset {self.asset}")
        return ", ".join(words)


LTVS: Final = (8_000, 7_700)
THRESHOLDS: Final = (8_250, 8_000)
SCALES: Final = (1, 10**12)
OPENING: Final = (2_000 * USD, USD)


def list_assets(prices: tuple[int, ...]) -> tuple[Asset, ...]:
    """Give the assets as the replica takes them; a ceiling of 100 % a year on rates."""
    return tuple(
        Asset(
            number=number,
            token=None,
            scale=SCALES[number],
            ltv=LTVS[number],
            threshold=THRESHOLDS[number],
            max_rate=WAD,
            price=Usd(prices[number]),
        )
        for number in ASSETS
    )


def open_account(chains: int) -> Account:
    """Give an account that has nothing."""
    nothing = (0,) * len(ASSETS)
    sums = (nothing,) * chains
    return Account(
        collateral=nothing,
        debt=nothing,
        locked=nothing,
        raised=sums,
        lowered_seen=sums,
        lowered=sums,
        raised_seen=sums,
        told_at=(0,) * chains,
        entries=(None,) * chains,
    )


def open_chain(number: int, chains: int, accounts: int, cash: tuple[int, ...]) -> Local:
    """Give a chain whose lenders have supplied, and nothing else has happened."""
    nothing = (0,) * len(ASSETS)
    return Local(
        number=number,
        clock=START_S,
        prices=OPENING,
        accounts=(open_account(chains),) * accounts,
        cash=cash,
        paid=nothing,
        drawn=nothing,
        claimed=nothing,
    )


def put(values: tuple[T, ...], index: int, value: T) -> tuple[T, ...]:
    """Give a tuple with one of its values changed."""
    return (*values[:index], value, *values[index + 1 :])


def add(values: tuple[int, ...], index: int, value: int) -> tuple[int, ...]:
    """Give a tuple with something added to one of its values."""
    return put(values, index, values[index] + value)


def add_sum(
    sums: tuple[tuple[int, ...], ...], chain: int, asset: int, value: int
) -> tuple[tuple[int, ...], ...]:
    """Give sums by chain and asset with something added to one of them."""
    return put(sums, chain, add(sums[chain], asset, value))


def keep(local: Local, number: int, account: Account) -> Local:
    """Give a chain with one of its accounts changed."""
    return replace(local, accounts=put(local.accounts, number, account))
