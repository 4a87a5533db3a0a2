"""Many contract views in one `eth_call`: plans are pure, only `read` does I/O.

A `ReadPlan` says which views it wants and how to decode their answers. Plans of adapters,
oracles and wrappers are combined into one, so that a chain is read in one round trip at one
block. Source: https://github.com/mds1/multicall3 (`aggregate3`).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from eth_abi.exceptions import DecodingError

from chains.errors import ChainError, DecodeError
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address, ChainId

MULTICALL3: Final = Address("0xca11bde05977b3631167028862be2a173976ca11")
AGGREGATE3: Final = bytes.fromhex("82ad56cb")
CHUNK_CALLS: Final = 300
CHUNKS_AT_ONCE: Final = 4
"""What waits for a free connection waits within its call's timeout; what is not asked yet not."""
_WORD: Final = 32

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewCall:
    """One view of one contract; with `allow_failure` a revert is an answer."""

    target: Address
    data: bytes
    allow_failure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewResult:
    """What a view returned, or its revert data where `success` is False."""

    success: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan(Generic[T_co]):
    """The views to call and how to read their results, which come in the order of `calls`.

    `decode` raises DecodeError, or ValueError, on bad data.
    """

    calls: tuple[ViewCall, ...]
    decode: Callable[[Sequence[ViewResult]], T_co]


class ViewCaller(Protocol):
    """What `read` needs of a client."""

    @property
    def chain(self) -> ChainId:
        """The chain served."""
        ...

    @property
    def multicall(self) -> Address:
        """Where Multicall3 lies."""
        ...

    async def call(self, call: ViewCall, anchor: BlockAnchor) -> bytes:
        """Call one view at the anchor."""
        ...


def combine(plans: Sequence[ReadPlan[Any]]) -> ReadPlan[tuple[Any, ...]]:
    """Give one plan that yields the plans' results, in order."""
    parts = tuple(plans)

    def decode(results: Sequence[ViewResult]) -> tuple[Any, ...]:
        decoded: list[Any] = []
        start = 0
        for part in parts:
            end = start + len(part.calls)
            decoded.append(part.decode(results[start:end]))
            start = end
        return tuple(decoded)

    return ReadPlan(calls=tuple(call for part in parts for call in part.calls), decode=decode)


def map_plan(plan: ReadPlan[T], f: Callable[[T], U]) -> ReadPlan[U]:
    """Give the plan whose result is `f` of this plan's result."""
    decode = plan.decode
    return ReadPlan(calls=plan.calls, decode=lambda results: f(decode(results)))


def encode_aggregate3(calls: Sequence[ViewCall]) -> bytes:
    """Encode `aggregate3((address,bool,bytes)[])`, every call allowed to fail.

    Failures are judged after the reply, so that the one that failed can be named.
    """
    heads: list[bytes] = []
    tails: list[bytes] = []
    offset = _WORD * len(calls)
    for call in calls:
        padded = call.data + bytes(-len(call.data) % _WORD)
        heads.append(_word(offset))
        tails.append(
            bytes(12)
            + bytes.fromhex(call.target[2:])
            + _word(1)
            + _word(3 * _WORD)
            + _word(len(call.data))
            + padded
        )
        offset += 4 * _WORD + len(padded)
    return b"".join([AGGREGATE3, _word(_WORD), _word(len(calls)), *heads, *tails])


def decode_aggregate3(data: bytes, count: int) -> tuple[ViewResult, ...]:
    """Decode `(bool,bytes)[]` of exactly `count` items; ValueError on any other shape."""
    array = _read_word(data, 0)
    if (found := _read_word(data, array)) != count:
        raise ValueError(f"aggregate3 answered {found} of {count} calls")
    start = array + _WORD
    results: list[ViewResult] = []
    for index in range(count):
        item = start + _read_word(data, start + _WORD * index)
        body = item + _read_word(data, item + _WORD)
        length = _read_word(data, body)
        begin = body + _WORD
        if begin + length > len(data):
            raise ValueError("aggregate3 answer is cut short")
        success = _read_word(data, item) == 1
        results.append(ViewResult(success=success, data=data[begin : begin + length]))
    return tuple(results)


async def read(client: ViewCaller, anchor: BlockAnchor, plan: ReadPlan[T]) -> T:
    """Run a plan at the anchor: one RPC call (above CHUNK_CALLS several, a few at once).

    Raises ChainError; a view that reverts though it may not, or data that does not decode,
    is a DecodeError.
    """
    results = await _read_all(client, anchor, plan.calls)
    for call, result in zip(plan.calls, results, strict=True):
        if not (result.success or call.allow_failure):
            raise DecodeError(
                client.chain,
                f"view 0x{call.data[:4].hex()} of {call.target} reverted at {anchor.height}"
                f" with 0x{result.data[:68].hex()}",
            )
    try:
        return plan.decode(results)
    except (ValueError, DecodingError) as error:
        raise DecodeError(client.chain, f"unexpected answer: {error}") from error


async def _read_all(
    client: ViewCaller, anchor: BlockAnchor, calls: Sequence[ViewCall]
) -> Sequence[ViewResult]:
    if not calls:
        return ()
    if len(calls) <= CHUNK_CALLS:
        return await _read_chunk(client, anchor, calls)
    chunks = [calls[i : i + CHUNK_CALLS] for i in range(0, len(calls), CHUNK_CALLS)]
    free = asyncio.Semaphore(CHUNKS_AT_ONCE)

    async def read_one(chunk: Sequence[ViewCall]) -> tuple[ViewResult, ...]:
        async with free:
            return await _read_chunk(client, anchor, chunk)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read_one(chunk)) for chunk in chunks]
    except* ChainError as errors:
        failure = errors.exceptions[0]
    else:
        return [result for task in tasks for result in task.result()]
    raise failure


async def _read_chunk(
    client: ViewCaller, anchor: BlockAnchor, calls: Sequence[ViewCall]
) -> tuple[ViewResult, ...]:
    bundle = ViewCall(target=client.multicall, data=encode_aggregate3(calls))
    answer = await client.call(bundle, anchor)
    try:
        return decode_aggregate3(answer, len(calls))
    except ValueError as error:
        raise DecodeError(client.chain, f"multicall at {client.multicall}: {error}") from error


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD, "big")


def _read_word(data: bytes, start: int) -> int:
    word = data[start : start + _WORD]
    if len(word) != _WORD:
        raise ValueError("aggregate3 answer is cut short")
    return int.from_bytes(word, "big")
