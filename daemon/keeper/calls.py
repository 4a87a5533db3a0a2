"""The contract calls of chosen cures, and the drafts that carry them."""

from dataclasses import fields
from typing import Any

from chains.evm.rescue import build_native_rescue, build_unified_rescue
from chains.model.action import Action, Call
from chains.model.snapshot import MandateKind
from daemon.board import Attested
from daemon.keeper.intent import Draft, Purpose
from daemon.keeper.plan import Cure
from daemon.keeper.record import encode_decision
from daemon.keeper.route import Decision, Quoted
from daemon.margin.policy import Policy
from proofs.statement import HealthAttestation


async def build_cure(cure: Cure, attested: Attested | None) -> Action:
    """Build a cure's action; ValueError for a unified one without its attestation.

    Nothing is asked for it here; a chain whose messages have to be shortened does ask.
    """
    return Action(
        chain=cure.position.account.chain,
        instrument=cure.instrument,
        market=cure.position.market,
        account=cure.position.account,
        asset=cure.fund.asset,
        units=cure.units,
        call=_build_call(cure, attested),
    )


def _build_call(cure: Cure, attested: Attested | None) -> Call:
    rescue, owner = cure.mandate.contract.evm_address, cure.mandate.owner.evm_address
    if cure.kind is MandateKind.NATIVE:
        return build_native_rescue(
            rescue, owner=owner, mandate_id=cure.mandate.id, instrument=cure.instrument
        )
    if attested is None:
        raise ValueError("a unified cure needs an attestation")
    return build_unified_rescue(
        rescue,
        owner=owner,
        mandate_id=cure.mandate.id,
        instrument=cure.instrument,
        units=cure.units,
        attestation_fields=list_values(attested.envelope.header),
        bitmap=attested.envelope.bitmap,
        proof=attested.envelope.proof,
    )


def draft_cure(
    decision: Decision, chosen: Quoted, policy: Policy, attested: Attested | None, *, now: int
) -> Draft:
    """Give the draft of a chosen cure; its deadline is the earliest of all that bind it."""
    cure, need = chosen.cure, decision.need
    deadlines = [now + policy.deadline_s, cure.mandate.deadline]
    if cure.kind is MandateKind.UNIFIED and attested is not None:
        header = attested.envelope.header
        deadlines += [header.expires_at, header.issued_at + cure.mandate.max_age_s]
    return Draft(
        action=chosen.quote.action,
        purpose=Purpose(cure.kind.value),
        need=need.key,
        subject=need.account,
        gas_limit=chosen.quote.gas_limit,
        cost=chosen.quote.cost,
        moved=cure.value,
        health_before=need.health,
        decision=encode_decision(decision),
        deadline=min(deadlines),
        unit_price=chosen.quote.unit_price,
    )


def list_values(header: HealthAttestation) -> tuple[Any, ...]:
    """Give the members of a header in order, as contracts and programs take them."""
    return tuple(getattr(header, field.name) for field in fields(header))
