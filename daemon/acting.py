"""The acting half of a daemon: lanes, dispatcher and keeper, made from settings and a key."""

import asyncio
from collections.abc import Mapping
from typing import Final, assert_never

import structlog
from solders.pubkey import Pubkey

from chains.evm.client import EvmClient
from chains.evm.l1_fees import L1FeeOracle
from chains.evm.receipts import ReceiptReader
from chains.evm.transactions import Lane
from chains.model.ids import Address, ChainId
from chains.model.units import Usd
from chains.solana.landings import LandingReader
from chains.solana.signer import Signer as SolanaSigner
from chains.solana.transactions import Lane as SlotLane
from config.evm import EvmSettings
from config.settings import Settings
from daemon.compose import ChainParts, EvmParts, Key, SolanaParts
from daemon.follow import Hunting
from daemon.keeper.calls import build_cure
from daemon.keeper.dispatch import Dispatcher, DispatchTerms, LaneParts
from daemon.keeper.effects import ReceiptEffects
from daemon.keeper.execute import Executor, LaneTerms
from daemon.keeper.hunt import Hunter, HuntTerms
from daemon.keeper.intent import Draft, Purpose
from daemon.keeper.journal import Journal
from daemon.keeper.keeper import Keeper, Protected
from daemon.keeper.latches import Latches
from daemon.keeper.limits import Limits
from daemon.keeper.quote import GasQuoter
from daemon.keeper.selling import Seller
from daemon.keeper.solana.cures import SlotCures
from daemon.keeper.solana.effects import LandingEffects
from daemon.keeper.solana.executor import SlotExecutor, SlotTerms
from daemon.keeper.solana.ground import SlotHuntTerms
from daemon.keeper.solana.hunt import SolanaHunter
from daemon.keeper.solana.quote import OrderQuoter
from daemon.margin.book.warm import warm
from daemon.storage.database import Database
from daemon.storage.store import Store
from daemon.translate import build_members, build_policy, build_pools, build_risk

log = structlog.get_logger(__name__)

VAULT_REST_S: Final = 3
"""How long a step of a vault account rests once it was sent."""
DRY_REST_S: Final = 60
"""How often a dry run says that it would take the same step."""


async def build_dispatcher(
    settings: Settings, key: Key, chains: Mapping[ChainId, ChainParts], database: Database
) -> Dispatcher:
    """Give the dispatcher with what journal and store remember."""
    journal = Journal(database)
    keeper = settings.keeper
    cooldowns = {account.id: account.policy.cooldown_s for account in settings.accounts}
    vault_rest_s = VAULT_REST_S if settings.live else DRY_REST_S

    def cooldown_s(draft: Draft) -> int:
        if draft.purpose is Purpose.VAULT:
            return vault_rest_s
        return cooldowns.get(draft.subject, 0)

    dispatcher = Dispatcher(
        lanes=await _build_lanes(settings, chains, key, journal),
        journal=journal,
        store=Store(database),
        terms=DispatchTerms(
            live=settings.live,
            limits=Limits(
                per_transaction=keeper.max_per_transaction,
                per_hour=keeper.max_per_hour,
                per_day=keeper.max_per_day,
            ),
        ),
        cooldown_s=cooldown_s,
    )
    return await dispatcher.load()


async def _build_lanes(
    settings: Settings, chains: Mapping[ChainId, ChainParts], key: Key, journal: Journal
) -> Mapping[ChainId, LaneParts]:
    """Give a lane for every chain that there is a key for."""
    lanes: dict[ChainId, LaneParts] = {}
    max_costs = {account.id: account.policy.max_cost for account in settings.accounts}
    for id_, parts in chains.items():
        if isinstance(parts, EvmParts):
            lanes[id_] = await _build_lane(parts, key, journal)
        elif key.solana is not None:
            lanes[id_] = _build_slot_lane(parts, key.solana, journal, max_costs)
    return lanes


def _build_slot_lane(
    parts: SolanaParts, signer: SolanaSigner, journal: Journal, max_costs: Mapping[str, Usd]
) -> LaneParts:
    chain = parts.settings
    lane = SlotLane(parts.client, signer, percentile=chain.price_percentile)
    terms = SlotTerms(
        cap_lamports=chain.max_fee_lamports, slot_ms=chain.slot_ms, max_costs=max_costs
    )
    landings = LandingReader(parts.client, [str(url) for url in chain.rpc])
    return LaneParts(
        executor=SlotExecutor(lane, journal, terms, landings, parts.bundles),
        effects=LandingEffects(landings),
        build_cure=SlotCures(
            parts.reader,
            signer.pubkey,
            parts.client,
            tables=[Pubkey.from_string(table) for table in chain.lookup_tables],
        ),
    )


async def _build_lane(parts: EvmParts, key: Key, journal: Journal) -> LaneParts:
    chain = parts.settings
    lane = Lane(
        parts.client,
        key.transactions,
        fee_cap_wei=chain.max_fee_wei,
        priority_fee_wei=chain.priority_fee_wei,
        held=await journal.read_held_nonces(parts.id, key.transactions.address),
        l1_fees=_find_l1_fees(chain, parts.client),
    )
    terms = LaneTerms(
        confirmations=chain.confirmations,
        block_time_s=chain.block_time_s,
        l1_fees=chain.l1_fee_oracle is not None,
    )
    receipts = ReceiptReader(parts.client, [str(url) for url in chain.rpc])
    return LaneParts(
        executor=Executor(lane, journal, terms, receipts),
        effects=ReceiptEffects(receipts),
        build_cure=build_cure,
    )


def _find_l1_fees(chain: EvmSettings, client: EvmClient) -> L1FeeOracle | None:
    return None if chain.l1_fee_oracle is None else L1FeeOracle(client, chain.l1_fee_oracle)


async def build_hunters(
    settings: Settings,
    key: Key,
    dispatcher: Dispatcher,
    chains: Mapping[ChainId, ChainParts],
    store: Store,
) -> Mapping[ChainId, Hunting]:
    """Give a hunter for every chain that hunts, has a place to sell and a key.

    What values their borrowers, and options in published books, is compiled before anything is
    served, so that no head waits for it.
    """
    latches = await Latches(build_risk(settings), store).load()
    hunters: dict[ChainId, Hunting] = {}
    for id_, parts in chains.items():
        match parts:
            case EvmParts():
                found = _build_hunter(settings, key, parts, dispatcher, latches, store)
            case SolanaParts():
                found = _build_slot_hunter(settings, key, parts, dispatcher, latches)
            case _:
                assert_never(parts)
        if found is not None:
            hunters[id_] = found
    if settings.books or any(isinstance(hunter, Hunter) for hunter in hunters.values()):
        engine = await asyncio.to_thread(warm)
        log.info("book.ready", engine=engine)
    return hunters


def _build_hunter(
    settings: Settings,
    key: Key,
    parts: EvmParts,
    dispatcher: Dispatcher,
    latches: Latches,
    store: Store,
) -> Hunting | None:
    liquidator, market = parts.settings.contracts.liquidator, parts.settings.uniswap_v3
    if parts.hunting is None or liquidator is None or market is None:
        return None
    return Hunter(
        parts.hunting,
        parts.reader.markets,
        quoting=GasQuoter(
            lane=Lane(
                parts.hunting,
                key.transactions,
                fee_cap_wei=parts.settings.max_fee_wei,
                priority_fee_wei=parts.settings.priority_fee_wei,
                l1_fees=_find_l1_fees(parts.settings, parts.hunting),
            ),
            block_time_s=parts.settings.block_time_s,
        ),
        dispatcher=dispatcher,
        latches=latches,
        store=store,
        terms=HuntTerms(
            seller=Seller(liquidator=liquidator, quoter=market.quoter, swap_fee=market.fee),
            min_profit=settings.keeper.min_profit,
            start_blocks={m.pool: m.start_block for m in parts.settings.markets},
            watched=[a for a in settings.keeper.watch if a.chain == parts.id],
            members=frozenset(build_members(settings)),
        ),
    )


def _build_slot_hunter(
    settings: Settings, key: Key, parts: SolanaParts, dispatcher: Dispatcher, latches: Latches
) -> Hunting | None:
    chain, signer = parts.settings, key.solana
    if parts.hunting is None or signer is None:
        return None
    return SolanaHunter(
        parts.hunting,
        parts.reader.markets,
        quoting=OrderQuoter(
            lane=SlotLane(parts.hunting, signer, percentile=chain.price_percentile),
            cap_lamports=chain.max_fee_lamports,
            slot_ms=chain.slot_ms,
        ),
        dispatcher=dispatcher,
        latches=latches,
        terms=SlotHuntTerms(
            wallet=signer.pubkey,
            pools=build_pools(chain),
            min_profit=settings.keeper.min_profit,
            tables=[Pubkey.from_string(table) for table in chain.lookup_tables],
            watched=[a for a in settings.keeper.watch if a.chain == parts.id],
            members=frozenset(build_members(settings)),
            tip_lamports=chain.bundle_tip_lamports,
        ),
        bundles=parts.bundles,
    )


def build_keeper(settings: Settings, key: Key, dispatcher: Dispatcher) -> Keeper:
    """Give the keeper of the configured margin accounts."""
    return Keeper(
        dispatcher,
        Protected(
            policies={account.id: build_policy(account) for account in settings.accounts},
            risk=build_risk(settings),
            keepers=_find_keepers(settings, key),
        ),
    )


def _find_keepers(settings: Settings, key: Key) -> Mapping[ChainId, Address]:
    """Give our own address on every chain that there is a key for."""
    keepers = dict.fromkeys(
        (chain.caip2 for chain in settings.evm.values()), key.transactions.address
    )
    if key.solana:
        ours = Address(str(key.solana.pubkey))
        keepers |= dict.fromkeys((chain.caip2 for chain in settings.solana.values()), ours)
    return keepers
