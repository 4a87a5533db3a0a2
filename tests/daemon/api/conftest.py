"""A real server on loopback over a board that the test fills."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from daemon.api.context import ApiContext, HistoryReader
from daemon.api.server import serve
from daemon.board import Board
from daemon.committee.view import CommitteeView
from tests.support import values
from tests.support.values import CHEAP, DEAR, NOW


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Api:
    board: Board
    clock: Clock
    session: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, dict[str, object]]:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        async with self.session.get(path, headers=named) as response:
            return response.status, await response.json(content_type=None)


class Serving(Protocol):
    def __call__(
        self,
        *,
        history: HistoryReader | None = None,
        signer_fault: str | None = None,
        halts: Mapping[str, str] | None = None,
        committee: CommitteeView | None = None,
    ) -> AbstractAsyncContextManager[Api]: ...


@pytest.fixture
def board() -> Board:
    return Board(
        labels={CHEAP: "cheap", DEAR: "dear"},
        members={values.account(CHEAP): "alice", values.account(DEAR): "alice"},
        accounts=("alice",),
        stale_after_s={CHEAP: 10, DEAR: 10},
        progress_at=NOW,
    )


@pytest.fixture
def serving(board: Board) -> Serving:
    @asynccontextmanager
    async def start(
        *,
        history: HistoryReader | None = None,
        signer_fault: str | None = None,
        halts: Mapping[str, str] | None = None,
        committee: CommitteeView | None = None,
    ) -> AsyncIterator[Api]:
        clock = Clock()
        context = ApiContext(
            board=board,
            clock=clock,
            registry=CollectorRegistry(),
            history=history,
            signer_fault=lambda: signer_fault,
            halts=lambda: halts or {},
            committee=(lambda: committee) if committee else None,
        )
        async with (
            serve(context, "127.0.0.1", 0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            yield Api(board, clock, session)

    return start


@pytest.fixture
async def api(serving: Serving) -> AsyncIterator[Api]:
    async with serving() as running:
        yield running
