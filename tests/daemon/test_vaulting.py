"""A daemon with a key and no committee states the vaults that it is configured with, alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.devnet.keystores import draw_key, write_keystore
from daemon.devnet.own import deploy_verifier
from daemon.devnet.vaults import deploy_vaults
from proofs.committee import Committee
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.strict import encode_view
from proofs.vault_document import decode_vault_document, verify_vault_document
from proofs.vaults import FactKind, VaultFact
from tests.support.daemon import Daemon
from tests.support.devnet import Devnet
from tests.support.vault_stand import DEPTH, as_witness
from tests.support.vaults import DEPLOYMENT, TERMS, WETH, Ground, VaultChain, line_key

pytestmark = pytest.mark.net
WAD = 10**18
CHAIN = """
[chains.{label}]
caip2 = "eip155:{number}"
rpc = ["{url}"]
max_fee_gwei = "500"
priority_fee_gwei = "1"
block_time_s = 1
[chains.{label}.tokens.WETH]
address = "{token}"
decimals = 18
feed = "{feed}"
heartbeat_s = 3600
[chains.{label}.vault]
vault = "{vault}"
seizure = "{seizure}"
notary = "{notary}"
finality = {depth}
assets = ["WETH"]
"""


@pytest.fixture
def key() -> bytes:
    return draw_key()


@pytest.fixture
def ground(private_devnet: Devnet, key: bytes) -> Ground:
    """Vaults whose committee is one daemon."""
    committee = Committee.first(DEPLOYMENT, [Secp256k1Signer(key).address], 1)
    chains = [
        (chain, deploy_verifier(chain, deployment=DEPLOYMENT, committee=committee))
        for chain in private_devnet.chains
    ]
    placed = deploy_vaults(chains, TERMS)
    a, b = (
        VaultChain(
            chain=chain,
            ledger=found.ledger,
            notary=found.notary,
            seizure=found.seizure,
            judge=found.judge,
            verifier=found.verifier,
        )
        for chain in private_devnet.chains
        for found in [placed[chain.deployment.number]]
    )
    return Ground(a=a, b=b)


def configure(ground: Ground, folder: Path) -> str:
    """Give the configuration of a daemon that watches the vaults and nothing else."""
    chains = [
        CHAIN.format(
            label=label,
            number=place.number,
            url=place.chain.url,
            token=place.token(WETH),
            feed=place.chain.deployment.tokens["WETH"].feed,
            vault=place.vault,
            seizure=place.seizure,
            notary=place.notary,
            depth=DEPTH,
        )
        for label, place in zip("ab", ground.chains, strict=True)
    ]
    head = (
        f'deployment = "{DEPLOYMENT}"\nstate_dir = "{folder / "state"}"\n[api]\nport = 0\n'
        f'[keys]\nkeystore = "{folder / "key.json"}"\npassword_file = "{folder / "password"}"\n'
    )
    return head + "".join(chains)


@pytest.fixture
async def daemon(ground: Ground, key: bytes, tmp_path: Path) -> AsyncIterator[Daemon]:
    write_keystore(key, tmp_path / "key.json", tmp_path / "password")
    file = tmp_path / "plimsoll.toml"
    file.write_text(configure(ground, tmp_path))
    async with Daemon(
        files=[file], log_file=tmp_path / "daemon.log", state_dir=tmp_path / "state"
    ) as running:
        yield running


async def test_a_lone_daemon_states_a_line_serves_it_and_remembers_it(
    ground: Ground, daemon: Daemon
) -> None:
    a, b = ground.chains
    account = a.open()
    a.deposit(account, WETH, 5 * WAD)
    a.raise_line(account, b, WETH, 3 * WAD)
    for place in (a, b):
        for _ in range(DEPTH):
            place.chain.mine()
    await daemon.start()
    await daemon.wait_log("vaults.stated")
    path = f"/v1/vaults/statements?account=0x{account.hex()}"
    status, found = await daemon.get(f"{path}&for=eip155:{b.number}&kind=RAISED")
    assert status == 200
    [given] = found["statements"]
    document = decode_vault_document(encode_view(given["document"]))
    assert isinstance(document.said, VaultFact)
    key = line_key(FactKind.RAISED, account, a, b, WETH)
    assert (document.key, document.said.value) == (key, 3 * WAD)
    assert verify_vault_document(document, deployment=DEPLOYMENT, now=a.now)
    assert (given["bitmap"], given["proof"]) == ("1", "0x" + document.proof.hex())
    b.take_raised(account, a, WETH, a.fact(key), as_witness(document))

    await until(daemon, f"{path}&kind=quantities", lambda found: len(found) == 1)
    assert (await daemon.get("/v1/vaults/statements?kind=STOLEN"))[0] == 400
    assert (await daemon.get("/v1/vaults/statements?account=0x12"))[0] == 400
    assert (await daemon.get("/v1/vaults/statements?for=eip155:1"))[0] == 400
    _, ready = await daemon.get("/readyz")
    assert not [fault for fault in ready["unready"] if "vault" in fault["what"]]
    metrics = await read_metrics(daemon)
    assert f'plimsoll_vaults_final_height{{chain="eip155:{a.number}"}}' in metrics
    assert "plimsoll_vaults_quorum 1.0" in metrics

    await daemon.kill()
    await daemon.start()

    served = f"{path}&for=eip155:{b.number}&kind=RAISED"
    await until(daemon, served, lambda found: found == [given])


async def until(daemon: Daemon, path: str, holds: Callable[[list[Any]], bool]) -> None:
    """Ask until the statements are as they must be."""
    found: list[Any] = []
    for _ in range(100):
        _, body = await daemon.get(path)
        if holds(found := body["statements"]):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{path} gives {found}")


async def read_metrics(daemon: Daemon) -> str:
    url = f"http://127.0.0.1:{daemon.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        return await reply.text()
