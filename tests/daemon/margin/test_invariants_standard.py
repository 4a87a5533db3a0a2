"""Properties that standard mode has whatever is held."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chains.model.health import Health
from chains.model.snapshot import PublishedBook
from chains.model.units import WAD, Usd
from daemon.margin.report import MarginReport, Standard
from tests.daemon.margin import venues_story as s
from tests.support import books as b

AMOUNTS = st.integers(0, 10**6)
PRICES = st.integers(1, 10**5).map(str)
SIZES = st.integers(-(10**4), 10**4).filter(bool).map(lambda size: f"{size / 100:.2f}")


@st.composite
def perps(draw: st.DrawFn) -> dict[str, Any]:
    maintenance = draw(st.integers(1, 5_000))
    return b.perp(
        draw(SIZES),
        draw(PRICES),
        draw(PRICES),
        funding_usd=str(draw(st.integers(-1_000, 1_000))),
        maintenance_bps=maintenance,
        initial_bps=maintenance + draw(st.integers(0, 1_000)),
    )


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    return b.option(
        draw(SIZES),
        draw(st.sampled_from(["call", "put"])),
        strike_usd=draw(PRICES),
        mark_usd=str(draw(st.integers(0, 10**4))),
        forward_usd=draw(PRICES),
    )


@st.composite
def parts(draw: st.DrawFn) -> dict[str, Any]:
    return b.part(
        str(draw(AMOUNTS)),
        perps=draw(st.lists(perps(), max_size=3)),
        options=draw(st.lists(options(), max_size=3)),
        spot=[b.spot(a, price=p) for a, p in draw(st.lists(st.tuples(PRICES, PRICES), max_size=2))],
        debts=[b.spot(a, "USDC", "1") for a in draw(st.lists(PRICES, max_size=2))],
    )


def number(drawn: list[dict[str, Any]], *, isolated: bool = False) -> PublishedBook:
    return s.book(
        *(row | {"subaccount": f"s{i}", "isolated": isolated} for i, row in enumerate(drawn))
    )


def standard(found: MarginReport) -> Standard:
    assert found.standard is not None
    return found.standard


def is_lower(one: Health, other: Health) -> bool:
    """Say whether a health is not above another; no debt is above all."""
    if one.factor is None:
        return other.factor is None
    return other.factor is None or one.factor <= other.factor


@given(st.lists(parts(), max_size=3), AMOUNTS, AMOUNTS, AMOUNTS)
def test_collateral_never_lowers_and_debt_never_raises(
    drawn: list[dict[str, Any]], held: int, owed: int, more: int
) -> None:
    books = (number(drawn),)
    before = s.report(s.weth(held), s.usdc(owed), books=books)
    richer = s.report(s.weth(held + more), s.usdc(owed), books=books)
    poorer = s.report(s.weth(held), s.usdc(owed + more), books=books)
    for pick in (_maintenance, _initial, _unified):
        assert is_lower(pick(before), pick(richer))
        assert is_lower(pick(poorer), pick(before))


def _maintenance(found: MarginReport) -> Health:
    return standard(found).maintenance


def _initial(found: MarginReport) -> Health:
    return standard(found).initial


def _unified(found: MarginReport) -> Health:
    assert found.unified is not None
    return found.unified


@given(st.lists(parts(), max_size=3), AMOUNTS, AMOUNTS)
def test_health_is_at_most_one_where_equity_is_not_positive(
    drawn: list[dict[str, Any]], held: int, owed: int
) -> None:
    found = s.report(s.weth(held), s.usdc(owed), books=(number(drawn),))
    for health in (standard(found).maintenance, standard(found).initial):
        if health.factor is not None:
            assert (health.equity < 0) == (health.factor < WAD)
            assert (health.factor == WAD) >= (health.equity == 0)


@given(st.lists(parts(), min_size=1, max_size=3), AMOUNTS, AMOUNTS)
def test_published_legs_only_ever_lower_the_unified_figure(
    drawn: list[dict[str, Any]], held: int, owed: int
) -> None:
    alone = s.report(s.weth(held), s.usdc(owed))
    found = s.report(s.weth(held), s.usdc(owed), books=(number(drawn),))
    assert _unified(found).collateral == _unified(alone).collateral
    assert _unified(found).requirement >= _unified(alone).requirement
    assert is_lower(_unified(found), standard(found).maintenance)
    if found.decision is not None and alone.decision is not None:
        assert found.decision <= alone.decision


def mix(value: Any, chance: Any) -> Any:  # noqa: ANN401 -- any JSON, hypothesis's Random
    return chance.sample(value, len(value)) if isinstance(value, list) else value


@given(st.lists(parts(), min_size=2, max_size=4), st.randoms())
def test_the_order_of_parts_and_of_rows_does_not_matter(
    drawn: list[dict[str, Any]],
    chance: Any,  # noqa: ANN401 -- hypothesis's Random
) -> None:
    mixed = [
        {
            k: chance.sample(rows, len(rows)) if isinstance(rows, list) else rows
            for k, rows in row.items()
        }
        for row in chance.sample(drawn, len(drawn))
    ]
    first, second = (s.report(books=(number(rows),)) for rows in (drawn, mixed))
    assert first.standard == second.standard
    assert first.unified == second.unified


@given(st.lists(parts(), min_size=1, max_size=4))
def test_an_isolated_part_gives_nothing_and_loses_what_was_posted_at_most(
    drawn: list[dict[str, Any]],
) -> None:
    found = s.report(books=(number(drawn, isolated=True),))
    assert standard(found).maintenance.collateral == 0
    for part, row in zip(found.published[0].parts, drawn, strict=True):
        [alone] = s.report(books=(number([row], isolated=True),)).published
        lost = alone.standard.maintenance.requirement
        posted = Usd(
            part.position.margin
            + sum(
                -(-leg.units * leg.price.usd // 10**leg.decimals)
                for leg in part.position.collaterals
            )
        )
        assert lost <= posted
        assert alone.required <= posted
        assert lost == min(posted, max(0, -part.standard.maintenance.equity))


@given(st.lists(parts(), min_size=1, max_size=3))
def test_subaccounts_are_a_partition(drawn: list[dict[str, Any]]) -> None:
    """Each part's figures are those it has alone, and the book's are their sum."""
    [whole] = s.report(books=(number(drawn),)).published
    alone = [s.report(books=(number([row]),)).published[0] for row in drawn]
    assert [part.standard for part in whole.parts] == [part.parts[0].standard for part in alone]
    assert whole.required == sum(part.required for part in alone)
    for pick in ("maintenance", "initial"):
        health = getattr(whole.standard, pick)
        listed = [getattr(part.standard, pick) for part in alone]
        assert health.collateral == sum(one.collateral for one in listed)
        assert health.requirement == sum(one.requirement for one in listed)


@given(perps(), st.integers(0, 10**5))
def test_a_perp_is_above_one_just_where_its_equity_covers_its_maintenance_margin(
    perp: dict[str, Any], margin: int
) -> None:
    """The chains are left without a price of it, so that the venue's mark alone decides."""
    book = s.book(b.part(str(margin), perps=[perp]))
    taken = s.snapshot(books=(book,))
    bare = replace(taken.read[0], prices=())
    found = s.judge(replace(taken, chains=(bare,)))
    [held] = book.positions[0].perps
    maintenance = -(-held.notional * held.maintenance_bps // 10_000)
    equity = margin * 10**8 + held.pnl
    assert (standard(found).maintenance.equity >= 0) == (equity >= maintenance)


@given(st.integers(1, 1_000), st.integers(1, 1_000), st.integers(-1_000, 1_000).filter(bool))
def test_splitting_a_position_leaves_what_it_requires(first: int, second: int, move: int) -> None:
    """Both halves at the same mark: nothing is required more or less, but for rounding."""
    mark = str(2_000 + move)
    whole = s.book(b.part(perps=[b.perp(str(first + second), mark=mark)]))
    split = s.book(b.part(perps=[b.perp(str(first), mark=mark), b.perp(str(second), mark=mark)]))
    one, two = (s.report(books=(book,)).published[0] for book in (whole, split))
    assert abs(one.required - two.required) <= 4
    assert abs(one.standard.maintenance.equity - two.standard.maintenance.equity) <= 4


@given(st.integers(1, 10**4), st.integers(1, 10**4), st.integers(1, 50), st.integers(1, 1_000))
def test_health_does_not_hang_on_the_size_of_the_account(
    held: int, owed: int, size: int, factor: int
) -> None:
    small, large = (
        standard(
            s.report(
                s.weth(held * k),
                s.usdc(owed * k),
                books=(s.book(b.part(str(7 * k), perps=[b.perp(str(-size * k), mark="2100")])),),
            )
        ).maintenance.factor
        for k in (1, factor)
    )
    assert small is not None
    assert small == large
