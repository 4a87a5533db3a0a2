"""A JSON-RPC proxy that misbehaves on command, one method at a time.

It runs in the test's own event loop, in front of a real node, and passes WebSockets through. A
fault stays until `heal`, or for `times` requests; method `"*"` means every other one.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from chains.rpc.endpoint import Json

EVERY = "*"
Rewrite = Callable[[list[Json], Json], Json]
Twist = Callable[[dict[str, Any]], Json]


@dataclass(kw_only=True)
class Fault:
    """What happens to a request: waits, then lost, answered here, or forwarded and twisted."""

    times: int | None = None
    delay_s: float = 0.0
    gate: asyncio.Event | None = None
    reply_gate: asyncio.Event | None = None
    drop_request: bool = False
    drop_reply: bool = False
    response: Callable[[], web.Response] | None = None
    error: dict[str, Json] | None = None
    rewrite: Rewrite | None = None

    def let_go(self) -> None:
        """Let what waits go on."""
        for gate in (self.gate, self.reply_gate):
            if gate is not None:
                gate.set()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request that reached the proxy."""

    method: str
    params: list[Json] = field(default_factory=list)


class _DropError(Exception):
    """The connection is to be closed without an answer."""


class FaultProxy:
    """A proxy in front of one node; an async context manager.

    `counts` and `seen` record the requests that arrived, whatever became of them.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.counts: Counter[str] = Counter()
        self.seen: list[Seen] = []
        self.sockets_opened = 0
        self._port = 0
        self._faults: dict[str, Fault] = {}
        self._lag = 0
        self._arrived = asyncio.Condition()
        self._sockets: set[web.WebSocketResponse] = set()
        self._sockets_refused = False
        self._sockets_muted = False
        self._twist: Twist | None = None
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self.heal()
        await self.kill_sockets()
        await self._runner.cleanup()
        await self._session.close()

    @property
    def url(self) -> str:
        """Where to send JSON-RPC."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws_url(self) -> str:
        """Where to open a WebSocket."""
        return f"ws://127.0.0.1:{self._port}"

    def hold(self, method: str = EVERY) -> None:
        """Keep requests back, unforwarded, until healed."""
        self._faults[method] = Fault(gate=asyncio.Event())

    def hold_reply(self, method: str = EVERY) -> None:
        """Forward requests at once, but keep their replies back until healed."""
        self._faults[method] = Fault(reply_gate=asyncio.Event())

    def hang(self, method: str = EVERY) -> None:
        """Take requests and never answer; what hung is lost when healed."""
        self._faults[method] = Fault(gate=asyncio.Event(), drop_request=True)

    def drop(self, method: str = EVERY, *, times: int | None = None) -> None:
        """Close the connection instead of forwarding."""
        self._faults[method] = Fault(drop_request=True, times=times)

    def drop_reply(self, method: str = EVERY, *, times: int | None = None) -> None:
        """Forward, then close the connection instead of answering."""
        self._faults[method] = Fault(drop_reply=True, times=times)

    def delay(self, seconds: float, method: str = EVERY) -> None:
        """Wait before forwarding."""
        self._faults[method] = Fault(delay_s=seconds)

    def lie(self, method: str, rewrite: Rewrite, *, times: int | None = None) -> None:
        """Answer `rewrite(params, result)` instead of the result."""
        self._faults[method] = Fault(rewrite=rewrite, times=times)

    def fail(
        self,
        method: str,
        code: int,
        message: str,
        *,
        data: Json = None,
        times: int | None = None,
    ) -> None:
        """Answer a JSON-RPC error, unforwarded."""
        error: dict[str, Json] = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self._faults[method] = Fault(error=error, times=times)

    def limit_rate(
        self, method: str = EVERY, *, retry_after_s: int = 1, times: int | None = None
    ) -> None:
        """Answer HTTP 429."""
        headers = {"Retry-After": str(retry_after_s)}
        self._faults[method] = Fault(
            response=lambda: web.Response(status=429, headers=headers, text="slow down"),
            times=times,
        )

    def garble(
        self, body: bytes, method: str = EVERY, *, headers: dict[str, str] | None = None
    ) -> None:
        """Answer these bytes."""
        self._faults[method] = Fault(response=lambda: web.Response(body=body, headers=headers))

    def lag(self, blocks: int) -> None:
        """Answer "latest" headers from this many blocks ago; 0 catches up."""
        self._lag = blocks

    def refuse_sockets(self) -> None:
        """Refuse new WebSockets until healed."""
        self._sockets_refused = True

    def mute_sockets(self) -> None:
        """Leave WebSockets open and swallow announcements until healed."""
        self._sockets_muted = True

    def twist_sockets(self, twist: Twist) -> None:
        """Announce `twist(message)` instead of each announcement until healed."""
        self._twist = twist

    async def kill_sockets(self) -> None:
        """Close every open WebSocket."""
        for socket in tuple(self._sockets):
            await socket.close(code=1011)

    def heal(self, method: str | None = None) -> None:
        """Take back one method's fault, or everything."""
        for name in tuple(self._faults) if method is None else (method,):
            if (fault := self._faults.pop(name, None)) is not None:
                fault.let_go()
        if method is None:
            self._lag = 0
            self._sockets_refused = self._sockets_muted = False
            self._twist = None

    async def wait_for(self, method: str, count: int = 1) -> None:
        """Wait until a method was asked for this often."""
        await self.wait_until(lambda: self.counts[method] >= count)

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition on what has arrived holds."""
        async with self._arrived:
            await self._arrived.wait_for(holds)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pass_socket(request)
        body = json.loads(await request.read())
        try:
            if isinstance(body, list):
                answers = [await self._answer(item) for item in body]
                refused = [answer for answer in answers if isinstance(answer, web.Response)]
                return refused[0] if refused else web.json_response(answers)
            answer = await self._answer(body)
        except (_DropError, aiohttp.ClientError):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    async def _answer(self, call: dict[str, Any]) -> web.Response | dict[str, Json]:
        await self._record(call)
        fault = self._take(call["method"])
        await asyncio.sleep(fault.delay_s)
        if fault.gate is not None:
            await fault.gate.wait()
        if fault.drop_request:
            raise _DropError
        if fault.response is not None:
            return fault.response()
        if fault.error is not None:
            return {"jsonrpc": "2.0", "id": call["id"], "error": fault.error}
        reply = await self._forward(await self._lagged(call))
        if fault.rewrite is not None and "result" in reply:
            reply["result"] = fault.rewrite(call["params"], reply["result"])
        if fault.reply_gate is not None:
            await fault.reply_gate.wait()
        if fault.drop_reply:
            raise _DropError
        return reply

    async def _record(self, call: dict[str, Any]) -> None:
        async with self._arrived:
            self.counts[call["method"]] += 1
            self.seen.append(Seen(method=call["method"], params=call.get("params", [])))
            self._arrived.notify_all()

    def _take(self, method: str) -> Fault:
        name = method if method in self._faults else EVERY
        fault = self._faults.get(name)
        if fault is None:
            return Fault()
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                del self._faults[name]
        return fault

    async def _lagged(self, call: dict[str, Any]) -> dict[str, Any]:
        asks_latest = call["method"] == "eth_getBlockByNumber" and call["params"][0] == "latest"
        if not (self._lag and asks_latest):
            return call
        newest = await self._forward({**call, "method": "eth_blockNumber", "params": []})
        height = max(0, int(str(newest["result"]), 16) - self._lag)
        return {**call, "params": [hex(height), *call["params"][1:]]}

    async def _forward(self, call: dict[str, Any]) -> dict[str, Json]:
        async with self._session.post(self.upstream, json=call) as response:
            reply: dict[str, Json] = await response.json(content_type=None)
            return reply

    async def _pass_socket(self, request: web.Request) -> web.StreamResponse:
        if self._sockets_refused or self._closed.is_set():
            return web.Response(status=503)
        self.sockets_opened += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        url = self.upstream.replace("http://", "ws://", 1)
        try:
            async with self._session.ws_connect(url) as node, asyncio.TaskGroup() as group:
                group.create_task(self._announce(node, socket))
                await self._relay(socket, node)
                await node.close()
        except aiohttp.ClientError:
            await socket.close(code=1011)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _relay(
        self, socket: web.WebSocketResponse, node: aiohttp.ClientWebSocketResponse
    ) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await node.send_str(message.data)

    async def _announce(
        self, node: aiohttp.ClientWebSocketResponse, socket: web.WebSocketResponse
    ) -> None:
        async for message in node:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            told = message.data
            if '"method"' in told:  # a reply has none
                if self._sockets_muted:
                    continue
                if self._twist is not None:
                    told = json.dumps(self._twist(json.loads(told)))
            with suppress(ConnectionError):
                await socket.send_str(told)
        await socket.close(code=1011)
