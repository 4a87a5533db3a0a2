"""Chainlink feeds and what may be believed of them.

A feed that reports nothing wrong is not thereby right: its round must be complete, positive,
inside the aggregator's bounds (at a bound the feed is circuit-broken and the market is
elsewhere), not from the future, not older than its heartbeat allows, and on a rollup the
sequencer must have been up for a while.
Source: https://docs.chain.link/data-feeds/api-reference, /l2-sequencer-feeds, and the
AggregatorV3Interface.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chains.evm.abi.erc20 import DECIMALS
from chains.evm.abi.function import Function
from chains.evm.multicall import ReadPlan, ViewResult
from chains.model.ids import Address, AssetId
from chains.model.price import Price, PriceStatus
from chains.model.units import USD, Usd, div_down

SOURCE: Final = "chainlink"
LATEST_ROUND: Final = Function(
    "latestRoundData", (), ("uint80", "int256", "uint256", "uint256", "uint80")
)
SEQUENCER_UP: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTerms:
    """What is demanded of one feed.

    `minimum` and `maximum` are prices (USD x 1e8 per whole token) at which, or beyond which, it
    counts as circuit-broken. `lateness_s` is how late an update may come after its heartbeat.
    `sequencer` is a rollup's uptime feed and `grace_s` how long it must have been up.
    """

    feed: Address
    heartbeat_s: int
    minimum: Usd
    maximum: Usd
    decimals: int = 8
    lateness_s: int = 0
    sequencer: Address | None = None
    grace_s: int = 3600

    @property
    def silence_s(self) -> int:
        """How long the feed may stay silent."""
        return self.heartbeat_s + self.lateness_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One answer of `latestRoundData`; times in seconds."""

    number: int
    answer: int
    started_at: int
    updated_at: int
    answered_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReading:
    """A feed's newest round and its decimals; None where the feed did not answer."""

    round: Round | None
    decimals: int | None


def plan_round(feed: Address) -> ReadPlan[Round | None]:
    """Read the newest round of a feed; None where it reverts or is no feed."""
    return ReadPlan(calls=(LATEST_ROUND.view(feed, allow_failure=True),), decode=_decode_round)


def plan_reading(feed: Address) -> ReadPlan[FeedReading]:
    """Read the newest round of a feed and its decimals."""
    calls = (
        LATEST_ROUND.view(feed, allow_failure=True),
        DECIMALS.view(feed, allow_failure=True),
    )
    return ReadPlan(calls=calls, decode=_decode_reading)


def plan_price(asset: AssetId, terms: FeedTerms, *, now: int) -> ReadPlan[Price]:
    """Read an asset's price from its feed and judge it at `now`, the anchor's time."""
    reading = plan_reading(terms.feed)
    sequencer = plan_round(terms.sequencer) if terms.sequencer else None

    def decode(results: Sequence[ViewResult]) -> Price:
        found = reading.decode(results[:2])
        uptime = sequencer.decode(results[2:]) if sequencer else None
        status = judge_round(found, terms, sequencer=uptime, now=now)
        return build_price(asset, terms, found, status)

    calls = reading.calls + (sequencer.calls if sequencer else ())
    return ReadPlan(calls=calls, decode=decode)


def judge_round(
    reading: FeedReading, terms: FeedTerms, *, sequencer: Round | None, now: int
) -> PriceStatus:
    """Say whether a feed's newest round may be believed at `now`.

    The sequencer comes first: while it is down, or just back, no feed of its rollup counts.
    """
    if terms.sequencer is not None:
        status = judge_sequencer(sequencer, terms.grace_s, now=now)
        if status is not PriceStatus.OK:
            return status
    if reading.round is None or reading.decimals is None:
        return PriceStatus.UNREADABLE
    if reading.decimals != terms.decimals:
        return PriceStatus.WRONG_DECIMALS
    return _judge_answer(reading.round, terms, now)


def judge_sequencer(uptime: Round | None, grace_s: int, *, now: int) -> PriceStatus:
    """Say whether a rollup's sequencer is up and has been for longer than its grace."""
    if uptime is None or uptime.started_at == 0 or uptime.answer != SEQUENCER_UP:
        return PriceStatus.SEQUENCER_DOWN
    if now - uptime.started_at <= grace_s:
        return PriceStatus.SEQUENCER_GRACE
    return PriceStatus.OK


def _judge_answer(newest: Round, terms: FeedTerms, now: int) -> PriceStatus:
    scale = 10**terms.decimals
    inside = terms.minimum * scale < newest.answer * USD < terms.maximum * scale
    checks = (
        (
            PriceStatus.INCOMPLETE_ROUND,
            newest.number == 0 or newest.updated_at == 0 or newest.answered_in < newest.number,
        ),
        (PriceStatus.NOT_POSITIVE, newest.answer <= 0),
        (PriceStatus.FUTURE, newest.updated_at > now),
        (PriceStatus.STALE, now - newest.updated_at > terms.silence_s),
        (PriceStatus.OUT_OF_BOUNDS, not inside),
    )
    return next((status for status, failed in checks if failed), PriceStatus.OK)


def build_price(
    asset: AssetId,
    terms: FeedTerms,
    reading: FeedReading,
    status: PriceStatus,
    *,
    usd: Usd | None = None,
) -> Price:
    """Give the price with its judgement; `usd` replaces the feed's number (a protocol's own).

    A missing or negative answer is 0.
    """
    newest = reading.round
    answer = max(newest.answer, 0) if newest else 0
    return Price(
        asset=asset,
        usd=Usd(div_down(answer * USD, 10**terms.decimals)) if usd is None else usd,
        source=SOURCE,
        feed=terms.feed,
        published_at=newest.updated_at if newest else 0,
        heartbeat_s=terms.silence_s,
        status=status,
    )


def _decode_round(results: Sequence[ViewResult]) -> Round | None:
    (result,) = results
    if not (result.success and result.data):
        return None
    number, answer, started_at, updated_at, answered_in = LATEST_ROUND.decode(result.data)
    return Round(
        number=number,
        answer=answer,
        started_at=started_at,
        updated_at=updated_at,
        answered_in=answered_in,
    )


def _decode_reading(results: Sequence[ViewResult]) -> FeedReading:
    newest, decimals = results
    readable = decimals.success and decimals.data
    return FeedReading(
        round=_decode_round((newest,)),
        decimals=DECIMALS.read(decimals) if readable else None,
    )
