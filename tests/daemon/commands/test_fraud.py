"""`plimsoll fraud check FILE`: what it says, and its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon.__main__ import dispatch
from daemon.commands.fraud import NOT_FRAUD, app
from daemon.commands.verify import UNREADABLE_FILE
from proofs.fraud import FraudProof, encode_fraud
from proofs.refusal import Refusal
from proofs.scheme import Scheme
from proofs.succession import encode_chain
from tests.proofs import keys, test_fraud, test_succession
from tests.proofs.samples import DEPLOYMENT

ID = "0x" + keys.committee().id.hex()
ACCUSED = keys.committee().members[2]


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def write(made: FraudProof, folder: Path) -> Path:
    path = folder / "fraud.json"
    path.write_bytes(encode_fraud(made))
    return path


def test_who_contradicted_himself_is_named(tmp_path: Path) -> None:
    code, output = run(write(test_fraud.proof(), tmp_path))
    assert code == 0
    assert output.startswith("proven: two digests for one thing\n")
    assert f"accused     {ACCUSED} (known by their addresses; none pinned)" in output
    assert f"deployment  {DEPLOYMENT}" in output


def test_json_holds_what_was_signed(tmp_path: Path) -> None:
    made = test_fraud.proof(Scheme.BLS12_381, Scheme.ED25519)
    code, output = run(write(made, tmp_path), "--committee", ID, "--json")
    view = json.loads(output)
    assert (code, view["verdict"], view["code"]) == (0, "proven", 0)
    assert view["accused"] == [ACCUSED]
    assert view["pinned"]
    assert view["committee_ids"] == [ID, ID]
    assert view["digests"] == sorted(view["digests"])


def test_a_chain_of_committees_makes_later_ones_trusted(tmp_path: Path) -> None:
    chain = test_succession.chain()
    path = tmp_path / "chain.json"
    path.write_bytes(encode_chain(chain))
    file = write(test_fraud.proof(Scheme.ED25519, Scheme.ED25519), tmp_path)
    assert run(file, "--committee", ID, "--committees", path)[0] == 0
    later = "0x" + chain.committees[1].id.hex()
    code, output = run(file, "--committee", later, "--committees", path)
    assert code == Refusal.COMMITTEE.code
    assert "not yours" in output
    assert run(file, "--committees", path)[0] == 2


def test_each_reason_has_its_own_exit_code(tmp_path: Path) -> None:
    one, _ = test_fraud.proof().votes
    same = FraudProof(deployment=DEPLOYMENT, votes=(one, one))
    code, output = run(write(same, tmp_path))
    assert code == NOT_FRAUD
    assert output.startswith("not proven (same_digest): ")
    code, output = run(write(test_fraud.proof(Scheme.ED25519, Scheme.ED25519), tmp_path), "--json")
    assert code == json.loads(output)["code"] == Refusal.COMMITTEE.code
    (tmp_path / "fraud.json").write_bytes(b"{}")
    assert run(tmp_path / "fraud.json")[0] == Refusal.MISSING_FIELD.code
    code, output = run(tmp_path / "none.json")
    assert code == UNREADABLE_FILE
    assert "cannot be read" in output
    assert run(tmp_path / "fraud.json", "--committee", "0x12")[0] == 2


def test_the_command_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fraud", "check", str(write(test_fraud.proof(), tmp_path))]) == 0
    assert "proven" in capsys.readouterr().out
