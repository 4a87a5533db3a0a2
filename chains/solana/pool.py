"""The endpoints of one Solana chain behind one question: asks, fails over, checks, lets back in.

The policy is that of `chains.evm.endpoints`, which knows nothing of EVM; heights are slots at our
commitment. An endpoint belongs to the chain when its genesis hash begins with the CAIP-2
reference. Requests are not batched: Surfpool and some providers refuse batches.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
import structlog

from chains.errors import Stale, Unreachable, WrongChain
from chains.evm import endpoints as policy
from chains.evm.endpoints import Cause, EndpointState, Limits, Sighting
from chains.evm.pool import Listener
from chains.evm.rpc import EndpointError, Observer, RpcError, RpcErrorKind
from chains.model.ids import ChainId
from chains.solana.decode import decode_block_hash, decode_count, decode_text
from chains.solana.rpc import MAX_REPLY_BYTES, Commitment, SolanaEndpoint

T = TypeVar("T")
Question = Callable[[SolanaEndpoint], Awaitable[T]]

SOLANA: Final = "solana"
LIMITS: Final = Limits(max_lag=20)
"""Eight seconds of slots: providers that are well differ by a few."""
REFERENCE_LENGTH: Final = 32
"""Characters of the genesis hash in a CAIP-2 id."""
_ONE: Final = 1  # the policy tells chains apart by number; here wrong ones never get that far
# The node's own verdict on the request: another endpoint would say the same.
_FINAL: Final = frozenset({RpcErrorKind.BAD_PARAMS, RpcErrorKind.REVERTED})
_log = structlog.get_logger(__name__)


class SolanaPool:
    """Several endpoints of one chain, as one; an async context manager.

    `listener` hears of each endpoint once when it is set aside and once when it is let back in.
    """

    def __init__(
        self,
        *,
        chain: ChainId,
        urls: Sequence[str],
        commitment: Commitment,
        timeout_s: float,
        limits: Limits = LIMITS,
        behind_wait_s: float = 0.4,
        listener: Listener | None = None,
        observer: Observer | None = None,
    ) -> None:
        if not urls:
            raise ValueError(f"{chain}: no RPC endpoint is configured")
        if chain.namespace != SOLANA or len(chain.reference) != REFERENCE_LENGTH:
            raise ValueError(f"{chain}: not solana: and the first 32 letters of a genesis hash")
        self.chain: Final = chain
        self.timeout_s: Final = timeout_s
        self._commitment = commitment
        self._urls = tuple(urls)
        self._limits = limits
        self._behind_wait_s = behind_wait_s
        self._listener = listener
        self._observer = observer
        self._endpoints: tuple[SolanaEndpoint, ...] = ()
        self._states: tuple[EndpointState, ...] = ()
        self._split: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=16, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        self._session = session
        self._endpoints = tuple(
            SolanaEndpoint(
                session, self.chain, url, max_bytes=MAX_REPLY_BYTES, observer=self._observer
            )
            for url in self._urls
        )
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

    async def ask(self, question: Question[T], *, timeout_s: float | None = None) -> T:
        """Put a question to the first endpoint that serves.

        Raises RpcError as the node's verdict, Stale where no endpoint has reached the slot asked
        for or they disagree, WrongChain, Unreachable. A slot nobody has is asked for twice: a
        head is known at one node a moment before it is at another.
        """
        limit = self.timeout_s if timeout_s is None else timeout_s
        try:
            return await self._ask_round(question, limit)
        except _Behind:
            await asyncio.sleep(self._behind_wait_s)
        try:
            return await self._ask_round(question, limit)
        except _Behind as behind:
            raise Stale(self.chain, f"no endpoint has the slot: {behind}") from behind

    async def _ask_round(self, question: Question[T], limit_s: float) -> T:
        if self._split:
            raise Stale(self.chain, self._split)
        refused: RpcError | None = None
        for index in policy.choose(self._states):
            try:
                await self._verify(index, limit_s)
                answer = await question(self._endpoints[index])
            except EndpointError as error:
                self._fail(index, error)
            except WrongChain as error:
                self._put(index, Cause.WRONG_CHAIN, error.reason)
            except RpcError as error:
                if error.kind in _FINAL:
                    raise
                if refused is None or error.kind is RpcErrorKind.MISSING_BLOCK:
                    refused = error
            else:
                self._served(index)
                return answer
        raise self._nobody(refused)

    def _nobody(self, refused: RpcError | None) -> Exception:
        if refused is not None:
            behind = refused.kind is RpcErrorKind.MISSING_BLOCK
            return _Behind(refused.reason) if behind else refused
        asides = [(state.label, state.aside) for state in self._states if state.aside]
        reason = "; ".join(f"{label}: {aside.reason}" for label, aside in asides)
        causes = {aside.cause for _, aside in asides}
        if causes == {Cause.WRONG_CHAIN}:
            return WrongChain(self.chain, reason)
        if Cause.DISAGREES in causes and not causes & {Cause.FAILED, Cause.LAGGING}:
            return Stale(self.chain, reason)
        return Unreachable(self.chain, reason or "no endpoint answered")

    async def _verify(self, index: int, limit_s: float) -> None:
        """Make sure of the genesis hash once, and again after every failure."""
        if self._states[index].verified:
            return
        await self._check_genesis(self._endpoints[index], limit_s)
        self._replace(index, replace(self._states[index], verified=True))

    async def _check_genesis(self, endpoint: SolanaEndpoint, limit_s: float) -> None:
        answer = await endpoint.request("getGenesisHash", [], timeout_s=limit_s)
        try:
            genesis = decode_text(answer)
        except ValueError as error:
            raise EndpointError(endpoint.label, f"getGenesisHash: {error}") from error
        if genesis[:REFERENCE_LENGTH] != self.chain.reference:
            raise WrongChain(self.chain, f"its genesis hash is {genesis[:44]}")

    async def check(self) -> None:
        """Check every endpoint that is due: genesis, lag, and the block hash at a common slot.

        Never raises: what it finds shows in `states` and in what `ask` does next. A disagreement
        is looked at twice.
        """
        sightings = await self._sight(policy.due(self._states, now=self._now()))
        verdict = self._judge(await self._compare(sightings))
        disagreed = verdict.split or any(
            new.aside and not old.aside and new.aside.cause is Cause.DISAGREES
            for old, new in zip(self._states, verdict.states, strict=True)
        )
        if disagreed:
            verdict = self._judge(await self._compare(await self._sight(tuple(sightings))))
        if verdict.split and not self._split:
            _log.error("endpoints.split", chain=str(self.chain), reason=verdict.split)
        if self._split and not verdict.split:
            _log.info("endpoints.agree", chain=str(self.chain))
        self._split = verdict.split
        for index, state in enumerate(verdict.states):
            self._replace(index, state)

    def _judge(self, sightings: dict[int, Sighting]) -> policy.Verdict:
        return policy.judge(
            self._states, sightings, chain_number=_ONE, now=self._now(), limits=self._limits
        )

    async def _sight(self, indexes: Sequence[int]) -> dict[int, Sighting]:
        async with asyncio.TaskGroup() as group:
            tasks = {i: group.create_task(self._sight_one(i)) for i in indexes}
        return {i: seen for i, task in tasks.items() if (seen := task.result())}

    async def _sight_one(self, index: int) -> Sighting | None:
        endpoint = self._endpoints[index]
        config = {"commitment": self._commitment.value}
        try:
            await self._check_genesis(endpoint, self.timeout_s)
            slot = await endpoint.request("getSlot", [{**config}], timeout_s=self.timeout_s)
            return Sighting(chain_number=_ONE, height=decode_count(slot), hash=b"")
        except WrongChain as error:
            self._put(index, Cause.WRONG_CHAIN, error.reason)
        except (EndpointError, RpcError, ValueError) as error:
            self._fail(index, error)
        return None

    async def _compare(self, sightings: dict[int, Sighting]) -> dict[int, Sighting]:
        """Fill in the block hashes at the common slot; who can give none is left out.

        Alone, an endpoint has nobody to disagree with and is not asked.
        """
        slot = policy.common_height(self._states, sightings, chain_number=_ONE, limits=self._limits)
        if slot is None or len(sightings) == 1:
            return sightings
        async with asyncio.TaskGroup() as group:
            tasks = {
                i: group.create_task(self._hash_at(i, slot, sighting))
                for i, sighting in sightings.items()
            }
        return {
            i: replace(sightings[i], hash=found)
            for i, task in tasks.items()
            if (found := task.result()) is not None
        }

    async def _hash_at(self, index: int, slot: int, sighting: Sighting) -> bytes | None:
        if sighting.height < slot:
            return b""  # it lags, and has no vote
        config = {
            "commitment": self._commitment.value,
            "transactionDetails": "none",
            "rewards": False,
            "maxSupportedTransactionVersion": 0,
        }
        try:
            block = await self._endpoints[index].request(
                "getBlock", [slot, {**config}], timeout_s=self.timeout_s
            )
            return decode_block_hash(block)
        except RpcError:
            return None  # the slot is empty, not there yet, or the node serves no blocks
        except (EndpointError, ValueError) as error:
            self._fail(index, error)
        return None

    def _fail(self, index: int, error: EndpointError | RpcError | ValueError) -> None:
        reason = str(error) if isinstance(error, ValueError) else error.reason
        wait_s = error.retry_after_s if isinstance(error, EndpointError) else None
        self._put(index, Cause.FAILED, reason, wait_s)

    def _put(self, index: int, cause: Cause, reason: str, wait_s: float | None = None) -> None:
        now = self._now()
        state = policy.set_aside(
            self._states[index], cause, reason, now=now, limits=self._limits, wait_s=wait_s
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


class _Behind(Exception):
    """No endpoint has reached the slot asked for."""
