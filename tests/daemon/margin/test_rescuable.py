"""The rescuable figure: what mandates and idle funds would still save."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from chains.model.action import Instrument
from chains.model.ids import Address, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.price import PriceStatus
from chains.model.snapshot import ChainSnapshot, IdleFund, Mandate, MandateKind
from chains.model.units import WAD, Wad
from daemon.margin.report import MarginReport
from daemon.margin.unified import evaluate
from tests.support import values as v

SECOND: Final = Address("second")
ALLOWED: Final = (frozenset({Instrument.REPAY}), frozenset(Instrument))


def mandate(chain: ChainId, symbol: str, *, left_today: int, deadline: int = v.NOW) -> Mandate:
    return Mandate(
        kind=MandateKind.UNIFIED,
        contract=v.account(chain, 0x7E5C),
        owner=v.account(chain),
        market=v.market(chain),
        asset=v.asset(chain, symbol),
        trigger=Wad(WAD),
        target=Wad(2 * WAD),
        per_action=left_today,
        left_today=left_today,
        deadline=deadline,
    )


def fund(chain: ChainId, symbol: str, amount: int, mandates: Iterable[Mandate]) -> IdleFund:
    units = amount * 10 ** v.DECIMALS[symbol]
    return IdleFund(
        owner=v.account(chain),
        asset=v.asset(chain, symbol),
        symbol=symbol,
        decimals=v.DECIMALS[symbol],
        balance=units,
        allowance=units,
        price=v.price(chain, symbol),
        mandates=tuple(mandates),
    )


def indebted(funds: Iterable[IdleFund], *, base_fee_gwei: float = 1) -> ChainSnapshot:
    legs = [
        v.leg(v.DEAR, "WETH", Side.COLLATERAL, 10),
        v.leg(v.DEAR, "USDC", Side.DEBT, 15_000),
    ]
    held = v.position(v.DEAR, legs, suppliable=[v.leg(v.DEAR, "WBTC", Side.COLLATERAL, 0)])
    gas = v.fees(base_fee_gwei=base_fee_gwei)
    return v.chain_snapshot(v.DEAR, [held], funds=funds, gas=gas)


def report(chain: ChainSnapshot) -> MarginReport:
    return evaluate(v.snapshot(chain), v.policy(), v.risk_table(), max_skew_s=30)


def rescuable(chain: ChainSnapshot) -> int | None:
    return report(chain).rescuable


def any_legs() -> st.SearchStrategy[list[Leg]]:
    """Give legs of several assets; one may be held twice, as in two banks of one token."""
    one = st.builds(
        lambda symbol, side, amount: v.leg(v.DEAR, symbol, side, amount),
        st.sampled_from(sorted(v.DECIMALS)),
        st.sampled_from((Side.COLLATERAL, Side.DEBT)),
        st.integers(1, 50_000),
    )
    return st.lists(one, max_size=4)


@st.composite
def chains_of_several_positions(draw: st.DrawFn) -> ChainSnapshot:
    """Give an account's positions in one market, and funds whose mandates name one of them."""
    empty = [v.leg(v.DEAR, symbol, Side.COLLATERAL, 0) for symbol in v.DECIMALS]
    names = [None, Address("first"), SECOND]
    positions: list[Position] = [
        replace(v.position(v.DEAR, draw(any_legs()), suppliable=empty), obligation=name)
        for name in names[: draw(st.integers(1, 3))]
    ]
    funds = [
        fund(
            v.DEAR,
            symbol,
            draw(st.integers(0, 50_000)),
            [
                replace(
                    mandate(v.DEAR, symbol, left_today=10**24),
                    obligation=draw(st.sampled_from(names)),
                    instruments=draw(st.sampled_from(ALLOWED)),
                )
            ],
        )
        for symbol in v.DECIMALS
    ]
    return v.chain_snapshot(v.DEAR, positions, funds=funds)


def test_without_funds_it_is_the_unified_factor() -> None:
    assert rescuable(indebted([])) == 11 * WAD // 10


def test_idle_debt_tokens_repay() -> None:
    idle = fund(v.DEAR, "USDC", 5_000, [mandate(v.DEAR, "USDC", left_today=5_000 * 10**6)])
    assert rescuable(indebted([idle])) == 165 * WAD // 100


def test_idle_collateral_is_supplied_also_where_none_is_held_yet() -> None:
    idle = fund(v.DEAR, "WBTC", 1, [mandate(v.DEAR, "WBTC", left_today=10**8)])
    assert rescuable(indebted([idle])) == (16_500 + 45_000) * WAD // 15_000


def test_the_daily_limit_of_the_mandate_bounds_it() -> None:
    idle = fund(v.DEAR, "USDC", 5_000, [mandate(v.DEAR, "USDC", left_today=0)])
    assert rescuable(indebted([idle])) == 11 * WAD // 10


def test_funds_without_allowance_do_not_count() -> None:
    idle = fund(v.DEAR, "USDC", 5_000, [mandate(v.DEAR, "USDC", left_today=5_000 * 10**6)])
    assert rescuable(indebted([replace(idle, allowance=0)])) == 11 * WAD // 10


def test_a_mandate_past_its_deadline_does_not_count() -> None:
    late = mandate(v.DEAR, "USDC", left_today=5_000 * 10**6, deadline=v.NOW - 1)
    assert rescuable(indebted([fund(v.DEAR, "USDC", 5_000, [late])])) == 11 * WAD // 10


def test_a_chain_whose_gas_costs_more_than_the_policy_allows_does_not_count() -> None:
    idle = fund(v.DEAR, "USDC", 5_000, [mandate(v.DEAR, "USDC", left_today=5_000 * 10**6)])
    assert rescuable(indebted([idle], base_fee_gwei=1_000)) == 11 * WAD // 10


def test_with_all_debt_repaid_nothing_is_owed() -> None:
    idle = fund(v.DEAR, "USDC", 20_000, [mandate(v.DEAR, "USDC", left_today=20_000 * 10**6)])
    assert rescuable(indebted([idle])) is None


def test_what_could_be_supplied_counts_nothing_without_a_valid_price() -> None:
    idle = fund(v.DEAR, "WBTC", 1, [mandate(v.DEAR, "WBTC", left_today=10**8)])
    stale = v.price(v.DEAR, "WBTC", status=PriceStatus.STALE)
    found = indebted([idle])
    (held,) = found.positions
    empty = replace(held.suppliable[0], price=stale)
    held = replace(held, suppliable=(empty,))
    prices = (*(p for p in found.prices if p.asset != stale.asset), stale)
    assert rescuable(replace(found, positions=(held,), prices=prices)) == 11 * WAD // 10


def test_funds_save_the_position_that_their_mandate_is_for() -> None:
    given = mandate(v.DEAR, "USDC", left_today=5_000 * 10**6)
    idle = fund(v.DEAR, "USDC", 5_000, [replace(given, obligation=SECOND)])
    found = indebted([idle])
    (first,) = found.positions
    deposit = [v.leg(v.DEAR, "USDC", Side.COLLATERAL, 1_000)]
    second = replace(v.position(v.DEAR, deposit), obligation=SECOND)
    assert rescuable(replace(found, positions=(first, second))) == (16_500 + 4_800) * WAD // 15_000


def test_a_mandate_that_only_repays_supplies_nothing() -> None:
    given = mandate(v.DEAR, "WBTC", left_today=10**8)
    repaying = replace(given, instruments=frozenset({Instrument.REPAY}))
    assert rescuable(indebted([fund(v.DEAR, "WBTC", 1, [repaying])])) == 11 * WAD // 10


@given(found=chains_of_several_positions(), data=st.data())
def test_without_funds_any_positions_are_worth_what_unified_says(
    found: ChainSnapshot, data: st.DataObject
) -> None:
    bare = replace(found, funds=())
    told = report(bare)
    assert told.unified is not None
    assert told.rescuable == told.unified.factor
    mixed = data.draw(st.permutations(bare.positions))
    assert rescuable(replace(bare, positions=tuple(mixed))) == told.rescuable


@given(found=chains_of_several_positions(), data=st.data())
def test_funds_never_lower_the_factor_and_the_order_of_positions_never_matters(
    found: ChainSnapshot, data: st.DataObject
) -> None:
    told = report(found)
    mixed = data.draw(st.permutations(found.positions))
    assert rescuable(replace(found, positions=tuple(mixed))) == told.rescuable
    if told.rescuable is not None:
        assert told.unified is not None
        assert told.unified.factor is not None
        assert told.rescuable >= told.unified.factor
