"""Four members of a committee who state the vaults of two real chains, each through its own client.

The members run in this process with real listeners, wires and stores; the contracts are the ground
of tests.support.vaults. Time is the wall's.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from chains.evm.client import EvmClient
from chains.evm.vaults import VaultContracts, VaultReader
from chains.model.ids import Address, ChainId
from daemon.committee.vault_rounds import VaultTerms
from daemon.committee.vaults import VaultSetup
from daemon.storage.database import Database
from daemon.storage.vault_statements import VaultStatementStore
from proofs.vault_document import VaultDocument
from proofs.vaults import FactKey, FactKind, VaultFact
from tests.support.council import Council, seated
from tests.support.vault_council import VaultSeats
from tests.support.vaults import DEPLOYMENT, MEMBERS, Ground, VaultChain, Witness, found_committee

DEPTH: Final = 2
STALE_S: Final = 3_600
FAST: Final = VaultTerms(turn_s=0.25, refresh_s=1.0, round_s=1.0, grace_s=0.1, poll_s=0.1)


class VaultStand(VaultSeats):
    """The members above a ground."""

    def __init__(self, ground: Ground, council: Council) -> None:
        super().__init__(council)
        self.ground = ground

    def settle(self) -> None:
        """Mine until what has happened on both chains is final."""
        for place in self.ground.chains:
            for _ in range(DEPTH):
                place.chain.mine()

    async def statement(
        self, place: VaultChain, key: FactKey, *members: int, by: set[int] | None = None
    ) -> VaultDocument:
        """Wait for the statement of a fact as the chain's contracts hold it now."""
        of_seizure = key.kind in (FactKind.LOCK, FactKind.RECEIPT, FactKind.CLOSED)
        value = place.fact(key, of_seizure=of_seizure)
        return await self.until_found(place.number, key, value, members, by=by)


def as_witness(document: VaultDocument) -> Witness:
    """Give what contracts take with a fact."""
    assert isinstance(document.said, VaultFact)
    return Witness(height=document.said.height, bitmap=document.bitmap, proof=document.proof)


@asynccontextmanager
async def standing(ground: Ground, folder: Path) -> AsyncIterator[VaultStand]:
    """Open the members; nobody is started yet."""
    council = Council(
        folder, MEMBERS, deployment=DEPLOYMENT, root=found_committee(), clock=time.time
    )
    async with AsyncExitStack() as stack:
        for seat in council.seats:
            readers = []
            for place in ground.chains:
                client = EvmClient(chain=ChainId.evm(place.number), endpoints=[place.chain.url])
                await stack.enter_async_context(client)
                readers.append(VaultReader(client, contracts_of(place)))
            seat.vaults_of = _setup(readers)
        await stack.enter_async_context(seated(council))
        yield VaultStand(ground, council)


def contracts_of(place: VaultChain, *, depth: int | None = DEPTH) -> VaultContracts:
    """Give a chain's contracts as a committee reads them."""
    return VaultContracts(
        vault=place.vault,
        seizure=Address(place.seizure),
        notary=place.notary,
        start_block=0,
        depth=depth,
    )


def _setup(readers: list[VaultReader]) -> Callable[[Database], VaultSetup]:
    def build(database: Database) -> VaultSetup:
        return VaultSetup(
            nodes=[(reader, STALE_S) for reader in readers],
            store=VaultStatementStore(database),
            terms=FAST,
        )

    return build
