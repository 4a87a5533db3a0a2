"""Which quoted cure is taken."""

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from chains.model.action import Action, Call, Quote
from chains.model.snapshot import MandateKind
from chains.model.units import USD, WAD, Usd, Wad
from daemon.keeper.plan import Cure, Need, plan_cures
from daemon.keeper.record import encode_decision
from daemon.keeper.route import Decision, Offer, Quoted, Refused, choose
from tests.daemon.keeper import stage
from tests.support import values as v

TARGET = Wad(160 * WAD // 100)


def need() -> Need:
    funds = [stage.fund(v.CHEAP, "USDC", 50_000), stage.fund(v.CHEAP, "WETH", 50)]
    others = [stage.fund(v.DEAR, "USDC", 50_000)]
    chains = stage.collateral_heavy(funds, eth=1), stage.debt_heavy(others, usdc=38_000)
    (found,) = plan_cures(stage.situation(*chains))
    assert found.kind is MandateKind.UNIFIED
    return found


NEED = need()


def quoted(cure: Cure, cost: float, *, seconds: int = 2) -> Quoted:
    action = Action(
        chain=cure.position.account.chain,
        instrument=cure.instrument,
        market=cure.position.market,
        account=cure.position.account,
        asset=cure.fund.asset,
        units=cure.units,
        call=Call(target=v.address(1), data=b""),
    )
    return Quoted(
        cure=cure,
        quote=Quote(action=action, gas_limit=1, gas_cost=Usd(round(cost * USD)), seconds=seconds),
    )


def decide(*offers: Offer) -> Decision:
    return choose(NEED, offers, v.policy(max_cost_usd=50))


def reasons(decision: Decision) -> list[str]:
    return [rejected.reason for rejected in decision.rejected]


def test_the_cheapest_that_reaches_the_target_is_taken_on_whatever_chain() -> None:
    cheap, dear = NEED.cures[0], NEED.cures[-1]
    assert cheap.position.account.chain != dear.position.account.chain
    assert decide(quoted(cheap, 1), quoted(dear, 2)).chosen == quoted(cheap, 1)
    other = decide(quoted(cheap, 2), quoted(dear, 1))
    assert other.chosen == quoted(dear, 1)
    assert reasons(other) == ["costs $1.00 more"]


def test_a_cure_that_reaches_the_target_beats_a_cheaper_partial_one() -> None:
    whole, partial = NEED.cures[0], replace(NEED.cures[1], reaches=False)
    decision = decide(quoted(partial, 1), quoted(whole, 40))
    assert decision.chosen == quoted(whole, 40)
    assert reasons(decision) == ["does not reach the target"]


def test_among_partial_cures_the_one_that_lifts_most_is_taken() -> None:
    more = replace(NEED.cures[0], reaches=False, expected=Wad(15 * WAD // 10))
    less = replace(NEED.cures[1], reaches=False, expected=Wad(14 * WAD // 10))
    decision = decide(quoted(less, 1), quoted(more, 2))
    assert decision.chosen == quoted(more, 2)
    assert reasons(decision) == ["lifts the health less"]


def test_equal_costs_are_decided_by_time() -> None:
    slow, fast = quoted(NEED.cures[0], 1, seconds=9), quoted(NEED.cures[1], 1, seconds=3)
    assert decide(slow, fast).chosen == fast


def test_too_dear_too_slow_and_refused_cures_are_rejected_with_their_reasons() -> None:
    one, two, three, *_ = NEED.cures
    decision = decide(
        quoted(one, 50.01),
        quoted(two, 1, seconds=121),
        Refused(cure=three, reason="reverts: funds"),
    )
    assert decision.chosen is None
    assert reasons(decision) == [
        "costs $50.01, at most $50.00 allowed",
        "takes 121 s, at most 120 s allowed",
        "reverts: funds",
    ]


def test_a_cost_that_cannot_be_is_rejected() -> None:
    assert reasons(decide(quoted(NEED.cures[0], -1))) == ["its cost is not known"]


OFFERS = st.lists(
    st.tuples(st.sampled_from(NEED.cures), st.integers(0, 60), st.integers(0, 200), st.booleans()),
    max_size=8,
)


@given(OFFERS)
def test_every_offer_is_accounted_for_and_nothing_cheaper_that_reaches_was_left(
    drawn: list[tuple[Cure, int, int, bool]],
) -> None:
    offers = [
        quoted(replace(cure, reaches=reaches), cost, seconds=seconds)
        for cure, cost, seconds, reaches in drawn
    ]
    decision = decide(*offers)
    taken = [] if decision.chosen is None else [decision.chosen]
    assert sorted(map(str, [*taken, *(r.offer for r in decision.rejected)])) == sorted(
        map(str, offers)
    )
    allowed = [o for o in offers if o.quote.cost <= 50 * USD and o.quote.seconds <= 120]
    assert bool(allowed) == bool(taken)
    for chosen in taken:
        whole = [o for o in allowed if o.cure.reaches]
        if whole:
            assert chosen.cure.reaches
            assert chosen.quote.cost == min(o.quote.cost for o in whole)
    assert decide(*reversed(offers)).chosen == decision.chosen


def test_the_record_shows_every_candidate_with_its_cost_and_reason() -> None:
    cheap, dear, refused = NEED.cures[0], NEED.cures[-1], NEED.cures[1]
    offers = quoted(cheap, 0.12), quoted(dear, 3), Refused(cure=refused, reason="no funds")
    record = orjson.loads(encode_decision(decide(*offers)))
    assert record["kind"] == "unified"
    assert record["account"] == "alice"
    assert [(c["chain"], c["cost_usd"], c["reason"]) for c in record["candidates"]] == [
        ("eip155:31337", "0.12", None),
        ("eip155:31337", None, "no funds"),
        ("eip155:31338", "3.0", "costs $2.88 more"),
    ]
    first = record["candidates"][0]
    assert first["instrument"] in ("repay", "supply")
    assert int(first["amount"]) == cheap.units
    assert first["reaches_target"] is True
