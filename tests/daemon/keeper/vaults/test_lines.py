"""The greedy rule keeps every chain that owes above its limit, and never starves the lender."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import ChainId
from chains.model.units import BPS, USD, WAD, Usd, Wad, div_down
from daemon.keeper.vaults.lines import (
    Lendable,
    LineBook,
    LineChange,
    Standing,
    list_short,
    plan_lines,
)
from daemon.margin.policy import Band

A, B, C = ChainId.evm(1), ChainId.evm(2), ChainId.evm(3)
WETH, USDC = 0, 1
BAND = Band(trigger=Wad(11 * WAD // 10), target=Wad(13 * WAD // 10))
PLENTY = 10**6 * WAD


def standing(chain: ChainId, *, weth: int = 0, debt: int = 0, lent_in: int = 0) -> Standing:
    """Whole WETH at 2,000 dollars and LTV 80 %, debt in whole dollars."""
    asset = Lendable(free=weth * WAD, price=Usd(2_000 * USD), ltv=8_000)
    return Standing(
        chain=chain,
        debt=Usd(debt * USD),
        power=asset.power((weth + lent_in) * WAD),
        assets={WETH: asset, USDC: Lendable(free=0, price=Usd(USD), ltv=8_000)},
    )


def book(*standings: Standing, lines: dict[tuple[ChainId, ChainId, int], int]) -> LineBook:
    chains = [found.chain for found in standings]
    rooms = {(a, b, n): PLENTY for a in chains for b in chains if a != b for n in (WETH, USDC)}
    return LineBook(standings={s.chain: s for s in standings}, lines=lines, rooms=rooms)


def test_a_chain_that_owes_with_all_its_collateral_elsewhere_is_lent_what_brings_it_to_target() -> (
    None
):
    found = book(standing(A, weth=10), standing(B, debt=8_000), lines={})
    (change,) = plan_lines(found, BAND, min_size=Usd(USD))
    needed = 8_000 * 13 * WAD // 10 // 1_600
    assert change == LineChange(raises=True, source=A, borrower=B, asset=WETH, units=needed)
    assert not list_short(found, BAND, [change])


def test_a_chain_above_its_trigger_is_left_alone() -> None:
    found = book(
        standing(A, weth=10),
        standing(B, debt=8_000, lent_in=6),
        lines={(A, B, WETH): 6 * WAD},
    )
    assert plan_lines(found, BAND, min_size=Usd(USD)) == ()


def test_a_lender_that_comes_near_its_own_limit_takes_back_what_is_not_needed() -> None:
    found = book(
        standing(A, weth=1, debt=4_000),
        standing(B, debt=1_000, lent_in=6),
        lines={(A, B, WETH): 6 * WAD},
    )
    (change,) = plan_lines(found, BAND, min_size=Usd(USD))
    assert (change.raises, change.chain) == (False, B)
    assert not list_short(found, BAND, [change])


def test_a_line_without_room_is_not_raised_and_the_chain_stays_short() -> None:
    found = replace(book(standing(A, weth=10), standing(B, debt=8_000), lines={}), rooms={})
    assert plan_lines(found, BAND, min_size=Usd(USD)) == ()
    assert list_short(found, BAND, ()) == (B,)


def test_dust_is_not_lent() -> None:
    found = book(standing(A, weth=10), standing(B, debt=8_000), lines={})
    assert plan_lines(found, BAND, min_size=Usd(10**6 * USD)) == ()


units = st.integers(0, 50)
debts = st.integers(0, 60_000)


@given(
    held=st.tuples(units, units, units),
    owed=st.tuples(debts, debts, debts),
    lent=st.integers(0, 20),
    room=st.integers(0, 30),
)
def test_no_lender_is_brought_under_its_target_and_nothing_is_lent_twice(
    held: tuple[int, int, int], owed: tuple[int, int, int], lent: int, room: int
) -> None:
    chains = (A, B, C)
    lines = {(A, B, WETH): lent * WAD} if lent else {}
    found = book(
        *(
            standing(chain, weth=weth, debt=debt, lent_in=lent if chain == B else 0)
            for chain, weth, debt in zip(chains, held, owed, strict=True)
        ),
        lines=lines,
    )
    found = replace(found, rooms=dict.fromkeys(found.rooms, room * WAD))
    free = {chain: found.standings[chain].assets[WETH].free for chain in chains}
    power = {chain: found.standings[chain].power for chain in chains}
    counted = dict(lines)
    for change in plan_lines(found, BAND, min_size=Usd(USD)):
        assert change.units > 0
        sign = 1 if change.raises else -1
        key = change.source, change.borrower, change.asset
        free[change.source] -= sign * change.units
        counted[key] = counted.get(key, 0) + sign * change.units
        moved = div_down(change.units * 2_000 * USD * 8_000, WAD * BPS)
        giver = change.source if change.raises else change.borrower
        getter = change.borrower if change.raises else change.source
        power[giver] = Usd(power[giver] - moved - 1)
        power[getter] = Usd(power[getter] + moved)
        assert power[giver] + 2 >= found.standings[giver].debt * BAND.target // WAD
    assert all(left >= 0 for left in free.values())
    assert all(left >= 0 for left in counted.values())
    assert all(counted[key] <= lines.get(key, 0) + room * WAD for key in counted)
