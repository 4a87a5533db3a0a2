"""What became of transactions: as the pool answers, or as each endpoint alone does.

Where an answer would let something be done twice, or stop something for good, every endpoint is
asked by itself: one that is behind, or forgot its history, proves nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from solders.signature import Signature

from chains.errors import ChainError, Unreachable
from chains.rpc.endpoint import label_of
from chains.solana.client import SolanaClient
from chains.solana.decode import Landing, Look

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Where each endpoint that answered sees a transaction, and how far it is.

    `trusted` are those of endpoints that are not set aside, or all where each one is.
    """

    every: tuple[Look, ...]
    trusted: tuple[Look, ...]


class LandingReader:
    """Reads the transactions of one chain; `endpoints` are the URLs of the client's pool.

    Who is asked alone has `timeout_s` for all its answers.
    """

    def __init__(
        self, client: SolanaClient, endpoints: Sequence[str], *, timeout_s: float = 5.0
    ) -> None:
        self.chain: Final = client.chain
        self._client = client
        self._endpoints = tuple(endpoints)
        self._timeout_s = timeout_s

    async def read(self, signature: Signature) -> Landing | None:
        """Give what the pool says a transaction did, None while it is in no block."""
        return await self._client.read_landing(signature)

    async def read_everywhere(self, signature: Signature) -> tuple[Landing, ...]:
        """Give what each endpoint by itself says a transaction did.

        Endpoints that do not answer are left out; ChainError where none does.
        """
        answers = await self._ask_each(lambda alone: alone.read_landing(signature))
        return tuple(answer for answer in answers.values() if answer is not None)

    async def look_everywhere(self, signature: Signature) -> Looks:
        """Give where each endpoint by itself sees a transaction, and how far it is; as above."""
        answers = await self._ask_each(lambda alone: alone.look(signature))
        aside = self._client.endpoints_aside
        every = tuple(answers.values())
        trusted = tuple(look for url, look in answers.items() if url not in aside)
        return Looks(every=every, trusted=trusted or every)

    async def _ask_each(self, ask: Callable[[SolanaClient], Awaitable[T]]) -> dict[str, T]:
        """Ask every endpoint, side by side; give the answers by URL."""
        async with asyncio.TaskGroup() as group:
            tasks = {url: group.create_task(self._ask_alone(url, ask)) for url in self._endpoints}
        results = {url: task.result() for url, task in tasks.items()}
        found = {url: one.value for url, one in results.items() if isinstance(one, _Answer)}
        if not found:
            silent = [one for one in results.values() if isinstance(one, str)]
            raise Unreachable(self.chain, "; ".join(silent))
        return found

    async def _ask_alone(
        self, url: str, ask: Callable[[SolanaClient], Awaitable[T]]
    ) -> "_Answer[T] | str":
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                SolanaClient(
                    chain=self.chain, endpoints=[url], commitment=self._client.commitment
                ) as alone,
            ):
                return _Answer(await ask(alone))
        except ChainError as error:
            return error.reason
        except TimeoutError:
            return f"{label_of(url)}: no answer within {self._timeout_s:g} s"


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    """What an endpoint answered, which may be None."""

    value: T
