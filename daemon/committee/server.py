"""The listener for the other members: only what they signed is read, and no more than they may."""

import asyncio
from asyncio import Semaphore
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web

from chains.model.ids import Address
from daemon.committee.client import MEDIA, PATH, Peers
from daemon.committee.messages import (
    HEADER_BYTES,
    BadMessage,
    Kind,
    Message,
    TooLarge,
    decode_header,
    open_message,
)
from daemon.committee.post import Post
from daemon.committee.refusals import Refusals

READ_S: Final = 5.0
"""How long a message may take to come, its wait for a place among the bodies included."""
BODIES: Final = 8
"""How many bodies are read at once."""
BODIES_OF_ONE: Final = 2
"""How many bodies of one member are read at once."""
LINGER_S: Final = 0.2
"""How long what a refused sender goes on to send is thrown away, so that he reads why."""
SHUTDOWN_S: Final = 2.0
Answer = Callable[[Message], Awaitable[tuple[Kind, bytes]]]


class Listener:
    """Takes requests one HTTP connection at a time; what is no member's gets a status and a word.

    The header and its signature are judged before the body is read, so that a stranger makes nobody
    read megabytes; of members only so many bodies are read at once.
    """

    def __init__(self, post: Post, peers: Peers, refusals: Refusals, answer: Answer) -> None:
        self._post: Final = post
        self._peers: Final = peers
        self._refusals: Final = refusals
        self._answer: Final = answer
        self._bodies: Final = Semaphore(BODIES)
        self._bodies_of: Final[defaultdict[Address, Semaphore]] = defaultdict(
            lambda: Semaphore(BODIES_OF_ONE)
        )

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a member's request, refuse everybody else's."""
        try:
            async with asyncio.timeout(READ_S):
                message = await self._read(request)
        except TooLarge as error:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        except BadMessage as error:
            return self._refuse(HTTPStatus.FORBIDDEN, str(error))
        except (TimeoutError, asyncio.IncompleteReadError):
            return self._refuse(HTTPStatus.BAD_REQUEST, "the message is cut short")
        sender = message.header.sender
        self._peers.line(sender).hear()
        kind, body = await self._answer(message)
        raw, _ = self._post.seal(kind, sender, body, message)
        return web.Response(body=raw, content_type=MEDIA)

    async def _read(self, request: web.Request) -> Message:
        header = decode_header(await request.content.readexactly(HEADER_BYTES))
        digest = self._post.admit(header)
        async with self._bodies_of[header.sender], self._bodies:
            body = await request.content.readexactly(header.length)
            if not request.content.at_eof() and await request.content.read(1):
                raise BadMessage("bytes follow the message")
        return open_message(header, digest, body)

    def _refuse(self, status: HTTPStatus, reason: str) -> web.Response:
        self._refusals.note_message(reason)
        return web.Response(status=status, text=reason, headers={"Connection": "close"})


@asynccontextmanager
async def serve(listener: Listener, host: str, port: int) -> AsyncIterator[int]:
    """Listen until left; gives the port bound (port 0 picks a free one)."""
    app = web.Application()
    app.router.add_post(PATH, listener.handle)
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=SHUTDOWN_S, lingering_time=LINGER_S
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        async with asyncio.timeout(3 * SHUTDOWN_S):
            await runner.cleanup()
