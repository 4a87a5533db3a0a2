"""Where searches begin, and what may be done there: small worlds in which one thing matters."""

from dataclasses import dataclass, field, replace
from typing import Final

from chains.model.units import USD, WAD
from tests.model.state import START_S, TICK_S, UNLIMITED, USDC, WETH, Action, Fault, Rules, State
from tests.model.world import World

A, B, C = range(3)
ETHER: Final = WAD
DOLLAR: Final = WAD
LOAN: Final = 1_600 * DOLLAR
"""What an ether carries at the opening price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A start, reached by `setup`, and the actions that a search tries in every state.

    An account deposits up to `most` units an asset and chain, and clocks go as far as `ticks`.
    """

    name: str
    setup: tuple[Action, ...]
    alphabet: tuple[Action, ...]
    rules: Rules = field(default_factory=Rules)
    most: int = 2 * ETHER
    ticks: int = 3

    def open(self) -> tuple[World, State]:
        """Give a world, and the state in which its search begins."""
        world = World(rules=replace(self.rules, fault=None), forged=self._forges)
        state = world.open()
        for action in self.setup:
            state, why = world.step(state, action)
            if why:
                raise AssertionError(f"{self.name}: {action} was not done: {why}")
        world.rules = self.rules
        return world, state

    @property
    def _forges(self) -> bool:
        return any(action.name.startswith("forge") for action in self.alphabet)

    def allows(self, world: World, state: State, action: Action) -> bool:
        """Say whether an action stays within the scene's bounds."""
        head = world.head(state, action.chain)
        match action.name:
            case "deposit":
                held = head.accounts[action.account].collateral[action.asset]
                return held + action.units <= self.most
            case "tick":
                # Clocks of chains differ by one step at most.
                slowest = min(world.locals[number].clock for number in state.heads)
                return head.clock < START_S + self.ticks * TICK_S and head.clock <= slowest
            case _:
                return True

    def breaking(self, fault: Fault) -> "Scene":
        """Give the same scene with a rule broken."""
        return replace(self, rules=replace(self.rules, fault=fault))


def _own(chain: int, other: int) -> tuple[Action, ...]:
    """List what an owner does on a chain with an ether and a loan."""
    return (
        Action("deposit", chain, asset=WETH, units=ETHER),
        Action("withdraw", chain, asset=WETH, units=ETHER),
        Action("borrow", chain, asset=USDC, units=LOAN),
        Action("repay", chain, asset=USDC, units=UNLIMITED),
        Action("raise", chain, other, asset=WETH, units=ETHER),
        Action("lower", chain, other, asset=WETH, units=ETHER),
    )


def _carry(chain: int, other: int) -> tuple[Action, ...]:
    return (
        Action("take_raised", chain, other, asset=WETH),
        Action("take_lowered", chain, other, asset=WETH),
    )


def _chain(chain: int) -> tuple[Action, ...]:
    return (Action("finalise", chain), Action("reorg", chain))


def _seize(chain: int, other: int) -> tuple[Action, ...]:
    """List what liquidators do, with collateral on a chain and debt on the other."""
    return (
        Action("lock", chain, other, asset=WETH, nth=USDC),
        *(Action("register", other, chain, nth=index) for index in (0, 1)),
        Action("fill", other, units=UNLIMITED),
        Action("fill", other, units=500 * DOLLAR),
        *(Action("close", other, chain, nth=index) for index in (0, 1)),
        *(Action("claim", chain, other, nth=index) for index in (0, 1)),
        Action("release", chain, other),
    )


_OPEN: Final = (
    Action("deposit", A, asset=WETH, units=2 * ETHER),
    Action("raise", A, B, asset=WETH, units=2 * ETHER),
    Action("finalise", A),
    Action("take_raised", B, A, asset=WETH),
    Action("borrow", B, asset=USDC, units=2 * LOAN),
    Action("finalise", B),
)
_SHOCK: Final = tuple(Action("price", chain, asset=WETH, units=1_850 * USD) for chain in (A, B))
_KNOWN: Final = (Action("state"), Action("post", A), Action("post", B))
_LOCKED: Final = (
    *_SHOCK,
    *_KNOWN,
    Action("lock", A, B, asset=WETH, nth=USDC),
    Action("finalise", A),
)

LINES: Final = Scene(
    name="lines both ways between two chains",
    setup=(),
    alphabet=(
        *_own(A, B),
        *_own(B, A),
        *_carry(A, B),
        *_carry(B, A),
        *_chain(A),
        *_chain(B),
    ),
)
JUDGEMENT: Final = Scene(
    name="quantities told early, late or not at all",
    setup=(
        Action("deposit", A, asset=WETH, units=ETHER),
        Action("borrow", A, asset=USDC, units=LOAN),
        Action("deposit", B, asset=WETH, units=ETHER),
        Action("finalise", A),
        Action("finalise", B),
        Action("state"),
    ),
    alphabet=(
        *_own(A, B),
        *_own(B, A),
        *_carry(A, B),
        *_carry(B, A),
        Action("finalise", A),
        Action("finalise", B),
        *_KNOWN,
        Action("stall", A),
        Action("tick", A),
        Action("tick", B),
        Action("liquidate", A, asset=WETH, nth=USDC, units=UNLIMITED),
        Action("liquidate", B, asset=WETH, nth=USDC, units=UNLIMITED),
        Action("recall", B, A, asset=WETH, units=ETHER),
        Action("lock", A, B, asset=WETH, nth=USDC),
        Action("lock", B, A, asset=WETH, nth=USDC),
    ),
)
MOVING: Final = Scene(
    name="a debt that moves to another chain",
    setup=JUDGEMENT.setup,
    alphabet=(
        *(a for a in _own(A, B) if a.name in {"repay", "raise", "borrow"}),
        *(a for a in _own(B, A) if a.name in {"repay", "lower", "borrow"}),
        *_carry(A, B),
        *_carry(B, A),
        Action("finalise", A),
        Action("finalise", B),
        Action("post", A),
        Action("post", B),
        Action("liquidate", A, asset=WETH, nth=USDC, units=UNLIMITED),
        Action("liquidate", B, asset=WETH, nth=USDC, units=UNLIMITED),
    ),
)
OUTAGE: Final = Scene(
    name="a chain that nobody reads",
    setup=(
        Action("deposit", A, asset=WETH, units=2 * ETHER),
        Action("raise", A, B, asset=WETH, units=2 * ETHER),
        Action("deposit", B, asset=WETH, units=ETHER),
        Action("finalise", A),
        Action("finalise", B),
        Action("take_raised", B, A, asset=WETH),
        Action("borrow", B, asset=USDC, units=3 * LOAN),
        *_KNOWN,
    ),
    alphabet=(
        Action("stall", A),
        *_KNOWN,
        *_chain(A),
        *_chain(B),
        Action("tick", A),
        Action("tick", B),
        Action("liquidate", B, asset=WETH, nth=USDC, units=UNLIMITED),
        Action("lock", A, B, asset=WETH, nth=USDC),
        Action("repay", B, asset=USDC, units=UNLIMITED),
        *_carry(B, A),
    ),
)
ORDERS: Final = Scene(
    name="orders after a shock",
    setup=(*_OPEN, *_LOCKED),
    alphabet=(
        *_seize(A, B),
        *_chain(A),
        *_chain(B),
        *_KNOWN,
        Action("tick", A),
        Action("tick", B),
        Action("repay", B, asset=USDC, units=UNLIMITED),
        Action("borrow", B, asset=USDC, units=LOAN),
        Action("deposit", A, asset=WETH, units=ETHER),
        Action("withdraw", A, asset=WETH, units=ETHER),
        Action("lower", B, A, asset=WETH, units=ETHER),
        Action("recall", B, A, asset=WETH, units=ETHER),
        *_carry(A, B),
        *_carry(B, A),
        *(Action("price", chain, asset=WETH, units=2_400 * USD) for chain in (A, B)),
    ),
    most=3 * ETHER,
)
SHOCK: Final = Scene(
    name="a shock met on two chains",
    setup=(
        *_OPEN,
        Action("deposit", B, asset=WETH, units=ETHER),
        Action("borrow", B, asset=USDC, units=LOAN),
        Action("finalise", B),
    ),
    alphabet=(
        *_SHOCK,
        *_KNOWN,
        *_seize(A, B),
        *_chain(A),
        *_chain(B),
        Action("liquidate", B, asset=WETH, nth=USDC, units=UNLIMITED),
        Action("liquidate", B, asset=WETH, nth=USDC, units=600 * DOLLAR),
        Action("tick", A),
        Action("tick", B),
        Action("recall", B, A, asset=WETH, units=ETHER),
        *_carry(A, B),
        Action("stall", B),
    ),
)
COMMITTEE: Final = Scene(
    name="a committee that falls silent and changes",
    setup=(*_OPEN, *_LOCKED),
    alphabet=(
        Action("silence"),
        Action("succeed"),
        Action("rotate", A),
        Action("rotate", B),
        Action("stall", A),
        Action("stall", B),
        *_seize(A, B),
        *_chain(A),
        *_chain(B),
        *_KNOWN,
        Action("tick", A),
        Action("tick", B),
        Action("repay", B, asset=USDC, units=UNLIMITED),
        Action("lower", B, A, asset=WETH, units=ETHER),
        *_carry(A, B),
    ),
)
THIRD: Final = Scene(
    name="lines from one chain to two",
    rules=Rules(chains=3),
    setup=_OPEN[:1],
    alphabet=(
        *_own(A, B),
        Action("raise", A, C, asset=WETH, units=ETHER),
        *(
            action
            for chain in (B, C)
            for action in (
                Action("take_raised", chain, A, asset=WETH),
                Action("take_lowered", A, chain, asset=WETH),
                Action("borrow", chain, asset=USDC, units=LOAN),
                Action("repay", chain, asset=USDC, units=UNLIMITED),
                Action("lower", chain, A, asset=WETH, units=ETHER),
                Action("post", chain),
                *_chain(chain),
            )
        ),
        *_chain(A),
        *_SHOCK,
        Action("state"),
        Action("post", A),
        Action("lock", A, B, asset=WETH, nth=USDC),
        Action("register", B, A),
    ),
)
LENT: Final = Scene(
    name="collateral lent to two chains, and a shock",
    rules=Rules(chains=3),
    setup=(
        Action("deposit", A, asset=WETH, units=2 * ETHER),
        *(Action("raise", A, chain, asset=WETH, units=ETHER) for chain in (B, C)),
        Action("finalise", A),
        *(Action("take_raised", chain, A, asset=WETH) for chain in (B, C)),
        *(Action("borrow", chain, asset=USDC, units=LOAN) for chain in (B, C)),
        *(Action("finalise", chain) for chain in (B, C)),
        *(Action("price", chain, asset=WETH, units=1_700 * USD) for chain in (A, B, C)),
    ),
    alphabet=(
        Action("state"),
        *(Action("post", chain) for chain in (A, B, C)),
        *(
            action
            for chain in (B, C)
            for action in (
                *_seize(A, chain),
                *_chain(chain),
                Action("take_lowered", A, chain, asset=WETH),
                Action("repay", chain, asset=USDC, units=UNLIMITED),
            )
        ),
        *_chain(A),
        *(Action("tick", chain) for chain in (A, B, C)),
    ),
)
STOLEN: Final = Scene(
    name="a stolen quorum",
    rules=Rules(in_cap=3 * ETHER, hourly_cap=3 * LOAN, claim_cap=ETHER),
    setup=(Action("deposit", A, asset=WETH, units=2 * ETHER), Action("finalise", A)),
    alphabet=(
        *_own(A, B),
        *_own(B, A),
        *_carry(A, B),
        *_carry(B, A),
        *_chain(A),
        *_chain(B),
        *(
            Action(name, chain, other, asset=WETH, units=ETHER)
            for chain, other in ((A, B), (B, A))
            for name in ("forge_raised", "forge_lowered")
        ),
        Action("forge_debt", A, B),
        Action("lock", A, B, asset=WETH, nth=USDC),
        Action("forge_claim", A),
        Action("claim_rest", A),
    ),
)
SCENES: Final = (
    LINES,
    JUDGEMENT,
    MOVING,
    OUTAGE,
    ORDERS,
    SHOCK,
    COMMITTEE,
    THIRD,
    LENT,
    STOLEN,
)
