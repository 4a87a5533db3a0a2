"""A seeded market per Aave version with the evidence of all its borrowers, undone after it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pytest_socket import enable_socket

from chains.model.ids import Address
from tests.chains.evm.protocols.aave_v3.seeding import seed_market
from tests.proofs.evidence.gathering import Gathered, gather
from tests.support.devnet import DevChain, Devnet

SEED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A chain with its borrowers, the evidence of all of them, and that of the first few."""

    chain: DevChain
    borrowers: tuple[Address, ...]
    all: Gathered
    few: Gathered


@pytest.fixture(scope="module", params=["cheap", "dear"])
def scene(request: pytest.FixtureRequest, shared_devnet: Devnet) -> Iterator[Scene]:
    enable_socket()
    chain: DevChain = getattr(shared_devnet, request.param)
    name = chain.snapshot()
    borrowers = tuple(borrower.address for borrower in seed_market(chain, SEED))
    yield Scene(
        chain=chain,
        borrowers=borrowers,
        all=gather(chain, borrowers),
        few=gather(chain, borrowers[:3]),
    )
    chain.revert(name)
