"""A price, a staked token's ratio, and whether they may be believed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chains.model.ids import AssetId
from chains.model.units import WAD, Usd, Wad

LEAST_RATIO: Final = Wad(WAD // 2)
MOST_RATIO: Final = Wad(10 * WAD)
"""Outside of these a number is some other figure: staking begins at 1 and grows by the year."""


class PriceStatus(StrEnum):
    """What a price source found; only OK may move money at its owner's will."""

    OK = "ok"
    STALE = "stale"
    FUTURE = "future"
    NOT_POSITIVE = "not_positive"
    OUT_OF_BOUNDS = "out_of_bounds"
    INCOMPLETE_ROUND = "incomplete_round"
    WRONG_DECIMALS = "wrong_decimals"
    SEQUENCER_DOWN = "sequencer_down"
    SEQUENCER_GRACE = "sequencer_grace"
    UNCERTAIN = "uncertain"
    UNVERIFIED = "unverified"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per whole token x 1e8, as one source gave it at one anchor.

    `source` names the kind (`chainlink`), `feed` the feed itself (an address); `heartbeat_s` is
    how long the source may stay silent. A price that is not OK keeps its last number.
    """

    asset: AssetId
    usd: Usd
    source: str
    feed: str
    published_at: int
    heartbeat_s: int
    confidence: Usd = Usd(0)
    status: PriceStatus = PriceStatus.OK

    @property
    def valid(self) -> bool:
        """Whether the source stands behind the number."""
        return self.status is PriceStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """What a whole token of a staked form is worth in whole tokens of its underlying, x 1e18.

    It is read on chain at an anchor and rounded down, as the contracts' own views are; `source`
    is the contract or account. One that is not OK is not known: it is never taken for 1.
    """

    asset: AssetId
    value: Wad
    source: str
    status: PriceStatus = PriceStatus.OK

    @property
    def valid(self) -> bool:
        """Whether it was read, and may be multiplied with."""
        return self.status is PriceStatus.OK


def judge_ratio(asset: AssetId, value: int | None, source: str, *, stale: bool = False) -> Ratio:
    """Give a ratio with its judgement; None is one that could not be read, its number is 0."""
    if value is None:
        status = PriceStatus.UNREADABLE
    elif not LEAST_RATIO <= value <= MOST_RATIO:
        status = PriceStatus.OUT_OF_BOUNDS
    else:
        status = PriceStatus.STALE if stale else PriceStatus.OK
    return Ratio(asset=asset, value=Wad(value or 0), source=source, status=status)
