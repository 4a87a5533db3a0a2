"""From a Solana slot to the submitted rescue, by a whole live daemon in this process.

In each run Alice borrows until her native health is under its trigger. The slot that confirms it
is the daemon's cue: it reads, values, simulates and prices the rescue, journals, signs, submits.
Then the node abandons its open slot, rescue included, and the skeleton sends the recorded requests
again, the same transaction included: both do the same work against the same state.
"""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import aiohttp

import chains.solana.heads
import daemon.watch
from chains.model.snapshot import ChainSnapshot
from chains.solana.reader import SolanaReader
from daemon.keeper.journal import Journal
from daemon.service import House, open_house
from daemon.signals import Signals
from tests.bench.figures import Figure, Figures, median, percentile
from tests.bench.ground import ACCOUNT
from tests.bench.probe import Probe
from tests.bench.reaction import describe
from tests.bench.running import Say, logged, wait_until
from tests.bench.skeleton import (
    SLOT_SUBMIT,
    Ledger,
    describe_shape,
    open_ledger,
    plan_steps,
    replay,
)
from tests.bench.slot_ground import TRIGGER, SlotGround, open_slot_ground
from tests.bench.slot_stages import SLOT_STAGES, measure_slot_reaction
from tests.bench.stages import Reaction

RUNS: Final = 60
WARM_UP: Final = 5
QUIET_S: Final = 0.1
WATCHED: Final = (
    (chains.solana.heads, "decode_account", "head"),
    (SolanaReader, "read", "read"),
    (daemon.watch, "evaluate", "evaluate"),
    (Journal, "record_signed", "journal"),
)


def run(say: Say) -> Figures:
    """React again and again; the stages go to `say`."""
    return measure(say, runs=RUNS, warm_up=WARM_UP)


def measure(say: Say, *, runs: int, warm_up: int) -> Figures:
    """React `runs` times, after some that do not count."""
    with open_slot_ground() as ground, ExitStack() as stack:
        stack.enter_context(logged(ground.folder.path / "daemon.log", say))
        probe = Probe()
        for owner, attribute, name in WATCHED:
            stack.enter_context(probe.watching(owner, attribute, name))
        stack.enter_context(probe.recording())
        ledger = stack.enter_context(open_ledger(ground.folder.path / "skeleton.sqlite3"))
        stand = _Stand(ground=ground, probe=probe, ledger=ledger)
        reactions = asyncio.run(_react(stand, warm_up + runs))[warm_up:]
    for line in describe(reactions, SLOT_STAGES):
        say(line)
    took = [reaction.seconds for reaction in reactions]
    own = [reaction.own_s for reaction in reactions]
    least = [reaction.skeleton_s for reaction in reactions]
    p50, p95 = median(took), percentile(took, 95)
    return {
        "reaction.solana_p50_ms": Figure(value=p50 * 1_000, unit="ms"),
        "reaction.solana_p95_ms": Figure(value=p95 * 1_000, unit="ms"),
        "reaction.solana_p50_over_skeleton": Figure(
            value=p50 / median(least), unit="ratio", target=2
        ),
        "reaction.solana_own_p50_ms": Figure(value=median(own) * 1_000, unit="ms"),
        "reaction.solana_skeleton_p50_ms": Figure(value=median(least) * 1_000, unit="ms"),
    }


@dataclass(slots=True, kw_only=True)
class _Stand:
    """What one measurement works with."""

    ground: SlotGround
    probe: Probe
    ledger: Ledger
    session: aiohttp.ClientSession = field(init=False)
    house: House = field(init=False)

    def confirmed_slot(self) -> int:
        """Give the newest slot that is confirmed."""
        slot: int = self.ground.live.rpc.request("getSlot", {"commitment": "confirmed"})
        return slot


async def _react(stand: _Stand, runs: int) -> list[Reaction]:
    settings = stand.ground.load_settings()
    signals = Signals()
    connector = aiohttp.TCPConnector(limit=0)
    async with open_house(settings) as house, aiohttp.ClientSession(connector=connector) as session:
        stand.house, stand.session = house, session
        async with asyncio.TaskGroup() as group:
            running = group.create_task(house.run(signals, lambda: settings))
            reactions = [await _react_once(stand) for _ in range(runs)]
            signals.stop.set()
            await running
    return reactions


async def _react_once(stand: _Stand) -> Reaction:
    ground = stand.ground
    ground.live.refresh_feeds()
    await _pass_slots(stand, 2)
    ground.borrow()
    stand.probe.clear()
    ground.live.mine()
    await wait_until(lambda: any(e.name == SLOT_SUBMIT for e in stand.probe.exchanges))
    reaction = await _compare(stand)
    await _pass_slots(stand, 2)
    await wait_until(lambda: _is_calm(stand))
    return reaction


async def _compare(stand: _Stand) -> Reaction:
    """Have the node abandon the open slot and send everything again, bare."""
    await asyncio.sleep(QUIET_S)
    spans, exchanges = tuple(stand.probe.spans), tuple(stand.probe.exchanges)
    head = next(span for span in spans if span.name == "head")
    sent = next(e for e in exchanges if e.name == SLOT_SUBMIT)
    steps = plan_steps([e for e in exchanges if head.began <= e.began <= sent.began])
    stand.ground.live.rpc.request("node_drop")
    bare = await replay(stand.session, steps, stand.ledger)
    return measure_slot_reaction(
        spans=(*spans, *exchanges), skeleton=bare, shape=describe_shape(steps)
    )


async def _pass_slots(stand: _Stand, slots: int) -> None:
    """Let slots pass, one after the daemon has read the one before, and let it come to rest."""
    for _ in range(slots):
        stand.ground.live.mine()
        slot = stand.confirmed_slot()
        await wait_until(lambda slot=slot: _read_height(stand) >= slot)  # type: ignore[misc]
    await asyncio.sleep(QUIET_S)


def _read_height(stand: _Stand) -> int:
    found = stand.house.board.chains.get(stand.ground.live.chain_id)
    return found.anchor.height if isinstance(found, ChainSnapshot) else -1


def _is_calm(stand: _Stand) -> bool:
    board, dispatcher = stand.house.board, stand.house.dispatcher
    if board.keeper_halted:
        raise RuntimeError(f"the keeper halted: {board.keeper_halted}")
    report = board.reports.get(ACCOUNT)
    if report is None or report.minimum_native is None or dispatcher is None:
        return False
    return report.minimum_native >= TRIGGER and not dispatcher.activity.places
