"""A Save market and a swap pool on our own node, an owner who fell short, and a hunter."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import (
    CreateLookupTableParams,
    ExtendLookupTableParams,
    create_lookup_table,
    extend_lookup_table,
)

from chains.model.anchor import Head
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.snapshot import ChainFees, ChainSnapshot
from chains.model.units import USD, Usd
from chains.solana.accounts import AccountPlan, read
from chains.solana.bundles import BundleLane
from chains.solana.client import SolanaClient
from chains.solana.landings import LandingReader
from chains.solana.markets import AssetTerms
from chains.solana.pools import PoolPlace
from chains.solana.programs.instructions import (
    POOL_BYTES,
    OraclePrice,
    Pool,
    ReserveAccounts,
    Terms,
)
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.signer import LocalSigner
from chains.solana.tokens import derive_token_account
from chains.solana.transactions import Lane
from daemon.board import Attested
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from daemon.keeper.dispatch import Dispatcher, DispatchTerms, LaneParts
from daemon.keeper.intent import Intent
from daemon.keeper.journal import Journal
from daemon.keeper.latches import Latches
from daemon.keeper.limits import Limits
from daemon.keeper.plan import Cure
from daemon.keeper.solana.effects import LandingEffects
from daemon.keeper.solana.executor import SlotExecutor, SlotTerms
from daemon.keeper.solana.ground import SlotHuntTerms
from daemon.keeper.solana.hunt import SolanaHunter
from daemon.keeper.solana.quote import OrderQuoter
from daemon.margin.risk import RiskTable, Underlying
from daemon.storage.database import open_database
from daemon.storage.store import Store
from tests.chains.solana.programs.lab import SOL, Lab
from tests.chains.solana.protocols.save.building import MarketLab, Owner
from tests.support.solnode import QUICK, chain_of, make_ledger, serving

USDC = 10**6
SWAP = Pubkey(b"S" * 32)
FEE_BPS = 30
CRASHED = 120
LIMITS = Limits(per_transaction=Usd(USD), per_hour=Usd(10 * USD), per_day=Usd(10 * USD))
MIN_PROFIT = Usd(USD)
CAP_LAMPORTS = 10_000_000
KEYS_AT_ONCE = 20
KEEPER = Keypair.from_seed(b"k" * 32)


@dataclass
class World:
    """SOL at 150 USD and USDC; the owner holds 100 SOL and owes 10,000 USDC.

    The pool has 10,000 SOL at the crashed price, unless told otherwise.
    """

    ledger: Ledger
    market: MarketLab
    sol: ReserveAccounts
    usdc: ReserveAccounts
    owner: Owner
    pool: PoolPlace
    references: dict[Pubkey, int] = field(default_factory=dict)

    @classmethod
    def create(cls, *, terms: Terms | None = None, depth: int = 10_000) -> "World":
        ledger = make_ledger()
        market = MarketLab.create(Lab(svm=ledger.machine._svm))
        sol = market.add_reserve(Terms(), decimals=9, price=150 * USD)
        usdc = market.add_reserve(terms or Terms(), decimals=6, price=USD)
        whale = market.owner()
        market.deposit(whale, usdc, 1_000_000 * USDC)
        market.deposit(whale, sol, 10_000 * SOL)
        owner = market.owner()
        market.deposit(owner, sol, 100 * SOL)
        market.borrow(owner, usdc, 10_000 * USDC)
        pool = _create_pool(market.lab, (sol.mint, usdc.mint), depth)
        world = cls(ledger, market, sol, usdc, owner, pool)
        market.lab.svm.airdrop(KEEPER.pubkey(), 10 * SOL)
        world.pass_slots(2)
        return world

    @property
    def chain(self) -> ChainId:
        return chain_of(self.ledger)

    def pass_slots(self, slots: int = 2) -> None:
        """Let slots pass: what was done is confirmed after two."""
        for _ in range(slots):
            self.ledger.tick()

    def crash(self, usd: int = CRASHED, *, published_ago_s: int = 0) -> None:
        """Set the price of SOL, at the market as well."""
        for accounts, price in ((self.sol, usd * USD), (self.usdc, USD)):
            published = self.market.now - published_ago_s
            self.market.publish(accounts, OraclePrice(price=price, published_at=published))
            self.references[accounts.mint] = price
        self.pass_slots()

    def add_owner(self, owed: int) -> Owner:
        """Have somebody else owe so many USDC, with a SOL for each hundred."""
        owner = self.market.owner()
        self.market.deposit(owner, self.sol, owed * SOL // 100)
        self.market.borrow(owner, self.usdc, owed * USDC)
        return owner

    def widen(self) -> None:
        """Have the owner hold two more tokens, of reserves of their own."""
        for _ in range(2):
            accounts = self.market.add_reserve(Terms(), decimals=6, price=USD)
            self.owner.tokens[accounts.mint] = self.market.lab.token(
                accounts.mint, self.owner.key.pubkey(), USDC
            )
            self.owner.tokens[accounts.collateral_mint] = self.market.lab.token(
                accounts.collateral_mint, self.owner.key.pubkey()
            )
            self.market.deposit(self.owner, accounts, USDC)

    def make_table(self, keys: Sequence[Pubkey]) -> Pubkey:
        """Write an address lookup table into the chain."""
        lab, authority = self.market.lab, self.market.lab.payer.pubkey()
        create, table = create_lookup_table(
            CreateLookupTableParams(
                authority_address=authority,
                payer_address=authority,
                recent_slot=self.ledger.blocks.tip.parent,
            )
        )
        lab.send(create)
        for start in range(0, len(keys), KEYS_AT_ONCE):
            extend = extend_lookup_table(
                ExtendLookupTableParams(
                    payer_address=authority,
                    lookup_table_address=table,
                    authority_address=authority,
                    new_addresses=list(keys[start : start + KEYS_AT_ONCE]),
                )
            )
            lab.send(extend)
        self.pass_slots(3)
        return table

    def give(self, mint: Pubkey, amount: int) -> Pubkey:
        """Give the keeper an account with tokens."""
        key = derive_token_account(KEEPER.pubkey(), mint)
        made = self.market.lab.raw(self.market.lab.token(mint, KEEPER.pubkey(), amount))
        self.market.lab.put(made.owner, made.data, at=key)
        return key

    def held(self, mint: Pubkey) -> int:
        """Give what the keeper holds."""
        return self.market.lab.amount(derive_token_account(KEEPER.pubkey(), mint))

    def plan_open(self) -> AccountPlan[SaveMarket]:
        symbols = {self.sol.mint: "SOL", self.usdc.mint: "USDC"}
        assets = {a.mint: symbols.get(a.mint, "USDT") for a in self.market.reserves}
        return SaveMarket.plan_open(
            self.chain,
            market=self.market.setup.market,
            reserves=[accounts.reserve for accounts in self.market.reserves],
            assets={mint: AssetTerms(symbol=symbol) for mint, symbol in assets.items()},
        )


def _create_pool(lab: Lab, mints: tuple[Pubkey, Pubkey], depth: int) -> PoolPlace:
    lab.load("swap", SWAP)
    account = lab.blank(SWAP, POOL_BYTES)
    authority = Pubkey.find_program_address([bytes(account)], SWAP)[0]
    vaults = (
        lab.token(mints[0], authority, depth * SOL),
        lab.token(mints[1], authority, depth * CRASHED * USDC),
    )
    lab.send(Pool(program=SWAP, account=account, vaults=vaults).create(FEE_BPS))
    return PoolPlace(program=SWAP, account=account, vaults=vaults, mints=mints)


@dataclass
class Hunt:
    """A hunter in a world, with its lane, as one process has it."""

    world: World
    client: SolanaClient
    market: SaveMarket
    executor: SlotExecutor
    dispatcher: Dispatcher
    hunter: SolanaHunter
    effects: LandingEffects
    nodes: list[SolanaNode]
    others: list[object]

    async def see(self) -> ChainSnapshot:
        """Read prices as the daemon's reader does."""
        anchor, found = await read(self.client, self.market.plan_read(()), min_slot=0)
        prices = self.market.build_read(found, anchor).prices
        given = self.world.references
        references = [
            replace(price, usd=Usd(given.get(Pubkey.from_string(price.asset.reference), price.usd)))
            for price in prices
        ]
        return ChainSnapshot(
            anchor=anchor,
            positions=(),
            funds=(),
            prices=prices,
            references=tuple(references),
            fees=ChainFees(base_fee_wei=0, priority_fee_wei=0, native_usd=Usd(CRASHED * USD)),
        )

    async def hunt(self, times: int = 2) -> None:
        """Hunt at the newest slot; the first time finds who is there."""
        for _ in range(times):
            await self.hunter.hunt(await self.see())

    async def settle(self) -> list[Intent]:
        """Let what was sent be confirmed, and give what became of it."""
        self.world.pass_slots(3)
        anchor, _ = await read(self.client, self.market.plan_read(()), min_slot=0)
        head = Head(anchor=anchor, parent_hash=bytes(32), base_fee_wei=0)
        return list(await self.executor.on_head(head, now=anchor.time))


@asynccontextmanager
async def hunting(
    world: World,
    directory: Path,
    *,
    min_profit: Usd = MIN_PROFIT,
    members: frozenset[AccountId] = frozenset(),
    watched: Sequence[AccountId] = (),
    tables: Sequence[Pubkey] = (),
    make_client: type[SolanaClient] = SolanaClient,
    tip_lamports: int = 0,
) -> AsyncIterator[Hunt]:
    """Run one life of a hunter, through a block engine where it tips."""
    async with (
        serving(world.ledger) as (client, nodes),
        make_client(chain=world.chain, endpoints=[nodes[0].url], limits=QUICK) as own,
        BundleLane(chain=world.chain, url=nodes[0].bundles_url, timeout_s=0.5) as engine,
        open_database(directory, live=True) as database,
    ):
        bundles = engine if tip_lamports else None
        _, market = await read(client, world.plan_open(), min_slot=0)
        journal, store = Journal(database), Store(database)
        lane = Lane(client, LocalSigner(bytes(KEEPER)[:32]))
        landings = LandingReader(client, [nodes[0].url])
        terms = SlotTerms(cap_lamports=CAP_LAMPORTS)
        executor = SlotExecutor(lane, journal, terms, landings, bundles)
        effects = LandingEffects(landings)
        dispatcher = Dispatcher(
            lanes={world.chain: LaneParts(executor=executor, effects=effects, build_cure=no_cure)},
            journal=journal,
            store=store,
            terms=DispatchTerms(live=True, limits=LIMITS),
            cooldown_s=lambda _: 0,
        )
        others: list[object] = []

        async def markets() -> Sequence[object]:
            return [market, *others]

        hunter = SolanaHunter(
            own,
            markets,
            quoting=OrderQuoter(
                lane=Lane(own, LocalSigner(bytes(KEEPER)[:32])),
                cap_lamports=CAP_LAMPORTS,
                slot_ms=400,
            ),
            dispatcher=dispatcher,
            latches=Latches(risk_table(world), store),
            terms=SlotHuntTerms(
                wallet=KEEPER.pubkey(),
                pools=[world.pool],
                min_profit=min_profit,
                tables=tables,
                watched=watched,
                members=members,
                tip_lamports=tip_lamports,
            ),
            bundles=bundles,
        )
        hunt = Hunt(world, own, market, executor, dispatcher, hunter, effects, nodes, others)
        await hunt.settle()
        yield hunt


def risk_table(world: World) -> RiskTable:
    symbols = {world.sol.mint: "SOL", world.usdc.mint: "USDC"}
    return RiskTable(
        underlyings={symbol: Underlying(symbol=symbol) for symbol in symbols.values()},
        assets={
            AssetId.spl(world.chain, Address(str(mint))): symbol for mint, symbol in symbols.items()
        },
    )


async def no_cure(cure: Cure, attested: Attested | None) -> str:  # noqa: ARG001 -- the port's
    """Nobody is rescued here."""
    return "none"
