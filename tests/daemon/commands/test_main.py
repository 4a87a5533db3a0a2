import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon.__main__ import COMMANDS
from tests.config.samples import GOOD, write
from tests.daemon.commands.conftest import Run


def test_the_overview_names_every_command(plimsoll: Run) -> None:
    shown = plimsoll("--help")
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in COMMANDS)
    assert plimsoll().out == shown.out


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(plimsoll: Run, name: str) -> None:
    shown = plimsoll(name, "--help")
    assert shown.code == 0
    assert f"plimsoll {name}" in shown.out


@pytest.mark.parametrize(
    "line",
    [
        ["rnu"],
        ["run", "--chek"],
        ["run", "surplus"],
        ["run", "--config", "/nowhere.toml"],
        ["health"],
        ["health", "alice", "--url", "localhost:8480"],
        ["doctor", "--config", "/nowhere.toml"],
        ["mandate", "pause", "alice", "--config", "/nowhere.toml"],
    ],
)
def test_bad_input_is_one_line_and_exit_2(plimsoll: Run, line: list[str]) -> None:
    refused = plimsoll(*line)
    assert refused.code == 2
    assert refused.out == ""
    assert refused.err.startswith("plimsoll: ")
    assert refused.err.count("\n") == 1


def test_without_a_configuration_the_user_is_told_how_to_name_one(
    plimsoll: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = plimsoll("run")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--config" in refused.err


def test_check_reads_the_configuration_and_ends(plimsoll: Run, tmp_path: Path) -> None:
    checked = plimsoll("run", "--config", write(tmp_path, GOOD), "--check")
    assert checked.code == 0
    assert checked.out == "ok: dry-run, 1 account(s), chains cheap (eip155:31337)\n"


def test_every_mistake_in_the_configuration_is_a_line(plimsoll: Run, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('"500"', "1.5").replace("decimals = 18", "decimals = 99"))
    refused = plimsoll("run", "--config", path, "--check")
    assert refused.code == 2
    assert sorted(line.split(": ")[1] for line in refused.err.splitlines()) == [
        "chains.cheap.max_fee_gwei",
        "chains.cheap.tokens.WETH.decimals",
    ]


def test_the_overview_imports_nothing_heavy() -> None:
    script = (
        "import sys; from daemon.__main__ import dispatch; dispatch(['--help']); "
        "heavy = {'typer', 'pydantic', 'web3', 'aiohttp', 'eth_account'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    started = time.monotonic()
    command = [sys.executable, "-c", script]
    subprocess.run(command, check=True, capture_output=True, timeout=30)  # noqa: S603 # our own
    assert time.monotonic() - started < 10
