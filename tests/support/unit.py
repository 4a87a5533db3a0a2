"""The systemd unit without systemd: its command, environment and hardening, as far as it goes.

What a machine without a running systemd can do of it: no new privileges and no capability
(setpriv), a read-only system but for the state (a mount namespace), and the system-call filter
(libseccomp), whose sets systemd-analyze tells. Each is used where a probe finds that it works.
"""

import ctypes
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.confine import LIBRARY
from tests.support.daemon import ROOT

UNIT: Final = ROOT / "systemd/plimsoll.service"
CONFINE: Final = Path(__file__).with_name("confine.py")
_SILENT_S: Final = 10.0
_READ_ONLY: Final = (
    'set -e; for kept in $KEPT; do mount --bind "$kept" "$kept"; done; '
    'mount -o remount,bind,ro /; exec "$@"'
)
_ALWAYS: Final = ("execve", "exit", "exit_group", "getrlimit", "rt_sigreturn")


def unit_values(name: str) -> list[str]:
    """Give all values of a setting."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def unit_command(config: Path) -> list[str]:
    """Give the unit's command with this environment's program and this configuration."""
    [line] = unit_values("ExecStart")
    _, *arguments = shlex.split(line)
    program = str(Path(sys.executable).parent / "plimsoll")
    return [program, *(str(config) if a.endswith(".toml") else a for a in arguments)]


def unit_environment(state: Path, cache_dir: Path) -> dict[str, str]:
    """Give the unit's environment where %S/plimsoll and %C/plimsoll are these folders."""
    places = {"%S/plimsoll": str(state), "%C/plimsoll": str(cache_dir)}
    found = dict(value.split("=", 1) for value in unit_values("Environment"))
    return {name: places.get(value, value) for name, value in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardening:
    """What of the unit's hardening works here."""

    read_only: bool
    privileges: bool
    calls: frozenset[str]

    def wrap(self, command: Sequence[str], kept: Sequence[Path], folder: Path) -> list[str]:
        """Give the command under it; `kept` stay writable, `folder` holds the filter."""
        wrapped = list(command)
        if self.calls:
            names = folder / "calls"
            names.write_text("\n".join(sorted(self.calls)))
            wrapped = [sys.executable, "-I", "-S", str(CONFINE), str(names), *wrapped]
        if self.privileges:
            wrapped = [*_unprivileged(), *wrapped]
        if self.read_only:
            shell = ("sh", "-c", _READ_ONLY, "sh")
            text = " ".join(str(path) for path in kept)
            wrapped = [*_namespaces(), _program("env"), f"KEPT={text}", *shell, *wrapped]
        return wrapped


@cache
def find_hardening() -> Hardening:
    """Probe what works on this machine."""
    read_only = _works([*_namespaces(), "sh", "-c", "mount -o remount,bind,ro /"])
    around = _namespaces() if read_only else []
    return Hardening(
        read_only=read_only,
        privileges=_works([*around, *_unprivileged(), "true"]),
        calls=_allowed_calls(),
    )


def _namespaces() -> list[str]:
    return [_program("unshare"), "--map-root-user", "--mount"]


def _unprivileged() -> list[str]:
    none = ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")
    return [_program("setpriv"), "--no-new-privs", *none, "--pdeathsig", "KILL"]


def _program(name: str) -> str:
    """Give a program's path, or its name where there is none."""
    return shutil.which(name) or name


def _works(command: Sequence[str]) -> bool:
    try:
        ran = subprocess.run(command, capture_output=True, check=False, timeout=_SILENT_S)  # noqa: S603 -- probes of our own
    except FileNotFoundError:
        return False
    return ran.returncode == 0


def _allowed_calls() -> frozenset[str]:
    """Give the calls that SystemCallFilter leaves; none where it cannot be applied here."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return frozenset()
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return frozenset()
    told = subprocess.run(  # noqa: S603 -- systemd's own, by its absolute path
        [analyze, "syscall-filter", "--no-pager"],
        capture_output=True,
        text=True,
        check=True,
        timeout=_SILENT_S,
    )
    sets = _parse_sets(told.stdout)
    allowed = _expand("@default", sets) | set(_ALWAYS)
    for line in unit_values("SystemCallFilter"):
        names = {call for name in line.removeprefix("~").split() for call in _expand(name, sets)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return frozenset(allowed)


def _parse_sets(text: str) -> Mapping[str, list[str]]:
    """Read `systemd-analyze syscall-filter`: a set's name, then its members indented."""
    sets: dict[str, list[str]] = {}
    members: list[str] = []
    for line in text.splitlines():
        word = line.strip()
        if line.startswith("@"):
            members = sets.setdefault(word, [])
        elif line.startswith(" ") and word and not word.startswith("#"):
            members.append(word)
    return sets


def _expand(name: str, sets: Mapping[str, list[str]]) -> set[str]:
    if not name.startswith("@"):
        return {name}
    return {call for member in sets[name] for call in _expand(member, sets)}


class NotifySocket:
    """What systemd is told: the messages a daemon sent so far."""

    def __init__(self, receiver: socket.socket, path: Path) -> None:
        self.path = path
        self._receiver = receiver
        self._messages: list[str] = []

    @property
    def messages(self) -> list[str]:
        """Give every line received, oldest first."""
        while True:
            try:
                received = self._receiver.recv(4096)
            except BlockingIOError:
                return self._messages
            self._messages += received.decode().splitlines()


@contextmanager
def listening() -> Iterator[NotifySocket]:
    """Open a NOTIFY_SOCKET at a path short enough for a Unix address."""
    with (
        TemporaryDirectory(prefix="pl-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
    ):
        path = Path(folder) / "notify"
        receiver.bind(str(path))
        receiver.settimeout(0)
        yield NotifySocket(receiver, path)
