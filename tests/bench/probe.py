"""Times and records what goes on inside a running daemon, by wrapping functions in place.

A wrapper costs about a microsecond. Times are those of `time.perf_counter`, in seconds.
"""

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from unittest.mock import patch

from chains.rpc.endpoint import Endpoint, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One call of something watched: when it began and ended."""

    name: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(Span):
    """One JSON-RPC request of the daemon, with what it asked of whom."""

    url: str
    params: Sequence[Json]


@dataclass(slots=True)
class Probe:
    """What was seen since the last `clear`, in the order in which it ended."""

    spans: list[Span] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything."""
        self.spans.clear()
        self.exchanges.clear()

    @contextmanager
    def watching(self, owner: Any, attribute: str, name: str) -> Iterator[None]:  # noqa: ANN401 -- a module or a class
        """Record every call of a function or method, sync or async, under a name."""
        inner = getattr(owner, attribute)

        def record(began: float) -> None:
            self.spans.append(Span(name=name, began=began, ended=time.perf_counter()))

        with patch.object(owner, attribute, _wrap(inner, record)):
            yield

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record every request; batches, which only the endpoints' own checks use, are not."""
        inner = Endpoint.request

        async def request(
            endpoint: Endpoint, method: str, params: Sequence[Json], *, timeout_s: float
        ) -> Json:
            began = time.perf_counter()
            answer = await inner(endpoint, method, params, timeout_s=timeout_s)
            self.exchanges.append(
                Exchange(
                    name=method,
                    began=began,
                    ended=time.perf_counter(),
                    url=endpoint._url,
                    params=params,
                )
            )
            return answer

        with patch.object(Endpoint, "request", request):
            yield


def _wrap(inner: Callable[..., Any], record: Callable[[float], None]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(inner):

        @wraps(inner)
        async def wait(*args: Any, **named: Any) -> Any:  # noqa: ANN401 -- whatever is watched
            began = time.perf_counter()
            try:
                return await inner(*args, **named)
            finally:
                record(began)

        return wait

    @wraps(inner)
    def call(*args: Any, **named: Any) -> Any:  # noqa: ANN401 -- whatever is watched
        began = time.perf_counter()
        try:
            return inner(*args, **named)
        finally:
            record(began)

    return call
