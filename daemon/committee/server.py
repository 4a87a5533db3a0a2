"""The listener for the other members: only what they signed is read, and no more than they may."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web

from daemon.committee.client import MEDIA, PATH, Peers
from daemon.committee.messages import (
    HEADER_BYTES,
    BadMessage,
    Kind,
    Message,
    TooLarge,
    decode_header,
)
from daemon.committee.post import Post
from daemon.committee.refusals import Refusals

READ_S: Final = 5.0
SHUTDOWN_S: Final = 2.0
Answer = Callable[[Message], Awaitable[tuple[Kind, bytes]]]


class Listener:
    """Takes requests one HTTP connection at a time; what is no member's gets a status and a word.

    The header is judged before the body is read, so that a stranger makes nobody read megabytes.
    """

    def __init__(self, post: Post, peers: Peers, refusals: Refusals, answer: Answer) -> None:
        self._post: Final = post
        self._peers: Final = peers
        self._refusals: Final = refusals
        self._answer: Final = answer

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
        self._post.check_sender(header)
        body = await request.content.readexactly(header.length)
        if not request.content.at_eof() and await request.content.read(1):
            raise BadMessage("bytes follow the message")
        return self._post.take(header, body)

    def _refuse(self, status: HTTPStatus, reason: str) -> web.Response:
        self._refusals.note_message(reason)
        return web.Response(status=status, text=reason, headers={"Connection": "close"})


@asynccontextmanager
async def serve(listener: Listener, host: str, port: int) -> AsyncIterator[int]:
    """Listen until left; gives the port bound (port 0 picks a free one)."""
    app = web.Application()
    app.router.add_post(PATH, listener.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        async with asyncio.timeout(3 * SHUTDOWN_S):
            await runner.cleanup()
