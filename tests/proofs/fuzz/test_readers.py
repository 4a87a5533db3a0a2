"""No reader crashes, and none takes what was never signed: a thousand cases each, deep 100,000."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from tests.proofs.fuzz.changes import inputs_for
from tests.proofs.fuzz.targets import TARGETS, Target

CASES = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 1_000
targets = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@targets
def test_what_was_signed_or_proved_is_taken(target: Target) -> None:
    assert all(target.check(seed) for seed in target.seeds)
    assert len(set(target.seeds)) == len(target.seeds) > 1


@targets
def test_no_input_crashes_a_reader_or_is_taken_unsigned(target: Target) -> None:
    told: Counter[bool] = Counter()

    @settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow])
    @given(raw=inputs_for(target))
    def try_one(raw: bytes) -> None:
        told[target.check(raw)] += 1

    try_one()

    assert told.total() >= CASES
    assert told[False] > CASES // 10
