"""The verifier for wallets in Node: it gives Python's verdict on every shared vector."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from proofs.evidence.bundle import MOST_PARTS, BlockEvidence, _encode
from tests.proofs.js.evidence import answer_of, read_vectors
from tests.proofs.js.vectors import NAMES, VECTORS, compare, questions

HERE: Final = Path(__file__).parent
PROVED: Final = read_vectors().vectors


def run_script(script: str, asked: str) -> Any:  # noqa: ANN401 -- any JSON
    """Give what a script in this folder answers."""
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no node in PATH; `make setup` brings one")
    command = [node, str(HERE / script)]
    run = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)  # noqa: S603 -- our own script
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    found: dict[str, Any] = run_script("node.mjs", questions())
    return found


@pytest.mark.parametrize("place", range(len(VECTORS)), ids=NAMES)
def test_node_gives_the_verdict(answers: dict[str, Any], place: int) -> None:
    assert answers["verdicts"][place] == VECTORS[place]["verdict"]


@pytest.mark.parametrize("place", range(len(PROVED)), ids=[v["name"] for v in PROVED])
def test_node_gives_the_verdict_on_evidence(answers: dict[str, Any], place: int) -> None:
    assert answers["evidence"][place] == answer_of(PROVED[place]["verdict"])


def test_node_decodes_no_bundle_of_too_small_or_too_many_parts() -> None:
    nodes = tuple(place.to_bytes(32, "big") for place in range(MOST_PARTS + 1))
    block = BlockEvidence(chain="eip155:1", header=b"", nodes=nodes[:-1])
    bundles = [
        [block],
        [replace(block, nodes=nodes)],
        [block, replace(block, chain="eip155:2", nodes=nodes[:1])],
        [block, replace(block, chain="eip155:2", nodes=(), codes=(b"1",))],
        [replace(block, nodes=(bytes(31),))],
    ]
    asked = json.dumps([_encode(blocks).hex() for blocks in bundles])
    assert run_script("bundles.mjs", asked) == [
        "1 blocks",
        "bundle: more than 10000 items",
        "bundle: more than 0 items",
        "bundle: more than 0 items",
        "bundle: a node of less than 32 bytes",
    ]


def test_node_agrees_on_hashes_paths_envelopes_and_damaged_files(answers: dict[str, Any]) -> None:
    compare(answers)
