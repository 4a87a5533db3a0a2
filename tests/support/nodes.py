"""Bare anvils and the clients in front of them, for tests that need a chain but no protocol."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from chains.evm.client import EvmClient
from chains.model.ids import ChainId
from chains.rpc.policy import Limits
from chains.rpc.pool import Listener
from daemon.devnet.anvil import HARDFORK, Anvil
from tests.support.proxy import FaultProxy

CHAIN = ChainId.evm(31337)
GWEI = 10**9
QUICK = Limits(backoff_s=0.0, backoff_cap_s=0.0)
"""Set-aside endpoints are due at every check, so that tests need not wait."""


@contextmanager
def running_anvil(
    *, chain_id: int = 31337, automine: bool = False, hardfork: str = HARDFORK
) -> Iterator[Anvil]:
    """Start a bare anvil that mines when told to."""
    with (
        TemporaryDirectory(prefix="plimsoll-anvil-") as folder,
        Anvil.start(
            chain_id=chain_id, folder=Path(folder) / "node", automine=automine, hardfork=hardfork
        ) as anvil,
    ):
        yield anvil


_unlike = count()


def mine(anvil: Anvil, blocks: int = 1) -> None:
    """Mine blocks at about one gwei, no two alike.

    Empty blocks of one second would have the same hash again after a reorg.
    """
    for _ in range(blocks):
        anvil.mine(GWEI + next(_unlike))


@asynccontextmanager
async def proxied(
    anvil: Anvil,
    proxies_wanted: int = 1,
    *,
    timeout_s: float = 0.4,
    limits: Limits = QUICK,
    listener: Listener | None = None,
) -> AsyncIterator[tuple[EvmClient, list[FaultProxy]]]:
    """Give a client whose endpoints are this many proxies in front of one node."""
    async with AsyncExitStack() as stack:
        proxies = [
            await stack.enter_async_context(FaultProxy(anvil.rpc.url))
            for _ in range(proxies_wanted)
        ]
        urls = [proxy.url for proxy in proxies]
        client = EvmClient(
            chain=CHAIN, endpoints=urls, timeout_s=timeout_s, limits=limits, listener=listener
        )
        yield await stack.enter_async_context(client), proxies
