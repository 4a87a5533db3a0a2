"""The test chains as a daemon is configured for them, and one account on them stated and proved."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chains.model.ids import AccountId, Address, ChainId
from chains.model.snapshot import Snapshot
from config.load import load
from config.settings import Settings
from daemon.compose import ChainParts, EvmParts, open_chains
from daemon.evidence import Gatherer, Proven
from daemon.margin.report import MarginReport
from daemon.margin.unified import evaluate
from daemon.translate import build_risk, build_stating
from proofs.statement import Statement
from proofs.typed import ZERO
from tests.proofs import samples
from tests.support import values
from tests.support.devnet import DevChain, Devnet

NAME = "alice"
SKEW_S = 300


def format_chain(chain: DevChain, url: str) -> Iterator[str]:
    """Give the table of a chain."""
    deployment = chain.deployment
    yield f"[chains.{chain.name}]"
    yield f'caip2 = "eip155:{deployment.number}"'
    yield f'rpc = ["{url}"]'
    yield f'multicall3 = "{deployment.multicall3}"'
    yield 'max_fee_gwei = "500"\npriority_fee_gwei = "1"'
    yield f"[[chains.{chain.name}.markets]]"
    yield f'protocol = "aave_v3"\npool = "{deployment.aave.pool}"'
    for symbol, token in deployment.tokens.items():
        yield f"[chains.{chain.name}.tokens.{symbol}]"
        yield f'address = "{token.address}"\nfeed = "{token.feed}"'
        yield f"decimals = {token.decimals}\nheartbeat_s = 3600"


def write_config(
    path: Path, devnet: Devnet, *, dear_url: str | None = None, members: Sequence[AccountId] = ()
) -> Path:
    """Write a configuration of both chains, with an account of these members if there are any."""
    lines = [f'deployment = "{samples.DEPLOYMENT}"']
    if members:
        listed = ", ".join(f'"{member}"' for member in members)
        lines.append(f"[attestation]\nmax_skew_s = {SKEW_S}")
        lines.append(f'[[accounts]]\nid = "{NAME}"\nmembers = [{listed}]')
    lines += format_chain(devnet.cheap, devnet.cheap.url)
    lines += format_chain(devnet.dear, dear_url or devnet.dear.url)
    path.write_text("\n".join(lines))
    return path


def members_of(devnet: Devnet, owner: Address) -> tuple[AccountId, ...]:
    """Give an owner's accounts on both chains."""
    return tuple(AccountId(ChainId.evm(c.deployment.number), owner) for c in devnet.chains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What was stated of an account, before and after it was proved, and the configuration."""

    config: Path
    stated: Statement
    proven: Proven


def prove(devnet: Devnet, owner: Address, folder: Path) -> Scene:
    """State an owner's account on both chains as a daemon does, and gather its evidence."""
    config = write_config(folder / "run.toml", devnet, members=members_of(devnet, owner))
    return asyncio.run(_prove(config))


async def _prove(config: Path) -> Scene:
    settings = load([config], {})
    async with open_chains(settings) as chains:
        report = await read_report(settings, chains)
        stated = build_stating(settings).state(report, samples.committee(), prev_digest=ZERO)
        proven = await build_gatherer(chains).prove(stated)
    return Scene(config=config, stated=stated, proven=proven)


async def read_report(settings: Settings, chains: Mapping[ChainId, ChainParts]) -> MarginReport:
    """Evaluate the configured account at the newest blocks."""
    found = await read_snapshot(chains, settings.accounts[0].members)
    report = evaluate(found, values.policy(), build_risk(settings), max_skew_s=SKEW_S)
    assert report.complete, report.incomplete
    return report


def build_gatherer(chains: Mapping[ChainId, ChainParts], bound_s: float = 10.0) -> Gatherer:
    """Give a gatherer that asks the chains' own endpoints."""
    clients = {
        chain: parts.client for chain, parts in chains.items() if isinstance(parts, EvmParts)
    }
    return Gatherer(clients=clients, bound_s=bound_s)


async def read_snapshot(
    chains: Mapping[ChainId, ChainParts], members: Sequence[AccountId]
) -> Snapshot:
    """Read the members' chains at their newest blocks."""
    read = []
    for parts in chains.values():
        assert isinstance(parts, EvmParts)
        head = await parts.client.read_head("latest")
        read.append(await parts.reader.read(head, members))
    taken_at = max(found.anchor.time for found in read)
    return Snapshot(account=NAME, members=tuple(members), chains=tuple(read), taken_at=taken_at)
