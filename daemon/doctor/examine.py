"""The whole examination, chain beside chain, its lines in a steady order."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from chains.errors import ChainError
from chains.evm.client import EvmClient
from chains.model.anchor import Head
from chains.model.ids import Address
from config.evm import EvmSettings
from config.settings import Settings
from daemon.doctor.contracts import Visit, examine_contracts
from daemon.doctor.endpoints import TIMEOUT_S, examine_head, examine_rpc, examine_ws
from daemon.doctor.funds import examine_gas, examine_mandates
from daemon.doctor.local import examine_accounts, examine_key, examine_state
from daemon.doctor.report import Finding, fail

CHAIN_TIMEOUT_S: Final = 60.0


async def examine(
    settings: Settings, *, clock: Callable[[], float] = time.time
) -> tuple[Finding, ...]:
    """Check everything; findings are never raised, a chain that fails is one of them."""
    key, found = await asyncio.to_thread(examine_key, settings)
    local = [*found, examine_state(settings.state_dir), *examine_accounts(settings.accounts)]
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_bounded(session, settings, label, key, clock))
            for label in settings.evm
        ]
    return (*local, *(finding for task in tasks for finding in task.result()))


async def _bounded(
    session: aiohttp.ClientSession,
    settings: Settings,
    label: str,
    key: Address | None,
    clock: Callable[[], float],
) -> list[Finding]:
    where = f"chains.{label}"
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(CHAIN_TIMEOUT_S):
            await _examine_chain(session, settings, label, key, clock, findings)
    except TimeoutError:
        what = f"the checks took more than {CHAIN_TIMEOUT_S:g} s"
        findings.append(fail(where, what, "use a faster endpoint"))
    except ChainError as error:
        findings.append(fail(where, f"cannot be read: {error.reason}", "check its endpoints"))
    return findings


async def _examine_chain(
    session: aiohttp.ClientSession,
    settings: Settings,
    label: str,
    key: Address | None,
    clock: Callable[[], float],
    findings: list[Finding],
) -> None:
    chain, where = settings.evm[label], f"chains.{label}"
    usable, found = await examine_rpc(session, where, chain)
    findings += [*found, *await examine_ws(session, where, chain)]
    if not usable:
        return
    async with EvmClient(
        chain=chain.caip2, endpoints=usable, multicall=chain.multicall3, timeout_s=TIMEOUT_S
    ) as client:
        head = await client.read_head("latest")
        findings.append(examine_head(where, chain, head, int(clock())))
        visit = Visit(
            where=where,
            settings=settings,
            chain=chain,
            client=client,
            anchor=head.anchor,
            key=key,
        )
        await _examine_state(visit, chain, head, findings)


async def _examine_state(
    visit: Visit, chain: EvmSettings, head: Head, findings: list[Finding]
) -> None:
    findings += [finding async for finding in examine_gas(visit, head)]
    if not await visit.client.read_code(chain.multicall3):
        advice = "write Multicall3's address on this chain"
        what = "there is no contract, so nothing else can be checked"
        findings.append(fail(f"{visit.where}.multicall3", what, advice))
        return
    findings += [finding async for finding in examine_contracts(visit)]
    rescue = chain.contracts.rescue
    if rescue and await visit.client.read_code(rescue):
        findings += [finding async for finding in examine_mandates(visit, rescue)]
