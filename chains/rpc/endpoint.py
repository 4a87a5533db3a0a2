"""One JSON-RPC endpoint over HTTP: bounded time, bounded size, classified errors.

What an endpoint does wrong as a server (silence, refusal, garbage, rate limits) is an
`EndpointError` and a reason to ask another one; what a node answers as an error object is a
`RpcError` with a kind, which each world tells in its own words. Source:
https://www.jsonrpc.org/specification.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import orjson

from chains.errors import ChainError
from chains.model.ids import ChainId

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

Observer = Callable[[ChainId, str, str, float], None]
"""Hears of every request: chain, method, outcome (`ok`, `failed`, a RpcErrorKind), seconds."""

MAX_REPLY_BYTES: Final = 32 * 1024 * 1024
HTTP_OK: Final = 200
HTTP_TOO_MANY: Final = 429
# Identity only: a reply that inflates a thousandfold cannot then reach the memory.
_HEADERS: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class RpcErrorKind(StrEnum):
    """What a node's error means for the caller."""

    RATE_LIMITED = "rate_limited"
    BAD_PARAMS = "bad_params"
    UNSUPPORTED = "unsupported"
    REVERTED = "reverted"
    MISSING_BLOCK = "missing_block"
    RANGE_TOO_WIDE = "range_too_wide"
    NONCE_TOO_LOW = "nonce_too_low"
    UNDERPRICED = "underpriced"
    FEE_BELOW_BASE = "fee_below_base"
    ALREADY_KNOWN = "already_known"
    NO_FUNDS = "no_funds"
    UNKNOWN = "unknown"


@dataclass(eq=False)
class RpcError(ChainError):
    """A node refused a request: its code, and the revert data where there is some."""

    code: int
    data: bytes = b""
    kind: RpcErrorKind = field(default=RpcErrorKind.UNKNOWN)

    def __str__(self) -> str:
        return f"{self.chain}: {self.reason} (code {self.code})"


@dataclass(eq=False)
class EndpointError(Exception):
    """An endpoint did not serve; `retry_after_s` is what it asked for, if it did."""

    label: str
    reason: str
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}"


def label_of(url: str) -> str:
    """Give host and port only: paths and user parts of provider URLs are secrets."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


class Endpoint(ABC):
    """One endpoint of one chain over a shared keep-alive session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        chain: ChainId,
        url: str,
        *,
        max_bytes: int = MAX_REPLY_BYTES,
        observer: Observer | None = None,
    ) -> None:
        self.label: Final = label_of(url)
        self._session = session
        self._chain = chain
        self._url = url
        self._max_bytes = max_bytes
        self._observer = observer
        self._last_id = 0

    async def request(self, method: str, params: Sequence[Json], *, timeout_s: float) -> Json:
        """Call one method; raises EndpointError, or RpcError as the node's own answer."""
        request = self._frame(method, params)
        with self._observed(method):
            reply = await self._exchange(orjson.dumps(request), timeout_s)
            return self._take(reply, request["id"])

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Json]]], *, timeout_s: float
    ) -> list[Json | RpcError]:
        """Call several methods in one exchange; per-call errors stand in their places."""
        requests = [self._frame(method, params) for method, params in calls]
        with self._observed("batch"):
            replies = await self._exchange(orjson.dumps(requests), timeout_s)
        if not isinstance(replies, list):
            self._take(replies, None)
            raise EndpointError(self.label, "answered a batch with a single value")
        by_id = dict(_numbered(replies))
        return [self._take_item(by_id.get(each["id"]), each["id"]) for each in requests]

    @contextmanager
    def _observed(self, method: str) -> Iterator[None]:
        if self._observer is None:
            yield
            return
        started, outcome = time.monotonic(), "failed"
        try:
            yield
            outcome = "ok"
        except RpcError as error:
            outcome = error.kind.value
            raise
        finally:
            self._observer(self._chain, method, outcome, time.monotonic() - started)

    def _take_item(self, reply: Json, request_id: Json) -> Json | RpcError:
        try:
            return self._take(reply, request_id)
        except RpcError as error:
            return error

    def _frame(self, method: str, params: Sequence[Json]) -> dict[str, Json]:
        self._last_id += 1
        return {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": list(params)}

    def _take(self, reply: Json, request_id: Json) -> Json:
        if not isinstance(reply, dict):
            raise EndpointError(self.label, "the reply is not a JSON-RPC object")
        if isinstance(error := reply.get("error"), dict):
            raise self._refusal(error)
        if reply.get("id") != request_id or "result" not in reply:
            raise EndpointError(self.label, "the reply answers another request")
        return reply["result"]

    @abstractmethod
    def _refusal(self, error: dict[str, Json]) -> RpcError | EndpointError:
        """Say what an error object means: the node's verdict, or one of the server."""

    async def _exchange(self, body: bytes, timeout_s: float) -> Json:
        try:
            async with asyncio.timeout(timeout_s):
                status, retry_after, raw = await self._post(body)
        except TimeoutError as error:
            raise EndpointError(self.label, f"no answer within {timeout_s:g} s") from error
        except aiohttp.ClientError as error:
            raise EndpointError(self.label, _describe(error)) from error
        if status == HTTP_TOO_MANY:
            raise EndpointError(self.label, "rate limited: HTTP 429", retry_after)
        return self._parse(status, raw)

    def _parse(self, status: int, raw: bytes) -> Json:
        try:
            reply: Json = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            what = f"HTTP {status}" if status != HTTP_OK else f"not JSON: {raw[:60]!r}"
            raise EndpointError(self.label, what) from error
        if status != HTTP_OK and not (isinstance(reply, dict) and "error" in reply):
            raise EndpointError(self.label, f"HTTP {status}")
        return reply

    async def _post(self, body: bytes) -> tuple[int, float | None, bytes]:
        try:
            return await self._post_once(body)
        except aiohttp.ServerDisconnectedError:
            # A kept-alive connection may have been closed while idle; every request here may
            # be repeated (raw transactions have their nonce), so one fresh connection is tried.
            return await self._post_once(body)

    async def _post_once(self, body: bytes) -> tuple[int, float | None, bytes]:
        async with self._session.post(
            self._url, data=body, headers=_HEADERS, allow_redirects=False
        ) as response:
            if "Content-Encoding" in response.headers:
                raise EndpointError(self.label, "compressed its reply though not asked to")
            parts: list[bytes] = []
            size = 0
            async for part in response.content.iter_any():
                size += len(part)
                if size > self._max_bytes:
                    raise EndpointError(self.label, f"reply larger than {self._max_bytes} bytes")
                parts.append(part)
            return response.status, _retry_after(response.headers), b"".join(parts)


def _numbered(replies: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Give each reply with its id; ours are numbers, and any other may not even be hashable."""
    for reply in replies:
        if isinstance(reply, dict) and isinstance(number := reply.get("id"), int):
            yield number, reply


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _describe(error: aiohttp.ClientError) -> str:
    """Name a transport error without its URL, which may hold a key."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {error.os_error.strerror or type(error.os_error).__name__}"
    return f"connection failed: {type(error).__name__}"
