"""The main job: a fall of the unified health is cured once, on the chain where it costs least."""

import json
from dataclasses import astuple
from decimal import Decimal

import pytest

from chains.evm.rescue import ATTESTATION
from chains.model.snapshot import MandateKind
from proofs.document import decode_document
from proofs.verify import Expected, verify_file
from tests.support.process import run_command
from tests.support.stage import DEPLOYMENT
from tests.support.story import CHAINS, Story

pytestmark = pytest.mark.net

SHOCK = -30
"""Alice's unified health falls from 1.62 to 1.4715, under her trigger of 1.50."""


async def test_a_fall_under_the_unified_trigger_is_cured_once_on_the_cheap_chain(
    story: Story,
) -> None:
    daemon = await story.begin()
    assert Decimal("1.61") < (await story.unified() or 0) < Decimal("1.63")
    before = story.idle("cheap", "WETH")
    await story.shock("WETH", SHOCK)
    await story.until_settled()
    await story.step(blocks=5)

    [(chain, rescue)] = story.all_rescues()
    [entry] = daemon.journal()
    assert chain == "cheap"
    assert entry.purpose == "unified"
    assert story.idle("cheap", "WETH") == before - rescue.units
    assert story.idle("dear", "WETH") == before
    assert rescue.health_after >= rescue.health_before
    assert entry.effect is not None
    assert entry.effect["units"] == str(rescue.units)
    assert Decimal("1.60") <= (await story.unified() or 0) < Decimal("1.61")


async def test_the_decision_names_the_dearer_candidates_it_turned_down(story: Story) -> None:
    daemon = await story.begin()
    await story.shock("WETH", SHOCK)
    await story.until_settled()
    [entry] = daemon.journal()
    chosen, *others = entry.decision["candidates"]
    assert chosen["reason"] is None
    assert chosen["chain"] == "eip155:31337"
    assert {other["chain"] for other in others} == {"eip155:31337", "eip155:31338"}
    for other in others:
        assert other["reason"]
        assert Decimal(other["cost_usd"]) >= Decimal(chosen["cost_usd"])


async def test_swapping_the_base_fees_moves_the_rescue_to_the_other_chain(story: Story) -> None:
    cheap, dear = (story.stage.chain(name) for name in CHAINS)
    cheap_wei, dear_wei = cheap.base_fee_wei, dear.base_fee_wei
    cheap.set_base_fee(dear_wei)
    dear.set_base_fee(cheap_wei)
    story.mine()
    await story.begin()
    await story.shock("WETH", SHOCK)
    await story.until_settled()
    await story.step(blocks=5)
    [(chain, _)] = story.all_rescues()
    assert chain == "dear"
    assert Decimal("1.60") <= (await story.unified() or 0) < Decimal("1.61")


async def test_no_rescue_takes_more_than_the_mandate_lets_go(story: Story) -> None:
    limits = {"WETH": 10**17, "USDC": 100 * 10**6}
    for name in CHAINS:
        for symbol, most in limits.items():
            terms = {"per_action": most, "per_day": most}
            story.stage.set_mandate(name, MandateKind.UNIFIED, symbol, **terms)
            story.mine(name)
    await story.begin()
    before = {(name, s): story.idle(name, s) for name in CHAINS for s in limits}
    await story.shock("WETH", SHOCK)
    await story.until_settled(len(before))
    await story.step(blocks=5)
    for (name, symbol), held in before.items():
        taken = held - story.idle(name, symbol)
        token = story.stage.chain(name).deployment.tokens[symbol].address
        units = [rescue.units for rescue in story.rescues(name) if rescue.asset == token]
        assert units == [taken]
        assert 0 < taken <= limits[symbol]
    assert (await story.unified() or 0) < Decimal("1.5"), "the owner's limits are the end of it"


async def test_what_triggered_the_rescue_verifies_offline_and_on_both_chains(
    story: Story,
) -> None:
    daemon = await story.begin()
    await story.shock("WETH", SHOCK)
    await story.until_settled()
    raw = daemon.signed(max(found.last_sequence for found in story.stage.read_mandates("cheap")))

    document = decode_document(raw)
    header = document.statement.header
    expected = Expected(deployment=DEPLOYMENT, members=frozenset({story.stage.attester}))
    stated = verify_file(raw, expected, now=header.issued_at)
    assert 147 * 10**16 < (stated.health.factor or 0) < 148 * 10**16
    for chain in story.stage.net.chains:
        verifier = story.stage.contracts[chain.name].verifier
        (digest,) = chain.call(
            verifier,
            f"verify({ATTESTATION},uint256,bytes)",
            *(astuple(header), document.envelope.bitmap, document.envelope.proof),
            returns="(bytes32)",
        )
        assert digest == stated.digest

    file = story.folder / "attestation.json"
    file.write_bytes(raw)
    pins = ("--deployment", DEPLOYMENT, "--member", story.stage.attester)
    files = [part for path in daemon.files for part in ("--rpc", str(path))]
    done = await run_command("verify", str(file), *pins, *files, "--json", folder=story.folder)
    assert done.code == 0, done.output + done.errors
    assert json.loads(done.output)["digest"] == "0x" + stated.digest.hex()
