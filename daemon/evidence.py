"""Evidence of what is attested: storage proofs at a statement's own blocks, one round of questions.

A chain whose evidence does not come in time, or whose endpoints have no proofs, is quorum-read and
its leaves say so. Evidence that contradicts what was read is never passed over: an endpoint lies,
or the daemon is wrong, and nothing is signed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from chains.errors import ChainError
from chains.evm.client import EvmClient
from chains.evm.proofs import collect, read_header
from chains.model.anchor import BlockAnchor
from chains.model.ids import ChainId
from proofs.evidence.bundle import MOST_PARTS, BlockEvidence, count_parts
from proofs.evidence.check import mark_proved
from proofs.evidence.claims import Claim, find_claims, read_claim
from proofs.evidence.collect import Collector
from proofs.evidence.flaws import EvidenceRefused
from proofs.evidence.state import Lacking
from proofs.refusal import Refused
from proofs.statement import Statement

BOUND_S: Final = 3.0
"""How long an attestation that nobody waits for may wait for its evidence."""

log = structlog.get_logger(__name__)


class Contradicted(Exception):
    """What was proved is not what was read: nothing may be signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A statement whose leaves are marked, and the evidence of it by chain, codes included."""

    statement: Statement
    evidence: tuple[BlockEvidence, ...] = ()


@dataclass(slots=True, kw_only=True)
class Gatherer:
    """Gathers evidence by chain (CAIP-2); what was asked before is asked at once."""

    clients: Mapping[ChainId, EvmClient]
    bound_s: float = BOUND_S
    _codes: dict[ChainId, dict[bytes, None]] = field(default_factory=dict)
    _asked: dict[tuple[str, ...], Lacking] = field(default_factory=dict)
    _lacking: set[ChainId] = field(default_factory=set)

    async def prove(self, statement: Statement) -> Proven:
        """Give the statement with everything marked that could be proved in time.

        Contradicted where a chain's state is not what the statement says.
        """
        claims = find_claims(statement)
        tasks: dict[str, asyncio.Task[BlockEvidence | None]] = {}
        async with asyncio.TaskGroup() as group:
            for chain, claim in claims.items():
                tasks[chain] = group.create_task(self._gather(ChainId.parse(chain), claim))
        found = tuple(block for task in tasks.values() if (block := task.result()))
        if (parts := count_parts(found)) > MOST_PARTS:
            log.warning("evidence.too_large", parts=parts, most=MOST_PARTS)
            return Proven(statement=statement)
        try:
            return Proven(statement=mark_proved(statement, found), evidence=found)
        except Refused as error:
            raise Contradicted(str(error)) from error

    async def _gather(self, chain: ChainId, claim: Claim) -> BlockEvidence | None:
        if (client := self.clients.get(chain)) is None:
            return None
        try:
            async with asyncio.timeout(self.bound_s):
                evidence = await self._collect(client, claim)
        except TimeoutError:
            self._tell_lacking(chain, f"it did not come in {self.bound_s:g} s")
            return None
        except (ChainError, EvidenceRefused) as error:
            self._tell_lacking(chain, str(error))
            return None
        if chain in self._lacking:
            self._lacking.discard(chain)
            log.info("evidence.recovered", chain=str(chain))
        return evidence

    async def _collect(self, client: EvmClient, claim: Claim) -> BlockEvidence:
        anchor = _anchor_of(client.chain, claim)
        name = (claim.block.caip2, *claim.accounts, *(m.market for m in claim.markets))
        codes = self._codes.setdefault(client.chain, {})
        collector = Collector(claim.block.state_root, lambda state: read_claim(state, claim))
        collector.add((), codes)
        header = await read_header(client, anchor)
        await collect(client, anchor, collector, first=self._asked.get(name))
        _, nodes, used = collector.finish()
        codes.update(dict.fromkeys(used))
        self._asked[name] = Lacking(collector.asked.slots, frozenset())
        return BlockEvidence(chain=claim.block.caip2, header=header, nodes=nodes, codes=used)

    def _tell_lacking(self, chain: ChainId, reason: str) -> None:
        """Say once that a chain's leaves are quorum-read from now on."""
        if chain not in self._lacking:
            self._lacking.add(chain)
            log.warning("evidence.lacking", chain=str(chain), reason=reason)


def _anchor_of(chain: ChainId, claim: Claim) -> BlockAnchor:
    block = claim.block
    return BlockAnchor(
        chain=chain,
        height=block.height,
        hash=block.block_hash,
        time=block.time,
        state_root=block.state_root,
    )
