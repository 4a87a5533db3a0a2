"""What the demo runs on: a devnet and a daemon of its own, and the daemon's API."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from chains.model.snapshot import MandateKind
from chains.model.units import WAD, Wad
from daemon.demo.cast import ALICE, BANDS, Cast
from daemon.devnet import launch
from daemon.devnet.artifacts import ROOT
from daemon.devnet.committee import member_file
from daemon.devnet.folder import DevnetState, Folder

START_S: Final = 90.0
STEP_S: Final = 60.0
STOP_S: Final = 20.0
POLL_S: Final = 0.2
FOLDER: Final = ROOT / ".plimsoll" / "demo"

T = TypeVar("T")


class DemoError(Exception):
    """The demo cannot go on, and why."""


@contextmanager
def running_devnet(
    progress: Callable[[str], None], *, members: int
) -> Iterator[tuple[Folder, DevnetState]]:
    """Start a devnet in the demo's own folder and end it on leaving."""
    folder = Folder.open(FOLDER)
    launch.down(folder)
    state = launch.up(folder, members=members, progress=progress)
    try:
        yield folder, state
    finally:
        launch.down(folder)


def start_daemon(
    folder: Folder,
    state: DevnetState,
    cast: Cast,
    *,
    number: int = 0,
    rpc: Mapping[str, str] = MappingProxyType({}),
) -> "Daemon":
    """Start a member's daemon: the first is live and acts, the others only attest.

    `rpc` puts other endpoints in the place of chains' own, by label.
    """
    config = folder.path / f"accounts-{number}.toml"
    config.write_text(_format_accounts(cast, live=number == 0, rpc=rpc))
    log = folder.path / f"daemon-{number}.log"
    own = member_file(folder, number)
    files = (ROOT / "config" / "devnet.toml", state.run_file, own, config)
    command = [sys.executable, "-m", "daemon", "run", "--json"]
    for file in files:
        command += ["--config", str(file)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603 - our own module
    return Daemon(process=process, log=log, config=files)


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A running daemon."""

    process: subprocess.Popen[bytes]
    log: Path
    config: tuple[Path, ...]

    @cached_property
    def port(self) -> int:
        """Where it answers; DemoError when it does not start."""
        return _read_port(self.process, self.log)

    def wait_until_ready(self) -> None:
        """Wait until it has read all chains."""
        self.wait("the daemon to be ready", START_S, lambda: self.get("/readyz")["status"])

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask the API; DemoError with its words when it refuses."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:  # noqa: PLR2004 - OK
            raise DemoError(f"GET {path}: {response.status} {body.decode(errors='replace')}")
        return json.loads(body)

    def wait(self, what: str, limit_s: float, look: Callable[[], T | None]) -> T:
        """Look until there is something; DemoError when the daemon ends or time runs out."""
        deadline = time.monotonic() + limit_s
        last = "it showed nothing"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise DemoError(f"the daemon ended; its last lines:\n{_tail(self.log)}")
            try:
                if (found := look()) is not None:
                    return found
            except (DemoError, OSError) as error:
                last = str(error)
            time.sleep(POLL_S)
        raise DemoError(f"waited {limit_s:.0f} s for {what} ({last}):\n{_tail(self.log)}")


def find_action(
    daemon: Daemon, purpose: str, *, after: int = 0, chain: str | None = None
) -> Mapping[str, Any] | None:
    """Give the newest action of a purpose (on a chain) whose effect is known.

    Only those with an id above `after` count; DemoError when it failed.
    """
    for action in daemon.get("/v1/actions")["actions"]:
        matches = action["purpose"] == purpose and chain in (None, action["chain"])
        if matches and action["id"] > after:
            if action["state"] in {"failed", "lost", "superseded"}:
                raise DemoError(f"{purpose}: {action['state']}, {action['reason']}")
            return action if action["effect"] else None
    return None


def _format_accounts(cast: Cast, *, live: bool, rpc: Mapping[str, str]) -> str:
    """Write the demo's own configuration: the mode, Alice's account and her policy."""
    bands = {
        kind.value: {"trigger": _ratio(trigger), "target": _ratio(target)}
        for kind, (trigger, target) in BANDS.items()
    }
    lines = [
        f'mode = "{"live" if live else "dry-run"}"',
        "[keeper]",
        f"liquidate = {json.dumps(live)}",
        "[api]",
        "port = 0",
        *(f'[chains.{label}]\nrpc = ["{url}"]' for label, url in rpc.items()),
        "[[accounts]]",
        f'id = "{ALICE}"',
        f'salt = "0x{cast.salt.hex()}"',
        f"members = {json.dumps([str(member) for member in cast.members])}",
    ]
    lines += ["[accounts.policy]", 'max_cost_usd = "100"', "cooldown_s = 5"]
    for kind in MandateKind:
        lines += [f"[accounts.policy.{kind}]"]
        lines += [f'{name} = "{value}"' for name, value in bands[kind].items()]
    return "\n".join(lines) + "\n"


def _ratio(value: Wad) -> str:
    return f"{value / WAD:.4f}"


def _read_port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for the daemon's own word on which port it took."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if '"service.ready"' in line:
                return int(json.loads(line)["port"])
        time.sleep(POLL_S)
    raise DemoError(f"the daemon did not start; its last lines:\n{_tail(log)}")


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def end(process: subprocess.Popen[bytes]) -> None:
    """End a daemon in good order, or at once where that takes too long."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
