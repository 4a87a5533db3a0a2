"""Evidence of borrowers on a real market, gathered as a daemon gathers it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chains.evm.client import EvmClient
from chains.evm.multicall import read
from chains.evm.proofs import collect, read_header
from chains.evm.protocols.aave_v3.adapter import MarketRead
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from proofs.evidence.aave_v3 import ProvedMarket, read_market
from proofs.evidence.bundle import BlockEvidence, open_block
from proofs.evidence.collect import Collector, Reading
from proofs.evidence.state import Lacking, ProvedState
from proofs.evidence.users import Subject
from tests.chains.evm.protocols.aave_v3.seeding import account_of, client_of, open_market
from tests.support.devnet import DevChain

GIVEN: Mapping[Address, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What was read of a market at a block, and the evidence of it."""

    anchor: BlockAnchor
    pool: Address
    subjects: tuple[Subject, ...]
    adapter: MarketRead
    evidence: BlockEvidence
    asked: Lacking

    def reading(
        self, *, subjects: Sequence[Subject] | None = None, given: Mapping[Address, int] = GIVEN
    ) -> Reading[ProvedMarket]:
        return lambda state: read_market(
            state, self.pool, subjects or self.subjects, now=self.anchor.time, given=given
        )

    def verify(
        self,
        evidence: BlockEvidence | None = None,
        *,
        subjects: Sequence[Subject] | None = None,
        given: Mapping[Address, int] = GIVEN,
    ) -> ProvedMarket:
        """Verify as someone does who has the block's hash and the evidence alone."""
        header, state = open_block(evidence or self.evidence, self.anchor.hash)
        assert header.time == self.anchor.time
        proved = self.reading(subjects=subjects, given=given)(state)
        state.check_all_used()
        return proved


def gather(
    chain: DevChain, addresses: Sequence[Address], *, given: Mapping[Address, int] = GIVEN
) -> Gathered:
    """Read accounts with the adapter and gather their evidence, at one block."""
    return asyncio.run(_gather(chain, [account_of(chain, address) for address in addresses], given))


async def _gather(
    chain: DevChain, accounts: Sequence[AccountId], given: Mapping[Address, int]
) -> Gathered:
    pool = chain.deployment.aave.pool
    async with client_of(chain) as client:
        market = await open_market(chain, client)
        anchor = (await client.read_head("latest")).anchor
        found = await read(client, anchor, market.plan_read(accounts, anchor=anchor))
        subjects = tuple(subject_of(found, account) for account in accounts)
        evidence, asked = await gather_block(
            client,
            anchor,
            lambda state: read_market(state, pool, subjects, now=anchor.time, given=given),
        )
    return Gathered(
        anchor=anchor,
        pool=pool,
        subjects=subjects,
        adapter=found,
        evidence=evidence,
        asked=asked,
    )


def subject_of(found: MarketRead, account: AccountId) -> Subject:
    """Name the assets that an account holds, though it may not use them as collateral."""
    held = [h.number for h in found.users[account].holdings if h.scaled_collateral]
    assets = frozenset(found.state.reserves[number].asset for number in held)
    return Subject(account=account.evm_address, assets=assets)


async def gather_block(
    client: EvmClient,
    anchor: BlockAnchor,
    reading: Reading[object],
    *,
    first: Lacking | None = None,
) -> tuple[BlockEvidence, Lacking]:
    """Gather the evidence of a reading at a block."""
    assert anchor.state_root is not None
    header = await read_header(client, anchor)
    collector = Collector(anchor.state_root, reading)
    await collect(client, anchor, collector, first=first)
    _, nodes, codes = collector.finish()
    chain = str(anchor.chain)
    evidence = BlockEvidence(chain=chain, header=header, nodes=nodes, codes=codes)
    return evidence, collector.asked


def read_one(state: ProvedState, gathered: Gathered, subject: Subject) -> ProvedMarket:
    """Read one account of a gathered market."""
    return read_market(state, gathered.pool, [subject], now=gathered.anchor.time)
