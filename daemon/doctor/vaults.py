"""Checks of a chain's vault: its notary, whose it is, and which other vaults it knows."""

from collections.abc import AsyncIterator
from typing import Final

from chains.errors import DecodeError
from chains.evm.abi.function import Function
from chains.evm.multicall import combine
from chains.model.ids import Address, checksummed
from config.evm import VaultSettings
from daemon.doctor.contracts import SALT, Visit
from daemon.doctor.report import Finding, fail, ok
from proofs.typed import hash_text

VAULT: Final = Function("vault", (), ("address",))
SEIZURE: Final = Function("seizure", (), ("address",))
COMMITTEE: Final = Function("committee", (), ("bytes32",))
PEER: Final = Function("peer", ("uint64",), ("(uint64,address,address)",))


async def examine_vault(visit: Visit) -> AsyncIterator[Finding]:
    """Look at the chain's vault through its notary; one line for each thing that is wrong."""
    vault = visit.chain.vault
    if vault is None:
        return
    where = f"{visit.where}.vault"
    fields = (SALT, VAULT, SEIZURE, COMMITTEE)
    try:
        plan = combine([field.plan(vault.notary) for field in fields])
        salt, named_vault, named_seizure, committee = await visit.read(plan)
    except DecodeError:
        yield fail(f"{where}.notary", "is no notary", "write the address notary.vy was deployed at")
        return
    deployment = visit.settings.deployment
    if salt != hash_text(deployment):
        advice = "correct deployment, or write the notary of this one"
        yield fail(f"{where}.notary", f"its salt is not that of deployment {deployment!r}", advice)
        return
    for name, found, written in (
        ("vault", named_vault, vault.vault),
        ("seizure", named_seizure, vault.seizure),
    ):
        if found != written:
            what = f"the notary serves {checksummed(Address(found))}"
            yield fail(f"{where}.{name}", what, "write the contracts of one deployment")
            return
    wrong = [finding async for finding in _examine_peers(visit, vault)]
    for finding in wrong:
        yield finding
    if not wrong:
        yield ok(where, f"is sealed and counts committee 0x{committee.hex()}")


async def _examine_peers(visit: Visit, vault: VaultSettings) -> AsyncIterator[Finding]:
    for label, chain in visit.settings.evm.items():
        if chain.vault is None or chain.caip2 == visit.chain.caip2:
            continue
        plan = combine([PEER.plan_optional(vault.notary, chain.caip2.evm_number)])
        (peer,) = await visit.read(plan)
        if peer is None or (peer[1], peer[2]) != (chain.vault.vault, chain.vault.seizure):
            what = f"its vault for chains.{label} is another than chains.{label}.vault"
            advice = "write the contracts of one deployment on all chains"
            yield fail(f"{visit.where}.vault.notary", what, advice)
