"""A vault account over two chains, from the first command to a liquidation across the pair.

One daemon states, keeps and serves; the owner types the commands that an owner types.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from daemon.__main__ import dispatch
from daemon.devnet.vaults import SeizureTerms
from tests.support.daemon import Daemon
from tests.support.vault_stage import VaultStage, open_vault_stage

pytestmark = [pytest.mark.net, pytest.mark.timeout(120)]

BLOCK_S = 0.2
WETH = 40 * 10**18
TARGET = Decimal(SeizureTerms().target_e18) / 10**18


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[VaultStage]:
    with open_vault_stage(tmp_path / "stage") as opened:
        yield opened


@pytest.fixture
async def daemon(stage: VaultStage) -> AsyncIterator[Daemon]:
    async with stage.build_daemon() as running, stage.ticking(BLOCK_S):
        await running.start()
        yield running


@dataclass
class Owner:
    """Types commands, with the key and the daemon's address added."""

    stage: VaultStage
    daemon: Daemon
    capsys: pytest.CaptureFixture[str]

    async def type(self, *words: str) -> dict[str, Any]:
        """Type a command that must work, and give its answer."""
        options = [*self.stage.options, "--json"]
        if words[0] == "line":
            options.append(f"--url=http://127.0.0.1:{self.daemon.port}")
        self.capsys.readouterr()
        code = await asyncio.to_thread(dispatch, ["vault", *words, *options])
        said = self.capsys.readouterr()
        assert code == 0, said.err
        answer: dict[str, Any] = json.loads(said.out)
        return answer

    async def report(self, account: str) -> dict[str, Any]:
        """Ask for the account's report; empty while nothing is known of it."""
        status, body = await self.daemon.get(f"/v1/vaults/{account}")
        return body if status == 200 else {}

    async def wait(
        self, account: str, holds: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        """Wait until the report is as it must be."""
        deadline = time.monotonic() + 30
        while not ((found := await self.report(account)) and holds(found)):
            assert time.monotonic() < deadline, f"not seen: {what}\n{self.daemon.last_words()}"
            await asyncio.sleep(0.1)
        return found


def chain_of(report: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in report["chains"] if c["chain"] == f"eip155:{number}")
    return found


def high(report: dict[str, Any]) -> Decimal | None:
    health = chain_of(report, 31337)["health"]
    return Decimal(health["high"]) if health and health["high"] else None


async def test_debt_on_one_chain_backed_by_another_is_liquidated_across_both(
    stage: VaultStage, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = Owner(stage, daemon, capsys)
    cheap, dear = stage.net.chains
    cheap.mint("WETH", stage.owner, WETH)
    dear.mint("USDC", stage.state.keeper, 60_000 * 10**6)

    opened = await owner.type("open", "cheap")
    account = opened["account"]
    assert [sent["what"] for sent in opened["transactions"]] == [
        "open the account",
        "link the account",
    ]
    await owner.type("deposit", account, "cheap", "WETH", "40")
    begun = await owner.type("line", account, "cheap", "dear", "WETH", "40", "--no-wait")
    assert (begun["lent"], begun["counted"]) == ("40", "0")
    line = await owner.type("line", account, "31337", "eip155:31338", "WETH", "40")
    assert (line["lent"], line["counted"]) == ("40", "40")
    assert all("lend" not in sent["what"] for sent in line["transactions"]), "it went on"
    borrowed = await owner.type("borrow", account, "dear", "USDC", "63400")
    assert dear.balance("USDC", stage.owner) == 63_400 * 10**6
    assert Decimal(borrowed["debt"]) >= 63_400

    await owner.type("supply", "dear", "USDC", "1000")
    assert dear.balance("USDC", stage.owner) == 62_400 * 10**6

    before = await owner.wait(account, lambda r: high(r) is not None, "the account's health")
    assert Decimal("1.03") < (high(before) or 0) < Decimal("1.05")
    assert [leg["symbol"] for leg in chain_of(before, 31337)["legs"]] == ["WETH"]
    assert {leg["symbol"] for leg in chain_of(before, 31338)["legs"]} == {"WETH", "USDC"}
    assert before["lines"][0]["counted"] == "40.000000000000000000"

    for chain in stage.net.chains:
        chain.set_price("WETH", 1880)
    waits: set[str] = set()

    def done(report: dict[str, Any]) -> bool:
        waits.update(w["subject"] + ": " + w["waits_for"] for w in report["waiting"])
        return any(order["state"] == "settled" for order in report["orders"])

    after = await owner.wait(account, done, "the liquidation")
    [order] = after["orders"]
    assert (order["collateral_chain"], order["debt_chain"]) == ("eip155:31337", "eip155:31338")
    assert Decimal(order["filled_usd"]) == sum(Decimal(f["value_usd"]) for f in order["fills"])
    assert waits & {"lock: finality", "lock: statement", "fill: fill"}
    assert waits & {"claim: finality", "claim: statement", "claim: delivery"}
    restored = await owner.wait(
        account,
        lambda r: (high(r) or 0) >= TARGET * Decimal("0.9999"),
        "the target",
    )
    assert (high(restored) or 2) < TARGET * Decimal("1.01")
    assert cheap.balance("WETH", stage.state.keeper) > 16 * 10**18, "the claim was paid"

    dear.mint("USDC", stage.owner, 1_000 * 10**6)
    repaid = await owner.type("repay", account, "dear", "USDC", "all")
    assert repaid["debt"] == "0"
    lowered = await owner.type("line", account, "cheap", "dear", "WETH", "0")
    assert (lowered["lent"], lowered["counted"]) == ("0", "0")
    left = await owner.type("withdraw", account, "cheap", "WETH", "all")
    assert left["collateral"] == "0"
    assert cheap.balance("WETH", stage.owner) > 20 * 10**18
