"""The application: its routes, and serving it on a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web
from prometheus_client.registry import Collector

from daemon.api import accounts, actions, committee, state, vault_statements, vaults
from daemon.api.context import CONTEXT, ApiContext
from daemon.api.openapi import Route, build_openapi
from daemon.api.problems import problem_middleware
from daemon.api.schemas import (
    AccountList,
    ActionPage,
    CommitteeSchema,
    HealthReport,
    HistoryPage,
    LiveSchema,
    ReadySchema,
    VaultStatementList,
)
from daemon.api.vault_schemas import VaultReport
from daemon.committee.metrics import CommitteeCollector
from daemon.committee.vault_metrics import VaultsCollector
from daemon.telemetry import BoardCollector, JournalCollector

SHUTDOWN_S: Final = 5.0
_ACCOUNT: Final = ("account",)
_OPENAPI: Final = web.AppKey("openapi", dict[str, Any])


async def read_openapi(request: web.Request) -> web.Response:
    """Answer this description."""
    return web.json_response(request.app[_OPENAPI])


ROUTES: Final = (
    Route(path="/v1/accounts", handler=accounts.list_accounts, body=AccountList),
    Route(
        path="/v1/accounts/{account}/health",
        handler=accounts.read_health,
        body=HealthReport,
        parameters=_ACCOUNT,
        problems=(404, 503),
    ),
    Route(
        path="/v1/accounts/{account}/risk-book",
        handler=accounts.read_risk_book,
        parameters=_ACCOUNT,
        problems=(404, 503),
    ),
    Route(
        path="/v1/accounts/{account}/attestation",
        handler=accounts.read_attestation,
        parameters=_ACCOUNT,
        problems=(404,),
    ),
    Route(
        path="/v1/accounts/{account}/attestation/evidence",
        handler=accounts.read_evidence,
        media=accounts.EVIDENCE_MEDIA,
        parameters=("account", "sequence", "form"),
        problems=(400, 404),
    ),
    Route(
        path="/v1/accounts/{account}/history",
        handler=accounts.read_history,
        body=HistoryPage,
        parameters=("account", "limit", "before"),
        problems=(400, 404),
    ),
    Route(
        path="/v1/actions",
        handler=actions.read_actions,
        body=ActionPage,
        parameters=("limit", "before"),
        problems=(400, 404),
    ),
    Route(
        path="/v1/committee",
        handler=committee.read_committee,
        body=CommitteeSchema,
        problems=(404,),
    ),
    Route(
        path="/v1/vaults/statements",
        handler=vault_statements.read_statements,
        body=VaultStatementList,
        parameters=("vault_account", "for", "kind"),
        problems=(400, 404),
    ),
    Route(
        path="/v1/vaults/{account}",
        handler=vaults.read_vault,
        body=VaultReport,
        parameters=("vault",),
        problems=(400, 404),
    ),
    Route(path="/livez", handler=state.read_live, body=LiveSchema),
    Route(path="/readyz", handler=state.read_ready, body=ReadySchema, also=(503,)),
    Route(path="/metrics", handler=state.read_metrics, media="text/plain"),
    Route(path="/openapi.json", handler=read_openapi),
)


def build_app(context: ApiContext) -> web.Application:
    """Build the application; its gauges stand in the registry while it runs."""
    app = web.Application(middlewares=[problem_middleware])
    app[CONTEXT] = context
    app[state.JOURNAL] = JournalCollector()
    app[_OPENAPI] = build_openapi(ROUTES)
    app.cleanup_ctx.append(_publish_gauges)
    for route in ROUTES:
        app.router.add_get(route.path, route.handler)
    return app


@asynccontextmanager
async def serve(context: ApiContext, host: str, port: int) -> AsyncIterator[int]:
    """Serve until left; gives the port bound (port 0 picks a free one)."""
    runner = web.AppRunner(build_app(context), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        async with asyncio.timeout(2 * SHUTDOWN_S):
            await runner.cleanup()


async def _publish_gauges(app: web.Application) -> AsyncIterator[None]:
    context = app[CONTEXT]
    collectors: list[Collector] = [
        BoardCollector(context.board, context.clock),
        app[state.JOURNAL],
    ]
    if context.committee is not None:
        collectors.append(CommitteeCollector(context.committee))
    if (stating := context.vaults) is not None:
        collectors.append(VaultsCollector(lambda: stating))
    for collector in collectors:
        context.registry.register(collector)
    yield
    for collector in collectors:
        context.registry.unregister(collector)
