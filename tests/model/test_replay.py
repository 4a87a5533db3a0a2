"""What the model says happens on real chains: random runs, compared after every step."""

from collections import Counter
from random import Random

import pytest

from tests.model.replay import Replay
from tests.model.scenes import MOVING, ORDERS
from tests.model.stage import set_stage
from tests.model.state import Action, Rules
from tests.model.traces import begin, draw_step
from tests.model.world import World
from tests.support.vaults import Ground

pytestmark = pytest.mark.net

LENGTH = 50
REPLAYS = 3
DEEP_REPLAYS = 200


def open_replay(ground: Ground, accounts: int) -> Replay:
    world = World(rules=Rules(), accounts=accounts)
    return Replay(world=world, state=world.open(), stage=set_stage(ground, accounts))


def play(ground: Ground, seed: int) -> tuple[Replay, Counter[str]]:
    """Play a random run; gives what was done how often, refusals by reason."""
    random, accounts, seen = Random(seed), 1 + seed % 2, Counter[str]()  # noqa: S311 -- a run that can be played again
    with ground.reverting():
        replay = open_replay(ground, accounts)
        for action in begin(random, replay.world):
            seen[replay.step(action) or action.name] += 1
        while replay.done < LENGTH:
            action, _, _ = draw_step(random, replay.world, replay.state)
            seen[replay.step(action) or action.name] += 1
    return replay, seen


def test_random_runs_agree_with_real_chains_at_every_step(shared_vaults: Ground) -> None:
    for seed in range(REPLAYS):
        replay, _ = play(shared_vaults, seed)
        assert replay.done == LENGTH


@pytest.mark.deep
@pytest.mark.timeout(3_600)
def test_many_random_runs_agree_with_real_chains_at_every_step(
    shared_vaults: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    done = refused = 0
    seen: Counter[str] = Counter()
    for seed in range(DEEP_REPLAYS):
        replay, counted = play(shared_vaults, seed)
        done, refused, seen = done + replay.done, refused + replay.refused, seen + counted
    with capsys.disabled():
        print(f"\n{DEEP_REPLAYS} replays: {done:,} steps done, {refused:,} refused alike")  # noqa: T201 -- the figures
        print(dict(seen.most_common()))  # noqa: T201 -- the figures


def test_an_order_lives_from_lock_to_release_alike(vaults: Ground) -> None:
    replay = open_replay(vaults, 1)
    for action in ORDERS.setup:
        assert replay.step(action) == ""
    a, b = 0, 1
    half = 500 * 10**18
    for action in (
        Action("register", b, a),
        Action("register", b, a),
        Action("fill", b, units=half),
        Action("finalise", b),
        Action("claim", a, b),
        Action("claim", a, b),
        Action("reorg", a),
        Action("claim", a, b),
        Action("tick", a),
        Action("tick", b),
        Action("tick", a),
        Action("tick", b),
        Action("fill", b, units=half),
        Action("close", b, a),
        Action("finalise", b),
        Action("release", a, b),
        Action("release", a, b),
        Action("take_lowered", a, b),
    ):
        replay.step(action)
    assert replay.refused == 4


def test_a_debt_that_moves_is_refused_alike(vaults: Ground) -> None:
    replay = open_replay(vaults, 1)
    for action in MOVING.setup:
        assert replay.step(action) == ""
    repay, raise_, borrow = MOVING.alphabet[1], MOVING.alphabet[2], MOVING.alphabet[3]
    liquidate = MOVING.alphabet[-1]
    for action in (repay, raise_, Action("finalise", 0), Action("take_raised", 1, 0)):
        assert replay.step(action) == "", action
    assert borrow.name == "borrow"
    for _ in range(2):
        assert replay.step(borrow) == ""
    assert replay.step(Action("post", 1)) == ""
    assert replay.step(liquidate) == "unread"
