"""A keeper over one Solana chain, as one process has it: an owner, a reader, a lane."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from solders.pubkey import Pubkey

from chains.model.anchor import Head
from chains.model.ids import AccountId, Address, AssetId
from chains.model.snapshot import Snapshot
from chains.model.units import USD, Usd
from chains.oracles.pyth import PythTerms
from chains.solana.accounts import CLOCK, mint_anchor
from chains.solana.client import SolanaClient
from chains.solana.landings import LandingReader
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.reader import MarketTerms, SolanaReader, TokenTerms
from chains.solana.signer import LocalSigner
from chains.solana.transactions import Lane
from daemon.board import Attested
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from daemon.keeper.dispatch import Dispatcher, DispatchTerms, LaneParts
from daemon.keeper.intent import Intent
from daemon.keeper.journal import Journal
from daemon.keeper.keeper import Keeper, Protected
from daemon.keeper.limits import Limits
from daemon.keeper.solana.cures import SlotCures
from daemon.keeper.solana.effects import LandingEffects
from daemon.keeper.solana.executor import SlotExecutor, SlotTerms
from daemon.margin.policy import Policy
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable, Underlying
from daemon.margin.unified import evaluate
from daemon.storage.database import open_database
from daemon.storage.store import Store
from proofs.envelope import Envelope
from proofs.statement import HealthAttestation
from tests.chains.solana.programs.lab import Lab
from tests.chains.solana.programs.rescue_scene import RESCUE, RescueScene, open_scene, sign
from tests.support import values as v
from tests.support.solnode import make_ledger, serving

LIMITS = Limits(per_transaction=Usd(USD), per_hour=Usd(USD), per_day=Usd(USD))
TERMS = SlotTerms(cap_lamports=10_000_000)


@dataclass(slots=True)
class Story:
    """SOL at 150 USD; the owner holds 100 SOL, owes 10,000 USDC, has 50,000 idle."""

    scene: RescueScene
    ledger: Ledger
    client: SolanaClient
    node: SolanaNode
    reader: SolanaReader
    keeper: Keeper
    dispatcher: Dispatcher
    journal: Journal
    executor: SlotExecutor

    @property
    def owner(self) -> AccountId:
        """The owner's wallet."""
        return AccountId(self.client.chain, str(self.scene.wallet))

    @property
    def idle(self) -> int:
        """The owner's idle tokens."""
        return self.scene.lab.amount(self.scene.source)

    async def head(self) -> Head:
        """Give the newest confirmed slot."""
        seen = await self.client.read_accounts([CLOCK])
        anchor = mint_anchor(self.client.chain, [CLOCK], seen)
        return Head(anchor=anchor, parent_hash=b"", base_fee_wei=0)

    async def look(self, policy: Policy | None = None) -> tuple[MarginReport, Snapshot]:
        """Read the chain and evaluate the owner's account."""
        self.pass_slots()
        chain = await self.reader.read(await self.head(), [self.owner])
        now = chain.anchor.time
        snapshot = Snapshot(account="alice", members=(self.owner,), chains=(chain,), taken_at=now)
        risk = make_risk(self.reader_assets)
        return evaluate(snapshot, policy or v.policy(), risk, max_skew_s=60), snapshot

    async def report(self, header: HealthAttestation | None = None) -> None:
        """Show the keeper the owner's account as it is now."""
        report, snapshot = await self.look()
        await self.keeper.on_report(report, snapshot, self.attested(header) if header else None)

    def attested(self, header: HealthAttestation) -> Attested:
        """Give a header signed by as many members of the committee as it takes."""
        scene = self.scene
        signers = scene.signers[: scene.threshold]
        proof = sign(header, signers)
        signatures = tuple((i, proof[65 * i : 65 * i + 65]) for i in range(len(signers)))
        envelope = Envelope(header=header, committee_size=len(scene.signers), signatures=signatures)
        return Attested(
            account="alice", sequence=7, digest=bytes(32), envelope=envelope, document={}
        )

    async def settle(self) -> Intent:
        """Let what was sent be confirmed and judged, and give what became of it."""
        self.pass_slots()
        await self.dispatcher.follow(await self.head())
        [intent] = await self.journal.read_recent(limit=1)
        return intent

    def pass_slots(self, slots: int = 2) -> None:
        """Let slots pass: what was done is confirmed after two."""
        for _ in range(slots):
            self.ledger.tick()

    @property
    def reader_assets(self) -> dict[AssetId, str]:
        """The assets by symbol."""
        return {token.asset: token.symbol for token in tokens(self.scene, self.client)}


def make_risk(assets: dict[AssetId, str]) -> RiskTable:
    """Give the table in which every asset is an underlying of its own."""
    underlyings = {symbol: Underlying(symbol=symbol) for symbol in assets.values()}
    return RiskTable(underlyings=underlyings, assets=assets)


def tokens(scene: RescueScene, client: SolanaClient) -> tuple[TokenTerms, TokenTerms]:
    """Give SOL and USDC as configured."""
    found = [
        TokenTerms(
            asset=AssetId.spl(client.chain, Address(str(reserve.mint))),
            symbol=symbol,
            decimals=decimals,
            feed=PythTerms(
                account=reserve.oracle,
                feed=None,
                max_age_s=120,
                max_confidence=200,
                minimum=Usd(1),
                maximum=Usd(10**6 * USD),
            ),
        )
        for symbol, decimals, reserve in (("SOL", 9, scene.sol), ("USDC", 6, scene.usdc))
    ]
    return found[0], found[1]


@asynccontextmanager
async def telling(
    directory: Path,
    *,
    live: bool = True,
    limits: Limits = LIMITS,
    tables: Sequence[Pubkey] = (),
) -> AsyncIterator[Story]:
    """Begin: the owner is funded and has no mandates yet."""
    ledger = make_ledger()
    scene = open_scene(Lab(svm=ledger.machine._svm))
    for _ in range(3):
        ledger.tick()
    async with (
        serving(ledger, timeout_s=5.0) as (client, [node]),
        open_database(directory, live=live) as database,
    ):
        journal, landings = Journal(database), LandingReader(client, [node.url])
        reader = make_reader(scene, client)
        lane = Lane(client, LocalSigner(bytes(scene.keeper)[:32]))
        executor = SlotExecutor(lane, journal, TERMS, landings)
        parts = LaneParts(
            executor=executor,
            effects=LandingEffects(landings),
            build_cure=SlotCures(reader, lane.sender, client, tables),
        )
        dispatcher = Dispatcher(
            lanes={client.chain: parts},
            journal=journal,
            store=Store(database),
            terms=DispatchTerms(live=live, limits=limits, doubt_s=0),
            cooldown_s=lambda _: 30,
            clock=lambda: scene.now,
        )
        protected = Protected(
            policies={"alice": v.policy()},
            risk=make_risk({token.asset: token.symbol for token in tokens(scene, client)}),
            keepers={client.chain: executor.sender},
        )
        keeper = Keeper(await dispatcher.load(), protected)
        story = Story(scene, ledger, client, node, reader, keeper, dispatcher, journal, executor)
        await dispatcher.follow(await story.head())
        yield story


def make_reader(scene: RescueScene, client: SolanaClient) -> SolanaReader:
    """Give the reader of the scene's market."""
    found = tokens(scene, client)
    market = MarketTerms(
        protocol=SaveMarket,
        market=scene.market.setup.market,
        reserves=tuple(accounts.reserve for accounts in scene.market.reserves),
    )
    return SolanaReader(client, markets=[market], tokens=found, native=found[0], rescue=RESCUE)
