"""The daemon on two EVM chains and a Solana chain: it reads all three and shows one health."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chains.model.ids import AccountId, ChainId
from chains.model.units import WAD
from config.amounts import parse_amount
from daemon.devnet.artifacts import ROOT
from daemon.devnet.folder import DevnetState, Folder
from daemon.devnet.solana.actors import Actors
from tests.support.daemon import Daemon
from tests.support.process import run_command
from tests.support.proxy import FaultProxy

pytestmark = [pytest.mark.net, pytest.mark.timeout(120)]

SOL, USDC = 10**9, 10**6
NOBODY = "0x00000000000000000000000000000000000dead1"
SEEN_S = 20.0
LABELS = ["cheap", "dear", "solana"]


@dataclass
class Watched:
    """A running daemon, the proxy that it reads Solana through, and what the devnet made."""

    daemon: Daemon
    proxy: FaultProxy
    state: DevnetState

    @property
    def solana(self) -> ChainId:
        """The Solana chain."""
        assert self.state.solana is not None
        return self.state.solana.deployment.chain


@pytest.fixture
async def watched(supervised_devnet: Folder, tmp_path: Path) -> AsyncIterator[Watched]:
    """A dry-running daemon on a member of each chain; the one on Solana has 100 SOL, owes 5,000."""
    state = supervised_devnet.read_state()
    assert state.solana is not None
    actors = Actors.open(state.solana, supervised_devnet)
    debtor = actors.make_wallet(b"debtor".ljust(32))
    actors.open_position(debtor, deposits={"SOL": 100 * SOL}, borrows={"USDC": 5_000 * USDC})
    actors.rpc.close()
    members = [
        *(f"eip155:{chain.deployment.number}:{NOBODY}" for chain in state.chains),
        str(AccountId(state.solana.deployment.chain, str(debtor.pubkey()))),
    ]
    config = tmp_path / "mine.toml"
    files = (ROOT / "config" / "devnet.toml", state.run_file, config)
    async with (
        FaultProxy(state.solana.rpc_url) as proxy,
        Daemon(files, tmp_path / "log", tmp_path / "state") as daemon,
    ):
        config.write_text(
            f'mode = "dry-run"\nstate_dir = "{tmp_path / "state"}"\n[api]\nport = 0\n'
            f'[chains.solana]\nrpc = ["{proxy.url}"]\nws = ["{proxy.ws_url}"]\n'
            f'[[accounts]]\nid = "alice"\nmembers = {json.dumps(members)}\n'
        )
        yield Watched(await daemon.start(), proxy, state)


async def read_health(daemon: Daemon, *, complete: bool = True) -> dict[str, Any]:
    """Ask until the account is complete, or until it is not."""
    deadline = time.monotonic() + SEEN_S
    while True:
        status, body = await daemon.get("/v1/accounts/alice/health")
        if status == 200 and body["complete"] is complete:
            return body
        assert time.monotonic() < deadline, body
        await asyncio.sleep(0.1)


async def wait_attested(daemon: Daemon) -> None:
    deadline = time.monotonic() + SEEN_S
    while await daemon.attestation() is None:
        assert time.monotonic() < deadline, daemon.last_words()
        await asyncio.sleep(0.1)


async def expect_the_commands_to_know_three_chains(watched: Watched) -> None:
    daemon, folder = watched.daemon, watched.daemon.log_file.parent
    solana, files = str(watched.solana), [str(file) for file in daemon.files]
    url = f"http://127.0.0.1:{daemon.port}"
    health = await run_command("health", "alice", "--url", url, folder=folder)
    assert health.code == 0, health.errors
    assert [row.split()[0] for row in health.output.splitlines()[-3:]] == LABELS

    file = folder / "attestation.json"
    file.write_bytes(daemon.signed(live=False))
    pins = ("--deployment", watched.state.deployment, "--member", watched.state.attester)
    verified = await run_command("verify", str(file), *pins, folder=folder)
    assert verified.code == 0, verified.output + verified.errors
    assert f"leaves      {solana} quorum-read" in verified.output
    rpc = [part for path in files for part in ("--rpc", path)]
    compared = await run_command("verify", str(file), *pins, *rpc, folder=folder)
    [line] = compared.errors.splitlines()
    assert line.endswith(f"a slot of {solana} is not read again")

    config = [part for path in files for part in ("--config", path)]
    examined = await run_command("doctor", *config, folder=folder)
    assert examined.code == 0, examined.output
    found = examined.output.splitlines()
    for label in LABELS:
        assert any(row.startswith(f"ok   chains.{label}.head: ") for row in found)


async def test_an_account_on_both_worlds_has_one_health_unless_a_chain_is_silent(
    watched: Watched,
) -> None:
    body = await read_health(watched.daemon)
    assert [chain["label"] for chain in body["chains"]] == LABELS
    owing = [found for found in body["positions"] if found["legs"]]
    assert [found["protocol"] for found in owing] == ["save"]
    for figure in (body["unified"], body["minimum_native"]):
        factor = parse_amount(figure["health_factor"], 18)
        assert 239 * WAD < 100 * factor <= 240 * WAD  # 100 · 150 · 0.8 / 5000, less interest
    await wait_attested(watched.daemon)
    await expect_the_commands_to_know_three_chains(watched)
    watched.proxy.drop("getMultipleAccounts")
    body = await read_health(watched.daemon, complete=False)
    gaps = {chain["label"]: chain["gap"] is not None for chain in body["chains"]}
    assert gaps == {"cheap": False, "dear": False, "solana": True}
    assert body["unified"] is None

    watched.proxy.heal()
    assert (await read_health(watched.daemon))["unified"] is not None
