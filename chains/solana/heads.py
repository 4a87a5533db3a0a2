"""New slots of one Solana chain: over a WebSocket of its own, by polling where that fails.

A head is the anchor of reading the Clock alone, so that a subscription to the Clock at our
commitment and a poll give the same head for the same slot. Announced slots are not heads: they
only tell of drops, and that a poll is due where a node does not publish the Clock (Surfpool).
WebSocket ports serve subscriptions only, so the chain is told by how near its slots are to those
of the endpoints, whose genesis hash is checked; what a head says is read again there anyway.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import orjson
import structlog
from solders.pubkey import Pubkey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from chains.errors import ChainError
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import ChainId
from chains.rpc.endpoint import Json, label_of
from chains.solana.accounts import CLOCK, AccountsRead, mint_anchor
from chains.solana.decode import decode_account, decode_context, decode_count, decode_object
from chains.solana.rpc import Commitment
from chains.solana.slots import SlotWindow

NEAR_SLOTS: Final = 150
"""How far a socket's slots may lie from the endpoints' (a minute)."""
CLOCK_PATIENCE: Final = 4
"""Announcements without the Clock after which it is polled at each."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotHead(Head):
    """A confirmed slot; `dropped` were announced since the last head and passed over.

    `changed` are the watched accounts heard of since, on the socket only.
    """

    dropped: tuple[int, ...] = ()
    changed: frozenset[Pubkey] = frozenset()

    def after(self, passed: Head | None) -> Self:
        """Give this head with the drops and changes of one that was passed over."""
        if not isinstance(passed, SlotHead):
            return self
        return replace(
            self, dropped=passed.dropped + self.dropped, changed=passed.changed | self.changed
        )


class ClockReader(Protocol):
    """What the stream needs of a client."""

    @property
    def chain(self) -> ChainId:
        """The chain served."""
        ...

    @property
    def commitment(self) -> Commitment:
        """How settled a head must be."""
        ...

    async def read_accounts(self, keys: Sequence[Pubkey], *, min_slot: int = 0) -> AccountsRead:
        """Read accounts in one call."""
        ...


class SlotStream:
    """The heads of one chain, each once, in ascending order.

    `watched` accounts are subscribed to as well. `poll_s` lies between polls; an open socket that
    misses a head for `silence_s` is given up; a failed socket is tried again after `retry_s`,
    doubling up to `retry_cap_s`. A halted chain yields nothing: its last head grows old.
    """

    def __init__(
        self,
        client: ClockReader,
        ws_urls: Sequence[str] = (),
        *,
        watched: Sequence[Pubkey] = (),
        poll_s: float = 0.4,
        silence_s: float = 10.0,
        retry_s: float = 1.0,
        retry_cap_s: float = 30.0,
        connect_s: float = 2.0,
    ) -> None:
        self._client = client
        self._ws_urls = tuple(ws_urls)
        self._watched = tuple(watched)
        self._poll_s = poll_s
        self._silence_s = silence_s
        self._retry_s = retry_s
        self._retry_cap_s = retry_cap_s
        self._connect_s = connect_s
        self._window = SlotWindow()
        self._changed: set[Pubkey] = set()
        self._unclocked = 0
        self._failures = 0
        self._polling = True
        self.tried_at: float = 0.0
        """When a node was last asked or heard (seconds since the epoch), head or not."""

    @property
    def is_polling(self) -> bool:
        """Whether heads come from polling now, because no socket has proved itself."""
        return self._polling

    async def heads(self) -> AsyncGenerator[SlotHead, None]:
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

    async def _from_socket(self) -> AsyncGenerator[SlotHead, None]:
        url = self._ws_urls[self._failures % len(self._ws_urls)]
        try:
            async with connect(
                url,
                open_timeout=self._connect_s,
                close_timeout=self._connect_s,
                compression=None,
                proxy=None,
            ) as connection:
                async with asyncio.timeout(self._connect_s):
                    socket = await self._subscribe(connection)
                async with aclosing(self._follow(socket)) as heads:
                    async for head in heads:
                        yield head
        except _SilentSocket as error:
            raise _SocketFailed(url, "open, but it missed heads") from error
        except TimeoutError as error:
            raise _SocketFailed(url, "no answer in time") from error
        except (OSError, WebSocketException, ValueError) as error:
            raise _SocketFailed(url, f"{type(error).__name__}: {error}") from error

    async def _subscribe(self, connection: ClientConnection) -> "_Socket":
        """Subscribe to slots, the Clock and the watched accounts; ValueError when refused."""
        socket = _Socket(connection)
        self._unclocked = 0
        socket.topics[await socket.ask("slotSubscribe", [])] = None
        whole: Json = {"commitment": self._client.commitment.value, "encoding": "base64"}
        socket.topics[await socket.ask("accountSubscribe", [str(CLOCK), whole])] = CLOCK
        for key in self._watched:
            empty: Json = {
                "commitment": self._client.commitment.value,
                "encoding": "base64",
                "dataSlice": {"offset": 0, "length": 0},
            }
            socket.topics[await socket.ask("accountSubscribe", [str(key), empty])] = key
        return socket

    async def _follow(self, socket: "_Socket") -> AsyncGenerator[SlotHead, None]:
        heard_at = self._now()
        proved = False
        while True:
            try:
                async with asyncio.timeout(self._silence_s if proved else self._poll_s):
                    topic, result = await socket.receive()
            except TimeoutError:
                if (polled := await self._poll()) is None:
                    heard_at = self._now() if proved else heard_at  # the chain itself is quiet
                    continue
                yield polled
                if self._now() - heard_at >= self._silence_s:
                    raise _SilentSocket from None
                continue
            heard_at, proved = self._now(), True
            self.tried_at = time.time()
            if (head := await self._take(topic, result)) is not None:
                self._note_recovery()
                yield head

    async def _take(self, topic: Pubkey | None, result: Json) -> SlotHead | None:
        """Take in one notification; ValueError when it is none."""
        if topic is None:
            return await self._take_slot(decode_object(result))
        slot, value = decode_context(result)
        self._expect_near(slot)
        if topic != CLOCK:
            self._changed.add(topic)
            return None
        self._unclocked = 0
        account = decode_account(CLOCK, value)
        seen = AccountsRead(
            slot=slot, finality=self._client.commitment.finality, accounts=(account,)
        )
        try:
            anchor = mint_anchor(self._client.chain, [CLOCK], seen)
        except ChainError as error:
            raise ValueError(error.reason) from error  # the socket lies, the chain may be well
        return self._place(anchor)

    async def _take_slot(self, announced: dict[str, Json]) -> SlotHead | None:
        slot = decode_count(announced.get("slot"))
        self._expect_near(slot)
        self._window.note(slot, decode_count(announced.get("parent")))
        self._unclocked += 1
        return await self._poll() if self._unclocked > CLOCK_PATIENCE else None

    def _expect_near(self, slot: int) -> None:
        tip = self._window.tip
        if tip is not None and abs(slot - tip) > NEAR_SLOTS:
            raise ValueError(f"at slot {slot}, the endpoints at {tip}: another chain or far off")

    async def _poll(self) -> SlotHead | None:
        self.tried_at = time.time()
        seen = await self._client.read_accounts([CLOCK])
        return self._place(mint_anchor(self._client.chain, [CLOCK], seen))

    def _place(self, anchor: BlockAnchor) -> SlotHead | None:
        """Give the head of a slot above all before; None otherwise, as when an endpoint lags."""
        dropped = self._window.confirm(anchor.height)
        if dropped is None:
            return None
        changed, self._changed = frozenset(self._changed), set()
        return SlotHead(
            anchor=anchor, parent_hash=b"", base_fee_wei=0, dropped=dropped, changed=changed
        )

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


class _Socket:
    """A connection whose replies and notifications are told apart; `topics` by subscription."""

    def __init__(self, connection: ClientConnection) -> None:
        self.topics: dict[int, Pubkey | None] = {}
        self._connection = connection
        self._last_id = 0
        self._early: deque[dict[str, Json]] = deque()

    async def ask(self, method: str, params: Sequence[Json]) -> int:
        """Subscribe and give the number; what is told meanwhile is kept."""
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        await self._connection.send(orjson.dumps(request).decode())
        while "id" not in (reply := await self._next()):
            self._early.append(reply)
        if reply.get("id") != self._last_id or "result" not in reply:
            raise ValueError(f"{method} was refused: {str(reply)[:200]}")
        return decode_count(reply["result"])

    async def receive(self) -> tuple[Pubkey | None, Json]:
        """Wait for a notification; gives the account it is about (None: slots) and its result."""
        message = self._early.popleft() if self._early else await self._next()
        params = decode_object(message.get("params"))
        number = decode_count(params.get("subscription"))
        if number not in self.topics:
            raise ValueError(f"unexpected message {str(message)[:100]}")
        return self.topics[number], params.get("result")

    async def _next(self) -> dict[str, Json]:
        return decode_object(orjson.loads(await self._connection.recv()))


class _SilentSocket(Exception):
    """The chain moved and the socket did not say so."""


class _SocketFailed(Exception):
    """A socket cannot be used, and why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(reason)
        self.url = url
        self.reason = reason
