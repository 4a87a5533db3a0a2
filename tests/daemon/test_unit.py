"""The unit file: systemd takes it, it is tight, and its command really parses."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.devnet.artifacts import ROOT
from tests.config.samples import GOOD, write

UNIT = ROOT / "systemd" / "plimsoll.service"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
MOST_EXPOSURE = 1.5


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    command = [ANALYZE, *map(str, arguments)]
    return subprocess.run(  # noqa: S603 # systemd's own, by its absolute path
        command, capture_output=True, text=True, check=False, timeout=60
    )


def setting(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def command_line() -> list[str]:
    (line,) = setting("ExecStart")
    return shlex.split(line)


def here(tmp_path: Path) -> Path:
    """The unit as it would stand here: its program is this environment's."""
    text = UNIT.read_text(encoding="utf-8")
    program = Path(sys.executable).parent / "plimsoll"
    path = tmp_path / "plimsoll.service"
    path.write_text(text.replace(command_line()[0], str(program)), encoding="utf-8")
    return path


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    verified = analyze("verify", here(tmp_path))
    assert verified.returncode == 0
    assert "plimsoll" not in verified.stderr, verified.stderr


@needs_systemd
def test_the_exposure_is_at_most_the_gate() -> None:
    judged = analyze("security", "--offline=true", UNIT)
    found = re.search(r"exposure level for plimsoll\.service: ([0-9.]+)", judged.stdout)
    assert found is not None, judged.stdout + judged.stderr
    assert float(found[1]) <= MOST_EXPOSURE


def test_the_command_really_parses(tmp_path: Path) -> None:
    program, *arguments = command_line()
    assert Path(program).name == "plimsoll"
    path = write(tmp_path, GOOD)
    arguments = [str(path) if part.endswith(".toml") else part for part in arguments]
    ran = subprocess.run(  # noqa: S603 # this environment's program
        [Path(sys.executable).parent / "plimsoll", *arguments, "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PLIMSOLL_STATE_DIR": "/var/lib/plimsoll", "PATH": "/usr/bin"},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("ok: ")


def test_compiled_numerics_can_start() -> None:
    assert setting("MemoryDenyWriteExecute") == []
    assert "NUMBA_CACHE_DIR=%C/plimsoll" in setting("Environment")


def test_the_key_comes_as_a_credential_and_from_nowhere_else() -> None:
    assert [value.split(":")[0] for value in setting("LoadCredential")] == ["keystore", "password"]
    assert setting("EnvironmentFile") == []
