"""The unified figure: ranges, completeness, the interval, and what must never happen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.anchor import Finality
from chains.model.ids import ChainId
from chains.model.position import Leg, Side
from chains.model.price import PriceStatus
from chains.model.snapshot import ChainGap, ChainSnapshot, Snapshot
from chains.model.units import USD, WAD, Bps
from chains.solana.accounts import CLOCK, AccountsRead, mint_anchor
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable, Underlying
from daemon.margin.unified import evaluate
from tests.chains.solana.protocols.encoding import clock_account
from tests.support import values as v

LONG, SHORT = Side.COLLATERAL, Side.DEBT


def report(
    snapshot: Snapshot, risk: RiskTable | None = None, *, max_skew_s: int = 30
) -> MarginReport:
    return evaluate(snapshot, v.policy(), risk or v.risk_table(), max_skew_s=max_skew_s)


def heavy_on_cheap(**overrides: float) -> ChainSnapshot:
    weth = v.leg(v.CHEAP, "WETH", LONG, overrides.get("weth", 10))
    return v.chain_snapshot(v.CHEAP, [v.position(v.CHEAP, [weth], native_health=None)])


def heavy_on_dear(*, usdc: float = 15_000, weth_usd: float | None = None) -> ChainSnapshot:
    legs = [v.leg(v.DEAR, "WBTC", LONG, 0.5), v.leg(v.DEAR, "USDC", SHORT, usdc)]
    prices = [v.price(v.DEAR, "WBTC"), v.price(v.DEAR, "USDC"), v.price(v.DEAR, "WETH", weth_usd)]
    return v.chain_snapshot(v.DEAR, [v.position(v.DEAR, legs)], prices=prices)


def test_collateral_on_one_chain_and_debt_on_the_other_make_one_factor() -> None:
    found = report(v.snapshot(heavy_on_cheap(), heavy_on_dear()))
    assert found.complete
    assert found.unified is not None
    # 10 WETH x 2000 x 0.825 + 0.5 WBTC x 60000 x 0.75 = 39 000; over 15 000
    assert found.unified.collateral == 39_000 * USD
    assert found.unified.requirement == 15_000 * USD
    assert found.unified.factor == 2_600_000_000_000_000_000
    assert found.unified.equity == 24_000 * USD


def test_collateral_counts_at_the_lowest_price_on_any_of_the_accounts_chains() -> None:
    found = report(v.snapshot(heavy_on_cheap(), heavy_on_dear(weth_usd=1_000)))
    assert found.unified is not None
    assert found.unified.collateral == (8_250 + 22_500) * USD


def test_debt_counts_at_the_highest_price_on_any_of_the_accounts_chains() -> None:
    cheap = heavy_on_cheap()
    cheap = replace(cheap, prices=(v.price(v.CHEAP, "WETH"), v.price(v.CHEAP, "USDC", 1.10)))
    found = report(v.snapshot(cheap, heavy_on_dear()))
    assert found.unified is not None
    assert found.unified.requirement == 16_500 * USD


def test_an_invalid_price_never_widens_the_range() -> None:
    cheap = heavy_on_cheap()
    wild = v.price(v.CHEAP, "USDC", 9, PriceStatus.STALE)
    found = report(v.snapshot(replace(cheap, prices=(*cheap.prices[:1], wild)), heavy_on_dear()))
    assert found.unified is None or found.unified.requirement == 15_000 * USD


def test_haircut_and_debt_weight_count_against_the_account() -> None:
    risk = v.risk_table(
        WETH=Underlying(symbol="WETH", haircut=Bps(1_000)),
        USDC=Underlying(symbol="USDC", debt_weight=Bps(11_000)),
    )
    found = report(v.snapshot(heavy_on_cheap(), heavy_on_dear()), risk)
    assert found.unified is not None
    assert found.unified.collateral == (14_850 + 22_500) * USD
    assert found.unified.requirement == 16_500 * USD


def test_collateral_of_an_undeclared_asset_counts_nothing_and_its_debt_counts_in_full() -> None:
    bare = RiskTable(underlyings={}, assets={})
    found = report(v.snapshot(heavy_on_cheap(), heavy_on_dear()), bare)
    assert found.unified is not None
    assert found.unified.collateral == 0
    assert found.unified.requirement == 15_000 * USD


def test_an_account_without_debt_has_no_factor() -> None:
    found = report(v.snapshot(heavy_on_cheap()))
    assert found.unified is not None
    assert found.unified.factor is None
    assert found.minimum_native is None


def test_a_gap_leaves_no_unified_figure_but_the_interval_low_to_high() -> None:
    gap = ChainGap(chain=v.CHEAP, reason="no endpoint answered", since=v.NOW, last=heavy_on_cheap())
    found = report(v.snapshot(gap, heavy_on_dear()))
    assert found.unified is None
    assert not found.complete
    assert found.incomplete == ("eip155:31337: no endpoint answered",)
    assert found.low is not None
    assert found.high is not None
    assert found.low.collateral == 22_500 * USD
    assert found.high.collateral == 39_000 * USD
    assert found.rescuable is None


def test_a_gap_keeps_its_last_debt_in_both_bounds() -> None:
    gap = ChainGap(chain=v.DEAR, reason="hung", since=v.NOW, last=heavy_on_dear())
    found = report(v.snapshot(heavy_on_cheap(), gap))
    assert found.low is not None
    assert found.high is not None
    assert found.low.requirement == found.high.requirement == 15_000 * USD
    assert found.low.collateral == 16_500 * USD


def test_a_gap_is_valued_at_current_prices_of_the_chains_that_are_read() -> None:
    gap = ChainGap(chain=v.CHEAP, reason="hung", since=v.NOW, last=heavy_on_cheap())
    found = report(v.snapshot(gap, heavy_on_dear(weth_usd=1_000)))
    assert found.high is not None
    assert found.high.collateral == (8_250 + 22_500) * USD


def test_a_chain_never_read_leaves_no_interval_at_all() -> None:
    gap = ChainGap(chain=v.CHEAP, reason="hung", since=v.NOW)
    found = report(v.snapshot(gap, heavy_on_dear()))
    assert (found.unified, found.low, found.high) == (None, None, None)


def test_a_stale_price_of_a_held_asset_makes_the_snapshot_incomplete() -> None:
    stale = v.price(v.CHEAP, "WETH", status=PriceStatus.STALE)
    weth = v.leg(v.CHEAP, "WETH", LONG, 10, stale)
    cheap = v.chain_snapshot(
        v.CHEAP, [v.position(v.CHEAP, [weth], native_health=None)], prices=[stale]
    )
    found = report(v.snapshot(cheap, heavy_on_dear()))
    assert found.unified is None
    assert "is stale" in found.incomplete[0]
    assert found.low is not None
    assert found.high is not None
    assert found.low.collateral == 22_500 * USD
    assert found.high.collateral == 39_000 * USD


def test_a_debt_with_a_stale_price_counts_at_the_dearer_of_last_and_current() -> None:
    stale = v.price(v.DEAR, "USDC", 1.5, PriceStatus.STALE)
    debt = v.leg(v.DEAR, "USDC", SHORT, 1_000, stale)
    dear = v.chain_snapshot(v.DEAR, [v.position(v.DEAR, [debt])], prices=[stale])
    found = report(v.snapshot(heavy_on_cheap(), dear))
    assert found.low is not None
    assert found.low.requirement == 1_500 * USD


def test_worthless_collateral_that_anybody_may_give_spoils_nothing() -> None:
    unknown = v.price(v.DEAR, "WBTC", status=PriceStatus.UNREADABLE)
    dust = replace(v.leg(v.DEAR, "WBTC", LONG, 1, unknown), asset=v.asset(v.DEAR, "WBTC"))
    strange = replace(dust, asset=replace(dust.asset, reference=v.address(0xBAD)))
    unused = replace(dust, liquidation_threshold=Bps(0))
    dear = heavy_on_dear()
    whole = report(v.snapshot(heavy_on_cheap(), dear))
    for leg in (strange, unused):
        held = replace(dear.positions[0], legs=(*dear.positions[0].legs, leg))
        found = report(v.snapshot(heavy_on_cheap(), replace(dear, positions=(held,))))
        assert found.complete
        assert found.unified == whole.unified


def test_a_debt_of_a_strange_asset_without_a_price_is_never_overlooked() -> None:
    unknown = v.price(v.DEAR, "WBTC", status=PriceStatus.UNREADABLE)
    owed = v.leg(v.DEAR, "WBTC", SHORT, 1, unknown)
    strange = replace(owed, asset=replace(owed.asset, reference=v.address(0xBAD)))
    dear = v.chain_snapshot(v.DEAR, [v.position(v.DEAR, [strange])])
    assert not report(v.snapshot(heavy_on_cheap(), dear)).complete


def test_a_member_that_cannot_be_valued_leaves_the_readable_positions_and_no_figure() -> None:
    broken = (v.account(v.CHEAP, 0xBAD), "the pool does not value this account")
    cheap = replace(heavy_on_cheap(), unreadable=(broken,))
    found = report(v.snapshot(cheap, heavy_on_dear()))
    assert (found.unified, found.low, found.high) == (None, None, None)
    assert "does not value" in found.incomplete[0]
    assert len(found.positions) == 2


def test_blocks_too_far_apart_leave_no_unified_figure() -> None:
    late = replace(heavy_on_dear(), anchor=v.anchor(v.DEAR, time=v.NOW - 31))
    found = report(v.snapshot(heavy_on_cheap(), late))
    assert found.unified is None
    assert found.incomplete == ("the chains' blocks are 31 s apart, 30 s allowed",)


@pytest.mark.parametrize(("late_s", "complete"), [(0, True), (30, True), (31, False), (-31, False)])
def test_a_slots_time_is_its_clocks_and_bounded_like_a_blocks(
    late_s: int, *, complete: bool
) -> None:
    chain = ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
    slot = 300_000_000
    seen = AccountsRead(
        slot=slot, finality=Finality.SAFE, accounts=(clock_account(slot, v.NOW - late_s),)
    )
    anchor = mint_anchor(chain, [CLOCK], seen)
    assert (anchor.height, anchor.time) == (slot, v.NOW - late_s)
    sol = replace(v.chain_snapshot(v.CHEAP, [], prices=[]), anchor=anchor)
    found = report(v.snapshot(heavy_on_cheap(), sol, heavy_on_dear()))
    assert found.complete is complete
    assert (found.skew_s, found.max_skew_s) == (abs(late_s), 30)


amounts = st.floats(min_value=0.001, max_value=10_000, allow_nan=False)


@given(weth=amounts, usdc=amounts, more=amounts)
def test_more_collateral_never_lowers_and_more_debt_never_raises_the_factor(
    weth: float, usdc: float, more: float
) -> None:
    def factor(weth: float, usdc: float) -> int:
        found = report(v.snapshot(heavy_on_cheap(weth=weth), heavy_on_dear(usdc=usdc)))
        assert found.unified is not None
        assert found.unified.factor is not None
        return found.unified.factor

    assert factor(weth + more, usdc) >= factor(weth, usdc) >= factor(weth, usdc + more)


@given(weth=amounts, usdc=amounts)
def test_the_interval_holds_the_figure_that_the_lost_chain_would_have_given(
    weth: float, usdc: float
) -> None:
    cheap, dear = heavy_on_cheap(weth=weth), heavy_on_dear(usdc=usdc)
    whole = report(v.snapshot(cheap, dear)).unified
    for lost, kept in ((cheap, dear), (dear, cheap)):
        gap = ChainGap(chain=lost.chain, reason="hung", since=v.NOW, last=lost)
        found = report(v.snapshot(gap, kept))
        assert whole is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low.equity <= whole.equity <= found.high.equity


@given(order=st.permutations(range(3)))
def test_the_order_of_legs_does_not_matter(order: list[int]) -> None:
    legs: list[Leg] = [
        v.leg(v.DEAR, "WBTC", LONG, 0.123),
        v.leg(v.DEAR, "WETH", LONG, 4.56),
        v.leg(v.DEAR, "USDC", SHORT, 789.01),
    ]
    one = report(v.snapshot(v.chain_snapshot(v.DEAR, [v.position(v.DEAR, legs)])))
    other = report(
        v.snapshot(v.chain_snapshot(v.DEAR, [v.position(v.DEAR, [legs[i] for i in order])]))
    )
    assert one.unified == other.unified


@pytest.mark.parametrize(("usdc", "solvent"), [(38_999.0, True), (39_001.0, False)])
def test_the_factor_is_one_where_equity_is_nothing(usdc: float, *, solvent: bool) -> None:
    found = report(v.snapshot(heavy_on_cheap(), heavy_on_dear(usdc=usdc)))
    assert found.unified is not None
    assert found.unified.factor is not None
    assert (found.unified.factor >= WAD) is (found.unified.equity >= 0) is solvent
