"""The vaults' keeper of a running daemon, made from settings: without a key it only looks."""

from collections.abc import Mapping

from chains.evm.client import EvmClient
from chains.evm.protocols.plimsoll_vault.indexer import VaultIndexer
from chains.evm.vaults import VaultReader
from chains.model.ids import AccountId, ChainId
from chains.model.snapshot import NOBODY, ChainSnapshot
from config.accounts import AccountSettings
from config.evm import ABSENT, EvmSettings, VaultSettings
from config.settings import Settings
from daemon.board import Board
from daemon.committee.vault_standing import VaultStatements
from daemon.compose import ChainParts, EvmParts, Key
from daemon.follow import SnapshotLoop
from daemon.keeper.dispatch import Dispatcher
from daemon.keeper.vaults.guarding import VaultPolicy
from daemon.keeper.vaults.hand import Hand
from daemon.keeper.vaults.keeper import VaultKeeper, VaultTerms
from daemon.keeper.vaults.reading import EyeTerms, VaultEye
from daemon.margin.policy import Band
from daemon.margin.risk import Tier
from daemon.storage.database import Database
from daemon.storage.vaults import VaultLogStore
from daemon.translate import build_policy, build_risk
from daemon.vaulting import read_contracts


async def open_vault_keeper(
    settings: Settings,
    key: Key | None,
    dispatcher: Dispatcher | None,
    chains: Mapping[ChainId, ChainParts],
    board: Board,
    statements: VaultStatements | None,
    database: Database,
) -> VaultKeeper | None:
    """Give what looks after the vaults, its index taken up; None where no chain has one."""
    store = VaultLogStore(database)
    eyes = [
        _build_eye(settings, key, parts, parts.settings.vault, store)
        for parts in chains.values()
        if isinstance(parts, EvmParts) and parts.settings.vault is not None
    ]
    if not eyes:
        return None
    hand = Hand(dispatcher, board) if dispatcher is not None else None
    keeper = VaultKeeper(eyes, board, statements, hand, build_vault_terms(settings))
    await keeper.load()
    return keeper


def build_vault_loops(board: Board, keeper: VaultKeeper | None) -> Mapping[str, SnapshotLoop]:
    """Give a loop for each chain with a vault: every new head is a reason to look at all."""
    if keeper is None:
        return {}

    async def look(_: ChainSnapshot) -> None:
        await keeper.look()

    return {
        f"{board.labels[chain]} vaults": SnapshotLoop(chain, board, look, keeper.pulse)
        for chain in keeper.chains
    }


def build_vault_terms(settings: Settings) -> VaultTerms:
    """Give what the keeper does in the vaults."""
    return VaultTerms(
        liquidates=settings.keeper.liquidate,
        min_profit=settings.keeper.min_profit,
        for_all=settings.keeper.vaults_for_all,
        policies={
            account.vault: _build_policy(account)
            for account in settings.accounts
            if account.vault is not None
        },
    )


def _build_policy(account: AccountSettings) -> VaultPolicy:
    lines = account.policy.lines
    return VaultPolicy(
        account=account.id,
        lines=Band(trigger=lines.trigger, target=lines.target) if lines else None,
        health=build_policy(account).unified,
        min_size=account.policy.min_size,
    )


def _build_eye(
    settings: Settings,
    key: Key | None,
    parts: EvmParts,
    vault: VaultSettings,
    store: VaultLogStore,
) -> VaultEye:
    client: EvmClient = parts.hunting or parts.client
    account = AccountId(parts.id, vault.vault)
    return VaultEye(
        client,
        VaultReader(client, read_contracts(vault)),
        VaultIndexer(
            client, store, vault=account, seizure=vault.seizure, start_block=vault.start_block
        ),
        EyeTerms(
            vault=account,
            block_s=parts.settings.block_time_s,
            tiers=_find_tiers(settings, parts.settings, vault),
            symbols={n: s for n, s in enumerate(vault.assets) if s != ABSENT},
            keeper=key.transactions.address if key else NOBODY,
        ),
    )


def _find_tiers(settings: Settings, chain: EvmSettings, vault: VaultSettings) -> Mapping[str, Tier]:
    """Give how each asset's underlying behaves, by symbol."""
    risk = build_risk(settings)
    return {
        symbol: risk.underlying_of(asset).tier
        for asset, symbol in risk.assets.items()
        if asset.chain == chain.caip2 and symbol in vault.numbers
    }
