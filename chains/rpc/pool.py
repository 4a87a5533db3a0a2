"""The endpoints of one chain behind one question: asks, fails over, checks, lets back in.

The policy is `policy.py`; here are the sessions, the clock and the log. What is asked to tell a
chain, its height and its hashes is each world's own. A question costs one round trip while the
first endpoint is well; the checks run beside it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, ClassVar, Final, Generic, Self, TypeAlias, TypeVar

import aiohttp
import structlog

from chains.errors import MissingBlock, Stale, Unreachable, WrongChain
from chains.model.ids import ChainId
from chains.rpc import policy
from chains.rpc.endpoint import Endpoint, EndpointError, Observer, RpcError, RpcErrorKind
from chains.rpc.policy import Cause, EndpointState, Limits, Reference, Sighting

E = TypeVar("E", bound=Endpoint)
T = TypeVar("T")
Listener = Callable[[EndpointState], None]
_log = structlog.get_logger(__name__)


class EndpointPool(ABC, Generic[E]):
    """Several endpoints of one chain, as one; an async context manager.

    `reference` is what the right chain answers to `_identify`. `listener` hears of each endpoint
    once when it is set aside and once when it is let back in.
    """

    final: ClassVar[frozenset[RpcErrorKind]]
    """The node's own verdicts on a request: another endpoint would say the same."""

    def __init__(
        self,
        *,
        chain: ChainId,
        reference: Reference,
        urls: Sequence[str],
        timeout_s: float,
        limits: Limits,
        missing_wait_s: float,
        listener: Listener | None = None,
        observer: Observer | None = None,
    ) -> None:
        if not urls:
            raise ValueError(f"{chain}: no RPC endpoint is configured")
        self.chain: Final = chain
        self.timeout_s: Final = timeout_s
        self._reference = reference
        self._urls = tuple(urls)
        self._limits = limits
        self._missing_wait_s = missing_wait_s
        self._listener = listener
        self._observer = observer
        self._endpoints: tuple[E, ...] = ()
        self._states: tuple[EndpointState, ...] = ()
        self._split: str | None = None
        self._session: aiohttp.ClientSession | None = None

    @abstractmethod
    def _open(self, session: aiohttp.ClientSession, url: str, observer: Observer | None) -> E:
        """Give the endpoint of a URL."""

    @abstractmethod
    async def _identify(self, endpoint: E, limit_s: float) -> Reference:
        """Ask an endpoint which chain it serves; EndpointError, RpcError, ValueError."""

    @abstractmethod
    async def _sight(self, endpoint: E) -> Sighting:
        """Ask for chain and newest block; EndpointError, RpcError, ValueError."""

    @abstractmethod
    async def _read_hash(self, endpoint: E, height: int, sighting: Sighting) -> bytes | None:
        """Give an endpoint's hash at a height, None where it can give none; the same errors."""

    async def __aenter__(self) -> Self:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=16, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        self._session = session
        self._endpoints = tuple(self._open(session, url, self._observer) for url in self._urls)
        self._states = tuple(EndpointState(label=each.label) for each in self._endpoints)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def states(self) -> tuple[EndpointState, ...]:
        """What is known of each endpoint, in the configured order."""
        return self._states

    async def ask(
        self,
        question: Callable[[E], Awaitable[T]],
        *,
        timeout_s: float | None = None,
        hedge_s: float | None = None,
    ) -> T:
        """Put a question to the first endpoint that serves.

        With `hedge_s` the next endpoint is asked as well after each such wait, and the first
        answer counts. Raises RpcError as the node's verdict, MissingBlock where no endpoint has
        the block, Stale where they disagree, WrongChain, Unreachable. A block nobody has is asked
        for twice: behind a load balancer a head is known a moment before its state is.
        """
        limit = self.timeout_s if timeout_s is None else timeout_s
        try:
            return await self._ask_round(question, limit, hedge_s)
        except MissingBlock:
            await asyncio.sleep(self._missing_wait_s)
        return await self._ask_round(question, limit, hedge_s)

    async def ask_all(self, question: Callable[[E], Awaitable[T]]) -> list[T]:
        """Put a question to every endpoint in use, side by side; give the answers.

        Where none is in use the last resort is asked. Raises as `ask` where nobody answers.
        """
        asked = self._candidates()
        used = [index for index in asked if self._states[index].aside is None]
        async with asyncio.TaskGroup() as group:
            trials = [
                group.create_task(self._try(index, question, self.timeout_s))
                for index in used or asked
            ]
        outcomes = [trial.result() for trial in trials]
        if answers := [each.value for each in outcomes if isinstance(each, _Answer)]:
            return answers
        raise self._nobody(next((each for each in outcomes if isinstance(each, RpcError)), None))

    async def _ask_round(
        self, question: Callable[[E], Awaitable[T]], limit_s: float, hedge_s: float | None
    ) -> T:
        outcome = await self._race(deque(self._candidates()), question, limit_s, hedge_s)
        if isinstance(outcome, _Answer):
            return outcome.value
        raise self._nobody(outcome)

    async def _race(
        self,
        waiting: deque[int],
        question: Callable[[E], Awaitable[T]],
        limit_s: float,
        hedge_s: float | None,
    ) -> "_Outcome[T]":
        """Ask endpoint after endpoint, whenever one fails or `hedge_s` is over.

        Gives the first answer or verdict; after a refusal the last ones have `hedge_s` to know
        better. Who is overtaken stays in use: the checks judge it.
        """
        refused: RpcError | None = None
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[_Outcome[T]]] = set()
            while waiting or running:
                if waiting:
                    trial = self._try(waiting.popleft(), question, limit_s)
                    running.add(group.create_task(trial))
                done, running = await asyncio.wait(
                    running,
                    timeout=hedge_s if waiting or refused else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not (done or waiting) and refused:
                    _cancel(running)
                    return refused
                for outcome in [task.result() for task in done]:
                    if self._is_final(outcome):
                        _cancel(running)
                        return outcome
                    if isinstance(outcome, RpcError) and _is_worth_more(outcome, refused):
                        refused = outcome
        return refused

    async def _try(
        self, index: int, question: Callable[[E], Awaitable[T]], limit_s: float
    ) -> "_Outcome[T]":
        """Ask one endpoint; None when it did not serve and is set aside."""
        try:
            await self._verify(index, limit_s)
            answer = _Answer(await question(self._endpoints[index]))
        except EndpointError as error:
            self._fail(index, error)
        except WrongChain as error:
            self._put(index, Cause.WRONG_CHAIN, error.reason)
        except RpcError as error:
            return error
        else:
            self._served(index)
            return answer
        return None

    def _is_final(self, outcome: "_Outcome[T]") -> bool:
        return isinstance(outcome, _Answer) or (
            isinstance(outcome, RpcError) and outcome.kind in self.final
        )

    def _candidates(self) -> tuple[int, ...]:
        if self._split:
            raise Stale(self.chain, self._split)
        return policy.choose(self._states)

    def _nobody(self, refused: RpcError | None) -> Exception:
        if refused is not None:
            if refused.kind is RpcErrorKind.MISSING_BLOCK:
                return MissingBlock(self.chain, f"no endpoint has the block: {refused.reason}")
            return refused
        asides = [(s.label, s.aside) for s in self._states if s.aside]
        reason = "; ".join(f"{label}: {aside.reason}" for label, aside in asides)
        causes = {aside.cause for _, aside in asides}
        if causes == {Cause.WRONG_CHAIN}:
            return WrongChain(self.chain, reason)
        if Cause.DISAGREES in causes and not causes & {Cause.FAILED, Cause.LAGGING}:
            return Stale(self.chain, reason)
        return Unreachable(self.chain, reason or "no endpoint answered")

    async def _verify(self, index: int, limit_s: float) -> None:
        """Make sure of the chain once, and again after every failure."""
        if self._states[index].verified:
            return
        endpoint = self._endpoints[index]
        try:
            found = await self._identify(endpoint, limit_s)
        except ValueError as error:
            raise EndpointError(endpoint.label, f"which chain it serves: {error}") from error
        if found != self._reference:
            raise WrongChain(self.chain, f"answers for chain {found}, not {self._reference}")
        self._replace(index, replace(self._states[index], verified=True))

    async def check(self) -> None:
        """Check every endpoint that is due: chain, lag, and the hash at a common height.

        Never raises: what it finds shows in `states` and in what `ask` does next. A disagreement
        is looked at twice, since a reorg may fall between two answers.
        """
        now = self._now()
        sightings = await self._sight_all(policy.due(self._states, now=now))
        verdict = self._judge(await self._compare(sightings))
        disagreed = verdict.split or any(
            new.aside and not old.aside and new.aside.cause is Cause.DISAGREES
            for old, new in zip(self._states, verdict.states, strict=True)
        )
        if disagreed:
            verdict = self._judge(await self._compare(await self._sight_all(tuple(sightings))))
        if verdict.split and not self._split:
            _log.error("endpoints.split", chain=str(self.chain), reason=verdict.split)
        if self._split and not verdict.split:
            _log.info("endpoints.agree", chain=str(self.chain))
        self._split = verdict.split
        for index, state in enumerate(verdict.states):
            self._replace(index, state)

    def _judge(self, sightings: dict[int, Sighting]) -> policy.Verdict:
        return policy.judge(
            self._states,
            sightings,
            reference=self._reference,
            now=self._now(),
            limits=self._limits,
        )

    async def _sight_all(self, indexes: Sequence[int]) -> dict[int, Sighting]:
        async with asyncio.TaskGroup() as group:
            tasks = {i: group.create_task(self._sight_one(i)) for i in indexes}
        return {i: seen for i, task in tasks.items() if (seen := task.result())}

    async def _sight_one(self, index: int) -> Sighting | None:
        try:
            return await self._sight(self._endpoints[index])
        except (EndpointError, RpcError, ValueError) as error:
            self._fail(index, error)
            return None

    async def _compare(self, sightings: dict[int, Sighting]) -> dict[int, Sighting]:
        """Replace each sighting's hash by the one at the common height; who has none is left out.

        Alone, an endpoint has nobody to disagree with and is not asked.
        """
        height = policy.common_height(
            self._states, sightings, reference=self._reference, limits=self._limits
        )
        if height is None or len(sightings) == 1:
            return sightings
        async with asyncio.TaskGroup() as group:
            tasks = {
                i: group.create_task(self._hash_at(i, height, sighting))
                for i, sighting in sightings.items()
            }
        return {
            i: replace(sightings[i], hash=found)
            for i, task in tasks.items()
            if (found := task.result()) is not None
        }

    async def _hash_at(self, index: int, height: int, sighting: Sighting) -> bytes | None:
        if sighting.reference != self._reference:
            return sighting.hash  # it has no vote
        try:
            return await self._read_hash(self._endpoints[index], height, sighting)
        except (EndpointError, RpcError, ValueError) as error:
            self._fail(index, error)
            return None

    def _fail(self, index: int, error: EndpointError | RpcError | ValueError) -> None:
        reason = str(error) if isinstance(error, ValueError) else error.reason
        wait_s = error.retry_after_s if isinstance(error, EndpointError) else None
        self._put(index, Cause.FAILED, reason, wait_s)

    def _put(self, index: int, cause: Cause, reason: str, wait_s: float | None = None) -> None:
        state = policy.set_aside(
            self._states[index],
            cause,
            reason,
            now=self._now(),
            limits=self._limits,
            wait_s=wait_s,
        )
        self._replace(index, state)

    def _served(self, index: int) -> None:
        """Let a failed endpoint that just served as the last resort back in at once."""
        state = self._states[index]
        if state.aside is not None and state.aside.cause is Cause.FAILED:
            self._replace(index, policy.readmit(state))

    def _replace(self, index: int, state: EndpointState) -> None:
        old = self._states[index]
        self._states = (*self._states[:index], state, *self._states[index + 1 :])
        if (old.aside is None) == (state.aside is None):
            return
        if state.aside is not None:
            _log.warning(
                "endpoint.set_aside",
                chain=str(self.chain),
                endpoint=state.label,
                cause=state.aside.cause.value,
                reason=state.aside.reason,
            )
        else:
            _log.info("endpoint.readmitted", chain=str(self.chain), endpoint=state.label)
        if self._listener is not None:
            self._listener(state)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    """What an endpoint answered, which may be None."""

    value: T


_Outcome: TypeAlias = _Answer[T] | RpcError | None


def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _is_worth_more(refusal: RpcError, known: RpcError | None) -> bool:
    """Say whether to report this refusal: a missing block before others, else the first."""
    return known is None or refusal.kind is RpcErrorKind.MISSING_BLOCK
