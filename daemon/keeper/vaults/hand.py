"""Having steps of vault accounts done: quoted in one round for each chain, within the limits.

Everything goes the keeper's one way: the lane's quote, the dispatcher's limits and journal.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from chains.model.action import Instrument, Quote
from chains.model.snapshot import ChainSnapshot
from daemon.board import Board
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.intent import Draft, Purpose
from daemon.keeper.memory import Work
from daemon.keeper.vaults.steps import Step

DEADLINE_S: Final = 120
PATIENT: Final = frozenset(
    {
        Instrument.TAKE,
        Instrument.RAISE,
        Instrument.LOWER,
        Instrument.PROVIDE,
        Instrument.WRITE_DOWN,
    }
)
REFUSED_BLOCKS: Final = 10
"""For how many blocks what is patient is not asked again once its contract refused it."""
MOST: Final = 8
"""How many steps are quoted for a chain in one look."""


class Hand:
    """Does steps through the dispatcher; each need once at a time."""

    def __init__(self, dispatcher: Dispatcher, board: Board) -> None:
        self._dispatcher: Final = dispatcher
        self._board: Final = board
        self._refused: dict[str, int] = {}

    async def do(self, steps: Sequence[Step]) -> None:
        """Quote steps of one chain and have them done in their order; tells what is refused."""
        free = [step for step in steps if self._is_free(step)][:MOST]
        if not free or self._dispatcher.halted:
            return
        chain = self._board.chains.get(free[0].view.site.chain)
        lane = self._dispatcher.lanes.get(free[0].view.site.chain)
        if lane is None or not isinstance(chain, ChainSnapshot):
            return
        quotes = await lane.executor.quote([step.action for step in free], chain)
        for step, quote in zip(free, quotes, strict=True):
            if isinstance(quote, Quote):
                await self._carry_out(step, quote, chain)
            else:
                self._refused[step.need] = step.view.anchor.height
                self._dispatcher.tell(step.need, "vault.refused", quote)

    def _is_free(self, step: Step) -> bool:
        """Say whether nothing is done for a step, and what was done at its place was read."""
        activity, action = self._dispatcher.activity, step.action
        place, now = (action.account, action.market), step.view.anchor.time
        if step.need in activity.needs or activity.rests(step.need, now) or activity.moving(place):
            return False
        if step.action.instrument in PATIENT:
            refused = self._refused.get(step.need, -REFUSED_BLOCKS)
            if step.view.anchor.height < refused + REFUSED_BLOCKS:
                return False
        seen = max(activity.seen_from.get(place, 0), activity.included.get(place, 0))
        if step.view.anchor.height < seen:
            return False
        reason = self._dispatcher.why_closed(Work(step.view.site.chain, _subject(step)), now)
        if reason:
            self._dispatcher.tell(step.need, "vault.closed", reason)
        return reason is None

    async def _carry_out(self, step: Step, quote: Quote, chain: ChainSnapshot) -> None:
        now = step.view.anchor.time
        draft = Draft(
            action=quote.action,
            purpose=Purpose.VAULT,
            need=step.need,
            subject=_subject(step),
            gas_limit=quote.gas_limit,
            cost=quote.cost,
            moved=step.value,
            health_before=step.health,
            decision=orjson.dumps(_describe(step)).decode(),
            deadline=now + DEADLINE_S,
        )
        await self._dispatcher.carry_out(draft, chain.fees, now=now)


def _subject(step: Step) -> str:
    return f"0x{step.account.hex()}"


def _describe(step: Step) -> dict[str, Any]:
    return {
        "kind": f"vault {step.instrument}",
        "account": _subject(step),
        "chain": str(step.view.site.chain),
        "asset": step.asset,
        "units_e18": str(step.units),
        **step.why,
    }
