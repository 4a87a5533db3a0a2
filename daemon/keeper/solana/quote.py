"""What orders on a Solana chain cost now: simulated whole, at recent prices, in one round.

The whole message runs at the slot that was read or later, so that what would fail on chain (a
price too old for the protocol, say) is refused before anything is signed.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from chains.errors import ChainError, ExecutionError, FeeTooHigh
from chains.model.action import Action, Quote
from chains.model.snapshot import ChainSnapshot
from chains.model.units import Usd, div_up
from chains.solana.fees import LAMPORTS_PER_SIGNATURE
from chains.solana.orders import decode_order
from chains.solana.transactions import Lane

T = TypeVar("T")
LAMPORTS: Final = 10**9
"""Lamports of a SOL."""
SLOTS_TO_INCLUSION: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuoter:
    """Quotes at one lane, each round in at most `timeout_s`.

    A fee above `cap_lamports` is never offered: what recent slots paid is cut down to it.
    """

    lane: Lane
    cap_lamports: int
    slot_ms: int
    timeout_s: float = 2.0

    async def quote(self, actions: Sequence[Action], at: ChainSnapshot) -> tuple[Quote | str, ...]:
        """Quote each action on the chain as it was read, or say why not."""
        chain = self.lane.chain
        try:
            async with asyncio.timeout(self.timeout_s), asyncio.TaskGroup() as group:
                funds = group.create_task(self._read_funds())
                trials = [group.create_task(self._try(action, at)) for action in actions]
        except TimeoutError:
            return (f"{chain}: no quote within {self.timeout_s:g} s",) * len(actions)
        held = funds.result()
        if isinstance(held, str):
            return (held,) * len(actions)
        return tuple(
            self._quote(action, trial.result(), held, at.fees.native_usd)
            for action, trial in zip(actions, trials, strict=True)
        )

    async def _read_funds(self) -> "_Funds | str":
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(_or_reason(self.lane.read_balance()))
            kept = group.create_task(_or_reason(self.lane.read_least_balance()))
        balance, least = asked.result(), kept.result()
        if isinstance(balance, str):
            return balance
        return least if isinstance(least, str) else _Funds(balance=balance, least=least)

    async def _try(self, action: Action, at: ChainSnapshot) -> "_Trial | str":
        """Simulate an order and ask for its price; what it leaves the key with is asked for too."""
        payer = self.lane.sender
        try:
            order = decode_order(action.call.data)
        except ValueError as error:
            return f"{action.chain}: {error}"
        simulating = self.lane.simulate(order, min_slot=at.anchor.height, accounts=(payer,))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(_or_reason(simulating))
            pricing = group.create_task(_or_reason(self.lane.read_unit_price(order)))
        run, price = running.result(), pricing.result()
        if isinstance(run, str):
            return run
        if isinstance(price, str):
            return price
        [after] = run.accounts
        left = 0 if after is None else after.lamports
        return _Trial(units=run.units, unit_price=price, left=left)

    def _quote(
        self, action: Action, trial: "_Trial | str", funds: "_Funds", native_usd: Usd
    ) -> Quote | str:
        if isinstance(trial, str):
            return trial
        try:
            budget = self.lane.fit_budget(
                units=trial.units, unit_price=trial.unit_price, cap_lamports=self.cap_lamports
            )
        except FeeTooHigh as error:
            return str(error)
        rent = max(0, funds.balance - trial.left - LAMPORTS_PER_SIGNATURE)
        lamports = budget.fee() + rent
        if lamports + funds.least > funds.balance:
            return (
                f"{action.chain}: the key holds {funds.balance} lamports, "
                f"{lamports + funds.least} lamports are needed"
            )
        return Quote(
            action=action,
            gas_limit=budget.unit_limit,
            gas_cost=lamport_cost(lamports, native_usd),
            seconds=div_up(SLOTS_TO_INCLUSION * self.slot_ms, 1_000),
            unit_price=budget.unit_price,
        )


async def _or_reason(asked: Awaitable[T]) -> T | str:
    try:
        return await asked
    except (ChainError, ExecutionError) as error:
        return str(error)


def lamport_cost(lamports: int, native_usd: Usd) -> Usd:
    """Give what lamports cost, rounded up."""
    return Usd(div_up(lamports * native_usd, LAMPORTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Funds:
    """The key's lamports, and how many of them it must keep."""

    balance: int
    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """What an order used in simulation, the price for a unit, and the lamports it left the key."""

    units: int
    unit_price: int
    left: int
