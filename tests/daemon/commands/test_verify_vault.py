"""`plimsoll verify` of statements about vaults."""

import json
from pathlib import Path

import pytest

from proofs.refusal import Refusal
from proofs.vault_document import encode_vault_document
from proofs.vaults import VaultFact, VaultQuantities
from tests.daemon.commands.test_verify import run
from tests.proofs.samples import DEPLOYMENT, NOW
from tests.proofs.vault_samples import FOUR, quantities, sign, state


@pytest.fixture(params=[state(), quantities()], ids=["fact", "quantities"])
def said(request: pytest.FixtureRequest) -> VaultFact | VaultQuantities:
    found: VaultFact | VaultQuantities = request.param
    return found


def write(folder: Path, said: VaultFact | VaultQuantities, *signers: int) -> Path:
    path = folder / "statement.json"
    path.write_bytes(encode_vault_document(sign(said, signers)))
    return path


def test_a_quorums_statement_is_taken_and_told(
    tmp_path: Path, said: VaultFact | VaultQuantities
) -> None:
    file = write(tmp_path, said, 0, 1, 3)
    options = ("--at", NOW, "--deployment", DEPLOYMENT, "--committee", "0x" + FOUR.id.hex())
    code, output = run(file, *options)
    assert code == 0, output
    assert output.startswith("signed by a quorum\n")
    view = json.loads(run(file, *options, "--json")[1])
    assert (view["signers"], view["bitmap"]) == ([FOUR.members[i] for i in (0, 1, 3)], "11")
    assert ("fact" in view) is isinstance(said, VaultFact)


def test_too_few_signers_and_foreign_members_have_their_exit_codes(
    tmp_path: Path, said: VaultFact | VaultQuantities
) -> None:
    code, _ = run(write(tmp_path, said, 0, 1), "--at", NOW)
    assert code == Refusal.QUORUM.code
    code, _ = run(write(tmp_path, said, 0, 1, 2), "--at", NOW, "--member", "0x" + "11" * 20)
    assert code == Refusal.COMMITTEE.code
