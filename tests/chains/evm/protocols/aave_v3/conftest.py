"""A seeded market per Aave version, shared by the tests of this folder and undone after them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from chains.evm.client import EvmClient
from chains.evm.multicall import read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market, MarketRead
from chains.model.ids import AccountId
from tests.chains.evm.protocols.aave_v3.seeding import (
    Borrower,
    account_of,
    client_of,
    open_market,
    seed_market,
)
from tests.support.devnet import DevChain, Devnet

SEED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """A chain with its borrowers."""

    chain: DevChain
    borrowers: tuple[Borrower, ...]

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        return tuple(account_of(self.chain, borrower.address) for borrower in self.borrowers)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMarket:
    """A market opened on a seeded chain."""

    seeded: Seeded
    client: EvmClient
    market: AaveV3Market

    @property
    def chain(self) -> DevChain:
        return self.seeded.chain

    async def read(self, *accounts: AccountId) -> MarketRead:
        head = await self.client.read_head("latest")
        plan = self.market.plan_read(accounts, anchor=head.anchor)
        return await read(self.client, head.anchor, plan)


@pytest.fixture(scope="module", params=["cheap", "dear"])
def seeded(request: pytest.FixtureRequest, shared_devnet: Devnet) -> Iterator[Seeded]:
    chain: DevChain = getattr(shared_devnet, request.param)
    name = chain.snapshot()
    yield Seeded(chain=chain, borrowers=seed_market(chain, SEED))
    chain.revert(name)


@pytest.fixture
async def market(seeded: Seeded) -> AsyncIterator[OpenMarket]:
    name = seeded.chain.snapshot()
    async with client_of(seeded.chain) as client:
        opened = await open_market(seeded.chain, client)
        yield OpenMarket(seeded=seeded, client=client, market=opened)
    seeded.chain.rpc.request("evm_revert", name)
