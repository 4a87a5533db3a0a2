"""The scenarios that portfolio margin is measured on, each with a name.

A scenario moves prices by tier, staked ratios, volatilities and funding, or takes a way of helping
away. Its weight damps the loss: an extreme move need not be covered in full. Sources: CME SPAN's
sixteen scenarios (price in thirds of a range, volatility up and down, two extremes at a third),
OCC TIMS' ten points, Derive PMRM_2's tails and skews (derivexyz/v2-core,
src/risk-managers/PMRMLib_2.sol). Price ranges are proposals that land near the usual tiers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from daemon.margin.risk import Tier
from daemon.margin.scenarios import RiskBook

VOL_UP: Final = 0.5
VOL_DOWN: Final = -0.275
EXTREME: Final = 3.0
EXTREME_WEIGHT: Final = 1 / 3
LOWEST_MOVE: Final = -0.95


class Family(StrEnum):
    """Where a scenario comes from."""

    SPAN = "span"
    TIMS = "tims"
    TAIL = "tail"
    SKEW = "skew"
    TERM = "term"
    SYSTEMIC = "systemic"
    DEPEG = "depeg"
    OUTAGE = "outage"
    FUNDING = "funding"
    LAG = "lag"
    BASIS = "basis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """The price scan range of each tier and of staked ratios, and their tails (parts of price)."""

    stable: float = 0.02
    major: float = 0.18
    alt: float = 0.35
    ratio: float = 0.05
    stable_tail: float = 0.10
    ratio_tail: float = 0.08

    def of(self, tier: Tier) -> float:
        """Give a tier's range."""
        return {Tier.STABLE: self.stable, Tier.MAJOR: self.major, Tier.ALT: self.alt}[tier]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row: relative moves, and the part of the loss that counts.

    `moves` are by tier, `ratio` is that of staked forms to their underlyings. `vol_near` and
    `vol_far` move volatilities of up to and beyond 30 days, before they are scaled by time; `tilt`
    and `bend` raise one wing of the smile, or both. `funding` is what a long pays on its notional.
    `cut` is a chain that nothing can leave or reach, `lagging` names the domains whose prices stand
    still. `scanned` moves grow with the underlying's own volatility. `alt_weight` takes the place
    of `weight` for alts.
    """

    name: str
    family: Family
    moves: Mapping[Tier, float] = field(default_factory=dict)
    ratio: float = 0.0
    weight: float = 1.0
    alt_weight: float | None = None
    vol_near: float = 0.0
    vol_far: float = 0.0
    tilt: float = 0.0
    bend: float = 0.0
    funding: float = 0.0
    cut: str | None = None
    lagging: frozenset[str] = frozenset()
    scanned: bool = False

    def weight_of(self, tier: Tier) -> float:
        """Give the part of a tier's profit or loss that counts."""
        return self.alt_weight if tier is Tier.ALT and self.alt_weight is not None else self.weight


def span_rows(ranges: Ranges) -> Iterator[Scenario]:
    """Give SPAN's sixteen for prices and volatilities of crypto, and price rows for the rest."""
    thirds = (0, 1, -1, 2, -2, 3, -3)
    for third in thirds:
        for vol, said in ((VOL_UP, "up"), (VOL_DOWN, "down")):
            yield _crypto_row(third / 3, f"{_thirds(third)}, vol {said}", vol, ranges, 1.0)
    for sign in (1, -1):
        name = f"{_percent(sign * EXTREME)} of range, vol up"
        yield _crypto_row(sign * EXTREME, name, VOL_UP, ranges, EXTREME_WEIGHT)
    for move, weight in (
        (ranges.stable, 1.0),
        (-ranges.stable, 1.0),
        (-ranges.stable_tail, EXTREME_WEIGHT),
    ):
        yield Scenario(
            name=f"span: stables {_percent(move)}",
            family=Family.SPAN,
            moves={Tier.STABLE: move},
            weight=weight,
            scanned=True,
        )
    for move, weight in (
        (ranges.ratio, 1.0),
        (-ranges.ratio, 1.0),
        (-ranges.ratio_tail, EXTREME_WEIGHT),
    ):
        yield Scenario(
            name=f"span: staked ratios {_percent(move)}",
            family=Family.SPAN,
            ratio=move,
            weight=weight,
        )


def _crypto_row(part: float, name: str, vol: float, ranges: Ranges, weight: float) -> Scenario:
    return Scenario(
        name=f"span: prices {name}",
        family=Family.SPAN,
        moves={Tier.MAJOR: part * ranges.major, Tier.ALT: part * ranges.alt},
        vol_near=vol,
        vol_far=vol,
        weight=weight,
        scanned=True,
    )


def tims_rows() -> Iterator[Scenario]:
    """Give ten equidistant points for each product group, volatilities unchanged."""
    for step in (1, 2, 3, 4, 5):
        for sign in (1, -1):
            major, alt, stable = sign * 0.04 * step, sign * 0.07 * step, sign * 0.005 * step
            yield Scenario(
                name=f"tims: majors {_percent(major)}, alts {_percent(alt)}",
                family=Family.TIMS,
                moves={Tier.MAJOR: major, Tier.ALT: alt},
            )
            yield Scenario(
                name=f"tims: stables {_percent(stable)}",
                family=Family.TIMS,
                moves={Tier.STABLE: stable},
            )
        yield _ratio_row(-0.01 * step)
    yield _ratio_row(0.01)


def _ratio_row(move: float) -> Scenario:
    return Scenario(name=f"tims: staked ratios {_percent(move)}", family=Family.TIMS, ratio=move)


TAILS: Final = (
    (-0.66, 0.6 / 11),
    (-0.33, 1.2 / 11),
    (0.5, 0.072),
    (1.0, 0.036),
    (2.0, 0.018),
    (3.0, 0.012),
)
"""Moves and the parts of their losses that count; -66 % and -33 % count 0.0545 and 0.109."""


def tail_rows() -> Iterator[Scenario]:
    """Give far moves with volatility up; alts count double."""
    for move, weight in TAILS:
        yield Scenario(
            name=f"tail: prices {_percent(move)}, vol up",
            family=Family.TAIL,
            moves={Tier.MAJOR: move, Tier.ALT: move},
            weight=weight,
            alt_weight=2 * weight,
            vol_near=VOL_UP,
            vol_far=VOL_UP,
        )


def smile_rows() -> Iterator[Scenario]:
    """Give turns of the smile about its middle, and of its term structure about 30 days."""
    for sign, said in ((1.0, "up"), (-1.0, "down")):
        yield Scenario(name=f"skew: upper wing {said}", family=Family.SKEW, tilt=sign)
        yield Scenario(name=f"skew: both wings {said}", family=Family.SKEW, bend=sign)
    yield Scenario(
        name="term: near vol up, far vol down",
        family=Family.TERM,
        vol_near=VOL_UP,
        vol_far=VOL_DOWN,
    )
    yield Scenario(
        name="term: near vol down, far vol up",
        family=Family.TERM,
        vol_near=VOL_DOWN,
        vol_far=VOL_UP,
    )


def systemic_rows() -> Iterator[Scenario]:
    """Give days on which everything moves: a crash, a rally, a peg that breaks, funding."""
    yield Scenario(
        name="systemic: crash",
        family=Family.SYSTEMIC,
        moves={Tier.MAJOR: -0.18, Tier.ALT: -0.35, Tier.STABLE: -0.02},
        ratio=-0.05,
        vol_near=VOL_UP,
        vol_far=VOL_UP,
    )
    yield Scenario(
        name="systemic: rally",
        family=Family.SYSTEMIC,
        moves={Tier.MAJOR: 0.18, Tier.ALT: 0.35},
        vol_near=VOL_UP / 2,
        vol_far=VOL_UP / 2,
    )
    for move in (-0.05, -0.10):
        yield Scenario(
            name=f"depeg: stables {_percent(move)}, crypto -5 %",
            family=Family.DEPEG,
            moves={Tier.STABLE: move, Tier.MAJOR: -0.05, Tier.ALT: -0.05},
        )
    for rate in (0.01, -0.01):
        yield Scenario(
            name=f"funding: {_percent(rate)} in 8 h", family=Family.FUNDING, funding=rate
        )


def standard_rows(ranges: Ranges | None = None) -> tuple[Scenario, ...]:
    """Give every row that is the same for all books."""
    return (
        *span_rows(ranges or Ranges()),
        *tims_rows(),
        *tail_rows(),
        *smile_rows(),
        *systemic_rows(),
    )


def outage_rows(book: RiskBook) -> Iterator[Scenario]:
    """Give one row for each chain that is cut off, at unchanged prices."""
    for chain in sorted({domain.chain for domain in book.domains.values()}):
        yield Scenario(name=f"outage: {chain} is cut off", family=Family.OUTAGE, cut=chain)


def lag_rows(groups: Mapping[str, frozenset[str]], ranges: Ranges) -> Iterator[Scenario]:
    """Give, for each netting set by its name, its prices standing still while the market moves.

    It is an extreme: the move of a whole range while an oracle sleeps counts a third. A set that is
    alone cannot lag behind another one.
    """
    if len(groups) < 2:  # noqa: PLR2004 - it takes two
        return
    for name, domains in sorted(groups.items()):
        for sign in (1, -1):
            yield Scenario(
                name=f"lag: {name} stands still while prices move {_percent(sign)} of range",
                family=Family.LAG,
                moves={Tier.MAJOR: sign * ranges.major, Tier.ALT: sign * ranges.alt},
                weight=EXTREME_WEIGHT,
                lagging=domains,
                scanned=True,
            )


def _percent(part: float) -> str:
    return f"{100 * part:+.4g} %"


def _thirds(third: int) -> str:
    return "unchanged" if third == 0 else f"{third:+d}/3 of range"
