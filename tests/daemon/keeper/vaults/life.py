"""A vaults' keeper over two real chains: real lanes, a real journal, and a committee's desk.

The desk signs what the chains' final blocks hold, with the keys of the ground's committee; it may
be silent. A life is one process: it begins with what the journal and the chains remember.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chains.evm.client import EvmClient
from chains.evm.protocols.plimsoll_vault.indexer import VaultIndexer
from chains.evm.receipts import ReceiptReader
from chains.evm.signer import LocalSigner
from chains.evm.transactions import Lane
from chains.evm.vaults import VaultContracts, VaultReader
from chains.model.anchor import Head
from chains.model.ids import AccountId, Address, ChainId
from chains.model.snapshot import ChainFees, ChainSnapshot
from chains.model.units import USD, Usd
from daemon.board import Board
from daemon.committee.vault_reading import state_quantities
from daemon.keeper.calls import build_cure
from daemon.keeper.dispatch import Dispatcher, DispatchTerms, LaneParts
from daemon.keeper.effects import ReceiptEffects
from daemon.keeper.execute import Executor, LaneTerms
from daemon.keeper.intent import Intent
from daemon.keeper.journal import Journal
from daemon.keeper.limits import Limits
from daemon.keeper.vaults.hand import Hand
from daemon.keeper.vaults.keeper import VaultKeeper, VaultTerms
from daemon.keeper.vaults.reading import EyeTerms, VaultEye
from daemon.keeper.vaults.view import VaultAccountView
from daemon.margin.risk import Tier
from daemon.storage.database import open_database
from daemon.storage.store import Store
from daemon.storage.vaults import VaultLogStore
from proofs.vault_document import VaultDocument
from proofs.vaults import FactKey, FactKind, VaultFact, VaultQuantities, digest_vault
from tests.support.vaults import (
    DEPLOYMENT,
    KEYS,
    LIQUIDATOR,
    MEMBERS,
    TERMS,
    Ground,
    VaultChain,
    found_committee,
)

DEPTH: Final = 2
GWEI: Final = 10**9
LIMITS: Final = Limits(
    per_transaction=Usd(1_000 * USD), per_hour=Usd(10_000 * USD), per_day=Usd(10_000 * USD)
)
LANE: Final = LaneTerms(confirmations=1, block_time_s=1, lost_after_s=0)
_OF_SEIZURE: Final = {FactKind.LOCK, FactKind.RECEIPT, FactKind.CLOSED}


def contracts_of(place: VaultChain) -> VaultContracts:
    return VaultContracts(
        vault=place.vault,
        seizure=place.seizure,
        notary=place.notary,
        start_block=0,
        depth=DEPTH,
    )


@dataclass(slots=True)
class Desk:
    """Three of four members who sign what final blocks hold; a `VaultStatements`."""

    readers: Mapping[int, VaultReader]
    silent: bool = False

    async def facts_for(
        self, chain: int, *, account: bytes | None = None, kind: FactKind | None = None
    ) -> tuple[VaultDocument, ...]:
        raise NotImplementedError

    async def find_fact(self, chain: int, key: FactKey) -> VaultDocument | None:
        reader = self.readers[chain]
        final = await reader.read_final()
        known = reader.contracts
        source = known.seizure if key.kind in _OF_SEIZURE else known.vault
        value = (await reader.read_facts(final, [(source, key.hash)]))[source, key.hash]
        if self.silent or not value:
            return None
        fact = VaultFact(
            committee_id=found_committee().id,
            chain_id=chain,
            source=source,
            key=key.hash,
            value=value,
            height=final.height,
        )
        return _sign(fact, key)

    async def newest_quantities(
        self, account: bytes, *, consumer: int | None = None
    ) -> VaultDocument | None:
        del consumer
        if self.silent:
            return None
        entries, times = [], []
        for number, reader in sorted(self.readers.items()):
            final, newest = await reader.read_final(), await reader.read_newest()
            legs = [(await reader.read_legs(at, [account]))[account] for at in (final, newest)]
            entries.append(state_quantities(number, *legs))
            times.append(newest.time)
        said = VaultQuantities(
            committee_id=found_committee().id,
            account=account,
            sequence=sum(entry.height for entry in entries),
            issued_at=min(times),
            chains=tuple(entries),
        )
        return _sign(said, None)


def _sign(said: VaultFact | VaultQuantities, key: FactKey | None) -> VaultDocument:
    digest = digest_vault(said, TERMS.salt)
    return VaultDocument(
        deployment=DEPLOYMENT,
        committee=found_committee(),
        said=said,
        key=key,
        signatures=tuple((i, MEMBERS[i].sign(digest)) for i in range(3)),
    )


@dataclass(slots=True)
class Life:
    """One process: its keeper, its lanes, its journal."""

    ground: Ground
    board: Board
    clients: Mapping[int, EvmClient]
    dispatcher: Dispatcher
    keeper: VaultKeeper
    journal: Journal
    desk: Desk
    heads: dict[int, Head] = field(default_factory=dict)

    async def see(self) -> None:
        """Read both chains' newest heads and follow what is in flight."""
        for place in self.ground.chains:
            head = await self.clients[place.number].read_head("latest")
            self.heads[place.number] = head
            self.board.put(_snapshot(head))
            await self.dispatcher.follow(head)

    async def beat(self) -> None:
        """Let a block pass on both chains, look once, and see what came of it."""
        for place in self.ground.chains:
            place.chain.mine()
        await self.see()
        await self.keeper.look()
        await self.see()

    async def until(self, name: str, *, beats: int = 20) -> Intent:
        """Beat until a step of a kind was confirmed; gives the newest of it."""
        for _ in range(beats):
            found = await self.done(name)
            if found:
                return found[0]
            await self.beat()
        raise AssertionError(f"no {name}: {await self.list_done()}")

    async def done(self, name: str) -> list[Intent]:
        """Give the confirmed steps of a kind, newest first."""
        recent = await self.journal.read_recent(limit=100)
        return [i for i in recent if i.draft.action.instrument == name and i.state == "confirmed"]

    async def list_done(self) -> list[tuple[str, str]]:
        """Give what was signed, oldest first, and how it ended."""
        recent = await self.journal.read_recent(limit=100)
        return [(i.draft.action.instrument.value, i.state.value) for i in reversed(recent)]

    def view(self, account: bytes) -> VaultAccountView:
        """Give what the last look found of an account."""
        found = self.keeper.board.find(account)
        assert found is not None
        return found


def _snapshot(head: Head) -> ChainSnapshot:
    fees = ChainFees(
        base_fee_wei=head.base_fee_wei, priority_fee_wei=GWEI, native_usd=Usd(50 * USD)
    )
    return ChainSnapshot(
        anchor=head.anchor, positions=(), funds=(), prices=(), references=(), fees=fees
    )


@asynccontextmanager
async def living(
    ground: Ground, folder: Path, terms: VaultTerms, *, live: bool = True, silent: bool = False
) -> AsyncIterator[Life]:
    """Run one life: open the journal and the lanes, take up the index, see the newest heads."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(folder, live=live))
        journal, signer = Journal(database), LocalSigner(KEYS[LIQUIDATOR])
        clients, lanes, eyes, readers = {}, {}, [], {}
        chains = [ChainId.evm(place.number) for place in ground.chains]
        for place, chain in zip(ground.chains, chains, strict=True):
            client = await stack.enter_async_context(
                EvmClient(chain=chain, endpoints=[place.chain.url])
            )
            held = await journal.read_held_nonces(chain, signer.address)
            lane = Lane(client, signer, fee_cap_wei=1_000 * GWEI, priority_fee_wei=GWEI, held=held)
            receipts = ReceiptReader(client, [place.chain.url])
            lanes[chain] = LaneParts(
                executor=Executor(lane, journal, LANE, receipts),
                effects=ReceiptEffects(receipts),
                build_cure=build_cure,
            )
            clients[place.number] = client
            readers[place.number] = VaultReader(client, contracts_of(place))
            eyes.append(_open_eye(place, client, VaultLogStore(database), signer.address))
        board = Board(
            labels={chain: f"chain{chain.reference}" for chain in chains},
            members={},
            accounts=(),
            stale_after_s=dict.fromkeys(chains, 10**9),
        )
        dispatcher = await Dispatcher(
            lanes=lanes,
            journal=journal,
            store=Store(database),
            terms=DispatchTerms(live=live, limits=LIMITS),
            cooldown_s=lambda _: 0,
            clock=lambda: max(place.now for place in ground.chains),
        ).load()
        desk = Desk(readers, silent)
        keeper = VaultKeeper(eyes, board, desk, Hand(dispatcher, board), terms)
        await keeper.load()
        life = Life(ground, board, clients, dispatcher, keeper, journal, desk)
        await life.see()
        yield life


def _open_eye(
    place: VaultChain, client: EvmClient, store: VaultLogStore, keeper: Address
) -> VaultEye:
    vault = AccountId(ChainId.evm(place.number), place.vault)
    return VaultEye(
        client,
        VaultReader(client, contracts_of(place)),
        VaultIndexer(client, store, vault=vault, seizure=place.seizure, start_block=0),
        EyeTerms(
            vault=vault,
            block_s=1,
            tiers={"WETH": Tier.MAJOR, "USDC": Tier.STABLE},
            symbols={0: "WETH", 1: "USDC"},
            keeper=keeper,
        ),
    )
