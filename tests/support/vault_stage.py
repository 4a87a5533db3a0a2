"""Two real chains with vaults and lenders, an owner's key, and the files of daemons on them.

The chains mine by hand, or by a ticker at their pace while a story runs. As on the devnet three
blocks bury a final one. The committee is as large as asked for; a lone daemon is one of its own.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chains.model.ids import Address
from chains.model.units import USD
from daemon.devnet.committee import (
    found_committee,
    make_members,
    member_file,
    write_members,
)
from daemon.devnet.folder import DevnetState, Folder, RunningChain, RunningVaults
from daemon.devnet.keystores import draw_key, make_keeper, write_keystore
from daemon.devnet.own import deploy_own
from daemon.devnet.runfile import format_run_file
from daemon.devnet.vaults import VaultTerms, deploy_vaults, supply_vault
from tests.support.daemon import ROOT, Daemon
from tests.support.devnet import DevChain, Devnet, derive_accounts, run_devnet

DEPLOYMENT: Final = "plimsoll-vault-stage"
LENT_USD: Final = 5_000_000 * USD
NATIVE_WEI: Final = 1_000 * 10**18
GOVERNOR, GUARDIAN = (account.address for account in derive_accounts()[5:7])
LIVE: Final = 'mode = "live"\n[api]\nport = 0\n[keeper]\nliquidate = true\n'
DRY: Final = 'mode = "dry-run"\n[api]\nport = 0\n[keeper]\nliquidate = false\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultStage:
    """The chains, who keeps, who owns, and where the files are.

    `mined` notes when each block was mined (seconds), by chain id and height.
    """

    net: Devnet
    folder: Folder
    state: DevnetState
    owner: Address
    mined: dict[tuple[int, int], float] = field(default_factory=dict)

    @property
    def keystore(self) -> Path:
        """The owner's keystore."""
        return self.folder.path / "owner.json"

    @property
    def password_file(self) -> Path:
        """Its password."""
        return self.folder.path / "owner-password"

    @property
    def files(self) -> tuple[Path, ...]:
        """The configuration of a daemon, or of a command."""
        return ROOT / "config" / "devnet.toml", self.folder.run_file

    @property
    def options(self) -> list[str]:
        """What every command that signs is told: the configuration and the owner's key."""
        listed = [word for file in self.files for word in ("--config", str(file))]
        key = ["--keystore", str(self.keystore), "--password-file", str(self.password_file)]
        return [*listed, *key]

    def running(self, chain: DevChain) -> RunningVaults:
        """Give a chain's vaults."""
        [found] = [c.vaults for c in self.state.chains if c.rpc_url == chain.url]
        assert found is not None
        return found

    def build_daemon(self, number: int = 0, more: str = "") -> Daemon:
        """Give a member's daemon: the first is live and keeps, the others only attest."""
        home = self.folder.path / f"daemon-{number}"
        home.mkdir(exist_ok=True)
        rules = home / "rules.toml"
        own = [member_file(self.folder, number)] if len(self.state.members) > 1 else []
        state = home / "state"
        here = f"state_dir = {json.dumps(str(state))}\n"
        rules.write_text(here + (LIVE if number == 0 else DRY) + more)
        return Daemon(
            files=(*self.files, *own, rules), log_file=home / "daemon.log", state_dir=state
        )

    def mine(self) -> None:
        """Mine a block on every chain."""
        for chain in self.net.chains:
            chain.mine()
            head = chain.read_head().height
            self.mined[chain.deployment.number, head] = time.time()

    @asynccontextmanager
    async def ticking(self, block_s: float) -> AsyncIterator[None]:
        """Mine every so often until left."""

        async def tick() -> None:
            due = time.monotonic()
            while True:
                self.mine()
                due += block_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))

        async with asyncio.TaskGroup() as group:
            task = group.create_task(tick())
            try:
                yield
            finally:
                task.cancel()


@contextmanager
def open_vault_stage(path: Path, *, members: int = 1) -> Iterator[VaultStage]:
    """Deploy everything for a committee of so many; the owner has native money and nothing else."""
    folder = Folder.open(path)
    with run_devnet() as net:
        keeper, attesters = make_keeper(folder), make_members(folder, members)
        owner = write_keystore(
            draw_key(), folder.path / "owner.json", folder.path / "owner-password"
        )
        for chain in net.chains:
            for who in (keeper, owner):
                chain.set_balance(who, NATIVE_WEI)
        state = _deploy(net, folder, keeper, attesters)
        write_members(folder, attesters, found_committee(DEPLOYMENT, attesters))
        folder.run_file.write_text(format_run_file(state, folder))
        for chain in net.chains:
            chain.set_automine(on=False)
        yield VaultStage(net=net, folder=folder, state=state, owner=owner)


def _deploy(
    net: Devnet, folder: Folder, keeper: Address, attesters: Sequence[Address]
) -> DevnetState:
    committee = found_committee(DEPLOYMENT, attesters)
    own = [
        deploy_own(chain, deployment=DEPLOYMENT, keeper=keeper, committee=committee)
        for chain in net.chains
    ]
    heights = [chain.read_head().height for chain in net.chains]
    terms = VaultTerms(deployment=DEPLOYMENT, owner=GOVERNOR, guardian=GUARDIAN)
    verifiers = [(c, o.verifier) for c, o in zip(net.chains, own, strict=True)]
    placed = deploy_vaults(verifiers, terms)
    for chain in net.chains:
        supply_vault(chain, placed[chain.deployment.number].ledger, LENT_USD)
    return DevnetState(
        pid=0,
        started_at=0,
        deployment=DEPLOYMENT,
        keeper=keeper,
        attester=attesters[0],
        members=tuple(attesters),
        run_file=folder.run_file,
        chains=tuple(
            RunningChain(
                rpc_url=chain.url,
                ws_url=chain.ws_url,
                deployment=chain.deployment,
                contracts=contracts,
                vaults=RunningVaults(contracts=placed[chain.deployment.number], start_block=height),
            )
            for chain, contracts, height in zip(net.chains, own, heights, strict=True)
        ),
    )
