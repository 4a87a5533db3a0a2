"""The node that the devnet's Solana chain runs on: Surfpool where it can run, else our own.

Surfpool is an implementation of the RPC by others, our own node is one with no needs; both answer
the `surfnet_` methods the devnet sets its chain up with.
"""

import json
import platform
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self, assert_never

from daemon.devnet.artifacts import find_node, find_packages
from daemon.devnet.child import Child
from daemon.devnet.errors import DevnetError
from daemon.devnet.rpc import Rpc
from daemon.devnet.solana.deployment import NodeKind

SLOT_MS: Final = 400
START_TIMEOUT_S: Final = 15.0
_SURFPOOL: Final = "@solana/surfpool-linux-x64-gnu"
_HOST: Final = Path(__file__).with_name("surfpool.cjs")
_SERVING: Final = re.compile(r'^\{"rpc":.*\}$', re.MULTILINE)


def find_surfpool() -> Path:
    """Give Surfpool's package; DevnetError on a platform without it."""
    package = find_packages() / _SURFPOOL
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise DevnetError(f"there is none for {sys.platform} on {platform.machine()}")
    if not package.is_dir():
        raise DevnetError(f"{package} is missing (`make setup`)")
    return package


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaHost:
    """A running node; a context manager that ends it and removes its folder.

    `fallback` says why it is not the one preferred.
    """

    kind: NodeKind
    child: Child
    rpc: Rpc
    ws_url: str
    bundles_url: str | None
    fallback: str | None = None

    @classmethod
    def start(cls, kind: NodeKind, folder: Path, *, slot_ms: int = SLOT_MS) -> Self:
        """Start a node on free ports with a new genesis; DevnetError when it does not answer.

        `folder` is made for it and removed by `stop`.
        """
        child = Child.start(_command(kind, slot_ms), name=f"solana-{kind}", folder=folder)
        try:
            where = json.loads(child.wait_for(_SERVING, START_TIMEOUT_S)[0])
            rpc = Rpc(int(where["rpc"].rpartition(":")[2]))
            rpc.request("getGenesisHash")
        except BaseException:  # whatever ends the start, no process is left
            child.stop()
            raise
        return cls(
            kind=kind,
            child=child,
            rpc=rpc,
            ws_url=where["ws"],
            bundles_url=where.get("bundles"),
        )

    def stop(self) -> None:
        """End the node; harmless when already done."""
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


def start_host(wanted: NodeKind | None, folder: Path) -> SolanaHost:
    """Start the node that is wanted; where none is named, Surfpool or, saying why, our own."""
    if wanted is not None:
        return SolanaHost.start(wanted, folder)
    try:
        return SolanaHost.start(NodeKind.SURFPOOL, folder)
    except DevnetError as error:
        why = f"Solana runs on our own node, because Surfpool does not run here: {error}"
        return replace(SolanaHost.start(NodeKind.OWN, folder), fallback=why)


def _command(kind: NodeKind, slot_ms: int) -> list[str]:
    match kind:
        case NodeKind.SURFPOOL:
            return [find_node(), str(_HOST), str(find_surfpool()), str(slot_ms)]
        case NodeKind.OWN:
            options = json.dumps({"slot_ms": slot_ms})
            return [sys.executable, "-m", "daemon.devnet.solana", options]
        case _:
            assert_never(kind)
