"""What benchmarks stand on: both chains with our contracts, Alice on them, and settings.

Blocks are mined by hand. The state directory lies in the repository and not in /tmp, which may be
kept in memory, where an fsync costs nothing.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from chains.evm.rescue import MandateTerms, build_approve, build_set_mandate
from chains.model.action import Instrument
from chains.model.ids import AccountId, Address
from chains.model.snapshot import MandateKind
from chains.model.units import WAD, Bps, Wad
from config.load import load
from config.settings import Settings
from daemon.devnet.artifacts import ROOT
from daemon.devnet.folder import DevnetState, Folder, RunningChain
from daemon.devnet.keystores import make_attester, make_keeper
from daemon.devnet.own import deploy_own
from daemon.devnet.runfile import format_run_file
from proofs.committee import Committee
from proofs.statement import AccountLeaf, calculate_leaves_root
from tests.support.devnet import DevChain, Devnet, run_devnet

ALICE: Final = Address("0x" + "a1" * 20)
ACCOUNT: Final = "alice"
SALT: Final = bytes(32)
UNIFIED: Final = ("1.50", "1.60")
NATIVE: Final = ("1.10", "1.20")
YEAR_S: Final = 365 * 86_400
PLENTY: Final = 2**128
PLENTY_USD: Final = "100000"
KEEPER_WEI: Final = 1_000 * 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The running chains, and the settings of a live daemon on them."""

    devnet: Devnet
    folder: Folder
    state: DevnetState

    @property
    def members(self) -> tuple[AccountId, ...]:
        """Alice's account on each chain."""
        return tuple(AccountId(chain.chain_id, ALICE) for chain in self.devnet.chains)

    def load_settings(self, members: Sequence[AccountId] | None = None) -> Settings:
        """Read the configuration as `plimsoll run` does, with one margin account."""
        path = self.folder.path / "bench.toml"
        path.write_text(_format_config(members or self.members))
        layers = [ROOT / "config" / "devnet.toml", self.folder.run_file, path]
        return load(layers, environment={})


@contextmanager
def open_ground() -> Iterator[Ground]:
    """Start both chains, seed Alice and her mandates, and stop automatic mining."""
    folder = Folder.open(ROOT / ".plimsoll" / f"bench-{os.getpid()}")
    try:
        with run_devnet() as devnet:
            state = _deploy(devnet, folder)
            folder.run_file.write_text(format_run_file(state, folder))
            ground = Ground(devnet=devnet, folder=folder, state=state)
            _seed(ground)
            for chain in devnet.chains:
                chain.set_automine(on=False)
            yield ground
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)


def _deploy(devnet: Devnet, folder: Folder) -> DevnetState:
    keeper, attester = make_keeper(folder), make_attester(folder)
    deployment = f"plimsoll-bench-{secrets.token_hex(4)}"
    committee = Committee.first(deployment, [attester], 1)
    for chain in devnet.chains:
        chain.add_balance(keeper, KEEPER_WEI)
    return DevnetState(
        pid=os.getpid(),
        started_at=int(time.time()),
        deployment=deployment,
        keeper=keeper,
        attester=attester,
        run_file=folder.run_file,
        chains=tuple(
            RunningChain(
                rpc_url=chain.url,
                ws_url=chain.ws_url,
                deployment=chain.deployment,
                contracts=deploy_own(
                    chain, deployment=deployment, keeper=keeper, committee=committee
                ),
            )
            for chain in devnet.chains
        ),
    )


def _seed(ground: Ground) -> None:
    """Give Alice collateral on the cheap chain, debt on the dear one and idle money on both."""
    cheap, dear = ground.devnet.chains
    cheap.supply("WETH", ALICE, 6 * 10**18)
    dear.supply("WBTC", ALICE, 5 * 10**7)
    dear.borrow("USDC", ALICE, 20_000 * 10**6)
    for chain, running in zip(ground.devnet.chains, ground.state.chains, strict=True):
        chain.mint("WETH", ALICE, 5 * 10**18)
        chain.mint("USDC", ALICE, 10_000 * 10**6)
        _give_mandates(ground, chain, running)


def _give_mandates(ground: Ground, chain: DevChain, running: RunningChain) -> None:
    contracts = running.contracts
    for symbol in ("WETH", "USDC"):
        token = chain.deployment.tokens[symbol].address
        chain.send_call(build_approve(token, contracts.rescue, 2**256 - 1), sender=ALICE)
        for kind in MandateKind:
            terms = _terms(ground, chain, kind, token, contracts.verifier)
            chain.send_call(build_set_mandate(contracts.rescue, terms), sender=ALICE)


def _terms(
    ground: Ground, chain: DevChain, kind: MandateKind, token: Address, verifier: Address
) -> MandateTerms:
    trigger, target = NATIVE if kind is MandateKind.NATIVE else UNIFIED
    terms = MandateTerms(
        kind=kind,
        pool=chain.deployment.aave.pool,
        asset=token,
        instruments=frozenset({Instrument.REPAY, Instrument.SUPPLY}),
        keeper=ground.state.keeper,
        trigger=_wad(trigger),
        target=_wad(target),
        per_action=PLENTY,
        per_day=PLENTY,
        deadline=int(time.time()) + YEAR_S,
        max_loss_bps=Bps(100),
    )
    if kind is MandateKind.NATIVE:
        return terms
    return replace(
        terms,
        account_set_root=_account_set_root(ground.members),
        verifier=verifier,
        max_age_s=60,
        slack_bps=Bps(500),
    )


def _account_set_root(members: Sequence[AccountId]) -> bytes:
    return calculate_leaves_root(
        [AccountLeaf(index=i, caip10=str(member), salt=SALT) for i, member in enumerate(members)]
    )


def _wad(text: str) -> Wad:
    whole, part = text.split(".")
    return Wad(int(whole) * WAD + int(part) * WAD // 10 ** len(part))


def _format_config(members: Sequence[AccountId]) -> str:
    """Write a live daemon's rules: no cooldown, early confirmation, attested when needed only."""
    listed = ", ".join(f'"{member}"' for member in members)
    return f"""mode = "live"
[api]
port = 0
[attestation]
refresh_s = 86400
[keeper]
liquidate = false
max_per_hour_usd = "{PLENTY_USD}"
max_per_day_usd = "{PLENTY_USD}"
[chains.cheap]
confirmations = 1
stale_after_s = 60
[chains.dear]
confirmations = 1
stale_after_s = 60
[[accounts]]
id = "{ACCOUNT}"
members = [{listed}]
salt = "0x{SALT.hex()}"
[accounts.policy]
unified = {{ trigger = "{UNIFIED[0]}", target = "{UNIFIED[1]}" }}
native = {{ trigger = "{NATIVE[0]}", target = "{NATIVE[1]}" }}
cooldown_s = 0
"""
