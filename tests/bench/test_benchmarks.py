"""The benchmarks run: what they measure is checked, never how fast it was."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from solders.pubkey import Pubkey

from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend.decode import decode_obligation
from chains.solana.protocols.klend.layout import PROGRAM
from daemon.devnet.vaults import compile_vault
from daemon.margin.book.book import Book
from tests.bench import __main__ as command
from tests.bench import (
    agreeing,
    crossing,
    decoding,
    fleet,
    losses,
    math_utils,
    proving,
    reaction,
    scanning,
    slot_reaction,
    vault_gas,
    verifying,
)
from tests.bench.figures import Figure, Figures
from tests.bench.fleets import make_fleet as make_fleet_of_columns
from tests.bench.ground import open_ground
from tests.bench.loans import make_fleet
from tests.bench.loop import decode_loan
from tests.bench.registry import Benchmark, select
from tests.chains.solana.protocols.dumps import CHAIN
from tests.sdk.run import needs_sdk

UNMEASURED = {
    *("seal", "set_asset", "set_feed", "set_sequencer", "set_line_cap", "set_curve", "set_terms"),
    *("list_asset", "require_long", "set_roles", "unpause"),
    *("unlock", "seize", "repay_from", "consume_line", "draw_fund", "unprovide", "note_spent"),
    *("claim_rest", "release_lost", "withdraw_credit"),
}
"""What is called once, by the timelock or the seizure alone, or seldom: not in the table of gas."""


@pytest.mark.net
def test_a_reaction_is_measured_against_its_own_requests() -> None:
    said: list[str] = []

    figures = reaction.measure(said.append, runs=2, warm_up=1)

    assert {"reaction.evm_p50_over_skeleton", "reaction.evm_p95_over_p50"} <= set(figures)
    assert all(figure.value > 0 for figure in figures.values())
    assert figures["reaction.evm_own_p50_ms"].value < figures["reaction.evm_p50_ms"].value
    assert any(line.startswith("1 eth_getBlockByHash → 1 eth_call → ") for line in said)


@pytest.mark.net
def test_a_reaction_on_solana_is_measured_from_its_slot() -> None:
    said: list[str] = []

    figures = slot_reaction.measure(said.append, runs=2, warm_up=1)

    p50, p95 = (figures[f"reaction.solana_{name}_ms"].value for name in ("p50", "p95"))
    assert 0 < figures["reaction.solana_own_p50_ms"].value < p50 <= p95
    assert figures["reaction.solana_skeleton_p50_ms"].value > 0
    [shape] = [line for line in said if line.startswith("1 getMultipleAccounts → ")]
    assert "1 simulateTransaction" in shape
    assert shape.endswith(" → 1 sendTransaction")


@pytest.mark.net
def test_what_a_quorum_costs_on_chain_is_within_the_targets() -> None:
    said: list[str] = []

    figures = verifying.run(said.append)

    assert len(figures) == 8
    targets = [f"proofs.gas_{scheme}_5of7" for scheme in ("secp256k1", "bls")]
    assert [figures[name].met for name in targets] == [True, True], "gas depends on no machine"
    assert all(figures[f"proofs.gas_{s}_13of19"].value < 275_000 for s in ("secp256k1", "bls"))
    assert "13 of 19" in said[0]


@pytest.mark.net
def test_proofs_of_a_real_market_are_read_by_both_and_the_bare_library_takes_the_sum() -> None:
    said: list[str] = []

    with open_ground() as ground:
        figures = proving.measure(ground, said.append, rounds=2)
        proofs = proving.gather_proofs(ground)

    assert proofs.count > 20
    assert any(proving.read_strictly(proofs))
    assert figures["proofs.bls_verify_over_arkworks"].target == 1.2
    assert figures["proofs.storage_proofs_vs_trie"].target == 1
    assert all(figure.value > 0 for figure in figures.values())
    assert said[0] == f"{proofs.count} words and accounts, {len(proofs.nodes)} nodes"


@pytest.mark.net
def test_four_daemons_attest_together_and_each_round_is_timed() -> None:
    said: list[str] = []

    figures = agreeing.measure(said.append, runs=2, warm_up=0)

    p50, p95 = (figures[f"proofs.attest_{name}_ms"].value for name in ("p50", "p95"))
    assert 0 < p50 <= p95
    assert said[0].startswith("2 rounds, ")


def test_columns_and_objects_find_the_same_loans_and_both_are_timed() -> None:
    fleet = make_fleet(300)

    figures = decoding.measure(fleet, rounds=1)

    assert decoding.loop_stored(fleet)
    assert figures["solana.decode_vs_object_loop"].target == 50
    assert all(figure.value > 0 for figure in figures.values())


def test_a_loan_of_the_loop_says_what_ours_says() -> None:
    data = make_fleet(1).accounts[0]
    account = RawAccount(key=PROGRAM, owner=PROGRAM, lamports=1, data=data)
    ours, theirs = decode_obligation(CHAIN, PROGRAM, account), decode_loan(data)

    used = [part for part in theirs.deposits if part.reserve != Pubkey.default()]
    assert [(bytes(part.reserve), part.amount) for part in used] == [
        (part.reserve, part.amount) for part in ours.deposits
    ]
    owed = [part for part in theirs.borrows if part.reserve != Pubkey.default()]
    assert [(bytes(part.reserve), part.amount_sf, part.rate.value[0]) for part in owed] == [
        (part.reserve, part.amount_sf, part.rate_sf) for part in ours.borrows
    ]
    assert [getattr(theirs, name) for name in ours.values.__slots__] == [
        getattr(ours.values, name) for name in ours.values.__slots__
    ]
    with pytest.raises(ValueError, match="no obligation"):
        decode_loan(data[:-1])


@pytest.mark.net
def test_a_scan_is_one_call_and_its_bytes_are_counted() -> None:
    figures = scanning.measure(make_fleet(300), rounds=1)

    for way in ("stored", "valued", "whole"):
        assert figures[f"solana.scan_10k_{way}_calls"].value == 1
        assert figures[f"solana.scan_10k_{way}_s"].value > 0
    stored, whole = (figures[f"solana.scan_10k_{way}_bytes"].value for way in ("stored", "whole"))
    assert 300 * 80 < stored < whole / 10
    assert whole > 300 * 3344 * 4 / 3


def test_a_fleet_is_timed_as_it_grows_and_ticks_find_whom_passes_find() -> None:
    said: list[str] = []

    figures = fleet.measure(said.append, sizes={"1k": 1_000, "4k": 4_000}, rounds=2, fuzz_rounds=40)

    assert all(figure.value > 0 for figure in figures.values())
    assert {f"fleet.tick_us_{size}" for size in ("1k", "4k")} <= set(figures)
    assert 60 < figures["fleet.bytes_per_account"].value < 120
    targets = {name: figure.target for name, figure in figures.items() if figure.target}
    assert targets == {
        "fleet.full_pass_over_bandwidth_floor": 3,
        "fleet.full_pass_vs_scipy": 2,
        "fleet.tick_vs_full_pass": 20,
    }
    assert [line.split(":")[0] for line in said[:2]] == ["1k", "4k"]
    found = int(said[-1].split("the same ")[1].split()[0])
    assert found > 0


def test_ticks_that_find_other_accounts_fail_the_benchmark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_fleet_of_columns(500)
    book = Book(made.columns)
    book.rebase(made.factors)
    monkeypatch.setattr(Book, "find_rows", lambda *_, **__: np.arange(3))
    with pytest.raises(RuntimeError, match="find other accounts"):
        fleet.fuzz(made, book, rounds=40)


def test_losses_are_timed_by_both_ways() -> None:
    figures = losses.measure(lambda _: None, accounts=300, scenarios=100, rounds=1)

    assert figures["risk.es_vs_scipy_partition"].target == 5
    assert all(figure.value > 0 for figure in figures.values())


@needs_sdk
def test_aaves_own_library_finds_the_same_healths_and_is_timed() -> None:
    figures = math_utils.measure(lambda _: None, accounts=30, fleet=3_000, rounds=1)

    assert figures["fleet.per_core_vs_aave_math_utils"].target == 10_000
    assert all(figure.value > 0 for figure in figures.values())


def test_an_unknown_benchmark_is_named() -> None:
    with pytest.raises(ValueError, match="no benchmark 'nothing': snapshot, attesting, reaction"):
        select(["nothing"])


def test_one_that_cannot_run_hides_no_other_but_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Callable[[str], None]) -> Figures:
        raise RuntimeError("no node")

    def yield_one(_: Callable[[str], None]) -> Figures:
        return {"slow.p50_ms": Figure(value=9, unit="ms", target=1)}

    chosen = (Benchmark(name="broken", run=fail), Benchmark(name="slow", run=yield_one))
    monkeypatch.setattr(command, "select", lambda _: chosen)
    path = tmp_path / "bench.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--output", str(path)])

    assert command.main() == 1

    assert set(orjson.loads(path.read_bytes())) == {"slow.p50_ms"}
    shown = capsys.readouterr()
    assert "could not run: broken" in shown.out
    assert "no node" in shown.err
    monkeypatch.setattr(command, "select", lambda _: chosen[1:])
    assert command.main() == 0  # a missed target is no failure


@pytest.mark.net
def test_a_liquidation_across_two_chains_is_split_into_its_parts() -> None:
    said: list[str] = []

    figures = crossing.measure(said.append, runs=1, warm_up=0, members=1, block_s=0.2)

    parts = [figures[f"vault.{name}_p50_s"].value for name in crossing.STAGES]
    assert sum(parts) == pytest.approx(figures["vault.restored_p50_s"].value)
    assert all(part > 0 for part in parts)
    assert said[0] == "1 runs"


@pytest.mark.net
def test_every_call_that_people_make_at_the_vaults_is_in_the_table_of_gas() -> None:
    used = vault_gas.measure()

    known = {
        item["name"]
        for contract in ("vault", "pool", "seizure", "judge", "timelock")
        for item in compile_vault(contract).abi
        if item["type"] == "function" and item["stateMutability"] == "nonpayable"
    }
    assert known - set(used) == UNMEASURED
    assert all(21_000 < gas < 16_777_216 for gas in used.values())
