"""The unit file: systemd takes it, it is tight, and its command really parses."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.layers import read_table
from config.secrets import lay_credentials
from daemon.devnet.artifacts import ROOT
from daemon.devnet.folder import Folder
from tests.config.samples import GOOD, write

UNIT = ROOT / "systemd" / "plimsoll.service"
SOLANA = ROOT / "systemd" / "solana.conf"
ATTESTATION = ROOT / "systemd" / "attestation.conf"
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
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "plimsoll.service"
    path.write_text(text.replace(command_line()[0], str(program)), encoding="utf-8")
    return path


def add_solana(unit: Path, more: str = "") -> None:
    """Lay the drop-in for Solana over a unit, with some lines of its own."""
    folder = unit.with_name(f"{unit.name}.d")
    folder.mkdir()
    (folder / SOLANA.name).write_text(SOLANA.read_text(encoding="utf-8") + more, encoding="utf-8")


def measure_exposure(unit: Path) -> float:
    judged = analyze("security", "--offline=true", unit)
    found = re.search(r"exposure level for plimsoll\.service: ([0-9.]+)", judged.stdout)
    assert found is not None, judged.stdout + judged.stderr
    return float(found[1])


@needs_systemd
@pytest.mark.parametrize("solana", [False, True])
def test_systemd_finds_nothing_wrong(tmp_path: Path, *, solana: bool) -> None:
    unit = here(tmp_path)
    if solana:
        add_solana(unit)
    verified = analyze("verify", unit)
    assert verified.returncode == 0
    assert "plimsoll" not in verified.stderr, verified.stderr


@needs_systemd
def test_systemd_reads_the_drop_in_that_is_verified(tmp_path: Path) -> None:
    unit = here(tmp_path)
    add_solana(unit, "Nonsense=yes\n")
    assert "'Nonsense'" in analyze("verify", unit).stderr


@needs_systemd
def test_the_exposure_is_at_most_the_gate(tmp_path: Path) -> None:
    assert measure_exposure(UNIT) <= MOST_EXPOSURE
    unit = here(tmp_path)
    add_solana(unit)
    assert measure_exposure(unit) == measure_exposure(UNIT)
    add_solana(here(tmp_path / "loose"), "SystemCallFilter=\n")
    assert measure_exposure(tmp_path / "loose" / UNIT.name) > MOST_EXPOSURE


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


def test_a_unit_without_solana_asks_for_no_key_of_it() -> None:
    line = SOLANA.read_text(encoding="utf-8").splitlines()[-1]
    assert line == "LoadCredential=solana_keypair:/etc/plimsoll/solana.json"
    assert "solana" not in UNIT.read_text(encoding="utf-8")


def test_the_attestation_key_is_passed_on_under_the_names_that_are_looked_for(
    tmp_path: Path,
) -> None:
    lines = ATTESTATION.read_text(encoding="utf-8").splitlines()[-2:]
    for line in lines:
        (tmp_path / line.removeprefix("LoadCredential=").split(":")[0]).touch()
    found = lay_credentials({}, str(tmp_path))["keys"]
    assert set(found) == {"attestation_keystore", "attestation_password_file"}
    assert "attestation" not in UNIT.read_text(encoding="utf-8")


def without_privileges() -> list[str]:
    """What of the unit's hardening can be had without systemd: no capabilities, none to gain."""
    setpriv = shutil.which("setpriv")
    if setpriv is None or os.geteuid() != 0:
        return []
    return [setpriv, "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]


@contextmanager
def started(
    folder: Folder, tmp_path: Path, listener: socket.socket
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the unit's command as systemd would: credentials, state directory, watchdog."""
    table = read_table(folder.path / "run.toml")
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    named = {
        "keystore": "keystore",
        "password": "password_file",
        "solana_keypair": "solana_keypair",
    }
    for name, field in named.items():
        shutil.copy(table["keys"][field], credentials / name)
        (credentials / name).chmod(0o400)
    text = (folder.path / "run.toml").read_text(encoding="utf-8")
    config = write(tmp_path, re.sub(r"(?ms)^\[keys\].*?(?=^\[)", "", text) + "[api]\nport = 0\n")
    program = Path(sys.executable).parent / "plimsoll"
    _, *arguments = command_line()
    arguments = [str(config) if part.endswith(".toml") else part for part in arguments]
    environment = {
        "PATH": "/usr/bin:/bin",
        "NOTIFY_SOCKET": listener.getsockname(),
        "WATCHDOG_USEC": "30000000",
        "CREDENTIALS_DIRECTORY": str(credentials),
        "PLIMSOLL_STATE_DIR": str(tmp_path / "state"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 # this environment's program
            [*without_privileges(), program, *arguments],
            env=environment,
            stderr=log,
            umask=0o077,
            cwd="/",
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def hear(listener: socket.socket, wanted: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if listener.recv(4096).decode() == wanted:
                return
        except TimeoutError:
            continue
    raise AssertionError(f"{wanted} was not said within {seconds} s")


@pytest.mark.net
@pytest.mark.timeout(180)
def test_the_command_starts_feeds_the_watchdog_and_ends_as_systemd_expects(
    supervised_devnet: Folder, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(0.2)
        with started(supervised_devnet, tmp_path, listener) as process:
            hear(listener, "READY=1", 60)
            hear(listener, "WATCHDOG=1", 30)
            process.send_signal(signal.SIGHUP)
            hear(listener, "RELOADING=1", 30)
            hear(listener, "READY=1", 30)
            process.send_signal(signal.SIGTERM)
            hear(listener, "STOPPING=1", 30)
            assert process.wait(30) == 0, (tmp_path / "log").read_text(encoding="utf-8")
    state = tmp_path / "state"
    assert state.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in state.iterdir())
