"""A price and whether it may be believed."""

from dataclasses import dataclass
from enum import StrEnum

from chains.model.ids import AssetId
from chains.model.units import Usd


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
