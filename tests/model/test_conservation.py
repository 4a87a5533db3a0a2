"""No wei appears or is lost on two real chains that reorganise, stall and lose members.

A random run, compared with the model after every step; then everybody leaves, and what is left of
all the tokens that were ever minted is counted.
"""

import time
from collections import Counter
from random import Random

import pytest

from tests.model.drain import drain
from tests.model.replay import Replay
from tests.model.stage import PURSE, set_stage
from tests.model.state import ASSETS, SCALES, Action, Rules, State
from tests.model.traces import begin, draw_step
from tests.model.world import CASH, World
from tests.support.vaults import LENDER, LIQUIDATOR, OWNER, Ground

pytestmark = pytest.mark.net

SECONDS = 8
DEEP_SECONDS = 600
STEPS = 150
"""A run begins anew after so many steps, so that its world stays small."""
MEMBERS = 4
QUORUM = 3


def disturb(random: Random, replay: Replay, seen: Counter[str]) -> None:
    """Let a member stop or come back now and then; without a quorum nothing is said."""
    if random.random() > 0.1:
        return
    replay.stage.down ^= {random.randrange(MEMBERS)}
    seen["members stopped or started"] += 1
    silent = MEMBERS - len(replay.stage.down) < QUORUM
    if silent != replay.state.silent:
        replay.step(Action("silence"))


def leave(replay: Replay) -> None:
    """Let everybody leave both worlds."""
    replay.stage.down.clear()

    def step(_: State, action: Action) -> tuple[State, str]:
        why = replay.step(action)
        return replay.state, why

    assert drain(replay.world, replay.state, step) is None


def count_tokens(replay: Replay) -> None:
    """See that all tokens are with their owners: the lenders have no less than they supplied."""
    for place in replay.stage.ground.chains:
        for asset in ASSETS:
            lent = CASH[asset] // SCALES[asset]
            vault, pool = place.balance(asset, place.vault), place.balance(asset, place.pool)
            others = sum(place.balance(asset, one) for one in (OWNER, LIQUIDATOR, LENDER))
            assert vault == 0
            assert pool >= lent
            assert pool + others == 2 * PURSE[asset] + lent


def run(ground: Ground, seed: int, until: float) -> Counter[str]:
    """Play until a time or the last step, then leave and count."""
    random, seen = Random(seed), Counter[str]()  # noqa: S311 -- a run that can be played again
    with ground.reverting():
        world = World(rules=Rules(), accounts=2)
        replay = Replay(world=world, state=world.open(), stage=set_stage(ground, 2))
        for action in begin(random, world):
            seen[replay.step(action) or action.name] += 1
        while replay.done < STEPS and time.monotonic() < until:
            disturb(random, replay, seen)
            action, _, _ = draw_step(random, world, replay.state)
            if action.name != "silence":
                seen[replay.step(action) or action.name] += 1
        leave(replay)
        count_tokens(replay)
    return seen


def run_for(ground: Ground, seconds: int) -> Counter[str]:
    """Play run after run; gives what was done how often."""
    seen, end, seed = Counter[str](), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        seen += run(ground, seed, end)
        seen["runs"] += 1
        seed += 1
    return seen


def test_no_wei_is_lost_in_a_short_run(shared_vaults: Ground) -> None:
    seen = run_for(shared_vaults, SECONDS)
    assert {"reorg", "finalise", "members stopped or started"} <= set(seen)


@pytest.mark.deep
@pytest.mark.timeout(1_200)
def test_no_wei_is_lost_in_ten_minutes(
    shared_vaults: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = run_for(shared_vaults, DEEP_SECONDS)
    with capsys.disabled():
        print(f"\n{DEEP_SECONDS} s on two chains: {dict(seen.most_common())}")  # noqa: T201 -- the figures
