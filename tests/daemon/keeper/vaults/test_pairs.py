"""The cheapest pair of chains wins: gas on both, both finalities, the wait's risk, the bonus."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import ChainId
from chains.model.snapshot import ChainFees
from chains.model.units import USD, Usd
from daemon.keeper.vaults.pairs import Pair, Place, choose_pair, cost_pair
from daemon.margin.risk import Tier

GWEI = 10**9


def place(number: int, *, gwei: int = 1, finality_s: int = 15) -> Place:
    fees = ChainFees(base_fee_wei=gwei * GWEI, priority_fee_wei=0, native_usd=Usd(2_000 * USD))
    return Place(chain=ChainId.evm(number), fees=fees, block_s=2, finality_s=finality_s)


CHEAP, DEAR, SLOW = place(1), place(2, gwei=50), place(3, finality_s=900)


def pair(
    collateral: Place = CHEAP,
    debt: Place = CHEAP,
    *,
    value: int = 10_000 * USD,
    funds: int = 10**6 * USD,
    least: int = 0,
    bonus_bps: int = 500,
) -> Pair:
    return Pair(
        account=b"\x01" * 32,
        collateral=collateral,
        collateral_asset=0,
        debt=debt,
        debt_asset=1,
        value=Usd(value),
        bonus_bps=bonus_bps,
        buffer_bps=300,
        tier=Tier.MAJOR,
        funds=Usd(funds),
        least=Usd(least),
    )


def test_a_pair_on_one_chain_bears_no_finality_and_no_risk() -> None:
    costed = cost_pair(pair())
    assert costed.risk == 0
    assert costed.bonus == 500 * USD
    assert costed.cost == costed.gas + costed.carry + costed.bonus


def test_between_two_chains_gas_is_paid_on_both() -> None:
    there, back = cost_pair(pair(CHEAP, DEAR)), cost_pair(pair(DEAR, CHEAP))
    assert there.gas != back.gas
    assert min(there.gas, back.gas) > cost_pair(pair()).gas


def test_proofs_that_a_chain_demands_are_paid_there() -> None:
    proving = replace(CHEAP, anchored=frozenset({DEAR.chain}))
    receipts, lock = cost_pair(pair(proving, DEAR)).gas, cost_pair(pair(DEAR, proving)).gas
    proof = CHEAP.price_gas(["prove"])
    assert receipts - cost_pair(pair(CHEAP, DEAR)).gas == 2 * proof
    assert lock - cost_pair(pair(DEAR, CHEAP)).gas == proof
    assert cost_pair(pair(proving, SLOW)).gas == cost_pair(pair(CHEAP, SLOW)).gas


def test_a_longer_finality_on_either_chain_costs_more() -> None:
    quick = cost_pair(pair(CHEAP, place(4)))
    for slow in (cost_pair(pair(SLOW, place(4))), cost_pair(pair(CHEAP, SLOW))):
        assert slow.risk > quick.risk
        assert slow.carry > quick.carry
        assert slow.gas == quick.gas


def test_the_cheapest_pair_is_taken_and_the_others_say_why_not() -> None:
    choice = choose_pair(
        [pair(CHEAP, DEAR), pair(CHEAP, place(4)), pair(CHEAP, SLOW)], min_profit=Usd(5 * USD)
    )
    assert choice.chosen is not None
    assert choice.chosen.pair.debt.chain == ChainId.evm(4)
    reasons = {one.pair.debt.chain: one.reason for one in choice.rejected}
    assert set(reasons) == {DEAR.chain, SLOW.chain}
    assert all("more for each dollar repaid" in reason for reason in reasons.values())


def test_a_pair_without_funds_or_profit_is_left_with_its_reason() -> None:
    choice = choose_pair(
        [
            pair(CHEAP, DEAR, funds=0),
            pair(CHEAP, place(4), bonus_bps=0),
            pair(CHEAP, SLOW, value=0),
            pair(CHEAP, place(5), funds=50 * USD, least=100 * USD),
        ],
        min_profit=Usd(5 * USD),
    )
    assert choice.chosen is None
    reasons = [one.reason for one in choice.rejected]
    assert reasons[0] == "the key holds nothing of asset 1 on eip155:2"
    assert reasons[1].startswith("brings -$")
    assert reasons[2] == "there is nothing to repay"
    assert reasons[3] == "the key can pay $50.0000 there, at least $100.0000 count"


def test_short_funds_make_a_part_and_not_a_refusal() -> None:
    choice = choose_pair([pair(CHEAP, place(4), funds=4_000 * USD)], min_profit=Usd(5 * USD))
    assert choice.chosen is not None
    assert choice.chosen.pair.paid == 4_000 * USD
    assert choice.chosen.bonus == 200 * USD


@given(
    bonus=st.integers(0, 2_000),
    buffer=st.integers(0, 2_000),
    finality=st.integers(1, 100_000),
    value=st.integers(1, 10**8 * USD),
)
def test_the_risk_is_never_negative_and_falls_with_the_buffer(
    bonus: int, buffer: int, finality: int, value: int
) -> None:
    base = replace(
        pair(CHEAP, place(4, finality_s=finality), value=value, funds=value),
        bonus_bps=bonus,
        buffer_bps=buffer,
    )
    wider = replace(base, buffer_bps=buffer + 500)
    assert cost_pair(base).risk >= cost_pair(wider).risk >= 0
    assert cost_pair(base).profit <= cost_pair(base).bonus


@given(st.permutations([1, 2, 3, 4]))
def test_the_choice_does_not_depend_on_the_order_asked(order: list[int]) -> None:
    pairs = [pair(CHEAP, place(10 + number)) for number in order]
    chosen = choose_pair(pairs, min_profit=Usd(0)).chosen
    assert chosen is not None
    assert chosen.pair.debt.chain == ChainId.evm(11)
