"""10,000 Kamino loans read from a node and valued: calls, bytes, seconds, memory.

The node is ours, in a process of its own. Three ways: the part that holds stored health; the part
that health at today's prices follows from; and whole accounts, decoded and refreshed one by one in
integers, as an account is before it is acted on.
"""

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

from solders.pubkey import Pubkey

from chains.model.ids import ChainId
from chains.model.units import WAD, Wad
from chains.rpc.endpoint import Endpoint
from chains.solana.accounts import RawAccount
from chains.solana.client import BytesFilter, DataSlice, SizeFilter, SolanaClient
from chains.solana.protocols.klend.columns import (
    LOANS,
    STORED,
    calculate_columns,
    view_stored,
)
from chains.solana.protocols.klend.decode import decode_obligation
from chains.solana.protocols.klend.layout import OBLIGATION, PROGRAM
from chains.solana.protocols.klend.math import refresh_obligation
from chains.solana.protocols.klend.positions import calculate_health
from chains.solana.zerocopy import Part
from daemon.devnet.solana.deployment import NodeKind
from daemon.devnet.solana.hosting import SolanaHost
from tests.bench.figures import Figure, Figures, median
from tests.bench.loans import COUNT, Fleet, make_fleet

ROUNDS: Final = 5
LAMPORTS: Final = 24_164_160
TIMEOUT_S: Final = 60.0
LIMIT: Final = Wad(WAD)
STATUS: Final = Path("/proc/self/status")
RESET_PEAK: Final = "5"
Accounts = Sequence[RawAccount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to find who is unhealthy: what to ask for, None for all, and what to do with it."""

    name: str
    part: Part | None
    find: Callable[[Accounts], Sequence[Pubkey]]


@dataclass(slots=True)
class Wire:
    """What went over the wire: exchanges, and the bytes of their bodies both ways."""

    calls: int = 0
    size: int = 0


@dataclass(slots=True)
class Weight:
    """By how much this process grew at its fullest, in KiB of memory really used."""

    grown_kib: int = 0


def run(say: object) -> Figures:
    """Scan 10,000 loans."""
    del say
    return measure(make_fleet(COUNT), rounds=ROUNDS)


def measure(fleet: Fleet, *, rounds: int) -> Figures:
    """Scan in each way `rounds` times; RuntimeError where loans are missing or judged otherwise."""
    with (
        TemporaryDirectory() as folder,
        SolanaHost.start(NodeKind.OWN, Path(folder) / "node") as host,
    ):
        fill(host, fleet)
        return asyncio.run(_measure(host, fleet, rounds))


def fill(host: SolanaHost, fleet: Fleet) -> None:
    """Write the loans into the node's open slot, and wait until they are confirmed."""
    for key, data in zip(fleet.keys, fleet.accounts, strict=True):
        change = {"lamports": LAMPORTS, "owner": str(PROGRAM), "data": data.hex()}
        host.rpc.request("surfnet_setAccount", str(key), change)
    for _ in range(3):
        host.rpc.request("node_tick")


async def _measure(host: SolanaHost, fleet: Fleet, rounds: int) -> Figures:
    genesis = host.rpc.request("getGenesisHash")
    chain = ChainId("solana", genesis[:32])
    ways = (
        Way(name="stored", part=STORED, find=_find_stored),
        Way(name="valued", part=LOANS, find=lambda found: _find_valued(fleet, found)),
        Way(name="whole", part=None, find=lambda found: _find_exactly(chain, fleet, found)),
    )
    figures: dict[str, Figure] = {}
    async with SolanaClient(
        chain=chain, endpoints=[host.rpc.url], scan_timeout_s=TIMEOUT_S
    ) as client:
        for way in ways:
            figures |= await _measure_way(client, fleet, way, rounds)
    return figures


async def _measure_way(client: SolanaClient, fleet: Fleet, way: Way, rounds: int) -> Figures:
    await _scan(client, fleet, way)  # the first one also checks the endpoint's genesis
    seconds = []
    with _metered() as wire, _weighed() as weight:
        for _ in range(rounds):
            began = time.perf_counter()
            await _scan(client, fleet, way)
            seconds.append(time.perf_counter() - began)
    name = f"solana.scan_10k_{way.name}"
    return {
        f"{name}_bytes": Figure(value=wire.size / rounds, unit="bytes"),
        f"{name}_calls": Figure(value=wire.calls / rounds, unit="calls"),
        f"{name}_s": Figure(value=median(seconds), unit="s"),
        f"{name}_peak_mib": Figure(value=weight.grown_kib / 1024, unit="MiB"),
    }


async def _scan(client: SolanaClient, fleet: Fleet, way: Way) -> None:
    """Read every loan of the market in one call, and find who is unhealthy."""
    part = way.part
    read = await client.scan(
        PROGRAM,
        filters=[
            SizeFilter(size=OBLIGATION.size),
            BytesFilter(offset=0, data=OBLIGATION.discriminator),
            BytesFilter(offset=OBLIGATION.fields["market"].offset, data=fleet.market.key),
        ],
        part=DataSlice(offset=part.offset, length=part.layout.size) if part else None,
    )
    accounts = [account for account in read.accounts if account is not None]
    if len(accounts) != len(fleet.keys):
        raise RuntimeError(f"{len(accounts)} of {len(fleet.keys)} loans were read")
    if not way.find(accounts):
        raise RuntimeError("no loan is unhealthy")


def _find_stored(found: Accounts) -> Sequence[Pubkey]:
    health = view_stored([each.key for each in found], [each.data for each in found])
    return [found[row].key for row in health.find(LIMIT)]


def _find_valued(fleet: Fleet, found: Accounts) -> Sequence[Pubkey]:
    keys, parts = [each.key for each in found], [each.data for each in found]
    columns = calculate_columns(keys, parts, fleet.market, fleet.reserves)
    return [found[row].key for row in columns.screen(LIMIT)]


def _find_exactly(chain: ChainId, fleet: Fleet, found: Accounts) -> Sequence[Pubkey]:
    """Decode and refresh every loan in integers."""
    unhealthy = []
    for account in found:
        loan = decode_obligation(chain, account.key, account)
        health = calculate_health(refresh_obligation(loan, fleet.market, fleet.reserves).values)
        if health is not None and health <= LIMIT:
            unhealthy.append(account.key)
    return unhealthy


@contextmanager
def _metered() -> Iterator[Wire]:
    """Count every exchange of every endpoint."""
    wire, inner = Wire(), Endpoint._post

    async def post(endpoint: Endpoint, body: bytes) -> tuple[int, float | None, bytes]:
        found = await inner(endpoint, body)
        wire.calls += 1
        wire.size += len(body) + len(found[2])
        return found

    with patch.object(Endpoint, "_post", post):
        yield wire


@contextmanager
def _weighed() -> Iterator[Weight]:
    """Weigh what goes on inside: what is free goes back to the kernel and its mark is set anew."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    weight, before = Weight(), _read_kib("VmRSS")
    yield weight
    weight.grown_kib = _read_kib("VmHWM") - before


def _read_kib(name: str) -> int:
    fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(fields[name].split()[0])
