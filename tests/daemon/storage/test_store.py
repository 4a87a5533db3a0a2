from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chains.model.units import WAD
from daemon.board import Attested
from daemon.margin.unified import evaluate
from daemon.storage.database import open_database
from daemon.storage.errors import Conflict
from daemon.storage.store import LatchRecord, Store
from proofs.envelope import Envelope
from proofs.statement import HealthAttestation
from tests.support.values import (
    CHEAP,
    DEAR,
    NOW,
    account,
    asset,
    chain_snapshot,
    market,
    policy,
    position,
    risk_table,
    snapshot,
)

HEADER = HealthAttestation(
    schema_version=1,
    audience=bytes(32),
    account_set_root=b"\x01" * 32,
    block_refs_root=bytes(32),
    positions_root=bytes(32),
    prices_root=bytes(32),
    params_hash=bytes(32),
    zk_commitment=bytes(32),
    committee_id=b"\x02" * 32,
    epoch=0,
    sequence=7,
    prev_digest=bytes(32),
    issued_at=NOW,
    expires_at=NOW + 60,
    min_price_time=NOW,
    position_count=2,
    status=0,
    account_count=2,
    max_skew=30,
    health_factor_e18=2 * WAD,
    net_equity_e8=-5,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_database(tmp_path, live=True) as database:
        yield Store(database)


def attested(sequence: int = 7, digest: bytes = b"\x03" * 32) -> Attested:
    envelope = Envelope(
        header=replace(HEADER, sequence=sequence), committee_size=1, signatures=((0, b"\x04" * 65),)
    )
    document = {"account": "alice", "health": "2.0", "leaves": [{"index": 0}]}
    return Attested(
        account="alice", sequence=sequence, digest=digest, envelope=envelope, document=document
    )


async def test_an_attestation_comes_back_as_it_was_signed(store: Store) -> None:
    await store.write_attestation(attested(sequence=6, digest=b"\x05" * 32))
    await store.write_attestation(attested())
    assert await store.read_last_attestation("alice") == attested()
    assert await store.read_last_attestation("bob") is None


async def test_one_sequence_is_never_signed_with_two_digests(store: Store) -> None:
    await store.write_attestation(attested())
    await store.write_attestation(attested())
    with pytest.raises(Conflict, match="sequence 7 was signed with another digest"):
        await store.write_attestation(attested(digest=b"\x06" * 32))


async def test_history_is_given_newest_first_with_exact_figures(store: Store) -> None:
    chains = chain_snapshot(CHEAP, [position(CHEAP, [], native_health=2**200)])
    reports = [
        evaluate(snapshot(chains, taken_at=at), policy(), risk_table(), max_skew_s=60)
        for at in (NOW, NOW + 1, NOW + 2)
    ]
    await store.write_health(reports)
    await store.write_health(reports[:1])
    points = await store.read_health("alice", before=NOW + 2, limit=10)
    assert [point.at for point in points] == [NOW + 1, NOW]
    assert points[0].minimum_native == 2**200
    assert points[0].unified is None
    assert points[0].complete
    await store.prune(health_before=NOW + 1, attestations_before={})
    points = await store.read_health("alice", before=NOW + 10, limit=1)
    assert [point.at for point in points] == [NOW + 2]
    assert len(await store.read_health("alice", before=NOW + 10, limit=10)) == 2


async def test_pruning_keeps_the_attestations_asked_for(store: Store) -> None:
    for sequence in (1, 2, 3):
        await store.write_attestation(attested(sequence))
    await store.prune(health_before=0, attestations_before={"alice": 4})
    assert await store.read_last_attestation("alice") is None


async def test_a_closed_latch_survives_until_it_is_opened(store: Store) -> None:
    latch = LatchRecord(asset=asset(CHEAP, "WETH"), latched_at=NOW)
    later = replace(latch, latched_at=NOW + 5)
    await store.write_latch(latch)
    await store.write_latch(later)
    assert await store.read_latches() == (later,)
    await store.delete_latch(latch.asset)
    assert await store.read_latches() == ()


async def test_borrowers_and_the_checkpoint_move_together(store: Store) -> None:
    assert await store.read_checkpoint(market(CHEAP)) is None
    first, second = account(CHEAP, 1), account(CHEAP, 2)
    await store.write_borrowers(market(CHEAP), {second: 9}, scanned=10)
    await store.write_borrowers(market(CHEAP), {first: 15, second: 16}, scanned=20)
    await store.write_borrowers(market(DEAR), {}, scanned=3)
    assert await store.read_checkpoint(market(CHEAP)) == 20
    assert await store.read_checkpoint(market(DEAR)) == 3
    assert await store.read_borrowers(market(CHEAP)) == (first, second)
    assert await store.read_borrowers(market(DEAR)) == ()


async def test_a_halt_is_remembered_until_it_is_lifted(store: Store) -> None:
    assert await store.read_halts() == {}
    await store.write_halt("keeper", "a rescue did not lift the health")
    await store.write_halt("eip155:1", "the key was used elsewhere")
    await store.write_halt("keeper", None)
    assert await store.read_halts() == {"eip155:1": "the key was used elsewhere"}
