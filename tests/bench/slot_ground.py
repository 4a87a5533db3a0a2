"""What Solana's reaction stands on: our node with our programs, Alice on it, and settings.

The clock is paused: slots pass when told to. Alice owes USDC against SOL, has more of it idle and
lets the keeper repay with that. The state directory lies in the repository, as in ground.py.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.model.ids import AccountId
from chains.model.snapshot import MandateKind
from chains.model.units import WAD, Wad
from chains.solana.rescue import Debt, MandateTerms, build_approve, build_set_mandate
from config.load import load
from config.settings import Settings
from daemon.devnet.artifacts import ROOT
from daemon.devnet.committee import found_committee
from daemon.devnet.folder import DevnetState, Folder, RunningSolana
from daemon.devnet.keystores import make_attester, make_keeper
from daemon.devnet.runfile import format_run_file
from daemon.devnet.solana.chain import LiveSolana
from daemon.devnet.solana.deployment import NodeKind
from daemon.devnet.solana.hosting import SolanaHost
from daemon.devnet.solana.starting import start_solana
from tests.bench.ground import ACCOUNT, PLENTY_USD, SALT, YEAR_S

HELD: Final = 100 * 10**9
OWED: Final = 10_000 * 10**6
IDLE: Final = 1_000_000 * 10**6
TRIGGER: Final = Wad(110 * WAD // 100)
TARGET: Final = Wad(120 * WAD // 100)
ENDANGERED: Final = 11_110 * 10**6
"""What Alice owes then: a health of 1.08, under the trigger and above what the market lends at."""
MOST: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotGround:
    """The running chain, Alice, and the settings of a live daemon on it."""

    live: LiveSolana
    folder: Folder
    state: DevnetState
    alice: Keypair

    @property
    def member(self) -> AccountId:
        """Alice's account."""
        return AccountId(self.live.chain_id, str(self.alice.pubkey()))

    def load_settings(self) -> Settings:
        """Read the configuration as `plimsoll run` does, with one margin account."""
        path = self.folder.path / "bench.toml"
        path.write_text(_format_config(self.member))
        layers = [ROOT / "config" / "devnet.toml", self.folder.run_file, path]
        return load(layers, environment={})

    def borrow(self) -> None:
        """Let Alice borrow until her debt endangers her; in the open slot."""
        actors = self.live.actors
        owed = sum(part.amount for part in actors.read_obligation(self.alice.pubkey()).borrows)
        actors.post_borrow(self.alice, "USDC", ENDANGERED - owed // WAD)


@contextmanager
def open_slot_ground() -> Iterator[SlotGround]:
    """Start the node, seed Alice and her mandate, and pause the clock."""
    folder = Folder.open(ROOT / ".plimsoll" / f"bench-{os.getpid()}-solana")
    try:
        with SolanaHost.start(NodeKind.OWN, folder.path / "node") as host:
            keeper, attester = make_keeper(folder), make_attester(folder)
            deployment = f"plimsoll-bench-{secrets.token_hex(4)}"
            live, running = start_solana(
                host,
                folder,
                deployment=deployment,
                committee=found_committee(deployment, [attester]),
            )
            state = DevnetState(
                pid=os.getpid(),
                started_at=int(time.time()),
                deployment=deployment,
                keeper=keeper,
                attester=attester,
                run_file=folder.run_file,
                chains=(),
                solana=running,
            )
            folder.run_file.write_text(format_run_file(state, folder))
            yield SlotGround(live=live, folder=folder, state=state, alice=_seed(live, running))
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)


def _seed(live: LiveSolana, running: RunningSolana) -> Keypair:
    actors, alice = live.actors, Keypair()
    actors.fund(alice.pubkey(), lamports=10**9)
    actors.open_position(alice, deposits={"SOL": HELD}, borrows={"USDC": OWED})
    actors.fund(alice.pubkey(), tokens={"USDC": IDLE})
    made, usdc = live.deployment, live.deployment.find_token("USDC").accounts
    if made.rescue is None:
        raise RuntimeError("the chain has no rescue program")
    program, mint = Pubkey.from_string(made.rescue), made.mint_of("USDC")
    debt = Debt(
        owner=alice.pubkey(),
        obligation=actors.obligation_of(alice.pubkey()),
        lending=made.setup.program,
        market=made.setup.market,
        reserve=usdc.reserve,
        supply=usdc.supply,
        mint=mint,
    )
    terms = MandateTerms(
        kind=MandateKind.NATIVE,
        keeper=Pubkey.from_string(running.keeper),
        trigger=TRIGGER,
        target=TARGET,
        per_action=MOST,
        per_day=MOST,
        deadline=int(time.time()) + YEAR_S,
    )
    actors.send(
        alice,
        build_approve(program, alice.pubkey(), mint, MOST),
        build_set_mandate(program, debt, terms),
    )
    live.rpc.request("surfnet_pauseClock")
    return alice


def _format_config(member: AccountId) -> str:
    """Write a live daemon's rules: no cooldown, and only the native health acts."""
    return f"""mode = "live"
[api]
port = 0
[attestation]
refresh_s = 86400
[keeper]
liquidate = false
max_per_hour_usd = "{PLENTY_USD}"
max_per_day_usd = "{PLENTY_USD}"
[chains.solana]
stale_after_s = 60
[[accounts]]
id = "{ACCOUNT}"
members = ["{member}"]
salt = "0x{SALT.hex()}"
[accounts.policy]
native = {{ trigger = "1.10", target = "1.20" }}
cooldown_s = 0
"""
