"""Random runs over two and three chains, two accounts and two assets break no invariant."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.model.state import Fault, Rules
from tests.model.traces import Run, run

LENGTH = 50
RUNS = 100
DEEP_RUNS = 10_000


def run_one(seed: int) -> Run:
    rules = Rules(chains=2 + seed % 2)
    return run(seed, rules, accounts=1 + seed // 2 % 2, length=LENGTH)


def check(seeds: range) -> Counter[str]:
    """Run them all; gives how often each action was done."""
    done: Counter[str] = Counter()
    for seed in seeds:
        found = run_one(seed)
        steps = "".join(f"\n  {number}. {a}" for number, a in enumerate(found.steps, 1))
        assert found.broken is None, f"seed {seed}: {found.broken}{steps}"
        done.update(action.name for action in found.steps)
    return done


def test_random_runs_break_no_invariant() -> None:
    done = check(range(RUNS))
    assert {"lock", "register", "fill", "claim", "liquidate", "lower", "reorg"} <= set(done)


@pytest.mark.deep
@pytest.mark.timeout(3_600)
def test_many_random_runs_break_no_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    done = check(range(DEEP_RUNS))
    with capsys.disabled():
        print(f"\n{DEEP_RUNS:,} runs of {LENGTH} steps: {dict(done.most_common())}")  # noqa: T201 -- the figures


def test_a_random_run_finds_a_broken_rule() -> None:
    broken = (
        run(seed, Rules(fault=Fault.BLIND_WITHDRAW), accounts=1, length=LENGTH).broken
        for seed in range(400)
    )
    assert any(broken)


def test_the_same_seed_gives_the_same_run() -> None:
    assert run_one(7) == run_one(7)
    assert replace(run_one(8), refused=0) != replace(run_one(9), refused=0)
