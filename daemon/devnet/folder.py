"""The folder a running devnet lives in: who runs, what runs, and its control socket.

The pid file is also the lock. The kernel frees a lock when its holder dies, however it dies, so a
pid file without a lock is stale and a second supervisor can never start.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TextIO

from pydantic import TypeAdapter

from chains.model.ids import Address
from daemon.devnet.artifacts import ROOT
from daemon.devnet.cache import write_whole
from daemon.devnet.deployment import ChainDeployment
from daemon.devnet.errors import DevnetError
from daemon.devnet.own import OwnContracts
from daemon.devnet.solana.deployment import NodeKind, SolanaDeployment
from daemon.devnet.vaults import VaultContracts

_LOCK_TIMEOUT_S: Final = 0.2
DEFAULT_FOLDER: Final = ROOT / ".plimsoll" / "devnet"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningVaults:
    """Where a chain's vaults are, and the height before they were deployed."""

    contracts: VaultContracts
    start_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningChain:
    """One running chain: where it answers and what is on it."""

    rpc_url: str
    ws_url: str
    deployment: ChainDeployment
    contracts: OwnContracts
    vaults: RunningVaults | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSolana:
    """The running Solana chain: whose node, where it answers, and what is on it.

    `keeper` is the throw-away key's address; its keypair and the owner's lie in the folder.
    `bundles_url` is a block engine's, which Surfpool has none of; `fallback` says why the node is
    not Surfpool where that was preferred.
    """

    node: NodeKind
    rpc_url: str
    ws_url: str
    keeper: Address
    deployment: SolanaDeployment
    bundles_url: str | None = None
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetState:
    """What one start of the devnet made; `deployment` is its id, `started_at` in seconds.

    `keeper` sends transactions, `attester` signs attestations, alone or as the first of `members`.
    `chains` are the EVM ones; a stage that needs no more has no `solana`.
    """

    pid: int
    started_at: int
    deployment: str
    keeper: Address
    attester: Address
    run_file: Path
    chains: tuple[RunningChain, ...]
    solana: RunningSolana | None = None
    members: tuple[Address, ...] = ()


_STATE_JSON: Final = TypeAdapter(DevnetState)


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths of one devnet."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Make the folder, for its owner only, if there is none."""
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(path.resolve())

    @property
    def pid_file(self) -> Path:
        """The supervisor's process id, locked while it lives."""
        return self.path / "supervisor.pid"

    @property
    def log_file(self) -> Path:
        """What the supervisor says."""
        return self.path / "supervisor.log"

    @property
    def state_file(self) -> Path:
        """`DevnetState` as JSON, there once the devnet is ready."""
        return self.path / "devnet.json"

    @property
    def run_file(self) -> Path:
        """The configuration that lies over `config/devnet.toml`."""
        return self.path / "run.toml"

    @property
    def daemon_state(self) -> Path:
        """The daemon's state directory, as good as the chains it tells of: new at each start."""
        return self.path / "state"

    @property
    def keystore(self) -> Path:
        """The throw-away key's keystore."""
        return self.path / "keystore.json"

    @property
    def password_file(self) -> Path:
        """The throw-away key's password."""
        return self.path / "password"

    @property
    def members(self) -> Path:
        """The folder of a committee's members: their keys, states and configurations."""
        return self.path / "members"

    @property
    def attestation_keystore(self) -> Path:
        """The throw-away key's keystore that signs attestations."""
        return self.path / "attestation-keystore.json"

    @property
    def attestation_password_file(self) -> Path:
        """The attestation key's password."""
        return self.path / "attestation-password"

    @property
    def solana_keypair(self) -> Path:
        """The throw-away key of the keeper on Solana, as solana-keygen writes one."""
        return self.path / "solana-keeper.json"

    @property
    def solana_owner(self) -> Path:
        """The key that owns Solana's market, mints and prices, as solana-keygen writes one."""
        return self.path / "solana-owner.json"

    def clean(self) -> None:
        """Remove what an earlier devnet left, but for its log and the daemon's state."""
        for leftover in (*self.path.glob("anvil-*"), self.path / "solana", self.members):
            shutil.rmtree(leftover, ignore_errors=True)
        made = (self.state_file, self.run_file, self.keystore, self.password_file)
        keys = (self.solana_keypair, self.solana_owner)
        attesting = (self.attestation_keystore, self.attestation_password_file)
        for file in (*made, *keys, *attesting, self.path / "control.sock"):
            file.unlink(missing_ok=True)

    def write_state(self, state: DevnetState) -> None:
        """Record a start; the devnet is ready from then on."""
        write_whole(self.state_file, _STATE_JSON.dump_json(state))

    def read_state(self) -> DevnetState:
        """Give the running devnet; DevnetError when none is ready here."""
        try:
            return _STATE_JSON.validate_json(self.state_file.read_bytes())
        except FileNotFoundError as error:
            raise DevnetError(f"no devnet runs in {self.path}: `plimsoll devnet up`") from error

    def read_pid(self) -> int | None:
        """Give the living supervisor's process id, None where no one holds the lock."""
        try:
            with self.pid_file.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(file.read() or 0) or None
        except FileNotFoundError:
            pass
        return None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the one supervisor; DevnetError when there is one already."""
        with self.pid_file.open("a+") as file:
            self._lock(file)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def _lock(self, file: TextIO) -> None:
        """Take the lock, trying again while `read_pid` of another process looks at it."""
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise DevnetError(
                        f"a devnet runs already in {self.path} (process {self.read_pid()}): "
                        "`plimsoll devnet down` ends it"
                    ) from error
                time.sleep(_LOCK_TIMEOUT_S / 10)
            else:
                return

    @contextmanager
    def socket_path(self) -> Iterator[str]:
        """Give a path of the control socket short enough for a Unix address (108 bytes)."""
        handle = os.open(self.path, os.O_PATH | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{handle}/control.sock"
        finally:
            os.close(handle)
