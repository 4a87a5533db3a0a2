"""What actions on one chain cost now: simulated gas at live fees, all in one concurrent round."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chains.errors import ChainError, ExecutionError, FeeTooHigh
from chains.evm.fees import Fees
from chains.model.action import Action, Quote
from chains.model.snapshot import ChainFees, ChainSnapshot
from chains.model.units import WAD, Usd, div_up
from daemon.keeper.ports import LanePort

GAS_MARGIN_PERCENT: Final = 25
ACCRUAL_GAS: Final = 80_000
BLOCKS_TO_INCLUSION: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GasQuoter:
    """Quotes at one lane, each round in at most `timeout_s`."""

    lane: LanePort
    block_time_s: int
    timeout_s: float = 2.0

    async def quote(self, actions: Sequence[Action], at: ChainSnapshot) -> tuple[Quote | str, ...]:
        """Quote each action at the fees that were read, or say why not."""
        return await quote_all(
            self.lane,
            actions,
            at.fees,
            block_time_s=self.block_time_s,
            timeout_s=self.timeout_s,
        )


async def quote_all(
    lane: LanePort,
    actions: Sequence[Action],
    fees: ChainFees,
    *,
    block_time_s: int,
    timeout_s: float,
) -> tuple[Quote | str, ...]:
    """Quote each action, or say why not: above the lane's fee cap nothing is offered.

    It takes no longer than `timeout_s`: a chain that hangs only loses its own candidates.
    """
    try:
        offered = lane.plan_fees(fees.base_fee_wei)
    except FeeTooHigh as error:
        return (str(error),) * len(actions)
    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            balance = group.create_task(_read_balance(lane))
            gas = [group.create_task(_simulate(lane, action)) for action in actions]
            l1 = [group.create_task(_read_l1_fee(lane, action)) for action in actions]
    except TimeoutError:
        return (f"{lane.chain}: no quote within {timeout_s:g} s",) * len(actions)
    funds = balance.result()
    if isinstance(funds, str):
        return (funds,) * len(actions)
    rates = _Rates(fees=fees, offered=offered, funds=funds, block_time_s=block_time_s)
    return tuple(
        _quote(action, used.result(), published.result(), rates)
        for action, used, published in zip(actions, gas, l1, strict=True)
    )


def gas_cost(gas: int, wei_per_gas: int, native_usd: Usd) -> Usd:
    """Give what gas costs, rounded up."""
    return Usd(div_up(gas * wei_per_gas * native_usd, WAD))


def with_margin(gas: int) -> int:
    """Give the gas limit for simulated gas: state may move until inclusion.

    A simulation in the very second of a pool's last transaction accrues no interest; the
    transaction itself does, and writes the words that this takes.
    """
    return gas + max(div_up(gas * GAS_MARGIN_PERCENT, 100), ACCRUAL_GAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rates:
    """What holds for all quotes of a round; `funds` is the key's balance in wei."""

    fees: ChainFees
    offered: Fees
    funds: int
    block_time_s: int


def _quote(action: Action, gas: int | str, l1_wei: int | str, rates: _Rates) -> Quote | str:
    if isinstance(gas, str):
        return gas
    if isinstance(l1_wei, str):
        return l1_wei
    fees = rates.fees
    limit = with_margin(gas)
    needed = limit * rates.offered.max_fee_wei + l1_wei + action.call.value
    if needed > rates.funds:
        return f"{action.chain}: the key holds {rates.funds} wei, {needed} wei are needed for gas"
    cost = gas_cost(gas, fees.base_fee_wei + fees.priority_fee_wei, fees.native_usd)
    return Quote(
        action=action,
        gas_limit=limit,
        gas_cost=Usd(cost + gas_cost(1, l1_wei, fees.native_usd)),
        seconds=BLOCKS_TO_INCLUSION * rates.block_time_s,
    )


async def _read_l1_fee(lane: LanePort, action: Action) -> int | str:
    try:
        return await lane.read_l1_fee(action.call)
    except ChainError as error:
        return str(error)


async def _simulate(lane: LanePort, action: Action) -> int | str:
    try:
        return await lane.simulate(action.call)
    except (ChainError, ExecutionError) as error:
        return str(error)


async def _read_balance(lane: LanePort) -> int | str:
    try:
        return await lane.read_balance()
    except ChainError as error:
        return str(error)
