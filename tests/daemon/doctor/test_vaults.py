"""What the doctor says of vaults: whose they are, and whether they know each other."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chains.evm.client import EvmClient
from chains.model.ids import Address
from config.load import load
from config.settings import Settings
from daemon.doctor.contracts import Visit, list_addresses
from daemon.doctor.vaults import examine_vault
from tests.config.samples import GOOD, SECOND_CHAIN, write
from tests.support.vaults import DEPLOYMENT, Ground, VaultChain

pytestmark = pytest.mark.net
Doctor = Callable[..., Awaitable[list[str]]]
TABLE = """
[chains.{label}.vault]
vault = "{vault}"
seizure = "{seizure}"
notary = "{notary}"
assets = ["WETH"]
"""


def settle(folder: Path, *tables: str, deployment: str = DEPLOYMENT) -> Settings:
    text = GOOD.replace('deployment = "test"', f'deployment = "{deployment}"') + SECOND_CHAIN
    return load([write(folder, text + "".join(tables))], {})


def describe(label: str, place: VaultChain, **changes: Address) -> str:
    named = {"vault": place.vault, "seizure": place.seizure, "notary": place.notary}
    return TABLE.format(label=label, **(named | changes))


async def examine(place: VaultChain, settings: Settings) -> list[str]:
    chain = settings.evm["cheap"]
    async with EvmClient(chain=chain.caip2, endpoints=[place.chain.url]) as client:
        visit = Visit(
            where="chains.cheap",
            settings=settings,
            chain=chain,
            client=client,
            anchor=(await client.read_head("latest")).anchor,
            key=None,
            attester=None,
        )
        return [str(finding) async for finding in examine_vault(visit)]


async def test_a_vault_is_sealed_of_this_deployment_and_knows_the_others(
    vaults: Ground, tmp_path: Path
) -> None:
    a, b = vaults.chains
    right, there = describe("cheap", a), describe("dear", b)
    settings = settle(tmp_path, right, there)
    [line] = await examine(a, settings)
    assert line.startswith("ok   chains.cheap.vault: is sealed and counts committee 0x")
    named = dict(list_addresses("chains.cheap", settings.evm["cheap"]))
    assert named["chains.cheap.vault.notary"] == a.notary

    [line] = await examine(a, settle(tmp_path, right, there, deployment="another"))
    assert "its salt is not that of deployment 'another'" in line
    [line] = await examine(a, settle(tmp_path, describe("cheap", a, notary=a.vault), there))
    assert "is no notary" in line
    [line] = await examine(a, settle(tmp_path, describe("cheap", a, seizure=a.vault), there))
    assert line.startswith("fail chains.cheap.vault.seizure: the notary serves 0x")
    [line] = await examine(a, settle(tmp_path, right, describe("dear", b, seizure=a.vault)))
    assert "its vault for chains.dear is another" in line
    assert await examine(a, settle(tmp_path)) == []
