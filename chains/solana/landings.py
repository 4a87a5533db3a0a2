"""What became of transactions: as the pool answers, or as each endpoint alone does.

Where an answer would let something be done twice, or stop something for good, every endpoint is
asked by itself: one that is behind, or forgot its history, proves nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from solders.signature import Signature

from chains.errors import ChainError, Unreachable
from chains.solana.client import SolanaClient
from chains.solana.decode import Landing, Look

T = TypeVar("T")


class LandingReader:
    """Reads the transactions of one chain; `endpoints` are the URLs of the client's pool."""

    def __init__(self, client: SolanaClient, endpoints: Sequence[str]) -> None:
        self.chain: Final = client.chain
        self._client = client
        self._endpoints = tuple(endpoints)

    async def read(self, signature: Signature) -> Landing | None:
        """Give what the pool says a transaction did, None while it is in no block."""
        return await self._client.read_landing(signature)

    async def read_everywhere(self, signature: Signature) -> tuple[Landing, ...]:
        """Give what each endpoint by itself says a transaction did.

        Endpoints that do not answer are left out; ChainError where none does.
        """
        answers = await self._ask_each(lambda alone: alone.read_landing(signature))
        return tuple(answer for answer in answers if answer is not None)

    async def look_everywhere(self, signature: Signature) -> tuple[Look, ...]:
        """Give where each endpoint by itself sees a transaction, and how far it is; as above."""
        return tuple(await self._ask_each(lambda alone: alone.look(signature)))

    async def _ask_each(self, ask: Callable[[SolanaClient], Awaitable[T]]) -> list[T]:
        found: list[T] = []
        silent: list[str] = []
        for url in self._endpoints:
            try:
                async with SolanaClient(
                    chain=self.chain, endpoints=[url], commitment=self._client.commitment
                ) as alone:
                    found.append(await ask(alone))
            except ChainError as error:
                silent.append(error.reason)
        if not found:
            raise Unreachable(self.chain, "; ".join(silent))
        return found
