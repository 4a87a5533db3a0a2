"""The commands as people and scripts use them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chains.model.units import USD
from daemon.devnet.commands import devnet_app

pytestmark = pytest.mark.net


def run(folder: Path, *words: str) -> Result:
    """Run one command on the devnet of a folder."""
    return CliRunner().invoke(devnet_app, [*words, "--dir", str(folder)])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a devnet that `up` started."""
    folder = tmp_path_factory.mktemp("commands")
    started = run(folder, "up", "--solana", "own")
    try:
        assert started.exit_code == 0, started.output
        assert f"--config {folder / 'run.toml'}" in started.output
        yield folder
    finally:
        assert run(folder, "down").output == "the devnet is down\n"


def test_status_shows_all_chains_with_prices(running: Path) -> None:
    shown = run(running, "status").output
    assert "cheap  eip155:31337" in shown
    assert "dear   eip155:31338" in shown
    assert "base fee 50 gwei" in shown
    assert "WBTC  protocol  60,000.0000  market  60,000.0000" in shown
    assert "solana solana:" in shown
    assert "unit price 0 micro-lamports  node own" in shown
    assert "SOL   protocol     150.0000  market     150.0000" in shown


def test_every_command_prints_json_when_asked(running: Path) -> None:
    for words in (
        ["status"],
        ["shock", "USDC", "-1.5"],
        ["shock", "USDC", "0.5", "--protocol-only"],
        ["mine", "2"],
        ["fee", "31337", "3"],
        ["fee", "solana", "5000"],
        ["faucet", "0x" + "12" * 20, "WBTC", "0.5", "--chain", "cheap"],
        ["faucet", "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU", "SOL", "0.5"],
    ):
        done = run(running, *words, "--json")
        assert done.exit_code == 0, done.output
        status = json.loads(done.output)
        assert [chain["number"] for chain in status["chains"]] == [31337, 31338, None]
    assert status["chains"][0]["base_fee_wei"] == 3 * 10**9
    assert status["chains"][2]["unit_price"] == 5_000
    assert status["chains"][1]["prices"]["USDC"]["reference"] == USD * 985 // 1_000


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["up"], "a devnet runs already in"),
        (["shock", "DOGE", "1"], "there is no asset 'DOGE'"),
        (["shock", "WETH", "much"], "PERCENT: 'much' is not a number"),
        (["shock", "WETH", "nan"], "PERCENT: 'nan' is not a finite number"),
        (["fee", "warm", "1"], "there is no chain 'warm'"),
        (["fee", "cheap", "10001"], "10001 gwei is too much: at most 10000"),
        (["fee", "solana", "1e10"], "1E+10 micro-lamports is too much: at most 10^9"),
        (["faucet", "0x12", "WETH", "1"], "'0x12' is not an EVM address"),
        (["faucet", "me", "WETH", "1"], "'me' is not a Solana address"),
        (["up", "--keeper", "me"], "'me' is not an EVM address"),
    ],
)
def test_what_fails_is_one_line_and_exit_1(running: Path, words: list[str], reason: str) -> None:
    done = run(running, *words)
    assert done.exit_code == 1
    assert reason in done.output
    assert done.output.startswith("plimsoll devnet: ")
    assert done.output.count("\n") == 1


def test_without_a_devnet_status_fails_and_down_says_so(tmp_path: Path) -> None:
    assert run(tmp_path, "status").exit_code == 1
    assert "no devnet runs in" in run(tmp_path, "status").output
    assert json.loads(run(tmp_path, "down", "--json").output) == {"ended": False}
