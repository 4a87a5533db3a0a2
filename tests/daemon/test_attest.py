"""What is attested, how often, and that a sequence is signed once."""

import json
from dataclasses import replace

import pytest

from chains.model.position import Side
from chains.model.snapshot import ChainGap, Snapshot
from chains.model.units import Bps
from daemon.attest import Attestor
from daemon.board import Attested
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable, Underlying
from daemon.margin.unified import evaluate
from daemon.stating import default_salt
from daemon.storage.errors import StorageError
from proofs.committee import Committee
from proofs.document import decode_document, encode_document
from proofs.guard import Claim, check_claim
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.verify import Expected, verify_document
from tests.support import values as v

DEPLOYMENT = "plimsoll-test"
SIGNER = Secp256k1Signer(bytes(range(1, 33)))


def snapshot(*, usdc: float = 15_000, taken_at: int = v.NOW) -> Snapshot:
    weth = v.leg(v.CHEAP, "WETH", Side.COLLATERAL, 10)
    owed = [v.leg(v.DEAR, "WBTC", Side.COLLATERAL, 0.5), v.leg(v.DEAR, "USDC", Side.DEBT, usdc)]
    cheap = v.chain_snapshot(v.CHEAP, [v.position(v.CHEAP, [weth], native_health=None)])
    return v.snapshot(
        cheap, v.chain_snapshot(v.DEAR, [v.position(v.DEAR, owed)]), taken_at=taken_at
    )


def report(found: Snapshot, risk: RiskTable | None = None) -> MarginReport:
    return evaluate(found, v.policy(), risk or v.risk_table(), max_skew_s=30)


class Recorder:
    """Stands for the store: what was recorded, and whether recording works."""

    def __init__(self) -> None:
        self.recorded: list[Attested] = []
        self.broken = False

    async def __call__(self, attested: Attested) -> None:
        if self.broken:
            raise StorageError("disk full")
        self.recorded.append(attested)


class Keeping:
    """Stands for the store of what was signed."""

    def __init__(self) -> None:
        self.last: dict[bytes, tuple[int, bytes]] = {}

    async def claim(self, wanted: Claim) -> None:
        check_claim(self.last.get(wanted.subject), wanted)
        self.last[wanted.subject] = (wanted.sequence, wanted.digest)


def attestor(
    recorder: Recorder, risk: RiskTable | None = None, guard: Keeping | None = None
) -> Attestor:
    return Attestor(
        signer=SIGNER,
        committee=Committee.first(DEPLOYMENT, [SIGNER.address], 1),
        stating=v.stating(DEPLOYMENT, risk),
        refresh_s=12,
        guard=guard or Keeping(),
        record=recorder,
    )


async def test_an_attestation_states_the_reports_health_and_verifies() -> None:
    recorder = Recorder()
    found = report(snapshot())
    attested = await attestor(recorder).attest(found, needed=False)
    assert attested is not None
    assert found.unified is not None
    header = attested.envelope.header
    assert header.health_factor_e18 == found.unified.factor
    assert header.net_equity_e8 == found.unified.equity
    assert header.sequence == v.NOW
    assert recorder.recorded == [attested]
    raw = encode_document(decode_document(_bytes(attested)))
    expected = Expected(deployment=DEPLOYMENT, members=frozenset({SIGNER.address}))
    verify_document(decode_document(raw), expected, now=v.NOW)


async def test_haircuts_and_debt_weights_are_stated_with_their_legs() -> None:
    risk = v.risk_table(
        WETH=Underlying(symbol="WETH", haircut=Bps(1_000)),
        USDC=Underlying(symbol="USDC", debt_weight=Bps(11_000)),
    )
    found = report(snapshot(), risk)
    attested = await attestor(Recorder(), risk).attest(found, needed=False)
    assert attested is not None
    assert found.unified is not None
    assert attested.envelope.header.health_factor_e18 == found.unified.factor


async def test_worthless_collateral_is_not_stated() -> None:
    found = snapshot()
    dear = found.read[1]
    dust = v.leg(v.DEAR, "WETH", Side.COLLATERAL, 1, v.price(v.DEAR, "WETH", 0.5))
    dust = replace(dust, asset=replace(dust.asset, reference=v.address(0xBAD)))
    held = replace(dear.positions[0], legs=(*dear.positions[0].legs, dust))
    found = replace(found, chains=(found.chains[0], replace(dear, positions=(held,))))
    attested = await attestor(Recorder()).attest(report(found), needed=False)
    assert attested is not None
    assert attested.envelope.header.position_count == 3


async def test_a_leg_valued_at_another_chains_price_names_that_price() -> None:
    found = snapshot()
    dear = found.read[1]
    cheaper = tuple(
        v.price(v.DEAR, "WETH", 1_000) if p.asset == v.asset(v.DEAR, "WETH") else p
        for p in dear.prices
    )
    moved = replace(found, chains=(found.chains[0], replace(dear, prices=cheaper)))
    attested = await attestor(Recorder()).attest(report(moved), needed=False)
    assert attested is not None
    statement = decode_document(_bytes(attested)).statement
    weth = next(p for p in statement.leaves.positions if p.asset.startswith("eip155:31337/"))
    assert statement.leaves.prices[weth.price].asset == str(v.asset(v.DEAR, "WETH"))
    assert weth.value_e8 == 10_000 * 10**8


async def test_nothing_is_attested_while_anything_is_missing() -> None:
    recorder = Recorder()
    gap = ChainGap(chain=v.CHEAP, reason="hung", since=v.NOW)
    dear = snapshot().read[1]
    attesting = attestor(recorder)
    assert await attesting.attest(report(v.snapshot(gap, dear)), needed=True) is None
    assert recorder.recorded == []


async def test_a_fresh_one_is_made_when_it_is_due_or_needed_but_one_a_sequence() -> None:
    attesting = attestor(Recorder())

    async def at(seconds: int, *, needed: bool, usdc: float = 15_000) -> bool:
        found = report(snapshot(taken_at=v.NOW + seconds, usdc=usdc))
        return await attesting.attest(found, needed=needed) is not None

    assert await at(0, needed=False)
    assert not await at(0, needed=True, usdc=16_000)
    assert not await at(5, needed=False)
    assert await at(5, needed=True)
    assert not await at(16, needed=False)
    assert await at(17, needed=False)


async def test_each_attestation_names_the_one_before_it() -> None:
    attesting = attestor(Recorder())
    first = await attesting.attest(report(snapshot()), needed=False)
    second = await attesting.attest(report(snapshot(taken_at=v.NOW + 1)), needed=True)
    assert first is not None
    assert second is not None
    assert first.envelope.header.prev_digest == bytes(32)
    assert second.envelope.header.prev_digest == first.digest


@pytest.mark.parametrize(("lag", "issued_ago"), [(0, 0), (10, 0), (15, 0), (29, 14), (30, 15)])
async def test_it_is_never_issued_in_the_future_of_a_chain_that_was_read(
    lag: int, issued_ago: int
) -> None:
    found = snapshot()
    late = replace(found.read[1], anchor=v.anchor(v.DEAR, time=v.NOW - lag))
    positions = tuple(replace(p, anchor=late.anchor) for p in late.positions)
    found = replace(found, chains=(found.chains[0], replace(late, positions=positions)))
    attested = await attestor(Recorder()).attest(report(found), needed=False)
    assert attested is not None
    header = attested.envelope.header
    assert header.issued_at == v.NOW - issued_ago
    assert header.sequence == v.NOW
    verify_document(decode_document(_bytes(attested)), Expected(), now=v.NOW)


async def test_what_cannot_be_recorded_is_not_given_away() -> None:
    recorder = Recorder()
    attesting = attestor(recorder)
    recorder.broken = True
    assert await attesting.attest(report(snapshot()), needed=False) is None
    recorder.broken = False
    assert await attesting.attest(report(snapshot()), needed=True) is None, "signed once already"
    assert await attesting.attest(report(snapshot(taken_at=v.NOW + 1)), needed=True)


async def test_an_account_without_debt_is_attested_as_such() -> None:
    cheap = snapshot().read[0]
    attested = await attestor(Recorder()).attest(report(v.snapshot(cheap)), needed=False)
    assert attested is not None
    header = attested.envelope.header
    assert (header.status, header.health_factor_e18) == (1, 2**256 - 1)


async def test_a_price_past_its_heartbeat_is_not_attested() -> None:
    found = report(snapshot(taken_at=v.NOW + 3_600))
    assert await attestor(Recorder()).attest(found, needed=True) is None


def test_the_default_salt_differs_by_deployment_and_account() -> None:
    salts = {default_salt(d, a) for d in ("one", "two") for a in ("alice", "bob")}
    assert len(salts) == 4


def _bytes(attested: Attested) -> bytes:
    return json.dumps(attested.document, sort_keys=True, separators=(",", ":")).encode()


async def test_a_sequence_signed_in_another_life_is_not_signed_again() -> None:
    kept = Keeping()
    assert await attestor(Recorder(), guard=kept).attest(report(snapshot()), needed=False)
    reborn = attestor(Recorder(), guard=kept)
    assert await reborn.attest(report(snapshot(usdc=14_000)), needed=False) is None
