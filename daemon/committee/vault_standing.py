"""What committees stated of vaults, as this member keeps it and gives it to others.

Nobody is believed for being a member: a statement is kept when a quorum signed it whose committee
some vault counts, or which attests now. The newest of each thing is kept.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.committee.vault_acting import Acting
from daemon.storage.vault_statements import VaultStatementStore
from proofs.committee import Committee
from proofs.quorum import check_quorum
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme
from proofs.vault_document import VaultDocument
from proofs.vaults import FactKey, FactKind, VaultFact
from proofs.verify import CLOCK_TOLERANCE_S


class VaultStatements(Protocol):
    """Statements as keepers and wallets read them; chains are EIP-155 numbers."""

    async def facts_for(
        self, chain: int, *, account: bytes | None = None, kind: FactKind | None = None
    ) -> tuple[VaultDocument, ...]:
        """Give facts that a chain's contracts take now, signed by whom they count."""
        ...

    async def find_fact(self, chain: int, key: FactKey) -> VaultDocument | None:
        """Give a fact of a chain's vault or seizure as its taker's contracts count it, or None."""
        ...

    async def newest_quantities(
        self, account: bytes, *, consumer: int | None = None
    ) -> VaultDocument | None:
        """Give an account's newest quantities, as `consumer`'s contracts take them if named."""
        ...


@dataclass(slots=True, kw_only=True)
class VaultStanding:
    """The statements kept; a `VaultStatements`. `turn_s` is how long a sequence lasts."""

    acting: Acting
    store: VaultStatementStore
    turn_s: float
    clock: Callable[[], float] = time.time

    async def facts_for(
        self, chain: int, *, account: bytes | None = None, kind: FactKind | None = None
    ) -> tuple[VaultDocument, ...]:
        """Give facts that a chain's contracts take now."""
        committee = self._counted_on(chain)
        if committee is None:
            return ()
        return await self.store.read_facts(committee, chain, account, kind)

    async def find_fact(self, chain: int, key: FactKey) -> VaultDocument | None:
        """Give a fact of a chain's vault or seizure as its taker's contracts count it."""
        found = await self.store.find_place(chain, key)
        committee = self._counted_on(found.consumer) if found else None
        if found is None or committee is None:
            return None
        return await self.store.read_fact(committee, chain, found.source, key.hash)

    async def newest_quantities(
        self, account: bytes, *, consumer: int | None = None
    ) -> VaultDocument | None:
        """Give an account's newest quantities."""
        numbers = self.acting.chains.by_number if consumer is None else (consumer,)
        found = [
            document
            for committee in {self._counted_on(number) for number in numbers}
            if committee is not None
            and (document := await self.store.read_quantities(committee, account)) is not None
        ]
        return max(found, key=_sequence, default=None)

    async def adopt(self, documents: Sequence[VaultDocument]) -> int:
        """Keep what is newer, once verified; gives how many were. Refused, the first that is bad.

        StorageError where they cannot be kept.
        """
        new = [d for d in documents if await self._is_newer(d)]
        await asyncio.to_thread(self._verify, new)
        return await self.store.write_statements(new) if new else 0

    async def _is_newer(self, document: VaultDocument) -> bool:
        known = await self.store.read_ordinal(document)
        said = document.said
        ordinal = said.height if isinstance(said, VaultFact) else said.sequence
        return known is None or known < ordinal

    def _verify(self, documents: Sequence[VaultDocument]) -> None:
        for document in documents:
            self._check_committee(document)
            self._check_subject(document)
            digest, signatures = document.digest, document.signatures
            check_quorum(document.committee, Scheme.SECP256K1, digest, signatures)

    def _check_committee(self, document: VaultDocument) -> None:
        membership, committee = self.acting.membership, document.committee
        if document.deployment != membership.deployment:
            raise Refused(Refusal.DEPLOYMENT, f"the deployment is {document.deployment!r}")
        if document.said.committee_id != committee.id:
            raise Refused(Refusal.COMMITTEE_ID, "the committee named is another")
        if membership.chain.find(committee.id) is None:
            raise Refused(Refusal.COMMITTEE_UNKNOWN, f"0x{committee.id.hex()} is not known")
        current: Committee | None = membership.current(int(self.clock()))
        counts = bool(self.acting.chains.consumers(committee.id))
        if not counts and (current is None or current.id != committee.id):
            detail = f"no vault counts 0x{committee.id.hex()}"
            raise Refused(Refusal.COMMITTEE_SUPERSEDED, detail)

    def _check_subject(self, document: VaultDocument) -> None:
        said = document.said
        if isinstance(said, VaultFact):
            chain = self.acting.chains.by_number.get(said.chain_id)
            known = (chain.node.contracts.vault, chain.node.contracts.seizure) if chain else ()
            if said.source not in known:
                detail = f"{said.source} on chain {said.chain_id} is no vault of mine"
                raise Refused(Refusal.REFERENCE, detail)
        elif said.sequence > (self.clock() + CLOCK_TOLERANCE_S) // self.turn_s:
            raise Refused(Refusal.FUTURE, f"sequence {said.sequence} is ahead of the clock")

    def _counted_on(self, number: int) -> bytes | None:
        chain = self.acting.chains.by_number.get(number)
        return chain.committees[0] if chain and chain.committees else None


def _sequence(document: VaultDocument) -> int:
    return 0 if isinstance(document.said, VaultFact) else document.said.sequence
