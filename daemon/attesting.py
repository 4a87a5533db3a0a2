"""What attests in a running daemon: nothing, a lone keeper, or a member of a committee."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from chains.evm.client import EvmClient
from chains.model.ids import ChainId
from config.errors import ConfigError
from config.settings import Settings
from daemon.attest import Attesting
from daemon.board import Attested, Board
from daemon.committee.compose import (
    CommitteeParts,
    build_membership,
    build_terms,
    build_views,
    open_committee,
)
from daemon.committee.messages import MAX_EVIDENCE_BYTES
from daemon.committee.vaults import VaultSetup, VaultsParts
from daemon.compose import ChainParts, EvmParts, Key, build_attestor
from daemon.evidence import BOUND_S, Gatherer
from daemon.proving import Prover, ProvingAttestor, Shelf, record_with
from daemon.storage.evidence import EvidenceStore
from daemon.storage.signed import open_signed
from daemon.storage.store import Store
from daemon.vaulting import build_lone
from daemon.watch import AccountWatch
from proofs.verify import CLOCK_TOLERANCE_S

PATIENCE: Final = 0.4
"""How much of a turn a member may spend on evidence before it proposes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestingParts:
    """What attests: nothing without a key, a lone keeper, or a member of a committee."""

    attestor: Attesting | None = None
    committee: CommitteeParts | None = None
    proving: ProvingAttestor | None = None
    vaults: VaultsParts | None = None


@asynccontextmanager
async def open_attesting(
    settings: Settings,
    key: Key | None,
    chains: Mapping[ChainId, ChainParts],
    board: Board,
    store: Store,
    evidence: EvidenceStore,
    accounts: Mapping[str, AccountWatch],
    vaults: VaultSetup | None = None,
) -> AsyncIterator[AttestingParts]:
    """Open what attests; `accounts` are woken when others' signatures made an attestation."""
    if key is None:
        if settings.committee is not None:
            raise ConfigError(["committee: a member takes a key; write [keys] with a keystore"])
        yield AttestingParts()
        return
    found = [await store.read_last_attestation(account.id) for account in settings.accounts]
    last = [attested for attested in found if attested is not None]
    check_sequences(last, settings.attestation.period_s, int(time.time()))

    def wake(account: str) -> None:
        if (watch := accounts.get(account)) is not None:
            watch.wake()

    shelf = Shelf()
    record = record_with(store.write_attestation, shelf, evidence.write)
    async with open_signed(settings.state_dir) as signed:
        if settings.committee is None:
            proving = ProvingAttestor(
                attestor=build_attestor(settings, key, signed, record, last),
                gatherer=Gatherer(clients=_list_proving(chains)),
                shelf=shelf,
                board=board,
                published=wake,
            )
            lone = build_lone(settings, key, vaults)
            yield AttestingParts(attestor=proving, proving=proving, vaults=lone)
            return
        bound_s = PATIENCE * settings.attestation.period_s
        gatherer = Gatherer(clients=_list_proving(chains), bound_s=min(BOUND_S, bound_s))
        async with open_committee(
            build_terms(settings, settings.committee),
            build_membership(settings, settings.committee, key),
            key.attestations,
            views=build_views(chains, board),
            board=board,
            guard=signed,
            prover=Prover(gatherer=gatherer, shelf=shelf, most_bytes=MAX_EVIDENCE_BYTES),
            record=record,
            last=last,
            changed=wake,
            vaults=vaults,
        ) as committee:
            yield AttestingParts(
                attestor=committee.rounds, committee=committee, vaults=committee.vaults
            )


def check_sequences(last: Sequence[Attested], period_s: int, now: int) -> None:
    """Check that sequences go on ascending; ConfigError where a longer period lets them fall."""
    newest = (now + CLOCK_TOLERANCE_S) // period_s
    problems = [
        f"attestation.period_s: with {period_s} this is sequence {newest}, but {each.account} has "
        f"an attestation of sequence {each.sequence}; keep the period it had, or look at the clock"
        for each in last
        if each.sequence > newest
    ]
    if problems:
        raise ConfigError(problems[:1])


def _list_proving(chains: Mapping[ChainId, ChainParts]) -> Mapping[ChainId, EvmClient]:
    """Give the clients that evidence is gathered with."""
    return {
        id_: parts.proving
        for id_, parts in chains.items()
        if isinstance(parts, EvmParts) and parts.proving is not None
    }
