"""The divergence latch: shut inside one look, opened only after agreement has lasted."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import Address, AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import USD, Bps, Usd
from chains.oracles.reference import DivergenceLatch, DivergenceTerms, calculate_gap, observe

ASSET = AssetId.erc20(ChainId.evm(1), Address("0x" + "aa" * 20))
TERMS = DivergenceTerms(limit=Bps(200), hold_s=300, blind_s=400)


def quote(usd: float, status: PriceStatus = PriceStatus.OK) -> Price:
    return Price(
        asset=ASSET,
        usd=Usd(round(usd * USD)),
        source="chainlink",
        feed="feed",
        published_at=0,
        heartbeat_s=3_600,
        status=status,
    )


def look(latch: DivergenceLatch, protocol: float, reference: float, now: int) -> DivergenceLatch:
    return observe(latch, TERMS, quote(protocol), quote(reference), now=now)


def test_a_latch_that_has_seen_nothing_is_shut() -> None:
    assert DivergenceLatch().shut


def test_agreement_at_the_first_look_opens_it() -> None:
    assert not look(DivergenceLatch(), 2_000, 2_010, 100).shut


def test_a_wrapped_token_priced_285_basis_points_low_shuts_it_in_one_look() -> None:
    latch = look(look(DivergenceLatch(), 2_400, 2_400, 100), 2_331.6, 2_400, 101)
    assert latch.shut
    assert (latch.gap, latch.shut_since) == (285, 101)


def test_a_price_of_one_dollar_for_an_ether_derivative_shuts_it() -> None:
    assert look(look(DivergenceLatch(), 2_200, 2_200, 1), 1.12, 2_200, 2).shut


def test_the_limit_itself_still_agrees_and_anything_beyond_it_does_not() -> None:
    assert not look(DivergenceLatch(), 2_040, 2_000, 1).shut
    assert look(DivergenceLatch(), 2_040.01, 2_000, 1).shut


def test_it_opens_only_after_agreement_has_lasted() -> None:
    latch = look(DivergenceLatch(), 1_000, 2_000, 100)
    latch = look(latch, 2_000, 2_000, 200)
    assert look(latch, 2_000, 2_000, 499).shut
    assert not look(latch, 2_000, 2_000, 500).shut


def test_agreement_that_nobody_watched_does_not_count() -> None:
    latch = look(DivergenceLatch(), 1_000, 2_000, 100)
    latch = look(latch, 2_000, 2_000, 200)
    latch = look(latch, 2_000, 2_000, 601)
    assert latch.shut
    assert look(latch, 2_000, 2_000, 900).shut
    assert not look(latch, 2_000, 2_000, 901).shut


def test_parting_again_starts_the_wait_anew() -> None:
    latch = look(DivergenceLatch(), 1_000, 2_000, 100)
    latch = look(latch, 2_000, 2_000, 200)
    latch = look(latch, 1_000, 2_000, 400)
    latch = look(latch, 2_000, 2_000, 450)
    assert latch.shut_since == 100
    assert look(latch, 2_000, 2_000, 700).shut
    assert not look(latch, 2_000, 2_000, 750).shut


@pytest.mark.parametrize("status", [s for s in PriceStatus if s is not PriceStatus.OK])
def test_what_cannot_be_compared_shuts_it(status: PriceStatus) -> None:
    opened = look(DivergenceLatch(), 2_000, 2_000, 1)
    assert observe(opened, TERMS, quote(2_000, status), quote(2_000), now=2).shut
    assert observe(opened, TERMS, quote(2_000), quote(2_000, status), now=2).shut


def test_a_reference_of_zero_is_no_reference() -> None:
    assert calculate_gap(quote(2_000), quote(0)) is None


@given(gaps=st.lists(st.tuples(st.booleans(), st.integers(1, 450)), min_size=1))
def test_it_is_open_exactly_when_watched_agreement_lasted_since_the_last_parting(
    gaps: Sequence[tuple[bool, int]],
) -> None:
    latch, now, parted, agreed_since = DivergenceLatch(), 0, False, 0
    for apart, wait_s in gaps:
        now += wait_s
        latch = look(latch, 1_000 if apart else 2_000, 2_000, now)
        if apart:
            parted, agreed_since = True, 0
        elif parted:
            blind = wait_s > TERMS.blind_s
            agreed_since = now if blind or not agreed_since else agreed_since
            parted = now - agreed_since < TERMS.hold_s
        assert latch.shut == parted
