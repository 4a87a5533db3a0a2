"""What of a running daemon states vaults, made from settings: alone or in a committee."""

from collections.abc import Mapping
from itertools import zip_longest

from chains.evm.vaults import VaultContracts, VaultReader
from chains.model.ids import ChainId
from config.evm import VaultSettings
from config.settings import Settings
from daemon.committee.client import Peers
from daemon.committee.membership import Membership
from daemon.committee.post import Post
from daemon.committee.refusals import Refusals
from daemon.committee.vault_chain import VaultNode
from daemon.committee.vault_rounds import VaultTerms
from daemon.committee.vaults import VaultSetup, VaultsParts, build_vaults
from daemon.compose import ChainParts, EvmParts, Key
from daemon.storage.database import Database
from daemon.storage.vault_statements import VaultStatementStore
from proofs.committee import Committee
from proofs.succession import CommitteeChain


def build_vault_setup(
    settings: Settings, chains: Mapping[ChainId, ChainParts], database: Database
) -> VaultSetup | None:
    """Give where vaults are read and their statements kept; None where no chain has a vault."""
    nodes: list[tuple[VaultNode, int]] = [
        (
            VaultReader(parts.proving or parts.client, read_contracts(parts.settings.vault)),
            parts.settings.stale_after_s,
        )
        for parts in chains.values()
        if isinstance(parts, EvmParts) and parts.settings.vault is not None
    ]
    if not nodes:
        return None
    return VaultSetup(
        nodes=nodes,
        store=VaultStatementStore(database),
        terms=VaultTerms(refresh_s=float(settings.attestation.refresh_s)),
    )


def list_vault_assets(settings: Settings) -> tuple[str, ...]:
    """Give the symbols of the vaults' assets by number; `-` where no chain has a token of it."""
    listed = [chain.vault.assets for chain in settings.evm.values() if chain.vault is not None]
    return tuple(
        next((symbol for symbol in known if symbol not in ("", "-")), "-")
        for known in zip_longest(*listed, fillvalue="")
    )


def read_contracts(vault: VaultSettings) -> VaultContracts:
    """Give a configured vault as it is read."""
    return VaultContracts(
        vault=vault.vault,
        seizure=vault.seizure,
        notary=vault.notary,
        start_block=vault.start_block,
        depth=None if vault.finality == "finalized" else vault.finality,
    )


def build_lone(settings: Settings, key: Key, setup: VaultSetup | None) -> VaultsParts | None:
    """Give what states vaults for a daemon that attests alone: a committee of one asks nobody."""
    if setup is None:
        return None
    signer = key.attestations
    committee = Committee.first(settings.deployment, [signer.address], 1)
    membership = Membership(
        me=signer.address,
        chain=CommitteeChain(deployment=settings.deployment, root=committee),
        urls={},
        state_dir=settings.state_dir,
    )
    peers = Peers(post=Post(membership=membership, signer=signer))
    return build_vaults(setup, membership, signer, peers, Refusals())
