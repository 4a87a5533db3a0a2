"""Two statements compared: the first difference is named, whatever it is in."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.committee.proposal import (
    Disagreement,
    check_issue_time,
    find_difference,
    find_proposer,
)
from daemon.margin.unified import evaluate
from proofs.statement import Statement
from proofs.typed import Dataclass, Member, describe
from tests.daemon.test_attest import snapshot
from tests.support import values as v
from tests.support.council import found_committee

LISTS = ("accounts", "blocks", "positions", "prices")


def state(*, usdc: float = 15_000, period_s: int = 1) -> Statement:
    report = evaluate(snapshot(usdc=usdc), v.policy(), v.risk_table(), max_skew_s=30)
    stating = v.stating("plimsoll-council", period_s=period_s)
    return stating.state(report, found_committee(), prev_digest=bytes(32))


def members_of(value: Dataclass) -> tuple[Member, ...]:
    return describe(type(value)).members


def another(value: Any) -> Any:  # noqa: ANN401 - any member's value
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    return value + "x" if isinstance(value, str) else int(value) + 1


def test_the_same_statement_differs_in_nothing() -> None:
    assert find_difference(state(), state()) is None


@pytest.mark.parametrize("name", LISTS)
def test_every_field_of_every_leaf_is_compared_and_named(name: str) -> None:
    own = state()
    leaves = getattr(own.leaves, name)
    for place, leaf in enumerate(leaves):
        for member in members_of(leaf):
            if member.attribute == "index":
                continue
            value = another(getattr(leaf, member.attribute))
            changed = [*leaves]
            changed[place] = replace(leaf, **{member.attribute: value})
            proposed = replace(own, leaves=replace(own.leaves, **{name: tuple(changed)}))
            found = find_difference(proposed, own)
            assert found is not None
            assert found.startswith(f"{name}[{place}].{member.name} is ")
            assert ", I have " in found


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_longer_or_shorter_is_named(name: str) -> None:
    own = state()
    leaves = getattr(own.leaves, name)
    shorter = replace(own, leaves=replace(own.leaves, **{name: leaves[:-1]}))
    assert find_difference(shorter, own) == (
        f"{len(leaves) - 1} {name} are listed, I have {len(leaves)}"
    )
    assert find_difference(own, shorter) == (
        f"{len(leaves)} {name} are listed, I have {len(leaves) - 1}"
    )


def test_every_field_of_the_header_is_compared_and_named() -> None:
    own = state()
    for member in members_of(own.header):
        value = another(getattr(own.header, member.attribute))
        proposed = replace(own, header=replace(own.header, **{member.attribute: value}))
        found = find_difference(proposed, own)
        assert found is not None
        assert found.startswith(f"header.{member.name} is ")


def test_what_it_is_judged_by_is_compared_and_named() -> None:
    own = state()
    fewer = replace(own, params=replace(own.params, markets=own.params.markets[:1]))
    assert find_difference(fewer, own) == "1 params.markets are listed, I have 2"
    asset = replace(own.params.assets[0], haircut_bps=77)
    cut = replace(own, params=replace(own.params, assets=(asset, *own.params.assets[1:])))
    assert find_difference(cut, own) == "params.assets[0].haircutBps is 77, I have 0"


def test_another_deployment_or_committee_is_named_first() -> None:
    own = state()
    assert "the deployment is 'else'" in str(find_difference(replace(own, deployment="else"), own))
    other = replace(own, committee=replace(own.committee, threshold=4))
    assert "the committee is 0x" in str(find_difference(other, own))


def test_a_changed_figure_is_named_where_it_was_read() -> None:
    assert str(find_difference(state(usdc=14_000), state())).startswith(
        "positions[2].amountRaw is "
    )


def test_members_take_turns() -> None:
    assert [find_proposer(found_committee(), s) for s in range(6)] == [0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize(("issued", "good"), [(0, True), (9, True), (10, False), (-1, False)])
def test_the_issue_time_lies_in_the_sequences_period(issued: int, good: bool) -> None:  # noqa: FBT001 - a table
    statement = state(period_s=10)
    first = statement.header.sequence * 10
    proposed = replace(statement, header=replace(statement.header, issued_at=first + issued))
    if good:
        check_issue_time(proposed, 10)
        return
    with pytest.raises(Disagreement, match="issuedAt"):
        check_issue_time(proposed, 10)


def test_an_issue_time_that_a_chain_would_read_as_its_future_is_refused() -> None:
    statement = state(period_s=100)
    blocks = [replace(block, time=block.time - 50) for block in statement.leaves.blocks]
    proposed = replace(statement, leaves=replace(statement.leaves, blocks=tuple(blocks)))
    with pytest.raises(Disagreement, match="issuedAt"):
        check_issue_time(proposed, 100)
    with pytest.raises(Disagreement, match="names no block"):
        check_issue_time(replace(proposed, leaves=replace(proposed.leaves, blocks=())), 100)
