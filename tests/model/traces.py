"""Random runs: larger worlds than a search can visit, steps drawn so that stories happen."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from chains.evm.protocols.plimsoll_vault.math import calculate_margin
from chains.model.units import USD, WAD
from tests.model.drain import drain
from tests.model.invariants import check, check_step
from tests.model.state import (
    CROSSING,
    SCALES,
    UNLIMITED,
    USDC,
    WETH,
    Action,
    Local,
    Rules,
    State,
    list_assets,
)
from tests.model.world import IDLE, World

WEIGHTS: Final = {
    "deposit": 3,
    "withdraw": 4,
    "borrow": 8,
    "repay": 4,
    "raise": 8,
    "lower": 4,
    "finalise": 12,
    "reorg": 3,
    "take_raised": 10,
    "take_lowered": 6,
    "state": 8,
    "post": 12,
    "price": 3,
    "tick": 2,
    "lock": 12,
    "register": 10,
    "fill": 10,
    "claim": 10,
    "close": 4,
    "release": 6,
    "liquidate": 6,
    "recall": 3,
    "stall": 1,
    "silence": 1,
    "rotate": 0.2,
    "succeed": 0.1,
}
_NAMES: Final = tuple(WEIGHTS)
_ODDS: Final = tuple(WEIGHTS.values())
_PRICES: Final = (1_200, 1_500, 1_700, 1_850, 1_950, 2_000, 2_100, 2_500)
_ETHERS: Final = (WAD // 10, WAD // 3, WAD, 2 * WAD, 5 * WAD)
_DOLLARS: Final = (4, 30, 500, 1_600, 3_333, 8_000)
_MOST: Final = {"deposit", "repay", "fill", "liquidate"}
_TRIES: Final = 400
_DRAWS: Final = 12
_STUBBORN: Final = 0.03
_GREEDY: Final = 0.7
_OPENED: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a random run came to: its steps, how many were refused, and what broke if anything."""

    steps: tuple[Action, ...]
    refused: int
    broken: str | None


def draw(random: Random, world: World, state: State, name: str) -> Action:
    """Draw an action of a name that may or may not be possible."""
    rules = world.rules
    chain, account = random.randrange(rules.chains), random.randrange(world.accounts)
    other = (chain + random.randrange(1, rules.chains)) % rules.chains if name in CROSSING else 0
    asset = random.choices((WETH, USDC), (6, 1))[0]
    index = 0
    if name in {"borrow", "repay"}:
        asset = 1 - asset
    if name in {"lock", "liquidate"}:
        index = 1 - asset
    elif name in {"register", "fill", "claim", "close", "release"}:
        index = random.choices((0, 1, 2), (6, 2, 1))[0]
    units = _draw_units(random, name, index if name == "liquidate" else asset)
    if name == "price":
        asset, units = WETH, random.choice(_PRICES) * USD
    if name == "borrow" and random.random() < _GREEDY:
        units = _find_room(world.head(state, chain), account, asset)
    return Action(name, chain, other, account, asset, units, index)


def _find_room(local: Local, account: int, asset: int) -> int:
    """Give the most that may be borrowed, in whole base units."""
    margin = calculate_margin(list_assets(local.prices), local.accounts[account].legs)
    most = max(0, margin.most - margin.owed) * WAD // local.prices[asset]
    return max(SCALES[asset], most // SCALES[asset] * SCALES[asset])


def _draw_units(random: Random, name: str, asset: int) -> int:
    if name not in {*_MOST, "withdraw", "borrow", "raise", "lower", "recall"}:
        return 0
    if name in _MOST - {"deposit"} and random.random() < 0.3:
        return UNLIMITED
    return random.choice(_ETHERS) if asset == WETH else random.choice(_DOLLARS) * WAD


def draw_step(random: Random, world: World, state: State) -> tuple[Action, State, str]:
    """Draw an action and take it: mostly one that is done, now and then one that is refused."""
    for _ in range(_TRIES):
        (name,) = random.choices(_NAMES, _ODDS)
        calm = state.silent or state.stalled
        if name in {"silence", "stall"} and not calm and random.random() < 0.7:
            continue
        for _ in range(_DRAWS):
            action = draw(random, world, state, name)
            after, why = world.step(state, action)
            if not why or (why != IDLE and random.random() < _STUBBORN):
                return action, after, why
    raise AssertionError("nothing can be done any more")


def begin(random: Random, world: World) -> tuple[Action, ...]:
    """Draw the first steps: mostly an account with collateral on one chain and debt on another."""
    if random.random() > _OPENED:
        return ()
    a, b = random.sample(range(world.rules.chains), 2)
    account, units = random.randrange(world.accounts), random.choice(_ETHERS)
    line = units * random.choice((1, 2, 2)) // 2
    extra = random.choice(_ETHERS)
    owed = (line + extra) * 1_600 // 10**12 * 10**12
    return (
        Action("deposit", a, 0, account, WETH, units),
        Action("raise", a, b, account, WETH, line),
        Action("finalise", a),
        Action("take_raised", b, a, account, WETH),
        Action("deposit", b, 0, account, WETH, extra),
        Action("borrow", b, 0, account, USDC, owed),
        Action("finalise", b),
        Action("price", a, 0, 0, WETH, 1_700 * USD),
        Action("price", b, 0, 0, WETH, 1_700 * USD),
        Action("state", 0, 0, account),
        Action("post", a, 0, account),
        Action("post", b, 0, account),
    )


def run(
    seed: int,
    rules: Rules,
    *,
    accounts: int,
    length: int,
    end: Callable[[World, State], str | None] = drain,
) -> Run:
    """Take so many steps that are done, look at every state, and ask `end` of the last one."""
    random, world = Random(seed), World(rules=rules, accounts=accounts)  # noqa: S311 -- a run that can be played again
    state, steps, refused = world.open(), list[Action](), 0
    given = list(begin(random, world))
    while len(steps) < length:
        if given:
            action = given.pop(0)
            after, why = world.step(state, action)
        else:
            action, after, why = draw_step(random, world, state)
        if why:
            refused += 1
            continue
        steps.append(action)
        if broken := check_step(world, state, action, after) or check(world, after):
            return Run(steps=tuple(steps), refused=refused, broken=broken)
        state = after
    return Run(steps=tuple(steps), refused=refused, broken=end(world, state))
