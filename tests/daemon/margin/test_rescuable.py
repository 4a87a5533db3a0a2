"""The rescuable figure: what mandates and idle funds would still save."""

from collections.abc import Iterable
from dataclasses import replace

from chains.model.ids import ChainId
from chains.model.position import Side
from chains.model.price import PriceStatus
from chains.model.snapshot import ChainSnapshot, IdleFund, Mandate, MandateKind
from chains.model.units import WAD, Wad
from daemon.margin.unified import evaluate
from tests.support import values as v


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


def rescuable(chain: ChainSnapshot) -> int | None:
    return evaluate(v.snapshot(chain), v.policy(), v.risk_table(), max_skew_s=30).rescuable


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
