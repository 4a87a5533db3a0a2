"""What makes a committee's account on Solana, which unified mandates name."""

import asyncio
from pathlib import Path

from solders.pubkey import Pubkey

from chains.evm.signer import LocalSigner
from chains.keyfiles import SignerError
from chains.model.ids import AccountId, Address, InvalidId, parse_address
from chains.solana.committees import CommitteeTerms, derive_committee
from config.load import load
from config.settings import Settings
from config.solana import SolanaSettings
from daemon.commands.common import CommandError, choose_config, refuse
from daemon.commands.mandate_member import Printout
from daemon.commands.mandate_reading import has_account, open_client
from daemon.commands.mandate_solana import build_transaction, find_key, find_rescue
from daemon.mandate_rules import BadMandate
from daemon.mandate_solana import OwnerPlan, find_threshold, plan_committee
from proofs.typed import hash_text


def plan_creation(
    label: str | None,
    config: list[Path] | None,
    *,
    members: list[str] | None,
    threshold: int | None,
    max_ttl_s: int | None,
    payer: str | None,
    bare: bool,
) -> Printout:
    """Plan what makes the deployment's committee on a chain; nothing where it is there already."""
    settings = load(choose_config(config))
    name, chain = _find_chain(settings, label)
    found = [_parse_member(member) for member in members or ()] or [_find_attester(settings)]
    terms = CommitteeTerms(
        salt=hash_text(settings.deployment),
        members=tuple(sorted(found)),
        threshold=find_threshold(found) if threshold is None else threshold,
        max_ttl_s=settings.attestation.ttl_s if max_ttl_s is None else max_ttl_s,
    )
    rescue, paying = find_rescue(name, chain), find_key("--payer", settings, payer)
    try:
        plan = plan_committee(rescue, paying, terms)
    except BadMandate as error:
        refuse(str(error))
    key = derive_committee(rescue, terms)
    return asyncio.run(_print(name, chain, paying, key, plan, bare=bare))


async def _print(
    label: str, chain: SolanaSettings, payer: Pubkey, key: Pubkey, plan: OwnerPlan, *, bare: bool
) -> Printout:
    async with open_client(label, chain) as client:
        there = await has_account(client, key, find_rescue(label, chain))
        transaction = None if there or bare else await build_transaction(client, payer, plan)
    said = f"committee {key} is there already" if there else f"this will be committee {key}"
    return Printout(
        label=label,
        sender=AccountId(chain.caip2, Address(str(payer))),
        steps=[] if there else [step.describe() for step in plan.steps],
        manner="in one transaction",
        notes=(said + _advise(label, chain, key),),
        more={"transaction": transaction, "committee": str(key)},
    )


def _advise(label: str, chain: SolanaSettings, key: Pubkey) -> str:
    configured = chain.programs.committee
    if configured == str(key):
        return ""
    instead = f" instead of {configured}" if configured else ""
    return f"; write it under chains.{label}.programs.committee{instead}"


def _find_chain(settings: Settings, label: str | None) -> tuple[str, SolanaSettings]:
    found = settings.solana
    if label is None and len(found) == 1:
        return next(iter(found.items()))
    if label is None or label not in found:
        known = ", ".join(found) or "[chains], where there is none yet"
        refuse(f"--chain: write the label of a Solana chain, one of {known}")
    return label, found[label]


def _parse_member(text: str) -> Address:
    try:
        return parse_address(text)
    except InvalidId as error:
        refuse(f"--member: {error}")


def _find_attester(settings: Settings) -> Address:
    keys = settings.keys
    if keys.keystore is None or keys.password_file is None:
        refuse("--member: write who attests; there is no key under [keys] to take it from")
    try:
        return LocalSigner.open(keys.keystore, keys.password_file).address
    except SignerError as error:
        raise CommandError(str(error)) from error
