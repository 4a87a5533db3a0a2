"""From a report to the confirmed rescue on Solana, with the real programs on our node."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from solders.pubkey import Pubkey
from solders.system_program import (
    CreateLookupTableParams,
    ExtendLookupTableParams,
    create_lookup_table,
    extend_lookup_table,
)
from structlog.testing import capture_logs
from structlog.typing import EventDict

from chains.model.snapshot import MandateKind
from chains.model.units import USD, WAD, Usd
from chains.solana.programs.instructions import OraclePrice
from daemon.keeper.intent import IntentState
from daemon.keeper.limits import Limits
from daemon.margin.report import MarginReport
from proofs.statement import HealthAttestation
from tests.daemon.keeper.solana.story import Story, telling
from tests.support.solnode import sign

pytestmark = pytest.mark.net
USDC = 10**6
SEND = "sendTransaction"


def attest(story: Story, report: MarginReport) -> HealthAttestation:
    """Give the header that says what a report does."""
    assert report.unified is not None
    factor, equity = report.unified.factor, report.unified.equity
    assert factor is not None
    return replace(story.scene.attest(), health_factor_e18=factor, net_equity_e8=equity)


def unmet(logs: Sequence[EventDict], kind: str) -> list[str]:
    """Give why needs of a kind were not met."""
    found = (line for line in logs if line["event"] == "need.unmet")
    return [line["reason"] for line in found if line["subject"].startswith(kind)]


async def test_a_low_native_health_is_lifted_to_the_mandates_target(tmp_path: Path) -> None:
    async with telling(tmp_path) as story:
        story.scene.set_mandate(story.scene.terms())
        await story.report()
        assert await story.journal.read_recent(limit=9) == (), "1.20 is healthy"
        story.scene.crash(130)
        await story.report()
        intent = await story.settle()
        assert intent.state is IntentState.CONFIRMED
        assert intent.effect is not None
        effect = orjson.loads(intent.effect)
        assert 103 * WAD // 100 < int(effect["health_before"]) < 105 * WAD // 100
        assert int(effect["health_after"]) >= 120 * WAD // 100
        assert story.idle == 50_000 * USDC - int(effect["units"])
        assert story.scene.health() >= 119 * WAD // 100
        assert story.dispatcher.halts == {}
        await story.report()
        assert len(await story.journal.read_recent(limit=9)) == 1


async def test_the_size_planned_is_the_size_the_program_takes(tmp_path: Path) -> None:
    async with telling(tmp_path) as story:
        story.scene.set_mandate(story.scene.terms())
        story.scene.crash(130)
        await story.report()
        intent = await story.settle()
        assert intent.effect is not None
        done = int(orjson.loads(intent.effect)["units"])
        assert abs(intent.draft.action.units - done) <= 10, "interest of a few slots"


async def test_a_unified_cure_carries_the_attestation(tmp_path: Path) -> None:
    async with telling(tmp_path) as story:
        scene = story.scene
        scene.set_mandate(scene.terms(MandateKind.UNIFIED))
        report, _ = await story.look()
        header = attest(story, report)
        await story.report(header)
        intent = await story.settle()
        assert intent.state is IntentState.CONFIRMED
        assert intent.effect is not None
        assert int(orjson.loads(intent.effect)["units"]) == intent.draft.action.units
        after, _ = await story.look()
        assert after.unified is not None
        assert (after.unified.factor or 0) >= 159 * WAD // 100


async def test_a_committee_that_does_not_fit_needs_a_lookup_table(tmp_path: Path) -> None:
    tables: list[Pubkey] = []
    async with telling(tmp_path, tables=tables) as story:
        scene = story.scene
        scene.use_committee(7, 5)
        scene.set_mandate(scene.terms(MandateKind.UNIFIED))
        report, _ = await story.look()
        header = attest(story, report)
        with capture_logs() as logs:
            await story.report(header)
        [reason] = unmet(logs, "unified")
        assert "use a lookup table" in reason
        keys = scene.unified(1).accounts
        tables.append(make_table(story, [meta.pubkey for meta in keys[1:]]))
        await story.report(header)
        intent = await story.settle()
        assert intent.state is IntentState.CONFIRMED
        assert intent.effect is not None


def make_table(story: Story, keys: list[Pubkey]) -> Pubkey:
    """Create a lookup table on the chain."""
    payer, owner = story.scene.keeper, story.scene.keeper.pubkey()
    create, table = create_lookup_table(
        CreateLookupTableParams(
            authority_address=owner,
            payer_address=owner,
            recent_slot=story.ledger.blocks.tip.parent,
        )
    )
    extend = extend_lookup_table(
        ExtendLookupTableParams(
            payer_address=owner,
            lookup_table_address=table,
            authority_address=owner,
            new_addresses=keys,
        )
    )
    for instruction in (create, extend):
        story.ledger.send(sign(story.ledger, payer, [instruction]))
    story.pass_slots(3)
    return table


async def test_a_stale_price_is_caught_before_anything_is_signed(tmp_path: Path) -> None:
    async with telling(tmp_path) as story:
        scene = story.scene
        scene.set_mandate(scene.terms())
        price = OraclePrice(price=130 * USD, published_at=scene.now - 119)
        scene.market.publish(scene.sol, price)
        report, snapshot = await story.look()
        assert report.positions[0].native_health is not None
        assert report.positions[0].native_health < 110 * WAD // 100
        story.pass_slots(20)
        with capture_logs() as logs:
            await story.keeper.on_report(report, snapshot, None)
        [reason] = unmet(logs, "native")
        assert "instruction 2 failed" in reason
        assert SEND not in story.node.counts


async def test_limits_and_dry_runs_hold_on_solana_as_well(tmp_path: Path) -> None:
    tight = Limits(per_transaction=Usd(1), per_hour=Usd(USD), per_day=Usd(USD))
    async with telling(tmp_path / "tight", limits=tight) as story:
        story.scene.set_mandate(story.scene.terms())
        story.scene.crash(130)
        await story.report()
        assert SEND not in story.node.counts
    async with telling(tmp_path / "dry", live=False) as story:
        story.scene.set_mandate(story.scene.terms())
        story.scene.crash(130)
        await story.report()
        assert SEND not in story.node.counts
        [would] = await story.journal.read_planned(limit=9)
        assert would.unit_price > 0


async def test_a_rescue_without_its_event_halts_the_keeper(tmp_path: Path) -> None:
    async with telling(tmp_path) as story:
        story.scene.set_mandate(story.scene.terms())
        story.scene.crash(130)
        await story.report()
        landed = story.ledger._landed
        for signature, found in list(landed.items()):
            landed[signature] = replace(found, logs=("Program log: nothing",))
        await story.settle()
        await story.settle()
        assert "without the effect" in (story.dispatcher.halted or "")


async def test_a_price_beyond_the_last_digit_we_count_with_refuses_no_cure(tmp_path: Path) -> None:
    async with telling(tmp_path) as story:
        scene = story.scene
        scene.set_mandate(scene.terms(MandateKind.UNIFIED))
        fine = OraclePrice(price=10**10 + 99, exponent=-10, published_at=scene.now)
        scene.market.publish(scene.usdc, fine)
        report, _ = await story.look()
        assert {found.high.usd for found in report.ranges} >= {Usd(USD)}
        await story.report(attest(story, report))
        intent = await story.settle()
        assert intent.state is IntentState.CONFIRMED
