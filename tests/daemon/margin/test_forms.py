"""Forms of one underlying: weights, the range they share, and staked ones with their ratio."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import AssetId, ChainId
from chains.model.position import Leg, Side
from chains.model.price import Price, PriceStatus, Ratio
from chains.model.snapshot import ChainGap, ChainSnapshot, Snapshot
from chains.model.units import BPS, USD, WAD, Bps, Usd, Wad, value_down, value_up
from daemon.margin.report import MarginReport, PriceRange
from daemon.margin.risk import Form, FormKind, RiskTable, Tier, Underlying
from daemon.margin.unified import evaluate
from daemon.margin.weights import price_for, price_ranges
from tests.support import values as v

LONG, SHORT = Side.COLLATERAL, Side.DEBT
STAKED = AssetId.erc20(v.CHEAP, v.address(0x57))
BRIDGED = AssetId.erc20(v.DEAR, v.address(0xB7))
RATIO = Wad(12 * WAD // 10)
LIDO = Form(
    symbol="wstETH",
    underlying="WETH",
    kind=FormKind.STAKED,
    issuer="Lido",
    backing="staked ether",
    haircut=Bps(100),
    divergence=Bps(300),
)
HOP = Form(
    symbol="WETH.hop",
    underlying="WETH",
    kind=FormKind.BRIDGED,
    issuer="Hop",
    backing="WETH locked on Ethereum",
    haircut=Bps(50),
)


def risk(**weth: Any) -> RiskTable:  # noqa: ANN401 -- any field of an underlying
    table = v.risk_table(WETH=replace(Underlying(symbol="WETH", tier=Tier.MAJOR), **weth))
    return replace(
        table,
        assets={**table.assets, STAKED: "wstETH", BRIDGED: "WETH.hop"},
        forms={"wstETH": LIDO, "WETH.hop": HOP},
    )


def price(asset: AssetId, usd: float, status: PriceStatus = PriceStatus.OK) -> Price:
    return replace(v.price(v.CHEAP, "WETH", usd, status), asset=asset, feed=v.address(0x5FEED))


def leg(asset: AssetId, side: Side, amount: float, quoted: Price) -> Leg:
    return replace(v.leg(v.CHEAP, "WETH", side, amount, quoted), asset=asset)


def ratio(value: int = RATIO, status: PriceStatus = PriceStatus.OK) -> Ratio:
    return Ratio(asset=STAKED, value=Wad(value), source="lido", status=status)


def chain(
    *legs: Leg, staked_usd: float = 2_400, ratios: tuple[Ratio, ...] = (ratio(),)
) -> ChainSnapshot:
    prices = [*(v.price(v.CHEAP, s) for s in v.DECIMALS), price(STAKED, staked_usd)]
    held = v.position(v.CHEAP, legs)
    return replace(v.chain_snapshot(v.CHEAP, [held], prices=prices), ratios=ratios)


def report(snapshot: Snapshot, table: RiskTable | None = None) -> MarginReport:
    return evaluate(snapshot, v.policy(), table or risk(), max_skew_s=30)


def staked_leg(side: Side = LONG, amount: float = 10, usd: float = 2_400) -> Leg:
    return leg(STAKED, side, amount, price(STAKED, usd))


def test_a_form_has_its_underlyings_weights_and_its_own_haircut_on_top() -> None:
    table = risk(haircut=Bps(200), debt_weight=Bps(10_500))
    found = table.underlying_of(STAKED)
    assert (found.symbol, found.tier, found.haircut) == ("WETH", Tier.MAJOR, 300)
    assert (found.debt_weight, found.divergence, found.divergence_hold_s) == (10_500, 300, 300)
    assert table.underlying_of(BRIDGED).divergence == 200
    assert risk(haircut=Bps(BPS)).underlying_of(STAKED).haircut == BPS


def test_the_token_with_the_underlyings_own_symbol_is_its_native_form() -> None:
    weth = v.asset(v.CHEAP, "WETH")
    assert risk().form_of(weth) == Form(symbol="WETH", underlying="WETH")
    assert risk().form_of(AssetId.erc20(v.CHEAP, v.address(0xBAD))) is None


def test_a_bridged_forms_price_counts_for_every_form() -> None:
    cheap = v.chain_snapshot(
        v.CHEAP, [v.position(v.CHEAP, [v.leg(v.CHEAP, "WETH", LONG, 10)], native_health=None)]
    )
    dear = v.chain_snapshot(v.DEAR, [v.position(v.DEAR, [])], prices=[price(BRIDGED, 1_000)])
    (found,) = report(v.snapshot(cheap, dear)).legs
    assert (found.price.asset, found.value) == (BRIDGED, 10_000 * USD)


def test_a_staked_leg_counts_at_the_range_times_its_ratio() -> None:
    found = report(v.snapshot(chain(staked_leg(usd=2_500), staked_usd=2_500)))
    (shown,) = found.legs
    # 2 500 / 1.2 is more than 2 000, so the low is WETH's own price
    assert (shown.price.asset, shown.price.usd) == (v.asset(v.CHEAP, "WETH"), 2_400 * USD)
    assert shown.value == 24_000 * USD
    assert (shown.ratio, shown.form) == (RATIO, LIDO)
    assert found.complete


def test_a_staked_price_enters_the_range_divided_by_its_ratio() -> None:
    weth = v.leg(v.CHEAP, "WETH", LONG, 10)
    found = report(v.snapshot(chain(weth, staked_leg(usd=2_280), staked_usd=2_280)))
    assert [shown.price.usd for shown in found.legs] == [1_900 * USD, 2_280 * USD]
    (range_,) = (r for r in found.ranges if r.symbol == "WETH")
    assert (range_.usd(LONG), range_.usd(SHORT)) == (1_900 * USD, 2_000 * USD)
    assert range_.tier is Tier.MAJOR


def test_a_staked_debt_counts_at_the_highest_price_rounded_up() -> None:
    third = ratio(WAD + WAD // 3)
    owed = staked_leg(SHORT, 1, 2_000)
    found = report(v.snapshot(chain(owed, staked_usd=2_000, ratios=(third,))))
    (shown,) = found.legs
    assert shown.price.usd == 2_666_66666667
    assert shown.price.asset == v.asset(v.CHEAP, "WETH")


@pytest.mark.parametrize(
    "ratios", [(), (ratio(status=PriceStatus.STALE),), (ratio(0, PriceStatus.UNREADABLE),)]
)
def test_a_ratio_that_is_not_known_leaves_no_figure_and_is_never_one(
    ratios: tuple[Ratio, ...],
) -> None:
    held = chain(staked_leg(), staked_leg(SHORT, 1), v.leg(v.CHEAP, "WETH", LONG, 1), ratios=ratios)
    found = report(v.snapshot(held))
    assert found.unified is None
    assert found.rescuable is None
    assert f"{STAKED}: its ratio to WETH is not known" in found.incomplete
    assert [shown.valid for shown in found.legs] == [False, False, True]
    assert found.low is not None
    assert found.high is not None
    # low: one WETH, and the debt at its own price; high: all of it at its own price
    assert found.low.collateral == 1_650 * USD
    assert found.low.requirement == found.high.requirement == 2_400 * USD
    (range_,) = (r for r in found.ranges if r.symbol == "WETH")
    assert (range_.low, range_.high) == (v.price(v.CHEAP, "WETH"),) * 2


def test_a_ratio_of_an_asset_that_is_not_staked_is_not_multiplied_with() -> None:
    weth = v.asset(v.CHEAP, "WETH")
    held = chain(v.leg(v.CHEAP, "WETH", LONG, 1), ratios=(replace(ratio(), asset=weth), ratio()))
    (shown,) = report(v.snapshot(held)).legs
    assert shown.price.usd == 2_000 * USD


def test_a_gap_keeps_the_last_ratio_of_its_chain() -> None:
    gap = ChainGap(chain=v.CHEAP, reason="hung", since=v.NOW, last=chain(staked_leg()))
    dear = v.chain_snapshot(v.DEAR, [v.position(v.DEAR, [v.leg(v.DEAR, "USDC", SHORT, 100)])])
    found = report(v.snapshot(gap, dear))
    assert found.high is not None
    assert found.high.collateral == 24_000 * USD * 8_250 * 9_900 // BPS**2


numbers = st.integers(1, 10**15)
ratios = st.integers(WAD // 2, 10 * WAD)


def range_of(prices: Mapping[AssetId, int], found: Mapping[AssetId, Wad]) -> PriceRange:
    quoted = [replace(price(asset, 1), usd=Usd(usd)) for asset, usd in prices.items()]
    return price_ranges(quoted, risk(), found)["WETH"]


@given(weth=numbers, staked=numbers, given_ratio=ratios)
def test_low_is_never_above_high_for_any_form(weth: int, staked: int, given_ratio: int) -> None:
    own = v.asset(v.CHEAP, "WETH")
    found = range_of({own: weth, STAKED: staked}, {STAKED: Wad(given_ratio)})
    for asset in (own, STAKED):
        low, high = found.price_of(asset, LONG), found.price_of(asset, SHORT)
        assert low.usd <= high.usd
    assert found.price_of(STAKED, LONG).usd <= staked <= found.price_of(STAKED, SHORT).usd
    assert found.price_of(own, LONG).usd <= weth <= found.price_of(own, SHORT).usd


@given(weth=numbers, staked=numbers, less=ratios, more=ratios, units=st.integers(0, 10**24))
def test_raising_the_ratio_never_lowers_what_the_staked_collateral_is_worth(
    weth: int, staked: int, less: int, more: int, units: int
) -> None:
    prices = {v.asset(v.CHEAP, "WETH"): weth, STAKED: staked}
    low, high = (range_of(prices, {STAKED: Wad(r)}) for r in sorted((less, more)))
    for side, value in ((LONG, value_down), (SHORT, value_up)):
        before, after = (found.price_of(STAKED, side).usd for found in (low, high))
        assert value(units, before, 18) <= value(units, after, 18)


@given(usds=st.lists(numbers, min_size=1, max_size=4, unique=True))
def test_without_ratios_the_range_is_of_the_prices_themselves(usds: list[int]) -> None:
    chains = [ChainId.evm(number) for number in range(len(usds))]
    assets = [v.asset(chain, "WETH") for chain in chains]
    table = RiskTable(
        underlyings={"WETH": Underlying(symbol="WETH")}, assets=dict.fromkeys(assets, "WETH")
    )
    quoted = [
        replace(price(asset, 1), usd=Usd(usd)) for asset, usd in zip(assets, usds, strict=True)
    ]
    ranges = price_ranges(quoted, table, {})
    for asset in assets:
        for side, end in ((LONG, min(usds)), (SHORT, max(usds))):
            found = price_for(leg(asset, side, 1, quoted[0]), ranges, table)
            assert any(found is one and one.usd == end for one in quoted)
