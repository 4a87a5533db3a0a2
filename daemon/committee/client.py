"""Asking the other members over HTTP: bounded in time and size, with a backoff for each."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import aiohttp

from chains.model.ids import Address
from daemon.committee.messages import (
    HEADER_BYTES,
    BadMessage,
    Kind,
    Message,
    decode_header,
)
from daemon.committee.post import Post

PATH: Final = "/committee/v1"
MEDIA: Final = "application/octet-stream"
REPLY_S: Final = 5.0
FIRST_BACKOFF_S: Final = 0.5
LAST_BACKOFF_S: Final = 8.0


class Silent(Exception):
    """A member did not answer, or not as members do; the text says what happened."""


@dataclass(slots=True, kw_only=True)
class Line:
    """What is known of the way to one member; monotonic seconds, `heard_at` in wall time."""

    failure: str | None = None
    heard_at: float | None = None
    backoff_s: float = 0.0
    rests_until: float = 0.0

    def fail(self, reason: str, now: float) -> None:
        """Note a failure; the next try waits twice as long."""
        self.failure = reason
        self.backoff_s = min(max(FIRST_BACKOFF_S, 2 * self.backoff_s), LAST_BACKOFF_S)
        self.rests_until = now + self.backoff_s

    def hear(self) -> None:
        """Note that the member lives, by an answer or a message of its own."""
        self.failure, self.backoff_s, self.rests_until = None, 0.0, 0.0
        self.heard_at = time.time()


@dataclass(slots=True, kw_only=True)
class Peers:
    """The other members as this one reaches them; an async context manager."""

    post: Post
    reply_s: float = REPLY_S
    clock: Callable[[], float] = time.monotonic
    lines: dict[Address, Line] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def line(self, member: Address) -> Line:
        """Give the way to a member."""
        return self.lines.setdefault(member, Line())

    async def ask(self, member: Address, kind: Kind, body: bytes) -> Message:
        """Send a request and give the reply; Silent where there is none in time, or it rests."""
        line = self.line(member)
        if (rest := line.rests_until - self.clock()) > 0:
            raise Silent(f"{line.failure}; tried again in {rest:.1f} s")
        raw, digest = self.post.seal(kind, member, body)
        try:
            async with asyncio.timeout(self.reply_s):
                reply = await self._send(member, raw, digest)
        except TimeoutError as error:
            reason = f"no answer in {self.reply_s:g} s"
            line.fail(reason, self.clock())
            raise Silent(reason) from error
        except (aiohttp.ClientError, BadMessage) as error:
            reason = str(error) or type(error).__name__
            line.fail(reason, self.clock())
            raise Silent(reason) from error
        line.hear()
        return reply

    async def _send(self, member: Address, raw: bytes, digest: bytes) -> Message:
        if self._session is None:
            raise RuntimeError("not entered")
        url = self.post.membership.urls[member].rstrip("/") + PATH
        headers = {"Content-Type": MEDIA}
        async with self._session.post(
            url, data=raw, headers=headers, allow_redirects=False
        ) as reply:
            if reply.status != HTTPStatus.OK:
                said = (await reply.content.read(200)).decode("ascii", "replace")
                raise BadMessage(f"HTTP {reply.status}: {said}")
            try:
                header = decode_header(await reply.content.readexactly(HEADER_BYTES))
                body = await reply.content.readexactly(header.length)
            except asyncio.IncompleteReadError as error:
                raise BadMessage("the answer is cut short") from error
        return self.post.take_reply(header, body, member, digest)
