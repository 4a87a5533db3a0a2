"""`plimsoll verify FILE`: verdicts, exit codes, and the comparison with real chains."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from chains.model.ids import AccountId, Address
from daemon.commands.verify import verify
from proofs.document import Document, encode_document
from proofs.refusal import Refusal
from proofs.statement import Statement, hash_audience
from tests.proofs import samples, solana

USER = Address("0x" + "a1" * 20)
APP = typer.Typer()
APP.command()(verify)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def write(made: Statement, path: Path) -> Path:
    signed = Document(statement=made, signatures=samples.sign(made))
    path.write_bytes(encode_document(signed))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(samples.statement(), tmp_path / "attestation.json")


def test_a_good_file_is_consistent_but_unanchored(file: Path) -> None:
    code, output = run(file, "--at", samples.NOW)
    assert code == 0
    assert output.startswith("consistent, unanchored\n")
    assert "not pinned" in output
    assert "not checked" in output
    assert f"eip155:31337@{samples.ANCHORS[0].height}" in output


def test_a_slot_of_solana_and_how_its_leaves_are_backed_are_shown(tmp_path: Path) -> None:
    file = write(solana.statement(), tmp_path / "attestation.json")
    code, output = run(file, "--at", samples.NOW)
    assert code == 0, output
    assert f"{solana.SOLANA}@{solana.SLOT}" in output
    assert f"  leaves      {solana.SOLANA} quorum-read\n" in output
    view = json.loads(run(file, "--at", samples.NOW, "--json")[1])
    assert view["evidence"] == {
        str(chain): ["quorum-read"] for chain in (samples.CHEAP, samples.DEAR, solana.SOLANA)
    }


def test_json_gives_decimals_as_strings(file: Path) -> None:
    signer = samples.committee().members[0]
    options = ("--deployment", samples.DEPLOYMENT, "--member", signer, "--json")
    code, output = run(file, "--at", "2033-05-18T03:33:20Z", *options)
    view: dict[str, Any] = json.loads(output)
    made = samples.statement()
    assert code == view["code"] == 0
    assert view["pinned"] is view["deployment_checked"] is True
    assert view["digest"] == "0x" + made.digest.hex()
    assert view["signers"] == [signer]
    assert view["health_factor"].replace(".", "").lstrip("0") == str(made.header.health_factor_e18)
    assert view["equity_usd"].replace(".", "") == str(made.header.net_equity_e8)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--at", samples.NOW + 61), Refusal.EXPIRED),
        ((), Refusal.FUTURE),
        (("--at", samples.NOW, "--deployment", "elsewhere"), Refusal.DEPLOYMENT),
        (("--at", samples.NOW, "--committee", "0x" + "11" * 32), Refusal.COMMITTEE),
        (("--at", samples.NOW, "--member", "0x" + "11" * 20), Refusal.COMMITTEE),
        (("--at", samples.NOW, "--max-ttl", 10), Refusal.TTL),
        (("--at", samples.NOW, "--max-skew", 10), Refusal.SKEW),
    ],
)
def test_a_refusal_exits_with_its_own_code(
    file: Path, arguments: tuple[object, ...], reason: Refusal
) -> None:
    code, output = run(file, *arguments)
    assert code == reason.code
    assert f"refused ({reason.name.lower()})" in output
    code, output = run(file, *arguments, "--json")
    view = json.loads(output)
    assert (view["verdict"], view["code"]) == ("refused", code)


def test_a_flipped_byte_is_refused(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[raw.index(b"amountRaw") + 13] ^= 1
    file.write_bytes(raw)
    code, _ = run(file, "--at", samples.NOW)
    assert code == Refusal.POSITIONS_ROOT.code


def test_an_attestation_bound_to_a_consumer_needs_that_consumer(tmp_path: Path) -> None:
    consumer = "eip155:31337:0x" + "22" * 20
    audience = hash_audience(AccountId.parse(consumer))
    made = samples.statement(replace(samples.TERMS, audience=audience))
    file = write(made, tmp_path / "bound.json")
    at = ("--at", samples.NOW)
    assert run(file, *at)[0] == Refusal.AUDIENCE.code
    assert run(file, *at, "--audience", "eip155:31338:0x" + "22" * 20)[0] == Refusal.AUDIENCE.code
    assert run(file, *at, "--audience", consumer)[0] == 0
    assert run(file, *at, "--audience", "0x" + audience.hex())[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--at", "yesterday"),
        ("--at", "2027-01-15T08:00:00"),
        ("--committee", "0x11"),
        ("--audience", "alice"),
        ("--audience", "a:b"),
        ("--member", "0x11"),
    ],
)
def test_an_option_that_cannot_be_read_is_wrong_usage(
    file: Path, arguments: tuple[str, ...]
) -> None:
    code, output = run(file, *arguments)
    assert code == 2
    assert arguments[0] in output


def test_a_missing_file_and_a_missing_configuration_have_their_own_codes(
    file: Path, tmp_path: Path
) -> None:
    code, output = run(tmp_path / "none.json")
    assert code == 3
    assert "cannot be read" in output
    code, _ = run(file, "--at", samples.NOW, "--rpc", tmp_path / "none.toml")
    assert code == 2
