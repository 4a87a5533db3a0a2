"""A lone keeper's proved attestations: beside what is needed at once, kept, served, pruned."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from pytest_socket import enable_socket

from chains.model.ids import Address
from config.load import load
from daemon.api.context import ApiContext
from daemon.api.server import serve
from daemon.attest import Attestor
from daemon.board import Attested, Board
from daemon.compose import build_board, open_chains
from daemon.evidence import Contradicted, Gatherer, Proven
from daemon.margin.report import MarginReport
from daemon.proving import KEPT, Prover, ProvingAttestor, Shelf, record_with
from daemon.storage.database import open_database
from daemon.storage.evidence import EvidenceStore
from daemon.storage.store import Store
from daemon.translate import build_stating
from proofs.document import decode_document
from proofs.evidence.bundle import MAGIC, BlockEvidence, unpack_bundle
from proofs.evidence.check import verify_evidence
from proofs.refusal import Refused
from proofs.statement import Evidence, Statement
from proofs.strict import encode_view
from tests.daemon.test_attest import Keeping
from tests.proofs import samples
from tests.support.attested import NAME, build_gatherer, members_of, read_report, write_config
from tests.support.devnet import Devnet
from tests.support.values import NOW

pytestmark = pytest.mark.net

USER: Final = Address("0x" + "a3" * 20)


@pytest.fixture(scope="module")
def config(shared_devnet: Devnet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    enable_socket()
    with shared_devnet.reverting():
        shared_devnet.cheap.supply("WETH", USER, 10**18)
        shared_devnet.dear.supply("WBTC", USER, 10**8)
        shared_devnet.dear.borrow("USDC", USER, 10**9)
        path = tmp_path_factory.mktemp("proving") / "run.toml"
        yield write_config(path, shared_devnet, members=members_of(shared_devnet, USER))


@dataclass(kw_only=True)
class Keeper:
    """A lone keeper's attesting parts over a real store, and the report of its account."""

    proving: ProvingAttestor
    store: EvidenceStore
    board: Board
    report: MarginReport
    published: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def prove(self) -> None:
        """Let the loop work until it waits again."""
        await self.proving._prove(self.report)


@asynccontextmanager
async def open_keeper(config: Path, folder: Path) -> AsyncIterator[Keeper]:
    settings = load([config], {})
    async with open_chains(settings) as chains, open_database(folder, live=False) as database:
        store, shelf, board = EvidenceStore(database), Shelf(), build_board(settings)
        published: asyncio.Queue[str] = asyncio.Queue()
        attestor = Attestor(
            signer=samples.signers(1)[0],
            committee=samples.committee(),
            stating=build_stating(settings),
            refresh_s=12,
            guard=Keeping(),
            record=record_with(Store(database).write_attestation, shelf, store.write),
        )
        yield Keeper(
            proving=ProvingAttestor(
                attestor=attestor,
                gatherer=build_gatherer(chains),
                shelf=shelf,
                board=board,
                published=published.put_nowait,
            ),
            store=store,
            board=board,
            report=await read_report(settings, chains),
            published=published,
        )


def evidence_of(attested: Attested) -> set[int]:
    return {leaf.evidence for leaf in statement_of(attested).leaves.positions}


def statement_of(attested: Attested) -> Statement:
    return decode_document(encode_view(attested.document)).statement


async def test_a_fresh_attestation_is_proved_beside_and_one_needed_at_once_is_read(
    config: Path, tmp_path: Path
) -> None:
    async with open_keeper(config, tmp_path) as keeper:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            loop = group.create_task(keeper.proving.run())
            assert await keeper.proving.attest(keeper.report, needed=False) is None
            assert await keeper.published.get() == NAME
            loop.cancel()
        fresh = keeper.board.attestations[NAME]
        assert evidence_of(fresh) == {Evidence.PROVED}
        raw = await keeper.store.read(NAME, fresh.sequence)
        assert raw is not None
        assert len(verify_evidence(statement_of(fresh), raw)) == 2
        later = replace(keeper.report, taken_at=keeper.report.taken_at + 1)
        assert await keeper.proving.attest(later, needed=False) is None
        urgent = await keeper.proving.attest(later, needed=True)
        assert urgent is not None
        assert evidence_of(urgent) == {Evidence.QUORUM_READ}
        assert await keeper.store.read(NAME, urgent.sequence) is None


async def test_what_was_overtaken_by_a_needed_one_is_not_signed(
    config: Path, tmp_path: Path
) -> None:
    async with open_keeper(config, tmp_path) as keeper:
        attestor = keeper.proving.attestor

        @dataclass(slots=True, kw_only=True)
        class Overtaken(Gatherer):
            async def prove(self, statement: Statement) -> Proven:
                assert await attestor.attest(keeper.report, needed=True)
                return Proven(statement=statement)

        keeper.proving.gatherer = Overtaken(clients={})
        await keeper.prove()
        assert keeper.published.empty()
        assert evidence_of(attestor.last[NAME]) == {Evidence.QUORUM_READ}


async def test_what_lost_a_chain_while_it_was_proved_is_not_signed(
    config: Path, tmp_path: Path
) -> None:
    async with open_keeper(config, tmp_path) as keeper:

        @dataclass(slots=True, kw_only=True)
        class LosesChain(Gatherer):
            async def prove(self, statement: Statement) -> Proven:
                keeper.board.put_gap(keeper.report.anchors[1].chain, "lost", NOW)
                return Proven(statement=statement)

        keeper.proving.gatherer = LosesChain(clients={})
        await keeper.prove()
        assert keeper.proving.attestor.last == keeper.board.attestations == {}
        assert keeper.published.empty()


async def test_nothing_is_signed_when_the_evidence_contradicts_the_reading(
    config: Path, tmp_path: Path
) -> None:
    async with open_keeper(config, tmp_path) as keeper:

        @dataclass(slots=True, kw_only=True)
        class Lied(Gatherer):
            async def prove(self, statement: Statement) -> Proven:
                raise Contradicted(str(statement.header.sequence))

        keeper.proving.gatherer = Lied(clients={})
        await keeper.prove()
        assert (keeper.published.empty(), keeper.proving.attestor.last) == (True, {})


async def test_evidence_is_served_beside_its_attestation_and_pruned_by_age(
    config: Path, tmp_path: Path
) -> None:
    async with open_keeper(config, tmp_path) as keeper:
        await keeper.prove()
        attested = keeper.board.attestations[NAME]
        context = ApiContext(
            board=keeper.board,
            clock=lambda: 0.0,
            registry=CollectorRegistry(),
            evidence=keeper.store.read,
        )
        path = f"/v1/accounts/{NAME}/attestation/evidence"
        async with (
            serve(context, "127.0.0.1", 0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            for query in ("", f"?sequence={attested.sequence}"):
                async with session.get(path + query) as response:
                    assert response.status == 200
                    assert response.content_type == "application/octet-stream"
                    raw = await response.read()
                assert verify_evidence(statement_of(attested), raw)
            for accepted, encoding in (("gzip, zstd", "zstd"), ("zstd;q=0", None)):
                headers = {"Accept-Encoding": accepted}
                bare = session.get(path + "?form=unpacked", headers=headers, auto_decompress=False)
                async with bare as response:
                    assert response.headers.get("Content-Encoding") == encoding
                    body = await response.read()
                assert (MAGIC + body == raw) if encoding else (body == unpack_bundle(raw))
            async with session.get(path + "?sequence=1") as response:
                assert response.status == 404
            async with session.get(path + "?sequence=x") as response:
                assert response.status == 400
        await keeper.store.prune({NAME: attested.sequence})
        assert await keeper.store.read(NAME, attested.sequence)
        await keeper.store.prune({NAME: attested.sequence + 1})
        assert await keeper.store.read(NAME, attested.sequence) is None


def test_only_the_newest_evidence_is_held_for_what_is_not_attested_yet() -> None:
    shelf, blocks = Shelf(), (BlockEvidence(chain="eip155:1", header=b"", nodes=()),)
    for place in range(KEPT + 1):
        shelf.put(bytes([place]), blocks)
    shelf.put(b"nothing", ())
    assert shelf.take(b"\0") == shelf.take(b"nothing") == ()
    assert shelf.take(b"\1") == blocks
    assert shelf.take(b"\1") == ()


async def test_a_member_marks_its_own_statement_by_anothers_evidence(
    config: Path, tmp_path: Path
) -> None:
    async with open_keeper(config, tmp_path) as keeper:
        own = keeper.proving.attestor.state(keeper.report, needed=False)
        assert own is not None
        gatherer = keeper.proving.gatherer
        proposer = Prover(gatherer=gatherer, shelf=Shelf(), most_bytes=10**6)
        proposed, raw = await proposer.prove(own)
        member = Prover(gatherer=Gatherer(clients={}), shelf=Shelf(), most_bytes=10**6)
        assert await member.follow(own, raw) == proposed != own
        assert member.shelf.take(proposed.digest) == proposer.shelf.take(proposed.digest) != ()
        lied = replace(own.leaves.positions[0], amount_raw=1)
        other = replace(
            own, leaves=replace(own.leaves, positions=(lied, *own.leaves.positions[1:]))
        )
        with pytest.raises(Refused, match="of \\["):
            await member.follow(other, raw)
        with pytest.raises(Refused):
            await member.follow(own, raw[:-1])
        small = Prover(gatherer=gatherer, shelf=Shelf(), most_bytes=1)
        assert await small.prove(own) == (own, b"")


async def test_more_evidence_than_members_send_is_not_even_decoded() -> None:
    prover = Prover(gatherer=Gatherer(clients={}), shelf=Shelf(), most_bytes=9)
    with pytest.raises(Refused, match="10 bytes, 9 at most"):
        await prover.follow(samples.statement(), bytes(10))
    with pytest.raises(Refused, match="does not begin as evidence does"):
        await prover.follow(samples.statement(), bytes(9))
