"""`plimsoll verify --committees`: files of a later committee, and chains that prove nothing."""

import json
from pathlib import Path

import pytest

from daemon.commands.verify import UNREADABLE_FILE
from proofs.document import encode_document
from proofs.refusal import Refusal
from proofs.scheme import Scheme
from proofs.succession import encode_chain
from tests.daemon.commands.test_verify import run
from tests.proofs import keys, test_succession
from tests.proofs.samples import NOW

CHAIN = test_succession.chain()
ROOT = "0x" + CHAIN.root.id.hex()


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "chain.json"
    path.write_bytes(encode_chain(CHAIN))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "attestation.json"
    path.write_bytes(encode_document(keys.document(Scheme.BLS12_381, of=CHAIN.committees[-1])))
    return path


def test_a_later_committee_is_followed_from_the_trusted_one(file: Path, chain: Path) -> None:
    arguments = (file, "--at", NOW, "--committee", ROOT)
    assert run(*arguments)[0] == Refusal.COMMITTEE.code
    code, output = run(*arguments, "--committees", chain)
    assert code == 0
    assert "scheme      bls12-381" in output
    view = json.loads(run(*arguments, "--committees", chain, "--json")[1])
    assert view["pinned"]
    assert view["scheme"] == "bls12-381"


def test_a_chain_that_proves_nothing_is_told_like_a_file_that_does_not(
    file: Path, chain: Path
) -> None:
    chain.write_bytes(chain.read_bytes().replace(b'"epoch":"2"', b'"epoch":"3"'))
    code, output = run(file, "--at", NOW, "--committees", chain)
    assert code == Refusal.SIGNATURE.code
    assert "refused (signature)" in output
    code, output = run(file, "--at", NOW, "--committees", chain.with_name("none"))
    assert code == UNREADABLE_FILE
    assert "none cannot be read" in output
