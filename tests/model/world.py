"""Chains that finalise, reorganise, stall and tell each other: one step from state to state.

What a rule makes of a chain depends on little, so every outcome is computed once and kept: states
name the contents of chains by numbers. An action is done, refused by a contract, or idle: nobody
could take it or it would change nothing.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from chains.evm.protocols.plimsoll_vault.math import Refused
from chains.evm.protocols.plimsoll_vault.state import Entry
from chains.model.units import WAD
from tests.model import forging, seizing, spending
from tests.model.judging import sum_ordered
from tests.model.state import (
    ASSETS,
    TICK_S,
    Action,
    Fault,
    Local,
    Receipt,
    Rules,
    Said,
    State,
    open_chain,
    put,
)

T = TypeVar("T")

CASH: Final = (1_000 * WAD, 1_000_000 * WAD)
IDLE: Final = "idle"
_OWN: Final[dict[str, Callable[[Rules, Local, Action], Local]]] = {
    "deposit": spending.deposit,
    "withdraw": spending.withdraw,
    "borrow": spending.borrow,
    "repay": spending.repay,
    "raise": spending.raise_line,
    "lower": spending.lower_line,
    "lock": seizing.lock,
    "liquidate": seizing.liquidate,
    "recall": seizing.recall,
    "forge_raised": forging.forge_raised,
    "forge_lowered": forging.forge_lowered,
    "forge_debt": forging.forge_debt,
    "forge_claim": forging.forge_claim,
}
_TOLD: Final = ("take_raised", "take_lowered", "register", "claim", "release")
_MADE: Final = {*_OWN, "fill", "claim_rest", "close", "post"}


class Idle(Exception):
    """Nobody could do it now, or nothing would change."""


@dataclass(slots=True)
class World:
    """The contents of chains and statements by number, and what became of them before."""

    rules: Rules
    accounts: int = 1
    locals: list[Local] = field(default_factory=list)
    statements: list[Said] = field(default_factory=list)
    checked: dict[int, str | None] = field(default_factory=dict)
    forged: bool = False
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _known: dict[Hashable, int | str] = field(default_factory=dict)

    def open(self) -> State:
        """Give the state in which only the lenders have done anything."""
        self.statements.append(Said(0, 0, (None,) * self.rules.chains))
        chains = range(self.rules.chains)
        opened = tuple(self.intern(open_chain(n, len(chains), self.accounts, CASH)) for n in chains)
        return State(
            heads=opened,
            finals=opened,
            heights=(1,) * len(chains),
            said=(0,) * self.accounts,
        )

    def intern(self, local: Local) -> int:
        """Give the number of a chain's contents."""
        number = self._numbers.setdefault(local, len(self.locals))
        if number == len(self.locals):
            self.locals.append(local)
        return number

    def head(self, state: State, chain: int) -> Local:
        """Give a chain as it is."""
        return self.locals[state.heads[chain]]

    def final(self, state: State, chain: int) -> Local:
        """Give what of a chain is final."""
        return self.locals[state.finals[chain]]

    def step(self, state: State, action: Action) -> tuple[State, str]:
        """Take an action; gives the new state and "", or the old one and why not."""
        if action.name in _TOLD:
            return self._tell(state, action)
        if action.name not in _MADE:
            return self._turn(state, action)
        key: tuple[Hashable, ...] = (action,)
        if action.name == "close":
            key = (action, state.finals[action.other])
        elif action.name == "post":
            key = (action, state.said[action.account], state.signing)
        return self._change(state, action.chain, key, lambda: self._settle(state, action))

    def _change(
        self, state: State, chain: int, key: tuple[Hashable, ...], make: Callable[[], Local]
    ) -> tuple[State, str]:
        place = (state.heads[chain], *key)
        outcome = self._known.get(place)
        if outcome is None:
            outcome = self._known[place] = self._make(make)
        if isinstance(outcome, str):
            return state, outcome
        if outcome == state.heads[chain]:
            return state, IDLE
        return state._replace(heads=put(state.heads, chain, outcome)), ""

    def _make(self, make: Callable[[], Local]) -> int | str:
        try:
            return self.intern(make())
        except Refused as refused:
            return str(refused)
        except Idle:
            return IDLE

    # What crosses

    def _tell(self, state: State, action: Action) -> tuple[State, str]:
        """Bring a fact that is final on the other chain, if a quorum that counts tells it."""
        if state.silent or state.stalled >> action.other & 1:
            return state, IDLE
        early = self._is_early(action)
        source = (state.heads if early else state.finals)[action.other]
        key = (action, source, state.heights[action.other], state.signing)
        return self._change(
            state, action.chain, key, lambda: self._take(state, action, self.locals[source])
        )

    def _is_early(self, action: Action) -> bool:
        broken = {Fault.EARLY_RAISE: "take_raised", Fault.EARLY_CLAIM: "claim"}
        fault = self.rules.fault
        return fault is not None and broken.get(fault) == action.name

    def _take(self, state: State, action: Action, there: Local) -> Local:
        here = self.head(state, action.chain)
        if here.committee != state.signing:
            raise Idle
        height = state.heights[action.other]
        account = there.accounts[action.account]
        match action.name:
            case "take_raised":
                told = account.raised[here.number][action.asset]
                return spending.take_raised(self.rules, here, action, told, height)
            case "take_lowered":
                told = account.lowered[here.number][action.asset]
                if self.rules.fault is Fault.EARLY_LOWER:
                    told = here.accounts[action.account].raised[there.number][action.asset]
                return spending.take_lowered(here, action, told, height)
            case "register":
                order = _pick([o for o in there.locks if o.debt_chain == here.number], action)
                return seizing.register(self.rules, here, order)
            case "claim":
                receipt = _pick([r for r in there.receipts if _is_for(r, here)], action)
                return seizing.claim(self.rules, here, receipt, height)
            case _:
                ended = [c for c in there.closed if c.order.collateral_chain == here.number]
                return seizing.release(self.rules, here, _pick(ended, action))

    def _settle(self, state: State, action: Action) -> Local:
        here = self.head(state, action.chain)
        match action.name:
            case "fill":
                order = _pick([known.order for known in here.registered], action)
                return seizing.fill(here, order, action.units)
            case "claim_rest":
                return seizing.claim_rest(self.rules, here, _pick(here.dues, action))
            case "close":
                return self._close(state, action)
            case "post":
                return self._post(state, action)
            case _:
                return _OWN[action.name](self.rules, here, action)

    def _close(self, state: State, action: Action) -> Local:
        here, there = self.head(state, action.chain), self.final(state, action.other)
        order = _pick([o for o in there.locks if o.debt_chain == here.number], action)
        return seizing.close(here, order)

    def _post(self, state: State, action: Action) -> Local:
        said = self.statements[state.said[action.account]]
        here = self.head(state, action.chain)
        if said.sequence == 0 or here.committee != state.signing:
            raise Idle
        return seizing.post(here, action.account, said)

    # What happens to chains and to the committee

    def _turn(self, state: State, action: Action) -> tuple[State, str]:
        after = self._turned(state, action)
        return after, "" if after != state else IDLE

    def _turned(self, state: State, action: Action) -> State:
        chain = action.chain
        match action.name:
            case "finalise" if state.finals[chain] != state.heads[chain]:
                heights = put(state.heights, chain, state.heights[chain] + 1)
                finals = put(state.finals, chain, state.heads[chain])
                after = state._replace(finals=finals, heights=heights)
            case "finalise":
                after = state
            case "stall":
                after = state._replace(stalled=state.stalled ^ (1 << chain))
            case "silence":
                after = state._replace(silent=not state.silent)
            case "succeed":
                after = state._replace(signing=1)
            case "state":
                after = self._state(state, action.account)
            case _:
                after = self._set(state, self._move(state, action))
                if action.name == "price" and after != state:
                    after = after._replace(moved=True)
        return after

    def _move(self, state: State, action: Action) -> Local:
        head = self.head(state, action.chain)
        match action.name:
            case "reorg":
                final = self.final(state, action.chain)
                return replace(final, clock=head.clock, prices=head.prices)
            case "price":
                return replace(head, prices=put(head.prices, action.asset, action.units))
            case "tick":
                return replace(head, clock=head.clock + TICK_S)
            case "rotate":
                return replace(head, committee=1)
            case _:
                raise KeyError(action.name)

    def _set(self, state: State, local: Local) -> State:
        return state._replace(heads=put(state.heads, local.number, self.intern(local)))

    def _state(self, state: State, number: int) -> State:
        """Let the committee say what an account has on every chain that it reads."""
        if state.silent:
            return state
        chains = range(self.rules.chains)
        entries = tuple(self._read(state, number, chain) for chain in chains)
        issued = min(self.head(state, chain).clock for chain in chains)
        held = self.statements[state.said[number]]
        if (held.issued_at, held.entries) == (issued, entries):
            return state
        said = Said(state.sequence + 1, issued, entries)
        place = self._numbers.setdefault(said, len(self.statements))
        if place == len(self.statements):
            self.statements.append(said)
        return state._replace(said=put(state.said, number, place), sequence=said.sequence)

    def _read(self, state: State, number: int, chain: int) -> Entry | None:
        if state.stalled >> chain & 1:
            return None
        final, head = self.final(state, chain), self.head(state, chain)
        return _read_entry(self.rules, final, head, state.heights[chain], number)


def _read_entry(rules: Rules, final: Local, head: Local, height: int, number: int) -> Entry:
    at, now = final.accounts[number], head.accounts[number]
    return Entry(
        height=height,
        time=final.clock,
        collateral=at.collateral,
        debt=at.debt,
        locked=at.locked,
        added=_rise(at.collateral, now.collateral),
        repaid=_rise(now.debt, at.debt),
        lines_in=at.legs.lines_in,
        ordered=sum_ordered(rules, final, number),
    )


def _rise(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(0, after[asset] - before[asset]) for asset in ASSETS)


def _is_for(receipt: Receipt, here: Local) -> bool:
    return receipt.order.collateral_chain == here.number


def _pick(found: Sequence[T], action: Action) -> T:
    """Give the candidate that an action means, counted from the newest."""
    if action.nth >= len(found):
        raise Idle
    return found[-1 - action.nth]
