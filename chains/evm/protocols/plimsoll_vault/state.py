"""What the vaults' arithmetic works on: assets, pools, an account's legs, what was attested of it.

Quantities are wad units (whole tokens x 1e18) by asset number, prices and values USD x 1e8, health
and rates 1e18, weights basis points, times seconds. Pure values; the adapter fills them from a
chain. Source: contracts/vault/IVault.vyi and ISeizure.vyi.
"""

from dataclasses import dataclass
from typing import Final

from chains.model.ids import Address
from chains.model.units import BPS, Usd, div_up

WAD_DECIMALS: Final = 18
NO_DEBT: Final = 2**256 - 1
"""The health of an account that owes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What borrowing costs: wad a year, kinked at a utilisation."""

    base: int
    low: int
    high: int
    kink_bps: int
    reserve_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What lenders supplied of an asset and borrowers owe; `index` is 1e27 at first, 0 before."""

    cash: int
    debt_shares: int
    index: int
    accrued_at: int
    supply_shares: int
    fund: int
    provisions: int
    bad_debt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What an account owes in an asset: live shares, what was written down, what is provided."""

    shares: int
    bad: int = 0
    provided: int = 0
    from_fund: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How full a leaky bucket was at a time."""

    used: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset as a chain's vault counts it.

    `scale` is the wad units of one base unit of the token; `token` is None where the chain has a
    feed only, `price` None where the feed may not be believed now.
    """

    number: int
    token: Address | None
    scale: int
    ltv: int
    threshold: int
    max_rate: int
    price: Usd | None

    @property
    def decimals(self) -> int:
        """The token's decimals: 18 less those of its scale."""
        return WAD_DECIMALS - (len(str(self.scale)) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Legs:
    """What an account holds and owes on one chain, by asset number."""

    collateral: tuple[int, ...]
    debt: tuple[int, ...]
    locked: tuple[int, ...]
    lines_in: tuple[int, ...]
    lines_out: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What statements told of an account on another chain: the entry of the greatest height.

    Arrays go by asset number; `added` and `repaid` are top-ups that were not final, `ordered` what
    that chain's open orders may still repay (USD x 1e8).
    """

    height: int
    time: int
    collateral: tuple[int, ...]
    debt: tuple[int, ...]
    locked: tuple[int, ...]
    added: tuple[int, ...]
    repaid: tuple[int, ...]
    lines_in: tuple[int, ...]
    ordered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What is left of an order whose collateral is locked here.

    `locked` wad units and `left` value (USD x 1e8) are settled by no claim and no release yet;
    `margin` of the value is beyond the debt.
    """

    collateral_asset: int
    debt_asset: int
    debt_chain: int
    bonus_bps: int
    expiry: int
    line_units: int
    resting: bool
    robbed: bool
    released: bool
    locked: int
    left: int
    margin: int

    @property
    def unfilled(self) -> int:
        """What it repays of debts if it is filled: its margin repays none."""
        return self.left - min(self.margin, self.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeizureTerms:
    """What liquidations go by on a chain; times in seconds."""

    grace_s: int
    max_age_s: int
    order_life_s: int
    veto_s: int
    target: int
    floor: int
    min_bonus_bps: int
    max_bonus_bps: int
    fund_bonus_bps: int
    buffer_bps: int
    tolerance_bps: int
    min_leg: int
    min_debt: int
    min_order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Abroad:
    """An account on another chain, as this chain knows it: its entry, None where nothing was told.

    `line_out` and `line_in` are this chain's lines to and from it, by asset number; `told_at` is
    the greatest height at which one of them was told.
    """

    chain: int
    entry: Entry | None
    lost: bool
    line_out: tuple[int, ...]
    line_in: tuple[int, ...]
    told_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An asset as judgements weigh it: its price, or its feed's bounds where that is not good."""

    low: int
    high: int
    ltv: int
    threshold: int
    max_rate: int

    @property
    def carry(self) -> int:
        """The debt that a line of a whole token can carry at first (USD x 1e8), rounded up."""
        return div_up(self.high * self.ltv, BPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that one chain's judgement of an account is made from, at the time of a block."""

    now: int
    legs: Legs
    abroad: tuple[Abroad, ...]
    orders: tuple[Open, ...]
    market: tuple[Quote, ...]
    terms: SeizureTerms
