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

import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from daemon.devnet.artifacts import find_packages
from daemon.devnet.child import Child
from daemon.devnet.errors import DevnetError
from daemon.devnet.rpc import Rpc

START_TIMEOUT_S: Final = 20.0
HARDFORK: Final = "prague"
_OFF: Final = False
_LISTENING: Final = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_FLAGS: Final = (
    *("--host", "127.0.0.1", "--port", "0"),
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

    def __init__(self, child: Child, rpc: Rpc) -> None:
        self.child = child
        self.rpc = rpc

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process."""
        return self.child.process

    @classmethod
    def start(
        cls,
        *,
        chain_id: int,
        folder: Path,
        state: Path | None = None,
        automine: bool,
        hardfork: str = HARDFORK,
    ) -> Self:
        """Start on a free port, from a state file if given, at wall time.

        `folder` is made for this process and removed by `stop`. Contracts are compiled for
        `HARDFORK`; an older one shows what a chain without its precompiles does.
        DevnetError when it does not come up or is not the chain asked for.
        """
        flags = [*_FLAGS, "--chain-id", str(chain_id), "--cache-path", str(folder / "cache")]
        flags += ["--hardfork", hardfork]
        if state is not None:
            flags += ["--load-state", str(state)]
        if not automine:
            flags.append("--no-mining")
        child = Child.start([find_anvil(), *flags], name="anvil", folder=folder)
        try:
            port = int(child.wait_for(_LISTENING, START_TIMEOUT_S)[1])
            anvil = cls(child, Rpc(port))
            anvil._make_ready(chain_id)
        except BaseException:  # whatever ends the start, no process is left
            child.stop()
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
        return self.child.alive

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
        self.child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
