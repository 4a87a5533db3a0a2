"""Starts and ends the supervisor, a process of its own that outlives the command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from chains.model.ids import Address
from daemon.devnet.artifacts import ROOT
from daemon.devnet.build import build_devnet
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import DevnetState, Folder

REFRESH_S: Final = 60
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 15.0
_POLL_S: Final = 0.02


def up(
    folder: Folder,
    *,
    keeper: Address | None = None,
    refresh_s: int = REFRESH_S,
    progress: Callable[[str], None],
) -> DevnetState:
    """Start a devnet and wait until it is ready; DevnetError when one runs or it fails.

    `keeper` is the address of the daemon's key (left out, a throw-away key is made), `refresh_s`
    how often the feeds are published again. The first call ever builds, which takes up to a
    minute and is told to `progress`.
    """
    if (pid := folder.read_pid()) is not None:
        raise DevnetError(
            f"a devnet runs already in {folder.path} (process {pid}): "
            "`plimsoll devnet down` ends it"
        )
    build_devnet(progress)
    folder.clean()
    return _wait_until_ready(folder, _start(folder, keeper, refresh_s))


def down(folder: Folder) -> bool:
    """End the devnet and wait until it is gone; False when none ran."""
    pid = folder.read_pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while folder.read_pid() == pid:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline = time.monotonic() + STOP_TIMEOUT_S
            time.sleep(_POLL_S)
    folder.clean()
    return pid is not None


def _start(folder: Folder, keeper: Address | None, refresh_s: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "daemon.devnet.supervisor", str(folder.path)]
    command += ["--refresh-s", str(refresh_s)]
    if keeper is not None:
        command += ["--keeper", keeper]
    with folder.log_file.open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_ready(folder: Folder, process: subprocess.Popen[bytes]) -> DevnetState:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not folder.state_file.exists():
        if process.poll() is not None:
            last = folder.log_file.read_text().strip().splitlines()[-1:] or ["it said nothing"]
            raise DevnetError(f"the devnet did not start: {last[0]}")
        if time.monotonic() > deadline:
            process.terminate()
            raise DevnetError(f"the devnet is not ready after {START_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)
    return folder.read_state()
