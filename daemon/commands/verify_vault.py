"""`plimsoll verify` of a statement about vaults: who signed which fact or which quantities."""

import json
from typing import Any

import typer

from proofs.refusal import Refusal, Refused
from proofs.strict import write_hex
from proofs.vault_document import (
    FORMAT,
    decode_vault_document,
    verify_vault_document,
    view_vault_document,
)
from proofs.vaults import VaultFact
from proofs.verify import Expected

_MARK = f'"format":"{FORMAT}"'.encode()


def is_vault_statement(raw: bytes) -> bool:
    """Say whether a file is, by the format it names, a statement about vaults."""
    return _MARK in raw


def report_vault(raw: bytes, expected: Expected, *, now: int, as_json: bool) -> None:
    """Verify a statement's file at `now` and tell what it says; Refused with the reason."""
    document = decode_vault_document(raw)
    if expected.members is not None and set(document.committee.members) != expected.members:
        members = ", ".join(document.committee.members)
        raise Refused(Refusal.COMMITTEE, f"the committee's members are {members}")
    signers = verify_vault_document(
        document,
        deployment=expected.deployment,
        committee_id=expected.committee_id,
        chain=expected.chain,
        now=now,
    )
    view: dict[str, Any] = {
        "verdict": "signed by a quorum",
        "code": 0,
        "digest": write_hex(document.digest),
        "deployment": document.deployment,
        "committee_id": write_hex(document.committee.id),
        "pinned": expected.pinned,
        "signers": list(signers),
        "bitmap": str(document.bitmap),
        "proof": write_hex(document.proof),
    }
    said = document.said
    name = "fact" if isinstance(said, VaultFact) else "quantities"
    view[name] = view_vault_document(document)[name]
    if as_json:
        typer.echo(json.dumps(view))
        return
    pinned = "pinned" if expected.pinned else "not pinned: give --member or --committee"
    typer.echo(
        "\n".join(
            (
                view["verdict"],
                f"  digest      {view['digest']}",
                f"  deployment  {view['deployment']}",
                f"  signed by   {', '.join(signers)} ({pinned})",
                *(f"  {key:<11} {json.dumps(value)}" for key, value in view[name].items()),
            )
        )
    )
