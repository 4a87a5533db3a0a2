"""New heads of one chain: over a WebSocket of its own, by polling where that fails.

Calls and heads never share a connection: on one socket calls stall behind delayed
acknowledgements. An announcement is a hint: the header is read by its hash from the endpoints, so
that they have the block when it is yielded, and a socket that lies or runs ahead of them costs
nothing but the look. A head that does not follow from ours is walked back by parent hash to where
the chains meet, since nodes do not announce every reorg (anvil's rollback says nothing).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final, Literal, Protocol

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from chains.errors import DecodeError, MissingBlock
from chains.evm.announcements import Patience, SocketRecord
from chains.evm.decode import decode_quantity, decode_word, expect_object
from chains.evm.window import HeadWindow
from chains.model.anchor import Head
from chains.model.ids import ChainId
from chains.rpc.endpoint import Json, label_of

MAX_WALK: Final = 32
LOWER_POLLS: Final = 3
MISSING_RETRY_S: Final = 0.1
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
    to `retry_cap_s`; one whose blocks no endpoint has for `missing_s` is given up too. The stream
    remembers what it yielded and may be iterated again after an error.
    """

    def __init__(
        self,
        client: HeadReader,
        ws_urls: Sequence[str] = (),
        *,
        poll_s: float = 1.0,
        silence_s: float = 30.0,
        missing_s: float = 2.0,
        retry_s: float = 1.0,
        retry_cap_s: float = 30.0,
        connect_s: float = 2.0,
    ) -> None:
        self._client = client
        self._ws_urls = tuple(ws_urls)
        self._poll_s = poll_s
        self._patience = Patience(
            poll_s=poll_s, retry_s=MISSING_RETRY_S, missing_s=missing_s, silence_s=silence_s
        )
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
        except _UselessSocket as error:
            raise _SocketFailed(url, str(error)) from error
        except TimeoutError as error:
            raise _SocketFailed(url, "no answer in time") from error
        except (OSError, WebSocketException, ValueError) as error:
            raise _SocketFailed(url, f"{type(error).__name__}: {error}") from error

    async def _follow(self, socket: ClientConnection) -> AsyncGenerator[Head, None]:
        """Yield what came before the subscription stood, then what is announced."""
        if (unannounced := await self._poll()) is not None:
            yield unannounced
        record = SocketRecord(self._patience, self._now())
        while True:
            announced = await self._hear(socket, until=record.due_at) or record.missing
            head = await (self._take(announced, record) if announced else self._look(record))
            if head is not None:
                yield head
            if fault := record.find_fault(self._now()):
                raise _UselessSocket(fault)

    async def _take(self, announced: bytes, record: SocketRecord) -> Head | None:
        """Take a hint: give the block if it is new and the endpoints have it, else look."""
        if self._window.knows(announced):
            record.note_known(announced, self._now())
            return None
        try:
            head = await self._read_announced(announced)
        except MissingBlock:
            record.note_missing(announced, self._now())
            return await self._look(record)
        record.note_news(self._now())
        self._note_recovery()
        return head

    async def _look(self, record: SocketRecord) -> Head | None:
        polled = await self._poll()
        record.note_poll(self._now(), found=polled is not None)
        return polled

    async def _read_announced(self, announced: bytes) -> Head:
        """Read an announced block; MissingBlock also when it is not, or no more, in the chain."""
        head = await self._client.read_head(announced)
        if not self._window.is_extended_by(head):
            canonical = await self._client.read_head(head.anchor.height)
            if canonical.anchor.hash != announced or self._window.is_behind(head):
                raise MissingBlock(self._client.chain, f"0x{announced.hex()} is off the chain")
        return await self._join(head)

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

    async def _hear(self, socket: ClientConnection, *, until: float) -> bytes | None:
        """Wait for an announcement and give its hash, of several the newest; None when it is time.

        ValueError on a message that is none.
        """
        if self._now() >= until:
            return None
        try:
            async with asyncio.timeout_at(until):
                message = await socket.recv()
        except TimeoutError:
            return None
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0):  # takes what has arrived; recv may be cancelled
                    message = await socket.recv()
        self.tried_at = time.time()
        return _decode_announcement(message)

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
        except MissingBlock:
            return replace(head, reorg_depth=self._window.rewind(head))
        return None

    async def _place(self, head: Head) -> Head | None:
        """Join a head to ours; None when it is known already, or its branch vanishes meanwhile."""
        if self._window.holds(head):
            return None
        try:
            return await self._join(head)
        except MissingBlock:
            return None

    async def _join(self, head: Head) -> Head:
        """Give the head with the depth of the reorg it brings."""
        branch = await self._walk_back(head)
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


def _decode_announcement(message: str | bytes) -> bytes:
    """Give the hash that a subscription's message names; ValueError when it is none."""
    parts = expect_object(orjson.loads(message))
    if parts.get("method") != "eth_subscription":
        raise ValueError(f"unexpected message {str(parts)[:100]}")
    header = expect_object(expect_object(parts.get("params")).get("result"))
    return decode_word(header.get("hash"))


class _UselessSocket(Exception):
    """A socket is open and does not tell of the chain as it should."""


class _SocketFailed(Exception):
    """A socket cannot be used, and why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(reason)
        self.url = url
        self.reason = reason
