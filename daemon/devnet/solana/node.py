"""An RPC endpoint of a ledger: HTTP and WebSocket on one port of the loopback.

Several endpoints may serve one ledger, each with faults of its own.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import orjson
from aiohttp import WSMsgType, web

from chains.rpc.endpoint import Json
from daemon.devnet.solana.account_methods import AccountMethods
from daemon.devnet.solana.block_engine import BlockEngine
from daemon.devnet.solana.chain_methods import ChainMethods
from daemon.devnet.solana.cheats import Cheats
from daemon.devnet.solana.faults import Faults
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.sending_methods import SendingMethods
from daemon.devnet.solana.subscriptions import Outbox, Subscriptions
from daemon.devnet.solana.views import View
from daemon.devnet.solana.wire import TOO_MANY, Handler, RpcFailure, answer

BUNDLES_PATH: Final = "/api/v1/bundles"
_MAX_REQUEST: Final = 64 * 1024 * 1024
_HOST: Final = "127.0.0.1"


class SolanaNode:
    """One endpoint; an async context manager. `port` 0 takes a free one.

    `counts` says how often each method was asked for, `faults` what it does wrong.
    """

    def __init__(self, ledger: Ledger, *, port: int = 0) -> None:
        self.ledger: Final = ledger
        self.faults: Final = Faults()
        self.counts: Final[dict[str, int]] = {}
        view = View(ledger, self.faults)
        self.engine: Final = BlockEngine(view)
        self._subscriptions = Subscriptions(view)
        self._handlers: Mapping[str, Handler] = {
            **ChainMethods(view).handlers(),
            **AccountMethods(view).handlers(),
            **SendingMethods(view).handlers(),
            **Cheats(view).handlers(),
        }
        self._port = port
        self._sockets: set[web.WebSocketResponse] = set()
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_REQUEST)
        app.router.add_post("/", self._serve)
        app.router.add_get("/", self._serve_socket)
        app.router.add_post(BUNDLES_PATH, self._serve_bundles)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        await self.close_sockets()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where to send JSON-RPC."""
        return f"http://{_HOST}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Where to open a WebSocket."""
        return f"ws://{_HOST}:{self._port}"

    @property
    def bundles_url(self) -> str:
        """Where to send bundles."""
        return self.url + BUNDLES_PATH

    @property
    def sockets_open(self) -> int:
        """How many WebSockets are open."""
        return len(self._sockets)

    async def close_sockets(self) -> None:
        """Close every open WebSocket."""
        for socket in list(self._sockets):
            await socket.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._handlers)

    async def _serve_bundles(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self.engine.handlers())

    async def _answer(
        self, request: web.Request, handlers: Mapping[str, Handler]
    ) -> web.StreamResponse:
        if self.faults.silent:
            await self._closed.wait()
        try:
            asked: Json = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return _reply({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}})
        if not _is_cheat(asked) and self.faults.use("rate_limited"):
            return self._refuse()
        return _reply(self._take(handlers, asked))

    def _take(self, handlers: Mapping[str, Handler], asked: Json) -> Json:
        if isinstance(asked, list):
            return [self._take(handlers, each) for each in asked]
        if isinstance(asked, dict):
            method = str(asked.get("method"))
            self.counts[method] = self.counts.get(method, 0) + 1
        return answer(handlers, asked)

    def _refuse(self) -> web.Response:
        failure = RpcFailure(TOO_MANY, "Too many requests for a specific RPC call")
        response = _reply({"jsonrpc": "2.0", "error": failure.to_json(), "id": None}, TOO_MANY)
        if self.faults.retry_after_s:
            response.headers["Retry-After"] = str(self.faults.retry_after_s)
        return response

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if self.faults.sockets_refused:
            return web.Response(status=503)
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        self._sockets.add(socket)
        outbox: Outbox = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(_write(socket, outbox))
                await self._hear(socket, outbox)
                writer.cancel()
        finally:
            self._subscriptions.drop(outbox)
            self._sockets.discard(socket)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, outbox: Outbox) -> None:
        handlers = self._subscriptions.handlers(outbox)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                asked: Json = orjson.loads(message.data)
            except orjson.JSONDecodeError:
                asked = None
            outbox.put_nowait(self._take(handlers, asked))


async def run_slots(ledger: Ledger) -> None:
    """Let slots pass by themselves, until cancelled."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + ledger.slot_ms / 1_000, loop.time())
        await asyncio.sleep(due - loop.time())
        if not ledger.paused:
            ledger.tick()


async def _write(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    while True:
        message = await outbox.get()
        if socket.closed:
            return
        await socket.send_str(orjson.dumps(message).decode())


def _is_cheat(asked: Json) -> bool:
    return isinstance(asked, dict) and str(asked.get("method")).startswith(("node_", "surfnet_"))


def _reply(answered: Json, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(answered), status=status, content_type="application/json")
