"""The whole examination, chain beside chain, its lines in a steady order."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

import aiohttp
from solders.pubkey import Pubkey

from chains.errors import ChainError
from chains.evm.client import EvmClient
from chains.model.anchor import Head
from chains.model.ids import Address
from chains.solana.accounts import CLOCK, mint_anchor
from chains.solana.client import SolanaClient
from chains.solana.rpc import Commitment
from config.evm import EvmSettings
from config.settings import Settings
from config.solana import SolanaSettings
from daemon.doctor.contracts import Visit, examine_contracts
from daemon.doctor.endpoints import TIMEOUT_S, examine_head, examine_rpc, examine_ws
from daemon.doctor.funds import examine_gas, examine_mandates
from daemon.doctor.local import (
    examine_accounts,
    examine_attester,
    examine_key,
    examine_keypair,
    examine_state,
)
from daemon.doctor.report import Finding, fail, has_failed
from daemon.doctor.solana import endpoints as solana_endpoints
from daemon.doctor.solana.accounts import examine_accounts as examine_solana
from daemon.doctor.solana.funds import examine_balance, examine_members
from daemon.doctor.solana.visit import SolanaVisit
from daemon.doctor.vaults import examine_vault

CHAIN_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Examination:
    """What every chain's checks need: the keys are the daemon's, as far as they open."""

    session: aiohttp.ClientSession
    settings: Settings
    key: Address | None
    attester: Address | None
    solana_key: Pubkey | None
    clock: Callable[[], float]


async def examine(
    settings: Settings, *, clock: Callable[[], float] = time.time
) -> tuple[Finding, ...]:
    """Check everything; findings are never raised, a chain that fails is one of them."""
    key, found = await asyncio.to_thread(examine_key, settings)
    attester, its = await asyncio.to_thread(examine_attester, settings, key)
    solana_key, also = await asyncio.to_thread(examine_keypair, settings)
    state = examine_state(settings.state_dir)
    local = [*found, *its, *also, state, *examine_accounts(settings.accounts)]
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        examination = _Examination(
            session=session,
            settings=settings,
            key=key,
            attester=attester,
            solana_key=solana_key,
            clock=clock,
        )
        tasks = [group.create_task(_bounded(examination, label)) for label in settings.chains]
    return (*local, *(finding for task in tasks for finding in task.result()))


async def _bounded(examination: _Examination, label: str) -> list[Finding]:
    where = f"chains.{label}"
    findings: list[Finding] = []
    chain = examination.settings.chains[label]
    try:
        async with asyncio.timeout(CHAIN_TIMEOUT_S):
            match chain:
                case EvmSettings():
                    await _examine_evm(examination, where, chain, findings)
                case SolanaSettings():
                    await _examine_solana(examination, label, chain, findings)
                case _:
                    assert_never(chain)
    except TimeoutError:
        what = f"the checks took more than {CHAIN_TIMEOUT_S:g} s"
        findings.append(fail(where, what, "use a faster endpoint"))
    except ChainError as error:
        findings.append(fail(where, f"cannot be read: {error.reason}", "check its endpoints"))
    return findings


async def _examine_evm(
    examination: _Examination, where: str, chain: EvmSettings, findings: list[Finding]
) -> None:
    session = examination.session
    usable, found = await examine_rpc(session, where, chain)
    findings += [*found, *await examine_ws(session, where, chain)]
    if not usable:
        return
    async with EvmClient(
        chain=chain.caip2, endpoints=usable, multicall=chain.multicall3, timeout_s=TIMEOUT_S
    ) as client:
        head = await client.read_head("latest")
        findings.append(examine_head(where, chain, head, int(examination.clock())))
        visit = Visit(
            where=where,
            settings=examination.settings,
            chain=chain,
            client=client,
            anchor=head.anchor,
            key=examination.key,
            attester=examination.attester,
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
    findings += [finding async for finding in examine_vault(visit)]
    rescue = chain.contracts.rescue
    if rescue and await visit.client.read_code(rescue):
        findings += [finding async for finding in examine_mandates(visit, rescue)]


async def _examine_solana(
    examination: _Examination, label: str, chain: SolanaSettings, findings: list[Finding]
) -> None:
    session, where = examination.session, f"chains.{label}"
    usable, found = await solana_endpoints.examine_rpc(session, where, chain)
    findings += [*found, *await solana_endpoints.examine_ws(session, where, chain)]
    if not usable:
        return
    async with SolanaClient(
        chain=chain.caip2,
        endpoints=usable,
        commitment=Commitment(chain.commitment),
        timeout_s=TIMEOUT_S,
    ) as client:
        seen = await client.read_accounts([CLOCK])
        head = Head(anchor=mint_anchor(chain.caip2, [CLOCK], seen), parent_hash=b"", base_fee_wei=0)
        findings.append(examine_head(where, chain, head, int(examination.clock())))
        visit = SolanaVisit(
            label=label,
            settings=examination.settings,
            chain=chain,
            client=client,
            head=head,
            key=examination.solana_key,
            attester=examination.attester,
        )
        findings += [finding async for finding in examine_balance(visit)]
        found = [finding async for finding in examine_solana(visit)]
        findings += found
        if not any(has_failed([one]) and f"{where}.markets" in one.where for one in found):
            findings += [finding async for finding in examine_members(visit)]
