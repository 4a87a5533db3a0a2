"""One anvil process: started from a dump, clock set, quiet, and gone when its owner goes.

Facts of anvil 1.7.1 that shape this module, each measured:

- A default anvil writes about 0.7 MB per block below the home folder and leaves it there;
  `--max-persisted-states 0` keeps history in memory only.
- `--port 0` lets the system choose and the log tells which: no race with another process, and no
  talking to somebody else's node.
- A loaded state has its old clock and ignores `--block-base-fee-per-gas`, so both are set after
  loading; the base fee must be set again before every block, else it decays by an eighth each.
- `anvil_setTime` backwards makes the next block older than its parent: never go below the head.
- The default hardfork is a future one; `--slots-in-an-epoch 8` puts finality 16 blocks back.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from daemon.devnet.artifacts import find_packages
from daemon.devnet.errors import DevnetError
from daemon.devnet.rpc import Rpc

START_TIMEOUT_S: Final = 20.0
_STOP_TIMEOUT_S: Final = 5.0
_POLL_S: Final = 0.005
_OFF: Final = False
_LISTENING: Final = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_LEASH: Final = Path(__file__).with_name("leash.py")
_FLAGS: Final = (
    *("--host", "127.0.0.1", "--port", "0", "--hardfork", "prague"),
    *("--max-persisted-states", "0", "--slots-in-an-epoch", "8"),
)


def find_anvil() -> str:
    """Give anvil's path; DevnetError on a platform without it."""
    binary = find_packages() / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    if sys.platform != "linux" or platform.machine() != "x86_64" or not binary.exists():
        raise DevnetError(
            f"the devnet needs Linux on x86_64 and {binary} (`make setup`); "
            f"this is {sys.platform} on {platform.machine()}"
        )
    return str(binary)


class Anvil:
    """A running anvil; a context manager that ends it and removes what it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, rpc: Rpc) -> None:
        self.process = process
        self.folder = folder
        self.rpc = rpc

    @classmethod
    def start(
        cls, *, chain_id: int, folder: Path, state: Path | None = None, automine: bool
    ) -> Self:
        """Start on a free port, from a state file if given, at wall time.

        `folder` is made for this process and removed by `stop`. DevnetError when it does not
        come up or is not the chain asked for.
        """
        folder.mkdir(parents=True)
        flags = [*_FLAGS, "--chain-id", str(chain_id), "--cache-path", str(folder / "cache")]
        if state is not None:
            flags += ["--load-state", str(state)]
        if not automine:
            flags.append("--no-mining")
        log = folder / "anvil.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), find_anvil(), *flags],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            anvil = cls(process, folder, Rpc(_wait_for_port(process, log)))
            anvil._make_ready(chain_id)
        except BaseException:
            _end(process, folder)
            raise
        return anvil

    def _make_ready(self, chain_id: int) -> None:
        answered = int(self.rpc.request("eth_chainId"), 16)
        if answered != chain_id or not self.alive:
            raise DevnetError(f"anvil answers for chain {answered}, not {chain_id}")
        self.rpc.request("anvil_setLoggingEnabled", _OFF)
        head = self.rpc.request("eth_getBlockByNumber", *("latest", _OFF))
        self.set_clock(max(int(time.time()), int(head["timestamp"], 16)))

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def set_clock(self, now: int) -> None:
        """Make the chain's time `now` (seconds); it goes on from there with the wall clock."""
        self.rpc.request("anvil_setTime", now)

    def mine(self, base_fee_wei: int, blocks: int = 1) -> None:
        """Mine blocks one by one, each with this base fee.

        It is set for the block after them too: the pool admits transactions by it, and
        `eth_gasPrice` and the pending block show it.
        """
        self.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))
        for _ in range(blocks):
            self.rpc.request("evm_mine")
            self.rpc.request("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))

    def stop(self) -> None:
        """End the process and remove its folder; harmless when already done."""
        self.rpc.close()
        _end(self.process, self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        text = log.read_text(errors="replace")
        if (found := _LISTENING.search(text)) is not None:
            return int(found[1])
        if ended:
            last = text.strip().splitlines()[-1:] or ["it printed nothing"]
            raise DevnetError(f"anvil ended at once: {last[0]}")
        time.sleep(_POLL_S)
    raise DevnetError(f"anvil did not listen within {START_TIMEOUT_S:.0f} s (see {log})")


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
