"""The routes of monitors: livez, readyz, metrics."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0, generate_latest

from chains.model.snapshot import ChainGap
from daemon.api.accounts import answer
from daemon.api.context import CONTEXT, ApiContext
from daemon.api.render import render_chain
from daemon.api.schemas import ChainSchema, LiveSchema, NotReadySchema, ReadySchema
from daemon.api.texts import render_time
from daemon.keeper.halts import KEEPER
from daemon.telemetry import JournalCollector

JOURNAL: Final = web.AppKey("journal", JournalCollector)


async def read_live(request: web.Request) -> web.Response:
    """Answer that the process runs its loop."""
    return answer(request, LiveSchema(status="live"))


async def read_ready(request: web.Request) -> web.Response:
    """Answer whether all work is done: 503 with what is not, chain by chain."""
    found = judge_readiness(request.app[CONTEXT])
    response = answer(request, found)
    if found.unready:
        response.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
    return response


async def read_metrics(request: web.Request) -> web.Response:
    """Answer the metrics in Prometheus' text format."""
    context = request.app[CONTEXT]
    if context.totals is not None:
        request.app[JOURNAL].totals = await context.totals()
    body = generate_latest(context.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_1_0_0})


def judge_readiness(context: ApiContext) -> ReadySchema:
    """Say what is not ready now: chains that are gaps, what is halted, nothing to sign with."""
    now = int(context.clock())
    chains: list[ChainSchema] = []
    unready: list[NotReadySchema] = []
    for chain, label in context.board.labels.items():
        found = context.board.chain_now(chain, now)
        chains.append(render_chain(found, label, now))
        if isinstance(found, ChainGap):
            since = render_time(found.since)
            unready.append(
                NotReadySchema(what=f"{label} ({chain})", reason=found.reason, since=since)
            )
        elif doubt := context.board.doubt(chain, now):
            unready.append(NotReadySchema(what=f"{label} ({chain})", reason=doubt, since=None))
    for what, reason in (
        ("keeper", context.board.keeper_halted),
        ("signer", context.signer_fault()),
        *_judge_parts(context),
    ):
        if reason is not None:
            unready.append(NotReadySchema(what=what, reason=reason, since=None))
    status = "unready" if unready else "ready"
    return ReadySchema.model_validate({"status": status, "unready": unready, "chains": chains})


def _judge_parts(context: ApiContext) -> Iterator[tuple[str, str]]:
    """Give what stands still beside the keeper: liquidations, chains' lanes, lost quorums."""
    lanes = {str(chain): label for chain, label in context.board.labels.items()}
    for scope, reason in context.halts().items():
        if scope in lanes:
            yield f"transactions on {lanes[scope]} ({scope})", reason
        elif scope != KEEPER:
            yield scope, reason
    if context.committee is not None:
        for account in context.committee().accounts:
            if account.lost is not None:
                yield f"committee ({account.account})", account.lost
    if context.vaults is not None:
        yield from context.vaults.find_doubts()
