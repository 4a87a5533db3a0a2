import json
from pathlib import Path

import pytest

from daemon.devnet.keystores import draw_key, write_keystore
from tests.daemon.commands.conftest import Run

ID = "0x" + "ab" * 32
CHAIN = """
[chains.{label}]
caip2 = "eip155:{number}"
rpc = ["http://127.0.0.1:9"]
max_fee_gwei = "500"
priority_fee_gwei = "1"
[chains.{label}.tokens.WETH]
address = "0x{token:040x}"
decimals = 18
feed = "0x{token:040x}"
heartbeat_s = 3600
[chains.{label}.vault]
vault = "0x{token:040x}"
seizure = "0x{token:040x}"
notary = "0x{token:040x}"
assets = ["WETH"]
"""
HEAD = 'deployment = "here"\nstate_dir = "{state}"\n[api]\nport = 9\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "plimsoll.toml"
    chains = [
        CHAIN.format(label=label, number=number, token=number)
        for label, number in (("cheap", 31337), ("dear", 31338))
    ]
    path.write_text(HEAD.format(state=tmp_path / "state") + "".join(chains))
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open", "moon"), "CHAIN: 'moon' has no vault; write one of cheap (eip155:31337), dear"),
        (("deposit", "0x12", "cheap", "WETH", "1"), "ACCOUNT: write the vault account's id"),
        (("deposit", "ab" * 33, "cheap", "WETH", "1"), "ACCOUNT: write the vault account's id"),
        (("deposit", ID, "moon", "WETH", "1"), "CHAIN: 'moon' has no vault"),
        (("deposit", ID, "cheap", "DOGE", "1"), "SYMBOL: 'DOGE' is no asset of chains.cheap.vault"),
        (("deposit", ID, "cheap", "WETH", "1e3"), "AMOUNT: is '1e3'"),
        (("deposit", ID, "cheap", "WETH", "0"), "AMOUNT: is 0"),
        (("borrow", ID, "cheap", "WETH", "some"), "AMOUNT: is 'some'"),
        (("repay", ID, "cheap", "WETH", f"0.{'0' * 18}1"), "AMOUNT: is"),
        (("withdraw", ID, "cheap", "WETH", "1", "--to", "0x1"), "--to: "),
        (("supply", "cheap", "WETH", "x"), "AMOUNT: is 'x'"),
        (("line", ID, "cheap", "31337", "WETH", "1"), "TO: is cheap, the chain that lends"),
        (("line", ID, "moon", "dear", "WETH", "1"), "FROM: 'moon' has no vault"),
        (("line", ID, "cheap", "dear", "WETH", "."), "AMOUNT: is '.'"),
        (("deposit", ID, "cheap", "WETH", "1"), "--keystore: write the owner's keystore"),
        (
            ("deposit", ID, "cheap", "WETH", "1", "--keystore", "/nowhere"),
            "--keystore: goes with --password-file",
        ),
    ],
)
def test_bad_input_is_one_line_that_names_the_field(
    plimsoll: Run, config: Path, words: tuple[str, ...], said: str
) -> None:
    outcome = plimsoll("vault", *words, "--config", config)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith(f"plimsoll: {said}")
    assert outcome.err.count("\n") == 1


def test_a_configuration_without_vaults_is_refused_with_what_to_write(
    plimsoll: Run, config: Path
) -> None:
    text = config.read_text()
    config.write_text(
        "\n".join(
            part if "vault" not in part.split("\n", 1)[0] else ""
            for part in text.replace("\n[", "\n\x00[").split("\x00")
        )
    )
    outcome = plimsoll("vault", "open", "cheap", "--config", config)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "[chains.….vault]" in outcome.err


@pytest.mark.net
def test_a_chain_that_does_not_answer_is_one_line(
    plimsoll: Run, config: Path, tmp_path: Path
) -> None:
    write_keystore(draw_key(), tmp_path / "key.json", tmp_path / "password")
    key = ("--keystore", tmp_path / "key.json", "--password-file", tmp_path / "password")
    outcome = plimsoll("vault", "deposit", ID, "cheap", "WETH", "1", "--config", config, *key)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.startswith("plimsoll: chains.cheap: ")


def test_a_wrong_password_is_one_line_without_a_secret(
    plimsoll: Run, config: Path, tmp_path: Path
) -> None:
    write_keystore(draw_key(), tmp_path / "key.json", tmp_path / "password")
    (tmp_path / "password").write_text("not the one")
    key = ("--keystore", tmp_path / "key.json", "--password-file", tmp_path / "password")
    outcome = plimsoll("vault", "open", "cheap", "--config", config, *key)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "key.json" in outcome.err
    assert "not the one" not in outcome.err


@pytest.mark.net
def test_status_says_when_no_daemon_answers(plimsoll: Run, config: Path) -> None:
    outcome = plimsoll("vault", "status", ID, "--config", config)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "does not answer" in outcome.err
    assert json.dumps(ID) not in outcome.out
