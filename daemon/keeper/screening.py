"""Whom to ask the pool about at a head, and whom to read in full: pure.

Whose positions are known (daemon.keeper.fleet) is near 1 or is not. Of others a health is known at
older prices, and has a lower bound at new ones: its collateral fell by no more than the price that
fell most, its debt rose by no more than the one that rose most. Who is near, or may be by that
bound, is asked at once; everybody else in turn, for withdrawals. Both are limited for each head,
the largest debts first.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chains.model.ids import AccountId, AssetId
from chains.model.price import Price
from chains.model.units import WAD, Usd, Wad, div_down, div_up

NEAR: Final = Wad(105 * WAD // 100)
TURN_BLOCKS: Final = 25
"""After how many blocks everybody is asked again, as far as MOST_SCREENED allows."""
MOST_NEAR: Final = 2_000
MOST_SCREENED: Final = 3_000
MOST_READ: Final = 25
MOST_LEARNT: Final = 250
"""Whose positions are read at a head, in two calls of a few views each."""
ODD_BLOCKS: Final = 1_000
"""After how many blocks positions that the pool values otherwise are read again."""
READ_AGAIN_BLOCKS: Final = 5
"""For how many blocks who was read in full comes after those who were not."""
_PART: Final = 10**9

Figures = tuple[tuple[AssetId, int], ...]
"""The prices at which a health was computed, in the chain's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the pool said of an account: its health and debt at a height and these prices."""

    health: Wad
    debt: Usd
    height: int
    figures: Figures


def to_figures(prices: Iterable[Price]) -> Figures:
    """Give prices to be compared."""
    return tuple((price.asset, price.usd) for price in prices)


def calculate_fall(then: Figures, now: Figures) -> int:
    """Give the least share of a health that is left after prices moved, in 1e-9, rounded down.

    0 where the two cannot be compared: other assets, or a price of nothing.
    """
    if then == now:
        return _PART
    if [asset for asset, _ in then] != [asset for asset, _ in now]:
        return 0
    moves = [(old, new) for (_, old), (_, new) in zip(then, now, strict=True)]
    if any(old <= 0 or new <= 0 for old, new in moves):
        return 0
    fell = min(div_down(new * _PART, old) for old, new in moves)
    rose = max(div_up(new * _PART, old) for old, new in moves)
    return div_down(fell * _PART, rose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Whose positions are known, and who of them is near 1."""

    accounts: Collection[AccountId] = ()
    near: Collection[AccountId] = ()


def choose_due(
    looks: Mapping[AccountId, Look | None],
    figures: Figures,
    *,
    height: int,
    least_debt: Usd,
    known: Known,
) -> list[AccountId]:
    """Give whom to ask at a height: who may be near liquidation, then whose turn it is.

    Nobody who owes less than `least_debt` is asked out of turn.
    """
    falls: dict[int, int] = {}
    near: list[tuple[int, AccountId]] = []
    turn: list[tuple[int, AccountId]] = []
    for account, look in looks.items():
        if look is None:
            turn.append((-1, account))
            continue
        if account in known.accounts:
            close = account in known.near
        else:
            key = id(look.figures)
            if key not in falls:
                falls[key] = calculate_fall(look.figures, figures)
            close = look.health * falls[key] < NEAR * _PART
        if close and look.debt >= least_debt:
            near.append((-look.debt, account))
        elif height - look.height >= TURN_BLOCKS:
            turn.append((look.height, account))
    near.sort(key=lambda one: one[0])
    turn.sort(key=lambda one: one[0])
    return [account for _, account in (near[:MOST_NEAR] + turn)[:MOST_SCREENED]]


def choose_read(
    unhealthy: Mapping[AccountId, Look], read_lately: Collection[AccountId], *, least_debt: Usd
) -> list[AccountId]:
    """Give whom to read in full: the largest debts, those first who were not read lately."""
    worth = [account for account, look in unhealthy.items() if look.debt >= least_debt]
    worth.sort(key=lambda account: (account in read_lately, -unhealthy[account].debt))
    return worth[:MOST_READ]
