"""From what was read to a signature: valuing an account, stating and signing its health.

Nothing is awaited but the recorder, which does nothing here: the commit is the disk's time.
"""

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from chains.model.anchor import Head
from config.settings import Settings
from daemon.attest import Attestor
from daemon.board import Attested
from daemon.collect import collect
from daemon.compose import build_attestor, build_board, open_chains, open_key
from daemon.margin.report import MarginReport
from daemon.margin.unified import evaluate
from daemon.translate import build_policy, build_risk
from proofs.guard import Claim
from tests.bench.figures import Figure, Figures, median
from tests.bench.ground import ACCOUNT, Ground, open_ground

ROUNDS: Final = 300


def run(say: object) -> Figures:
    """Value and attest Alice over and over, as read once on both chains."""
    del say
    with open_ground() as ground:
        return asyncio.run(_measure(ground))


async def _measure(ground: Ground) -> Figures:
    settings = ground.load_settings()
    board = build_board(settings)
    async with open_chains(settings) as chains:
        for id_, parts in chains.items():
            async with aclosing(parts.heads.heads()) as heads:
                head: Head = await anext(heads)
            board.chains[id_] = await parts.reader.read(head, ground.members)
    snapshot = collect(board, ACCOUNT, now=int(time.time()))
    policy, risk = build_policy(settings.accounts[0]), build_risk(settings)
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        report = evaluate(snapshot, policy, risk, max_skew_s=settings.attestation.max_skew_s)
        seconds.append(time.perf_counter() - began)
    return {
        "evaluate.p50_us": Figure(value=median(seconds) * 1_000_000, unit="µs"),
        "attest.p50_ms": await _measure_attest(settings, report),
    }


async def _measure_attest(settings: Settings, report: MarginReport) -> Figure:
    attestor = await _open_attestor(settings)
    seconds = []
    for index in range(ROUNDS):
        later = _move(report, index)
        began = time.perf_counter()
        if await attestor.attest(later, needed=True) is None:
            raise RuntimeError("nothing was attested")
        seconds.append(time.perf_counter() - began)
    return Figure(value=median(seconds) * 1_000, unit="ms")


def _move(report: MarginReport, seconds: int) -> MarginReport:
    """Give the report as it would be some seconds later, with blocks and prices as young."""
    anchors = tuple(replace(anchor, time=anchor.time + seconds) for anchor in report.anchors)
    at = dict(zip(report.anchors, anchors, strict=True))
    legs = tuple(
        replace(
            leg,
            position=replace(leg.position, anchor=at[leg.position.anchor]),
            price=replace(leg.price, published_at=leg.price.published_at + seconds),
        )
        for leg in report.legs
    )
    return replace(report, taken_at=report.taken_at + seconds, anchors=anchors, legs=legs)


class _Unguarded:
    """Keeps nothing of what is signed."""

    async def claim(self, wanted: Claim) -> None:
        """Let everything be signed."""


async def _open_attestor(settings: Settings) -> Attestor:
    async def record(_: Attested) -> None:
        pass

    key = await open_key(settings)
    if key is None:
        raise RuntimeError("the settings name no key")
    return build_attestor(settings, key, _Unguarded(), record)
