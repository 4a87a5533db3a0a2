"""What of a member, or of a lone daemon, states vaults: made from its chains and stores."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.committee.catchup import CatchUp
from daemon.committee.client import Peers
from daemon.committee.membership import Membership
from daemon.committee.refusals import Refusals
from daemon.committee.vault_acting import Acting
from daemon.committee.vault_catchup import VaultCatchUp
from daemon.committee.vault_chain import VaultChain, VaultChains, VaultNode
from daemon.committee.vault_gather import VaultGather
from daemon.committee.vault_index import VaultIndex
from daemon.committee.vault_judge import VaultJudge
from daemon.committee.vault_member import VaultMember
from daemon.committee.vault_reading import VaultReading
from daemon.committee.vault_rounds import VaultRounds, VaultTerms
from daemon.committee.vault_standing import VaultStanding
from daemon.committee.vault_wants import VaultWants
from daemon.storage.vault_statements import VaultStatementStore
from proofs.signing.secp256k1 import Secp256k1Signer

PATIENCE: Final = 1.5
"""After how many refreshes quantities may leave out a chain that this member can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSetup:
    """Where the vaults are read and their statements are kept.

    `nodes` come with how old a chain's newest block may be, in seconds.
    """

    nodes: Sequence[tuple[VaultNode, int]]
    store: VaultStatementStore
    terms: VaultTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultsParts:
    """What states vaults; `standing` is the `VaultStatements` that keepers and the API read."""

    rounds: VaultRounds
    standing: VaultStanding
    chains: VaultChains
    acting: Acting

    def find_doubts(self) -> Iterator[tuple[str, str]]:
        """Give what hinders statements now, and why."""
        for chain in self.chains.by_number.values():
            if (reason := chain.broken or chain.failure) is not None:
                yield f"vault of {chain.node.chain}", reason
        if (unknown := self.acting.find_unknown()) is not None:
            yield "vaults' committee", unknown
        if self.rounds.wants.lost is not None:
            yield "vaults' statements", self.rounds.wants.lost


def build_vaults(
    setup: VaultSetup,
    membership: Membership,
    signer: Secp256k1Signer,
    peers: Peers,
    refusals: Refusals,
    *,
    clock: Callable[[], float] = time.time,
) -> VaultsParts:
    """Give what states vaults; a lone daemon is the only member of its committee."""
    terms, store = setup.terms, setup.store
    chains = VaultChains(
        by_number={
            node.chain.evm_number: VaultChain(node=node, stale_after_s=stale_after_s)
            for node, stale_after_s in setup.nodes
        }
    )
    acting = Acting(membership=membership, chains=chains)
    standing = VaultStanding(acting=acting, store=store, turn_s=terms.turn_s, clock=clock)
    members = len(membership.chain.committees[-1].members)
    rounds = VaultRounds(
        membership=membership,
        acting=acting,
        reading=VaultReading(chains=chains),
        standing=standing,
        store=store,
        indexes=[VaultIndex(chain=chain, store=store) for chain in chains.by_number.values()],
        catch_up=VaultCatchUp(membership=membership, acting=acting, peers=peers, standing=standing),
        gather=VaultGather(
            membership=membership,
            signer=signer,
            peers=peers,
            refusals=refusals,
            round_s=terms.round_s,
            grace_s=terms.grace_s,
        ),
        wants=VaultWants(patience_s=2 * members * terms.turn_s + terms.round_s),
        terms=terms,
        clock=clock,
    )
    return VaultsParts(rounds=rounds, standing=standing, chains=chains, acting=acting)


def build_vault_member(
    parts: VaultsParts, signer: Secp256k1Signer, catch_up: CatchUp, refusals: Refusals
) -> VaultMember:
    """Give what answers the other members about vaults."""
    rounds = parts.rounds
    judge = VaultJudge(
        acting=parts.acting,
        reading=rounds.reading,
        standing=parts.standing,
        signer=signer,
        turn_s=rounds.terms.turn_s,
        patience_s=PATIENCE * rounds.terms.refresh_s,
        clock=rounds.clock,
    )
    return VaultMember(
        judge=judge,
        standing=parts.standing,
        rounds=rounds,
        catch_up=catch_up,
        refusals=refusals,
    )
