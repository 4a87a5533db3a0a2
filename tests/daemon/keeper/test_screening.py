"""Whom to ask about: nobody whom prices may have brought under 1 is missed, within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import AccountId
from chains.model.units import USD, WAD, Usd, Wad
from daemon.keeper.screening import (
    MOST_NEAR,
    MOST_READ,
    MOST_SCREENED,
    NEAR,
    TURN_BLOCKS,
    Figures,
    Known,
    Look,
    calculate_fall,
    choose_due,
    choose_read,
)
from tests.support import values as v

WETH, WBTC, USDC = (v.asset(v.CHEAP, symbol) for symbol in ("WETH", "WBTC", "USDC"))
ASSETS = (WETH, WBTC, USDC)
FIGURES: Figures = ((WETH, 2_000 * USD), (WBTC, 60_000 * USD), (USDC, USD))
AT = 1_000
PRICES = st.tuples(*(st.integers(1, 10**14) for _ in ASSETS))
UNITS = st.tuples(*(st.integers(0, 10**9) for _ in ASSETS))


def look(health: float, debt: int = 1_000, *, height: int = AT) -> Look:
    return Look(
        health=Wad(round(health * 100) * WAD // 100),
        debt=Usd(debt * USD),
        height=height,
        figures=FIGURES,
    )


def who(number: int) -> AccountId:
    return v.account(v.CHEAP, number)


def due(
    looks: dict[AccountId, Look | None],
    figures: Figures = FIGURES,
    *,
    height: int = AT + 1,
    known: Known = Known(),  # noqa: B008 -- frozen
) -> list[AccountId]:
    return choose_due(looks, figures, height=height, least_debt=Usd(100 * USD), known=known)


@given(then=PRICES, now=PRICES, held=UNITS, owed=UNITS)
def test_no_move_of_prices_takes_a_health_under_its_bound(
    then: tuple[int, ...], now: tuple[int, ...], held: tuple[int, ...], owed: tuple[int, ...]
) -> None:
    def worth(units: tuple[int, ...], prices: tuple[int, ...]) -> int:
        return sum(u * p for u, p in zip(units, prices, strict=True))

    old, new = (tuple(zip(ASSETS, prices, strict=True)) for prices in (then, now))
    fall = calculate_fall(old, new)
    assert worth(held, then) * fall * worth(owed, now) <= (
        worth(held, now) * 10**9 * worth(owed, then)
    )


def test_prices_that_cannot_be_compared_bound_nothing() -> None:
    assert calculate_fall(FIGURES, FIGURES[:2]) == 0
    assert calculate_fall(FIGURES, ((WETH, 0), *FIGURES[1:])) == 0
    assert calculate_fall(((WETH, 0), *FIGURES[1:]), FIGURES) == 0


def test_who_is_near_is_asked_at_every_head_and_who_is_far_in_turn() -> None:
    looks: dict[AccountId, Look | None] = {who(1): look(1.04), who(2): look(1.06)}
    assert due(looks) == [who(1)]
    assert due(looks, height=AT + TURN_BLOCKS) == [who(1), who(2)]


def test_a_fall_asks_for_those_it_may_have_reached_and_no_others() -> None:
    looks: dict[AccountId, Look | None] = {who(1): look(1.15), who(2): look(1.2)}
    fallen: Figures = ((WETH, 1_780 * USD), *FIGURES[1:])
    assert due(looks, fallen) == [who(1)]


def test_whose_positions_are_known_is_asked_for_what_they_say_and_not_for_the_worst_move() -> None:
    looks: dict[AccountId, Look | None] = {who(1): look(1.15), who(2): look(1.15)}
    fallen: Figures = ((WETH, 1_000 * USD), *FIGURES[1:])
    known = Known(accounts={who(1), who(2)}, near={who(2)})
    assert due(looks, fallen, known=known) == [who(2)]
    assert due(looks, fallen, known=known, height=AT + TURN_BLOCKS) == [who(2), who(1)]


def test_a_debt_too_small_for_a_profit_is_asked_for_in_turn_only() -> None:
    looks: dict[AccountId, Look | None] = {who(1): look(0.5, debt=99), who(2): look(0.5, debt=100)}
    assert due(looks) == [who(2)]
    assert due(looks, height=AT + TURN_BLOCKS) == [who(2), who(1)]


def test_whoever_was_never_asked_comes_first_among_those_in_turn() -> None:
    looks: dict[AccountId, Look | None] = {who(1): look(3, height=AT - 100), who(2): None}
    assert due(looks) == [who(2), who(1)]


def test_a_screen_is_bounded_and_leaves_room_for_those_in_turn() -> None:
    near: dict[AccountId, Look | None] = {
        who(n): look(0.99, debt=n) for n in range(1_000, 1_000 + MOST_SCREENED)
    }
    never: dict[AccountId, Look | None] = dict.fromkeys(map(who, range(10_000, 20_000)))
    found = due(near | never)
    assert len(found) == MOST_SCREENED
    assert found[0] == who(1_000 + MOST_SCREENED - 1)
    assert set(found[MOST_NEAR:]) <= set(never)
    assert NEAR > WAD


def test_the_largest_debts_are_read_in_full_and_those_read_lately_after_them() -> None:
    unhealthy = {who(n): look(0.99, debt=n) for n in range(1, 101)}
    first = choose_read(unhealthy, [], least_debt=Usd(0))
    assert first == [who(n) for n in range(100, 100 - MOST_READ, -1)]
    second = choose_read(unhealthy, first, least_debt=Usd(0))
    assert second == [who(n) for n in range(100 - MOST_READ, 100 - 2 * MOST_READ, -1)]
    assert choose_read({who(1): look(0.5, debt=1)}, [], least_debt=Usd(2 * USD)) == []
