"""Starts and ends the supervisor, a process of its own that outlives the command."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from chains.model.ids import Address
from daemon.devnet.build import build_devnet
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import DevnetState, Folder
from daemon.devnet.solana.deployment import NodeKind
from daemon.devnet.vaults import compile_vaults

REFRESH_S: Final = 60
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 15.0
_POLL_S: Final = 0.02


def up(
    folder: Folder,
    *,
    keeper: Address | None = None,
    refresh_s: int = REFRESH_S,
    solana: NodeKind | None = None,
    members: int = 1,
    progress: Callable[[str], None],
) -> DevnetState:
    """Start a devnet and wait until it is ready; DevnetError when one runs or it fails.

    `keeper` is the address of the daemon's key (left out, a throw-away key is made), `refresh_s`
    how often the feeds are published again, `solana` the node Solana runs on (left out, Surfpool
    where it can run), `members` how many attest together (each with a file of its own in the
    folder's `members`). The first call ever builds, which takes up to a minute; that, and why
    Surfpool is not used, is told to `progress`.
    """
    if (pid := folder.read_pid()) is not None:
        raise DevnetError(
            f"a devnet runs already in {folder.path} (process {pid}): "
            "`plimsoll devnet down` ends it"
        )
    build_devnet(progress)
    compile_vaults()
    state = _wait_until_ready(folder, _start(folder, keeper, refresh_s, solana, members))
    if state.solana is not None and state.solana.fallback is not None:
        progress(state.solana.fallback)
    return state


def down(folder: Folder) -> bool:
    """End the devnet and wait until it is gone; False when none ran."""
    pid = folder.read_pid()
    if pid is not None:
        _end(pid)
    with suppress(DevnetError), folder.hold():
        folder.clean()
    return pid is not None


def _end(pid: int) -> None:
    """Ask a process to end, kill it when it does not, and wait until it has."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            for request in (signal.SIGTERM, signal.SIGKILL):
                signal.pidfd_send_signal(handle, request)
                if select.select([handle], [], [], STOP_TIMEOUT_S)[0]:
                    break
        finally:
            os.close(handle)
    _reap(pid)


def _start(
    folder: Folder, keeper: Address | None, refresh_s: int, solana: NodeKind | None, members: int
) -> int:
    """Start the supervisor in a session of its own and give its process id.

    Not by `subprocess`, which expects whoever starts a process to outlive it.
    """
    command = [sys.executable, "-m", "daemon.devnet.supervisor", str(folder.path)]
    command += ["--refresh-s", str(refresh_s), "--members", str(members)]
    if keeper is not None:
        command += ["--keeper", keeper]
    if solana is not None:
        command += ["--solana", solana.value]
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(folder.log_file), write, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(sys.executable, command, os.environ, file_actions=streams, setsid=True)


def _reap(pid: int) -> bool:
    """Take an ended child off the process table; False while it runs or is not our child."""
    try:
        ended, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False
    return ended == pid


def _wait_until_ready(folder: Folder, pid: int) -> DevnetState:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (folder.state_file.exists() and folder.read_state().pid == pid):
        if _reap(pid):
            last = folder.log_file.read_text().strip().splitlines()[-1:] or ["it said nothing"]
            raise DevnetError(f"the devnet did not start: {last[0]}")
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGTERM)
            raise DevnetError(f"the devnet is not ready after {START_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)
    return folder.read_state()
