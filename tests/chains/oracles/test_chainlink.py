"""Every way a Chainlink feed may be wrong has its own status."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.evm.multicall import ViewResult
from chains.model.ids import Address, AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import USD, Usd
from chains.oracles.chainlink import (
    FeedReading,
    FeedTerms,
    Round,
    judge_round,
    judge_sequencer,
    plan_price,
)

NOW = 1_800_000_000
ASSET = AssetId.erc20(ChainId.evm(1), Address("0x" + "aa" * 20))
TERMS = FeedTerms(
    feed=Address("0x" + "fe" * 20),
    heartbeat_s=3_600,
    lateness_s=60,
    minimum=Usd(1 * USD),
    maximum=Usd(10_000 * USD),
)
ON_ROLLUP = replace(TERMS, sequencer=Address("0x" + "5e" * 20), grace_s=1_800)
GOOD = Round(
    number=10, answer=2_000 * USD, started_at=NOW - 10, updated_at=NOW - 10, answered_in=10
)
UP = Round(number=1, answer=0, started_at=NOW - 10_000, updated_at=NOW - 10_000, answered_in=1)
DOWN = replace(UP, answer=1)


def judge(newest: Round | None, *, terms: FeedTerms = TERMS, decimals: int | None = 8) -> str:
    return judge_round(FeedReading(round=newest, decimals=decimals), terms, sequencer=UP, now=NOW)


def test_a_fresh_complete_round_inside_its_bounds_is_ok() -> None:
    assert judge(GOOD) == PriceStatus.OK


def test_a_round_at_the_end_of_its_heartbeat_and_lateness_still_counts() -> None:
    assert judge(replace(GOOD, updated_at=NOW - 3_660)) == PriceStatus.OK


def test_a_round_past_its_heartbeat_and_lateness_is_stale() -> None:
    assert judge(replace(GOOD, updated_at=NOW - 3_661)) == PriceStatus.STALE


def test_a_round_from_the_future_is_refused() -> None:
    assert judge(replace(GOOD, updated_at=NOW + 1)) == PriceStatus.FUTURE


@pytest.mark.parametrize("answer", [0, -1, -2_000 * USD])
def test_an_answer_that_is_not_positive_is_refused(answer: int) -> None:
    assert judge(replace(GOOD, answer=answer)) == PriceStatus.NOT_POSITIVE


@pytest.mark.parametrize("answer", [1, TERMS.minimum, TERMS.maximum, TERMS.maximum + 1, 10**30])
def test_an_answer_at_or_beyond_a_bound_is_circuit_broken(answer: int) -> None:
    assert judge(replace(GOOD, answer=answer)) == PriceStatus.OUT_OF_BOUNDS


@pytest.mark.parametrize("answer", [TERMS.minimum + 1, TERMS.maximum - 1])
def test_an_answer_just_inside_its_bounds_is_ok(answer: int) -> None:
    assert judge(replace(GOOD, answer=answer)) == PriceStatus.OK


@pytest.mark.parametrize(
    "incomplete",
    [replace(GOOD, updated_at=0), replace(GOOD, answered_in=9), replace(GOOD, number=0)],
)
def test_a_round_that_never_completed_is_refused(incomplete: Round) -> None:
    assert judge(incomplete) == PriceStatus.INCOMPLETE_ROUND


def test_other_decimals_than_configured_are_refused() -> None:
    assert judge(GOOD, decimals=18) == PriceStatus.WRONG_DECIMALS


def test_a_feed_that_does_not_answer_is_unreadable() -> None:
    assert judge(None) == PriceStatus.UNREADABLE
    assert judge(GOOD, decimals=None) == PriceStatus.UNREADABLE


def test_a_feed_without_a_sequencer_ignores_the_rollup() -> None:
    reading = FeedReading(round=GOOD, decimals=8)
    assert judge_round(reading, TERMS, sequencer=DOWN, now=NOW) == PriceStatus.OK


@pytest.mark.parametrize("uptime", [DOWN, None, replace(UP, started_at=0)])
def test_while_the_sequencer_is_down_no_price_counts(uptime: Round | None) -> None:
    reading = FeedReading(round=GOOD, decimals=8)
    status = judge_round(reading, ON_ROLLUP, sequencer=uptime, now=NOW)
    assert status == PriceStatus.SEQUENCER_DOWN


def test_after_the_sequencers_return_prices_wait_for_the_grace() -> None:
    back = replace(UP, started_at=NOW - 1_800)
    assert judge_sequencer(back, 1_800, now=NOW) == PriceStatus.SEQUENCER_GRACE
    assert judge_sequencer(back, 1_800, now=NOW + 1) == PriceStatus.OK


def answer_of(newest: Round) -> ViewResult:
    words = (newest.number, newest.answer, newest.started_at, newest.updated_at, newest.answered_in)
    data = encode(["uint80", "int256", "uint256", "uint256", "uint80"], words)
    return ViewResult(success=True, data=data)


def read_price(terms: FeedTerms, *results: ViewResult) -> Price:
    plan = plan_price(ASSET, terms, now=NOW)
    assert len(plan.calls) == len(results)
    return plan.decode(results)


def uint(number: int) -> ViewResult:
    return ViewResult(success=True, data=number.to_bytes(32, "big"))


def test_a_price_carries_its_number_time_and_silence() -> None:
    assert read_price(TERMS, answer_of(GOOD), uint(8)) == Price(
        asset=ASSET,
        usd=Usd(2_000 * USD),
        source="chainlink",
        feed=TERMS.feed,
        published_at=NOW - 10,
        heartbeat_s=3_660,
    )


def test_a_price_of_eighteen_decimals_is_rounded_down_to_eight() -> None:
    terms = replace(TERMS, decimals=18)
    newest = replace(GOOD, answer=2_000 * 10**18 + 10**10 - 1)
    price = read_price(terms, answer_of(newest), uint(18))
    assert (price.usd, price.status) == (2_000 * USD, PriceStatus.OK)


def test_a_stale_price_keeps_its_last_number() -> None:
    price = read_price(TERMS, answer_of(replace(GOOD, updated_at=1)), uint(8))
    assert (price.usd, price.status) == (2_000 * USD, PriceStatus.STALE)


def test_a_reverting_feed_gives_a_price_nobody_vouches_for() -> None:
    silent = ViewResult(success=False, data=b"")
    price = read_price(TERMS, silent, silent)
    assert (price.usd, price.published_at, price.status) == (0, 0, PriceStatus.UNREADABLE)


def test_the_uptime_feed_is_read_beside_the_price() -> None:
    price = read_price(ON_ROLLUP, answer_of(GOOD), uint(8), answer_of(DOWN))
    assert price.status == PriceStatus.SEQUENCER_DOWN


@given(
    number=st.integers(0, 20),
    answer=st.integers(-(10**13), 10**13),
    updated_at=st.integers(NOW - 8_000, NOW + 100),
    answered_in=st.integers(0, 20),
    decimals=st.sampled_from([6, 8, 18]),
)
def test_only_a_round_with_nothing_wrong_is_ok(
    number: int, answer: int, updated_at: int, answered_in: int, decimals: int
) -> None:
    newest = Round(
        number=number,
        answer=answer,
        started_at=updated_at,
        updated_at=updated_at,
        answered_in=answered_in,
    )
    believed = judge(newest, decimals=decimals) == PriceStatus.OK
    assert believed == (
        decimals == TERMS.decimals
        and 0 < number <= answered_in
        and NOW - 3_660 <= updated_at <= NOW
        and TERMS.minimum < answer < TERMS.maximum
    )
