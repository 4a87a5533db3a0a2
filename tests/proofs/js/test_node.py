"""The verifier for wallets in Node: it gives Python's verdict on every shared vector."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.proofs.js.evidence import answer_of, read_vectors
from tests.proofs.js.vectors import NAMES, VECTORS, compare, questions

SCRIPT: Final = Path(__file__).with_name("node.mjs")
PROVED: Final = read_vectors().vectors


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no node in PATH; `make setup` brings one")
    command = [node, str(SCRIPT)]
    run = subprocess.run(command, input=questions(), capture_output=True, text=True, check=False)  # noqa: S603 -- our own script
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("place", range(len(VECTORS)), ids=NAMES)
def test_node_gives_the_verdict(answers: dict[str, Any], place: int) -> None:
    assert answers["verdicts"][place] == VECTORS[place]["verdict"]


@pytest.mark.parametrize("place", range(len(PROVED)), ids=[v["name"] for v in PROVED])
def test_node_gives_the_verdict_on_evidence(answers: dict[str, Any], place: int) -> None:
    assert answers["evidence"][place] == answer_of(PROVED[place]["verdict"])


def test_node_agrees_on_hashes_paths_envelopes_and_damaged_files(answers: dict[str, Any]) -> None:
    compare(answers)
