"""Perps and options round against the account."""

from chains.model.derivatives import Option, OptionKind, OptionStyle, Perp
from chains.model.units import USD, WAD, Bps, Usd, Wad


def perp(size: int, *, entry: int = 2_000 * USD, mark: int = 2_000 * USD) -> Perp:
    return Perp(
        underlying="WETH",
        size=size,
        entry=Usd(entry),
        mark=Usd(mark),
        initial_bps=Bps(500),
        maintenance_bps=Bps(200),
        funding=Usd(-7),
    )


def test_a_short_gains_what_the_price_falls() -> None:
    short = perp(-10 * WAD, mark=1_850 * USD)
    assert short.pnl == 1_500 * USD - 7
    assert short.pnl_at(Usd(2_100 * USD)) == -1_000 * USD - 7
    assert short.notional == 18_500 * USD


def test_gains_are_rounded_down_and_notionals_up() -> None:
    assert perp(1, entry=1, mark=2).pnl == -7
    assert perp(-1, entry=1, mark=2).pnl == -8
    assert perp(-1, mark=2).notional == 1


def test_a_short_options_value_is_negative_and_rounded_away_from_zero() -> None:
    short = Option(
        underlying="WETH",
        kind=OptionKind.CALL,
        style=OptionStyle.EUROPEAN,
        strike=Usd(1),
        expiry=1,
        size=-1,
        mark=Usd(3),
        mark_vol=Wad(1),
        forward=Usd(1),
    )
    assert short.value == -1
