"""From a head to the submitted rescue, by a whole live daemon in this process.

WETH is low on the cheap chain, and in each run Alice takes back what the last rescue supplied, so
that her unified health falls under its trigger. The daemon reads, values, attests, quotes both
chains, journals, signs and submits. Then the node forgets the transaction and the skeleton sends
the recorded requests again, the same transaction included, on the same head: both do the same
work against the same state. Then it is mined.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import aiohttp

import chains.evm.heads
import daemon.watch
from chains.evm.reader import EvmReader
from chains.evm.transactions import Lane
from chains.model.snapshot import ChainSnapshot
from chains.model.units import WAD
from daemon.attest import Attestor
from daemon.devnet.calls import encode_call
from daemon.keeper.journal import Journal
from daemon.service import House, open_house
from daemon.signals import Signals
from daemon.storage.store import Store
from tests.bench.figures import Figure, Figures, format_rows, median, percentile
from tests.bench.ground import ACCOUNT, ALICE, Ground, open_ground
from tests.bench.probe import Exchange, Probe
from tests.bench.running import logged, wait_until
from tests.bench.skeleton import SUBMIT, Ledger, describe_shape, open_ledger, plan_steps, replay
from tests.bench.stages import STAGES, Reaction, measure_reaction
from tests.support.devnet import DevChain

RUNS: Final = 60
WARM_UP: Final = 5
SHOCK_USD: Final = 1_400.0
TRIGGER: Final = 150 * WAD // 100
COLLATERAL: Final = 6 * 10**18
QUIET_S: Final = 0.1
WATCHED: Final = (
    (chains.evm.heads, "_decode_announcement", "head"),
    (EvmReader, "read", "read"),
    (daemon.watch, "evaluate", "evaluate"),
    (Attestor, "attest", "attest"),
    (Store, "write_attestation", "record attestation"),
    (Lane, "sign", "sign"),
    (Journal, "record_signed", "journal"),
)

Say = Callable[[str], None]


def run(say: Say) -> Figures:
    """React again and again; the stages go to `say`."""
    return measure(say, runs=RUNS, warm_up=WARM_UP)


def measure(say: Say, *, runs: int, warm_up: int) -> Figures:
    """React `runs` times, after some that do not count."""
    with open_ground() as ground, ExitStack() as stack:
        stack.enter_context(logged(ground.folder.path / "daemon.log", say))
        probe = Probe()
        for owner, attribute, name in WATCHED:
            stack.enter_context(probe.watching(owner, attribute, name))
        stack.enter_context(probe.recording())
        ledger = stack.enter_context(open_ledger(ground.folder.path / "skeleton.sqlite3"))
        stand = _Stand(ground=ground, probe=probe, ledger=ledger)
        reactions = asyncio.run(_react(stand, warm_up + runs))[warm_up:]
    for line in describe(reactions):
        say(line)
    took = [reaction.seconds for reaction in reactions]
    own = [reaction.own_s for reaction in reactions]
    least = [reaction.skeleton_s for reaction in reactions]
    p50, p95 = median(took), percentile(took, 95)
    return {
        "reaction.evm_p50_over_skeleton": Figure(value=p50 / median(least), unit="ratio", target=2),
        "reaction.evm_p95_over_p50": Figure(value=p95 / p50, unit="ratio", target=3),
        "reaction.evm_p50_ms": Figure(value=p50 * 1_000, unit="ms"),
        "reaction.evm_own_p50_ms": Figure(value=median(own) * 1_000, unit="ms"),
        "reaction.skeleton_p50_ms": Figure(value=median(least) * 1_000, unit="ms"),
    }


def describe(reactions: Sequence[Reaction], stages: Sequence[str] = STAGES) -> list[str]:
    """Give the requests made, and where the time between head and submission went."""
    rows = [("stage", "p50 ms", "p95 ms", "skeleton p50 ms")]
    for name in stages:
        took = [1_000 * reaction.stages[name] for reaction in reactions]
        least = [1_000 * reaction.skeleton_stages.get(name, 0.0) for reaction in reactions]
        bare = f"{median(least):.2f}" if median(least) else "-"
        rows.append((name, f"{median(took):.2f}", f"{percentile(took, 95):.2f}", bare))
    shapes = sorted({reaction.shape for reaction in reactions})
    return [f"{len(reactions)} runs", *shapes, *format_rows(rows)]


@dataclass(slots=True, kw_only=True)
class _Stand:
    """What one measurement works with."""

    ground: Ground
    probe: Probe
    ledger: Ledger
    session: aiohttp.ClientSession = field(init=False)
    house: House = field(init=False)

    @property
    def cheap(self) -> DevChain:
        """The chain the shock happens on."""
        return self.ground.devnet.cheap

    @property
    def dear(self) -> DevChain:
        """The other one."""
        return self.ground.devnet.dear


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
    stand.dear.mine()
    await _settle(stand)
    await _keep_pace(stand)
    _shock(stand)
    await wait_until(lambda: _submitted(stand) is not None)
    reaction = await _compare(stand)
    await _keep_pace(stand)
    stand.cheap.mine()
    await _settle(stand)
    return reaction


def _shock(stand: _Stand) -> None:
    """Let Alice take back what the last run supplied, and set the price, in one block."""
    cheap, owner = stand.cheap, stand.cheap.sender(ALICE)
    aave, weth = cheap.deployment.aave, cheap.deployment.tokens["WETH"].address
    (supplied, *_) = cheap.call(
        aave.data_provider,
        "getUserReserveData(address,address)",
        *(weth, ALICE),
        returns="(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint40,bool)",
    )
    posted = []
    if (surplus := supplied - COLLATERAL) > 0:
        data = encode_call("withdraw(address,uint256,address)", weth, surplus, ALICE)
        posted.append(owner.post(aave.pool, data))
    stand.probe.clear()
    cheap.set_price("WETH", SHOCK_USD)
    for tx_hash in posted:
        owner.confirm(tx_hash)


async def _compare(stand: _Stand) -> Reaction:
    """Have the node forget the transaction and send everything again, bare."""
    await asyncio.sleep(QUIET_S)
    spans, exchanges = tuple(stand.probe.spans), tuple(stand.probe.exchanges)
    submitted = next(e for e in exchanges if e.name == SUBMIT)
    if submitted.url != stand.cheap.url:
        raise RuntimeError("the rescue went to the dear chain")
    steps = plan_steps([e for e in exchanges if e.began <= submitted.began])
    stand.cheap.rpc.request("anvil_dropAllTransactions")
    bare = await replay(stand.session, steps, stand.ledger)
    return measure_reaction(spans=(*spans, *exchanges), skeleton=bare, shape=describe_shape(steps))


async def _settle(stand: _Stand) -> None:
    """Wait until the daemon has read both chains' newest blocks, is at ease and has no work."""
    heights = {chain.chain_id: chain.read_head().height for chain in stand.ground.devnet.chains}
    board = stand.house.board

    def is_read() -> bool:
        found = {id_: board.chains.get(id_) for id_ in heights}
        return all(
            isinstance(snapshot, ChainSnapshot) and snapshot.anchor.height == heights[id_]
            for id_, snapshot in found.items()
        )

    def is_calm() -> bool:
        if board.keeper_halted:
            raise RuntimeError(f"the keeper halted: {board.keeper_halted}")
        report, dispatcher = board.reports.get(ACCOUNT), stand.house.dispatcher
        if report is None or report.unified is None or dispatcher is None:
            return False
        factor = report.unified.factor
        return factor is not None and factor >= TRIGGER and not dispatcher.activity.places

    await wait_until(lambda: is_read() and is_calm())
    await asyncio.sleep(QUIET_S)


async def _keep_pace(stand: _Stand) -> None:
    """Wait until the next block need not run ahead of the clock, nor repeat a sequence number."""
    attested = stand.house.board.attestations.get(ACCOUNT)
    last_s = max(stand.cheap.read_head().time, attested.sequence if attested else 0)
    await wait_until(lambda: time.time() >= last_s + 1)


def _submitted(stand: _Stand) -> Exchange | None:
    return next((e for e in stand.probe.exchanges if e.name == SUBMIT), None)
