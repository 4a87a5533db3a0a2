"""Makes a node's chain ready for a daemon: keys, what is deployed, and the keeper's money."""

import json
from pathlib import Path
from typing import Final

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.ids import Address
from daemon.devnet.folder import Folder, RunningSolana
from daemon.devnet.solana.actors import SOL
from daemon.devnet.solana.chain import LiveSolana
from daemon.devnet.solana.hosting import SolanaHost
from daemon.devnet.solana.installing import install
from daemon.devnet.solana.tokens import build_token_account
from proofs.committee import Committee

KEEPER_LAMPORTS: Final = 1_000 * SOL
KEEPER_TOKENS: Final = {"SOL": 1_000 * 10**9, "USDC": 200_000 * 10**6, "WETH": 100 * 10**8}
"""What liquidations are paid from, in units."""


def start_solana(
    host: SolanaHost, folder: Folder, *, deployment: str, committee: Committee
) -> tuple[LiveSolana, RunningSolana]:
    """Set a fresh node up; leaves the owner's and the keeper's keypairs in the folder.

    `deployment` is the devnet's id, `committee` signs its attestations.
    """
    owner, keeper = Keypair(), Keypair()
    _write_key(folder.solana_owner, owner)
    _write_key(folder.solana_keypair, keeper)
    made = install(host.rpc, owner, deployment=deployment, committee=committee)
    chain = LiveSolana(host, made, owner)
    _equip(chain, keeper.pubkey())
    running = RunningSolana(
        node=host.kind,
        rpc_url=host.rpc.url,
        ws_url=host.ws_url,
        keeper=Address(str(keeper.pubkey())),
        deployment=made,
        bundles_url=host.bundles_url,
        fallback=host.fallback,
    )
    return chain, running


def _equip(chain: LiveSolana, keeper: Pubkey) -> None:
    """Give the keeper its inventory, and accounts for the collateral tokens it will seize."""
    chain.actors.post_funds(keeper, lamports=KEEPER_LAMPORTS, tokens=KEEPER_TOKENS)
    owner = chain.actors.owner
    accounts = [
        build_token_account(owner.address, keeper, token.accounts.collateral_mint)
        for token in chain.deployment.tokens.values()
    ]
    owner.confirm(owner.post(accounts))


def _write_key(path: Path, key: Keypair) -> None:
    """Write a keypair as solana-keygen does, readable by its owner only."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(list(bytes(key))))
