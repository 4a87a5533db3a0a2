"""New heads of one chain: over a WebSocket of its own, by polling where that fails.

Calls and heads never share a connection: on one socket calls stall behind delayed
acknowledgements. A head that does not follow from ours is walked back by parent hash to where
the chains meet, since nodes do not announce every reorg (anvil's rollback says nothing).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Literal, Protocol

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from chains.errors import DecodeError, Stale
from chains.evm.decode import decode_head, decode_quantity
from chains.evm.rpc import Json, label_of
from chains.evm.window import HeadWindow
from chains.model.anchor import Head
from chains.model.ids import ChainId

MAX_WALK: Final = 32
LOWER_POLLS: Final = 3
_log = structlog.get_logger(__name__)


class HeadReader(Protocol):
    """What the stream needs of a client."""

    @property
    def chain(self) -> ChainId:
        """The chain served."""
        ...

    async def read_head(self, block: Literal["latest"] | bytes | int) -> Head:
        """Read a header by tag, hash or height."""
        ...


class HeadStream:
    """The heads of one chain, each once, reorgs marked.

    `poll_s` lies between polls; an open socket that misses a head for `silence_s` (choose more
    than two block times) is given up; a failed socket is tried again after `retry_s`, doubling up
    to `retry_cap_s`. The stream remembers what it yielded and may be iterated again after an
    error.
    """

    def __init__(
        self,
        client: HeadReader,
        ws_urls: Sequence[str] = (),
        *,
        poll_s: float = 1.0,
        silence_s: float = 30.0,
        retry_s: float = 1.0,
        retry_cap_s: float = 30.0,
        connect_s: float = 2.0,
    ) -> None:
        self._client = client
        self._ws_urls = tuple(ws_urls)
        self._poll_s = poll_s
        self._silence_s = silence_s
        self._retry_s = retry_s
        self._retry_cap_s = retry_cap_s
        self._connect_s = connect_s
        self._window = HeadWindow()
        self._failures = 0
        self._lower_polls = 0
        self._polling = True
        self.tried_at: float = 0.0
        """When a node was last asked or heard (seconds since the epoch), head or not."""

    @property
    def is_polling(self) -> bool:
        """Whether heads come from polling now, because no socket has proved itself."""
        return self._polling

    async def heads(self) -> AsyncGenerator[Head, None]:
        """Yield each new head once; raises ChainError when polling fails too."""
        if (first := await self._poll()) is not None:
            yield first
        while True:
            if self._ws_urls:
                try:
                    async with aclosing(self._from_socket()) as heads:
                        async for head in heads:
                            yield head
                except _SocketFailed as error:
                    self._note_failure(error)
            until = self._now() + self._retry_wait() if self._ws_urls else float("inf")
            while self._now() < until:
                if (polled := await self._poll()) is not None:
                    yield polled
                await asyncio.sleep(min(self._poll_s, max(0.0, until - self._now())))

    async def _from_socket(self) -> AsyncGenerator[Head, None]:
        """Yield heads of a subscription; polls beside it until it has proved itself."""
        url = self._ws_urls[self._failures % len(self._ws_urls)]
        try:
            async with connect(
                url,
                open_timeout=self._connect_s,
                close_timeout=self._connect_s,
                compression=None,
                proxy=None,
            ) as socket:
                async with asyncio.timeout(self._connect_s):
                    await self._subscribe(socket)
                async with aclosing(self._follow(socket)) as heads:
                    async for head in heads:
                        yield head
        except _SilentSocket as error:
            raise _SocketFailed(url, "open, but it missed heads") from error
        except TimeoutError as error:
            raise _SocketFailed(url, "no answer in time") from error
        except (OSError, WebSocketException, ValueError) as error:
            raise _SocketFailed(url, f"{type(error).__name__}: {error}") from error

    async def _follow(self, socket: ClientConnection) -> AsyncGenerator[Head, None]:
        heard_at = self._now()
        proved = False
        while True:
            try:
                async with asyncio.timeout(self._silence_s if proved else self._poll_s):
                    announced = await self._receive(socket)
            except TimeoutError:
                if (polled := await self._poll()) is None:
                    heard_at = self._now() if proved else heard_at  # the chain itself is quiet
                    continue
                yield polled
                if self._now() - heard_at >= self._silence_s:
                    raise _SilentSocket from None
                continue
            heard_at, proved = self._now(), True
            self._note_recovery()
            if (head := await self._place(announced)) is not None:
                yield head

    async def _subscribe(self, socket: ClientConnection) -> None:
        """Make sure of the chain and subscribe; ValueError when the node refuses."""
        number = decode_quantity(await self._ask(socket, 1, "eth_chainId", []))
        if number != self._client.chain.evm_number:
            raise ValueError(f"answers for chain {number}, not {self._client.chain}")
        await self._ask(socket, 2, "eth_subscribe", ["newHeads"])

    async def _ask(self, socket: ClientConnection, key: int, method: str, params: Json) -> Json:
        request = {"jsonrpc": "2.0", "id": key, "method": method, "params": params}
        await socket.send(orjson.dumps(request).decode())
        reply = orjson.loads(await socket.recv())
        if not isinstance(reply, dict) or reply.get("id") != key or "result" not in reply:
            raise ValueError(f"{method} was refused: {str(reply)[:200]}")
        result: Json = reply["result"]
        return result

    async def _receive(self, socket: ClientConnection) -> Head:
        """Wait for the next announced head; ValueError on a message that is none."""
        message = orjson.loads(await socket.recv())
        self.tried_at = time.time()
        if not isinstance(message, dict) or message.get("method") != "eth_subscription":
            raise ValueError(f"unexpected message {str(message)[:100]}")
        return decode_head(self._client.chain, message["params"].get("result"))

    async def _poll(self) -> Head | None:
        self.tried_at = time.time()
        head = await self._client.read_head("latest")
        if self._window.is_behind(head):
            return await self._judge_lower(head)
        self._lower_polls = 0
        return await self._place(head)

    async def _judge_lower(self, head: Head) -> Head | None:
        """Tell a node that lags from a rollback: polls agree and nobody has our newest block."""
        self._lower_polls += 1
        if self._lower_polls < LOWER_POLLS:
            return None
        self._lower_polls = 0
        try:
            await self._client.read_head(self._window.tip_hash)
        except Stale:
            return replace(head, reorg_depth=self._window.rewind(head))
        return None

    async def _place(self, head: Head) -> Head | None:
        """Join a head to ours, with the depth of the reorg; None when it is known already.

        A branch that vanishes during the walk is left to the next head.
        """
        if self._window.holds(head):
            return None
        try:
            branch = await self._walk_back(head)
        except Stale:
            return None
        return replace(head, reorg_depth=self._window.adopt(branch))

    async def _walk_back(self, head: Head) -> list[Head]:
        branch = [head]
        tip = self._window.tip
        if tip is not None and head.anchor.height > tip + MAX_WALK:
            # A long gap is not filled: only the fork point matters, and it lies at or below ours.
            branch.append(await self._client.read_head(tip + 1))
        while not self._window.is_reached(branch[-1]):
            child = branch[-1]
            parent = await self._client.read_head(child.parent_hash)
            if parent.anchor.height != child.anchor.height - 1:
                raise DecodeError(
                    self._client.chain,
                    f"block {child.anchor.height} has a parent at {parent.anchor.height}",
                )
            branch.append(parent)
        return branch

    def _retry_wait(self) -> float:
        doublings = min(max(0, self._failures - 1), 16)
        return min(self._retry_s * float(2**doublings), self._retry_cap_s)

    def _note_failure(self, error: "_SocketFailed") -> None:
        self._failures += 1
        if not self._polling or self._failures == 1:
            _log.warning(
                "heads.polling",
                chain=str(self._client.chain),
                endpoint=label_of(error.url),
                reason=error.reason,
            )
        self._polling = True

    def _note_recovery(self) -> None:
        if self._polling and self._failures:
            _log.info("heads.subscribed", chain=str(self._client.chain))
        self._polling = False
        self._failures = 0

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class _SilentSocket(Exception):
    """The chain moved and the socket did not say so."""


class _SocketFailed(Exception):
    """A socket cannot be used, and why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(reason)
        self.url = url
        self.reason = reason
