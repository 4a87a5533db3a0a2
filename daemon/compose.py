"""The parts of one running daemon, made from settings: clients, readers, key, stores."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

import structlog
from solders.pubkey import Pubkey

from chains import discover
from chains.evm.client import EvmClient
from chains.evm.heads import HeadStream
from chains.evm.protocols.plimsoll_vault.adapter import VaultOpener
from chains.evm.reader import EvmReader, MarketTerms
from chains.evm.signer import LocalSigner
from chains.keyfiles import SignerError
from chains.model.ids import EIP155, SOLANA, AccountId, ChainId
from chains.rpc.endpoint import Observer
from chains.solana.bundles import BundleLane
from chains.solana.client import SolanaClient
from chains.solana.heads import SlotStream
from chains.solana.reader import MarketTerms as SolanaMarketTerms
from chains.solana.reader import SolanaReader
from chains.solana.rpc import Commitment
from chains.solana.signer import LocalSigner as SolanaSigner
from config.errors import ConfigError
from config.evm import EvmSettings
from config.house import KeySettings
from config.secrets import read_secret
from config.settings import Settings
from config.solana import SolanaMarketSettings, SolanaSettings
from daemon.attest import Attestor, Record
from daemon.board import Attested, Board
from daemon.keys import find_attestation_key
from daemon.translate import (
    build_members,
    build_solana_tokens,
    build_stating,
    build_tokens,
    build_vault_members,
    find_native,
)
from proofs.committee import Committee
from proofs.guard import Guard
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.signing.signer import KeystoreError

HEAD_TIMEOUT_S: Final = 5.0
HUNT_TIMEOUT_S: Final = 10.0
SILENCE_BLOCKS: Final = 3
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvmParts:
    """One EVM chain's client, heads and reader.

    `hunting` is a client for liquidations and vaults, None where there are none: its connections
    and what it learns of the endpoints are its own, so that no hunt holds up what rescues read.
    `proving` is another for evidence, None where nothing is signed.
    """

    label: str
    settings: EvmSettings
    client: EvmClient
    hunting: EvmClient | None
    heads: HeadStream
    reader: EvmReader
    proving: EvmClient | None = None

    @property
    def id(self) -> ChainId:
        """The chain."""
        return self.settings.caip2

    @property
    def clients(self) -> tuple[EvmClient, ...]:
        """The clients there are."""
        return tuple(filter(None, (self.client, self.hunting, self.proving)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaParts:
    """One Solana chain's client, heads and reader; `hunting` as in EvmParts.

    `bundles` carry liquidations, None where no block engine is configured.
    """

    label: str
    settings: SolanaSettings
    client: SolanaClient
    hunting: SolanaClient | None
    heads: SlotStream
    reader: SolanaReader
    bundles: BundleLane | None

    @property
    def id(self) -> ChainId:
        """The chain."""
        return self.settings.caip2

    @property
    def clients(self) -> tuple[SolanaClient, ...]:
        """The clients there are."""
        return (self.client,) if self.hunting is None else (self.client, self.hunting)


ChainParts = EvmParts | SolanaParts


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The keeper's keys: one for EVM transactions and for attestations, one for Solana."""

    transactions: LocalSigner
    attestations: Secp256k1Signer
    solana: SolanaSigner | None = None


def build_board(settings: Settings) -> Board:
    """Give an empty board for the configured chains and accounts."""
    return Board(
        labels=settings.labels,
        members=build_members(settings),
        accounts=tuple(account.id for account in settings.accounts),
        stale_after_s={c.caip2: c.stale_after_s for c in settings.chains.values()},
        book_accounts={book.venue_account: book.account for book in settings.books},
    )


@asynccontextmanager
async def open_chains(
    settings: Settings, observer: Observer | None = None
) -> AsyncIterator[Mapping[ChainId, ChainParts]]:
    """Open every chain's client; nothing is asked of any endpoint yet."""
    async with AsyncExitStack() as stack:
        parts: dict[ChainId, ChainParts] = {}
        for label, chain in settings.chains.items():
            match chain:
                case EvmSettings():
                    hunts = settings.keeper.liquidate and chain.contracts.liquidator is not None
                    hunts = hunts or chain.vault is not None
                    proves = settings.keys.keystore is not None
                    vaulted = build_vault_members(settings, chain.caip2)
                    found = await _open_evm(
                        stack, label, chain, observer, vaulted, hunts=hunts, proves=proves
                    )
                case SolanaSettings():
                    hunts = settings.keeper.liquidate and bool(chain.pools)
                    found = await _open_solana(stack, label, chain, observer, hunts=hunts)
                case _:
                    assert_never(chain)
            parts[chain.caip2] = found
        yield parts


async def _open_evm(
    stack: AsyncExitStack,
    label: str,
    chain: EvmSettings,
    observer: Observer | None,
    vaulted: Mapping[AccountId, bytes],
    *,
    hunts: bool,
    proves: bool,
) -> ChainParts:
    async def open_client(timeout_s: float) -> EvmClient:
        return await stack.enter_async_context(_build_client(chain, timeout_s, observer))

    client = await open_client(HEAD_TIMEOUT_S)
    hunting = await open_client(HUNT_TIMEOUT_S) if hunts else None
    proving = await open_client(HUNT_TIMEOUT_S) if proves else None
    return _build_chain(label, chain, client, hunting, proving, vaulted)


async def _open_solana(
    stack: AsyncExitStack,
    label: str,
    chain: SolanaSettings,
    observer: Observer | None,
    *,
    hunts: bool,
) -> ChainParts:
    client = await stack.enter_async_context(_build_solana(chain, HEAD_TIMEOUT_S, observer))
    hunting = None
    if hunts:
        hunting = await stack.enter_async_context(_build_solana(chain, HUNT_TIMEOUT_S, observer))
    bundles = None
    if hunts and chain.bundles is not None:
        lane = BundleLane(chain=chain.caip2, url=str(chain.bundles), observer=observer)
        bundles = await stack.enter_async_context(lane)
    return SolanaParts(
        label=label,
        settings=chain,
        client=client,
        hunting=hunting,
        heads=SlotStream(
            client,
            [str(url) for url in chain.ws],
            poll_s=min(1.0, chain.slot_ms / 1_000),
            silence_s=SILENCE_BLOCKS * chain.block_time_s,
        ),
        reader=build_solana_reader(label, chain, client),
        bundles=bundles,
    )


def build_solana_reader(label: str, chain: SolanaSettings, client: SolanaClient) -> SolanaReader:
    """Give the reader of a Solana chain."""
    tokens = build_solana_tokens(chain)
    rescue = chain.programs.rescue
    return SolanaReader(
        client,
        markets=[build_solana_market(market) for market in chain.markets],
        tokens=tuple(tokens.values()),
        native=find_native(label, chain, tokens),
        rescue=Pubkey.from_string(rescue) if rescue else None,
    )


def build_solana_market(market: SolanaMarketSettings) -> SolanaMarketTerms:
    """Give a configured market with its protocol's class."""
    return SolanaMarketTerms(
        protocol=discover.load_protocol(SOLANA, market.protocol),
        market=Pubkey.from_string(market.market),
        reserves=tuple(Pubkey.from_string(key) for key in market.reserves),
        program=Pubkey.from_string(market.program) if market.program else None,
    )


def _build_solana(
    chain: SolanaSettings, timeout_s: float, observer: Observer | None
) -> SolanaClient:
    return SolanaClient(
        chain=chain.caip2,
        endpoints=[str(url) for url in chain.rpc],
        commitment=Commitment(chain.commitment),
        timeout_s=timeout_s,
        observer=observer,
    )


def _build_client(chain: EvmSettings, timeout_s: float, observer: Observer | None) -> EvmClient:
    return EvmClient(
        chain=chain.caip2,
        endpoints=[str(url) for url in chain.rpc],
        multicall=chain.multicall3,
        timeout_s=timeout_s,
        observer=observer,
    )


def _build_chain(
    label: str,
    chain: EvmSettings,
    client: EvmClient,
    hunting: EvmClient | None,
    proving: EvmClient | None,
    vaulted: Mapping[AccountId, bytes],
) -> EvmParts:
    tokens = build_tokens(chain)
    return EvmParts(
        label=label,
        settings=chain,
        client=client,
        hunting=hunting,
        proving=proving,
        heads=HeadStream(
            client,
            [str(url) for url in chain.ws],
            poll_s=min(1.0, chain.block_time_s),
            silence_s=SILENCE_BLOCKS * chain.block_time_s,
        ),
        reader=EvmReader(
            client,
            markets=_list_markets(chain, vaulted),
            tokens=tuple(tokens.values()),
            native=find_native(label, chain, tokens),
            priority_fee_wei=chain.priority_fee_wei,
            rescue=chain.contracts.rescue,
        ),
    )


def _list_markets(chain: EvmSettings, vaulted: Mapping[AccountId, bytes]) -> list[MarketTerms]:
    """Give the configured markets, and the vault where a member has an account in it."""
    markets = [
        MarketTerms(pool=market.pool, protocol=discover.load_protocol(EIP155, market.protocol))
        for market in chain.markets
    ]
    if chain.vault is not None and vaulted:
        markets.append(MarketTerms(pool=chain.vault.vault, protocol=VaultOpener(vaulted)))
    return markets


async def open_key(settings: Settings) -> Key | None:
    """Open the keeper's keys; None where none is configured and none needed, else ConfigError."""
    keys = settings.keys
    solana = await asyncio.to_thread(_open_keypair, keys.solana_keypair)
    if settings.live and solana is None:
        _check_keyless(settings)
    if keys.keystore is None and keys.password_file is None:
        if settings.live:
            raise ConfigError(['keys: live takes a keystore and its password; or mode = "dry-run"'])
        return None
    if keys.keystore is None or keys.password_file is None:
        missing = "keystore" if keys.keystore is None else "password_file"
        raise ConfigError([f"keys.{missing}: is missing; a key takes a keystore and its password"])
    return await asyncio.to_thread(_decrypt, keys, keys.keystore, keys.password_file, solana)


def _check_keyless(settings: Settings) -> None:
    """Refuse rescues on Solana without a key to send them, and warn of liquidations without."""
    labels = [label for label, chain in settings.solana.items() if chain.programs.rescue]
    if labels:
        where = ", ".join(f"chains.{label}.programs.rescue" for label in labels)
        raise ConfigError(
            [f'keys.solana_keypair: is missing; live with {where} takes one; or mode = "dry-run"']
        )
    pools = [label for label, chain in settings.solana.items() if chain.pools]
    if settings.keeper.liquidate and pools:
        _log.warning("keys.solana_keypair_missing", field="keys.solana_keypair", chains=pools)


def _open_keypair(keypair: Path | None) -> SolanaSigner | None:
    try:
        return SolanaSigner.open(keypair) if keypair else None
    except SignerError as error:
        raise ConfigError([f"keys: {error}"]) from error


def _decrypt(
    keys: KeySettings, keystore: Path, password_file: Path, solana: SolanaSigner | None
) -> Key:
    attesting = find_attestation_key(keys) or (keystore, password_file)
    password = read_secret(attesting[1]).get_secret_value()
    try:
        return Key(
            transactions=LocalSigner.open(keystore, password_file),
            attestations=Secp256k1Signer.from_keystore(attesting[0], password),
            solana=solana,
        )
    except (SignerError, KeystoreError) as error:
        raise ConfigError([f"keys: {error}"]) from error


def build_attestor(
    settings: Settings, key: Key, guard: Guard, record: Record, last: Iterable[Attested] = ()
) -> Attestor:
    """Give the attestor of a lone keeper: a committee of one, going on from what it signed last."""
    signer = key.attestations
    return Attestor(
        signer=signer,
        committee=Committee.first(settings.deployment, [signer.address], 1),
        stating=build_stating(settings),
        refresh_s=settings.attestation.refresh_s,
        guard=guard,
        record=record,
        last={attested.account: attested for attested in last},
    )
