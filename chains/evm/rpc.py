"""One JSON-RPC endpoint over HTTP: bounded time, bounded size, classified errors.

What an endpoint does wrong as a server (silence, refusal, garbage, rate limits) is an
`EndpointError` and a reason to ask another one; what a node answers as an error object is a
`RpcError` with a kind. Sources: https://www.jsonrpc.org/specification, EIP-1474, and the
messages of geth, Nethermind, Erigon and anvil.
"""

import asyncio
import time
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


_CODES: Final[Mapping[int, RpcErrorKind]] = {
    3: RpcErrorKind.REVERTED,
    429: RpcErrorKind.RATE_LIMITED,
    -32001: RpcErrorKind.MISSING_BLOCK,
    -32005: RpcErrorKind.RATE_LIMITED,
    -32600: RpcErrorKind.BAD_PARAMS,
    -32601: RpcErrorKind.UNSUPPORTED,
    -32602: RpcErrorKind.BAD_PARAMS,
}
# Words come before codes: geth and its kin put most of these under -32000.
_WORDS: Final[Sequence[tuple[str, RpcErrorKind]]] = (
    ("already known", RpcErrorKind.ALREADY_KNOWN),
    ("already imported", RpcErrorKind.ALREADY_KNOWN),
    ("alreadyknown", RpcErrorKind.ALREADY_KNOWN),
    ("known transaction", RpcErrorKind.ALREADY_KNOWN),
    ("nonce too low", RpcErrorKind.NONCE_TOO_LOW),
    ("nonce is too low", RpcErrorKind.NONCE_TOO_LOW),
    ("oldnonce", RpcErrorKind.NONCE_TOO_LOW),
    ("underpriced", RpcErrorKind.UNDERPRICED),
    ("max fee per gas less than block base fee", RpcErrorKind.FEE_BELOW_BASE),
    ("fee cap less than block base fee", RpcErrorKind.FEE_BELOW_BASE),
    ("insufficient funds", RpcErrorKind.NO_FUNDS),
    ("insufficient balance", RpcErrorKind.NO_FUNDS),
    ("query returned more than", RpcErrorKind.RANGE_TOO_WIDE),
    ("block range", RpcErrorKind.RANGE_TOO_WIDE),
    ("range too", RpcErrorKind.RANGE_TOO_WIDE),
    ("range is too", RpcErrorKind.RANGE_TOO_WIDE),
    ("rate limit", RpcErrorKind.RATE_LIMITED),
    ("too many requests", RpcErrorKind.RATE_LIMITED),
    ("header not found", RpcErrorKind.MISSING_BLOCK),
    ("header for hash not found", RpcErrorKind.MISSING_BLOCK),
    ("block not found", RpcErrorKind.MISSING_BLOCK),
    ("unknown block", RpcErrorKind.MISSING_BLOCK),
    ("not currently canonical", RpcErrorKind.MISSING_BLOCK),
    ("missing trie node", RpcErrorKind.MISSING_BLOCK),
    ("blockoutofrange", RpcErrorKind.MISSING_BLOCK),
    ("block out of range", RpcErrorKind.MISSING_BLOCK),
    ("execution reverted", RpcErrorKind.REVERTED),
)


def classify(code: int, message: str) -> RpcErrorKind:
    """Say what a JSON-RPC error means, by its words and then by its code."""
    lowered = message.lower()
    for words, kind in _WORDS:
        if words in lowered:
            return kind
    return _CODES.get(code, RpcErrorKind.UNKNOWN)


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


class Endpoint:
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

    def _refusal(self, error: dict[str, Json]) -> RpcError | EndpointError:
        code = error.get("code")
        number = code if isinstance(code, int) else 0
        message = str(error.get("message", ""))[:300]
        kind = classify(number, message)
        if kind is RpcErrorKind.RATE_LIMITED:
            return EndpointError(self.label, f"rate limited: {message}")
        return RpcError(self._chain, message, number, _revert_data(error.get("data")), kind)

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


def _revert_data(data: Json) -> bytes:
    """Find revert data, which some nodes wrap in an object or prefix with words."""
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, str):
        return b""
    _, _, digits = data.rpartition("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def _describe(error: aiohttp.ClientError) -> str:
    """Name a transport error without its URL, which may hold a key."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {error.os_error.strerror or type(error.os_error).__name__}"
    return f"connection failed: {type(error).__name__}"
