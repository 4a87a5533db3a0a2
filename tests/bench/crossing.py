"""From a shock to restored health across two chains, and what every call of the vaults takes.

Four members attest, three must sign, one of them keeps; blocks come once a second on both chains
and three bury a final one. An account has all collateral on the cheap chain and all debt on the
dear one. The price falls, the keeper brings the quantities, locks, approves, fills and claims, and
the time goes to four things: reading (seeing, judging, choosing, asking, journalling), sending
(from a signed transaction to its block), finality (from a block until it is final, twice) and
signing (from there until a quorum has signed, twice).
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from chains.model.ids import Address
from daemon.devnet.artifacts import ROOT
from daemon.devnet.runfile import VAULT_FINALITY
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.typed import WORD, hash_text
from proofs.vaults import VaultLink, digest_vault, name_account
from tests.bench import vault_gas
from tests.bench.figures import Figure, Figures, format_rows, median, percentile
from tests.support.daemon import Daemon
from tests.support.devnet import DevChain, derive_accounts
from tests.support.vault_stage import DEPLOYMENT, VaultStage, open_vault_stage

RUNS: Final = 20
WARM_UP: Final = 2
MEMBERS: Final = 4
BLOCK_S: Final = 1.0
PATIENCE_S: Final = 90.0
POLL_S: Final = 0.02
WETH: Final = 40 * 10**18
DEBT: Final = 63_000 * 10**6
PRICE, FALLEN = 2_000.0, 1_880.0
"""Health is 1.0476 at first and 0.9848 after the fall."""
OWNER: Final = derive_accounts()[1]
STEPS: Final = ("post", "lock", "approve", "fill", "claim")
STAGES: Final = ("reading", "sending", "finality", "signing")
LIMITS: Final = 'max_per_hour_usd = "100000"\nmax_per_day_usd = "100000"\n'

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One run in seconds: from the shock to the claim's block, and the parts."""

    total: float
    stages: Mapping[str, float]


def run(say: Say) -> Figures:
    """Measure gas, then time."""
    used = vault_gas.measure()
    for line in vault_gas.describe(used):
        say(line)
    return {**vault_gas.to_figures(used), **measure(say)}


def measure(
    say: Say,
    runs: int = RUNS,
    warm_up: int = WARM_UP,
    members: int = MEMBERS,
    block_s: float = BLOCK_S,
) -> Figures:
    """Cross so many times, after some that do not count."""
    with _open(runs + warm_up, members) as (stage, accounts):
        crossings = asyncio.run(_cross(stage, accounts, block_s))[warm_up:]
    for line in _describe(crossings):
        say(line)
    totals = [crossing.total for crossing in crossings]
    parts = {name: [c.stages[name] for c in crossings] for name in STAGES}
    return {
        "vault.restored_p50_s": Figure(value=median(totals), unit="s"),
        "vault.restored_p95_s": Figure(value=percentile(totals, 95), unit="s"),
        **{
            f"vault.{name}_p50_s": Figure(value=median(took), unit="s")
            for name, took in parts.items()
        },
    }


def _describe(crossings: Sequence[Crossing]) -> list[str]:
    rows = [("stage", "p50 s", "p95 s")]
    for name in STAGES:
        took = [crossing.stages[name] for crossing in crossings]
        rows.append((name, f"{median(took):.2f}", f"{percentile(took, 95):.2f}"))
    totals = [crossing.total for crossing in crossings]
    rows.append(("all", f"{median(totals):.2f}", f"{percentile(totals, 95):.2f}"))
    return [f"{len(crossings)} runs", *format_rows(rows)]


@contextmanager
def _open(count: int, members: int) -> Iterator[tuple[VaultStage, list[bytes]]]:
    """Start the chains and open so many accounts, their lines raised."""
    path = ROOT / ".plimsoll" / "bench-vault"
    shutil.rmtree(path, ignore_errors=True)
    try:
        with open_vault_stage(path, members=members) as stage:
            cheap, dear = stage.net.chains
            for chain in (cheap, dear):
                chain.set_automine(on=True)
            cheap.mint("WETH", OWNER.address, count * WETH)
            dear.mint("USDC", stage.state.keeper, count * DEBT)
            cheap.approve("WETH", _vault(stage, cheap), OWNER.address)
            accounts = [_open_account(stage, number) for number in range(count)]
            for chain in (cheap, dear):
                chain.set_automine(on=False)
            yield stage, accounts
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _open_account(stage: VaultStage, number: int) -> bytes:
    cheap, dear = stage.net.chains
    salt, owner = number.to_bytes(WORD, "big"), OWNER.address
    home, there = cheap.deployment.number, dear.deployment.number
    account = name_account(hash_text(DEPLOYMENT), home, owner, salt)
    _do(stage, cheap, "open(bytes32)", salt)
    link = VaultLink(account=account, chain_id=there, owner=owner, nonce=0)
    word = Secp256k1Signer(OWNER.key).sign(digest_vault(link, hash_text(DEPLOYMENT)))
    _do(stage, dear, "link(uint64,address,bytes32,bytes)", home, owner, salt, word)
    _do(stage, cheap, "deposit(bytes32,uint8,uint256)", account, 0, WETH)
    _do(stage, cheap, "raise_line(bytes32,uint64,uint8,uint256)", account, there, 0, WETH)
    return account


def _vault(stage: VaultStage, chain: DevChain) -> Address:
    return stage.running(chain).contracts.ledger.vault


def _do(stage: VaultStage, chain: DevChain, signature: str, *args: object) -> None:
    chain.send(_vault(stage, chain), signature, *args, sender=OWNER.address)


async def _cross(stage: VaultStage, accounts: Sequence[bytes], block_s: float) -> list[Crossing]:
    """Run the members and let one account after another be liquidated."""
    daemons = [
        stage.build_daemon(number, LIMITS if number == 0 else "")
        for number in range(len(stage.state.members))
    ]
    async with AsyncExitStack() as stack:
        for daemon in daemons:
            await stack.enter_async_context(daemon)
        await stack.enter_async_context(stage.ticking(block_s))
        async with asyncio.TaskGroup() as group:
            for daemon in daemons:
                group.create_task(daemon.start())
        track = _Track(stage=stage, keeper=daemons[0])
        for account in accounts:
            await track.wait(partial(track.is_taken, account))
        return [await track.cross(account) for account in accounts]


@dataclass(slots=True, kw_only=True)
class _Track:
    stage: VaultStage
    keeper: Daemon
    stated: dict[str, float] = field(default_factory=dict)

    async def wait(self, look: Callable[[], Any]) -> Any:  # noqa: ANN401 -- what was looked for
        """Look until there is something; TimeoutError with the keeper's last words."""
        deadline = time.time() + PATIENCE_S
        while time.time() < deadline:
            if found := await look():
                return found
            await asyncio.sleep(POLL_S)
        raise TimeoutError(self.keeper.last_words(12))

    async def report(self, account: bytes) -> dict[str, Any]:
        """Read the account's report, empty before there is one."""
        status, body = await self.keeper.get(f"/v1/vaults/0x{account.hex()}")
        return body if status == 200 else {}

    async def is_taken(self, account: bytes) -> bool:
        """Say whether its line is known on both chains."""
        lines = (await self.report(account)).get("lines", [])
        return bool(lines) and lines[0]["raised"] == lines[0]["raised_known"]

    async def is_calm(self, account: bytes) -> bool:
        """Say whether a statement knows its debt, and nothing is under 1."""
        report = await self.report(account)
        said = report.get("quantities")
        owes = said and any(int(debt) for entry in said["chains"] for debt in entry["debt"])
        highs = [c["health"]["high"] for c in report.get("chains", []) if c["health"]]
        return bool(owes) and bool(highs) and all(high and float(high) > 1 for high in highs)

    async def cross(self, account: bytes) -> Crossing:
        """Let one account owe, the price fall, and everything be done."""
        cheap, dear = self.stage.net.chains
        signature = "borrow(bytes32,uint8,uint256,address)"
        _do(self.stage, dear, signature, account, 1, DEBT, OWNER.address)
        await self.wait(lambda: self.is_calm(account))
        began = time.time()
        for chain in (cheap, dear):
            chain.set_price("WETH", FALLEN)
        self.stated = {}
        report = await self.wait(lambda: self._settled(account))
        crossing = self._split(account, report, began)
        for chain in (cheap, dear):
            chain.set_price("WETH", PRICE)
        return crossing

    async def _settled(self, account: bytes) -> dict[str, Any] | None:
        """Give the report once the claim is paid; notes when statements came."""
        for kind in ("LOCK", "RECEIPT"):
            if kind not in self.stated:
                path = f"/v1/vaults/statements?account=0x{account.hex()}&kind={kind}"
                if (await self.keeper.get(path))[1]["statements"]:
                    self.stated[kind] = time.time()
        report = await self.report(account)
        return report if any(o["state"] == "settled" for o in report["orders"]) else None

    def _split(self, account: bytes, report: Mapping[str, Any], began: float) -> Crossing:
        sent = self._read_sent(account)
        included = {name: self._find_block(name, account) for name in sent}
        [order] = report["orders"]
        finals = {
            "LOCK": self._when_final(0, order["locked_at"]),
            "RECEIPT": self._when_final(1, order["fills"][0]["block"]),
        }
        total = included["claim"] - began
        stages = {
            "sending": sum(included[name] - sent[name] for name in sent),
            "finality": finals["LOCK"] - included["lock"] + finals["RECEIPT"] - included["fill"],
            "signing": sum(max(0.0, self.stated[kind] - finals[kind]) for kind in finals),
        }
        return Crossing(total=total, stages={**stages, "reading": total - sum(stages.values())})

    def _read_sent(self, account: bytes) -> dict[str, float]:
        """Give when each step was sent, as the keeper's log says."""
        needs = {name: f"vault {name} 0x{account.hex()}" for name in STEPS}
        return {
            name: datetime.fromisoformat(line["timestamp"]).timestamp()
            for line in self.keeper.logs("action.sent")
            for name, need in needs.items()
            if line["need"].startswith(need)
        }

    def _find_block(self, name: str, account: bytes) -> float:
        """Give when the block of a step was mined."""
        [entry] = [
            e
            for e in self.keeper.journal()
            if e.instrument == name and e.need.startswith(f"vault {name} 0x{account.hex()}")
        ]
        chain = next(c for c in self.stage.net.chains if str(c.chain_id) == entry.chain)
        receipt = chain.rpc.request("eth_getTransactionReceipt", entry.hashes[-1])
        return self._when_mined(chain.deployment.number, int(receipt["blockNumber"], 16))

    def _when_final(self, place: int, height: int) -> float:
        number = self.stage.net.chains[place].deployment.number
        return self._when_mined(number, height + VAULT_FINALITY)

    def _when_mined(self, number: int, height: int) -> float:
        """Give when a block was mined; one between two ticks counts as of the next."""
        mined = self.stage.mined
        return min(
            at for (chain, found), at in mined.items() if chain == number and found >= height
        )
