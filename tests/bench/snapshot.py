"""Reading a chain whole: how many RPC calls a head costs, and how long it takes."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from chains.model.ids import AccountId, Address
from daemon.compose import EvmParts, open_chains
from tests.bench.figures import Figure, Figures, median
from tests.bench.ground import ALICE, Ground, open_ground
from tests.bench.probe import Probe
from tests.support.devnet import DevChain

COUNTS: Final = (1, 10, 50)
READS: Final = 40


def run(say: object) -> Figures:
    """Read the cheap chain for one, ten and fifty accounts with positions."""
    del say
    with open_ground() as ground:
        return asyncio.run(_measure(ground))


async def _measure(ground: Ground) -> Figures:
    cheap = ground.devnet.cheap
    accounts = _seed_accounts(cheap, max(COUNTS))
    figures: dict[str, Figure] = {}
    probe = Probe()
    with probe.recording():
        async with open_chains(ground.load_settings()) as chains:
            parts = chains[cheap.chain_id]
            assert isinstance(parts, EvmParts)
            for count in COUNTS:
                figures |= await _measure_count(parts, accounts[:count], probe)
    return figures


async def _measure_count(parts: EvmParts, accounts: Sequence[AccountId], probe: Probe) -> Figures:
    head = await parts.client.read_head("latest")
    await parts.reader.read(head, accounts)  # opens the markets, once in a daemon's life
    probe.clear()
    seconds = []
    for _ in range(READS):
        began = time.perf_counter()
        snapshot = await parts.reader.read(head, accounts)
        seconds.append(time.perf_counter() - began)
    if len({position.account for position in snapshot.positions}) != len(accounts):
        raise RuntimeError("an account's position was not read")
    calls = len(probe.exchanges) / READS / len(accounts)
    suffix = "" if len(accounts) == 1 else f"_at_{len(accounts)}_accounts"
    return {
        f"snapshot.rpc_calls_per_account_and_chain{suffix}": Figure(
            value=calls, unit="calls per head", target=1 if len(accounts) == 1 else None
        ),
        f"snapshot.p50_ms{suffix}": Figure(value=median(seconds) * 1_000, unit="ms"),
    }


def _seed_accounts(chain: DevChain, count: int) -> list[AccountId]:
    """Give Alice and others, each with collateral."""
    chain.set_automine(on=True)
    others = [Address(f"0x{index:040x}") for index in range(0xB000, 0xB000 + count - 1)]
    for other in others:
        chain.supply("WETH", other, 10**18)
    chain.set_automine(on=False)
    return [AccountId(chain.chain_id, address) for address in (ALICE, *others)]
