"""The benchmarks run: what they measure is checked, never how fast it was."""

import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.bench import __main__ as command
from tests.bench import reaction
from tests.bench.figures import Figure, Figures
from tests.bench.registry import Benchmark, select


@pytest.mark.net
def test_a_reaction_is_measured_against_its_own_requests() -> None:
    said: list[str] = []

    figures = reaction.measure(said.append, runs=2, warm_up=1)

    assert {"reaction.evm_p50_over_skeleton", "reaction.evm_p95_over_p50"} <= set(figures)
    assert all(figure.value > 0 for figure in figures.values())
    assert figures["reaction.evm_own_p50_ms"].value < figures["reaction.evm_p50_ms"].value
    assert any(line.startswith("1 eth_getBlockByHash → 1 eth_call → ") for line in said)


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
