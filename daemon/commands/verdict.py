"""How the verdict on an attestation is told: in lines, or as JSON."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NoReturn

import typer

from chains.model.ids import AssetId
from chains.model.units import USD, WAD
from daemon.anchors import AnchorKind
from proofs.evidence.check import Grounds
from proofs.statement import BlockKind, Evidence, Leaves, PositionLeaf, PriceLeaf
from proofs.verify import Expected, Verdict

OFFLINE: Final = "consistent, unanchored"
READ_AGAIN: Final = "consistent, and what your endpoints say of its blocks"
IN_PART: Final = "consistent, anchored in part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found beyond the file: proved chains, anchors by chain, whether leaves were read."""

    proved: Mapping[str, Grounds] = field(default_factory=dict)
    anchors: Mapping[str, list[AnchorKind]] = field(default_factory=dict)
    read_again: bool = False

    def tell(self, leaves: Leaves) -> str:
        """Give the verdict in a few words: the anchors that all blocks have."""
        chains = [block.caip2 for block in leaves.blocks if block.kind == BlockKind.EVM]
        if self.read_again:
            return READ_AGAIN
        if not any(self.anchors.values()):
            return OFFLINE
        shared = [kind for kind in AnchorKind if all(kind in self.of(c) for c in chains)]
        return f"consistent, anchored by {', '.join(shared)}" if shared else IN_PART

    def of(self, chain: str) -> list[AnchorKind]:
        """Give a chain's anchors."""
        return self.anchors.get(chain, [])


def fail(reason: str, detail: str, code: int, *, as_json: bool) -> NoReturn:
    """Tell why a file is refused and exit with the reason's code."""
    if as_json:
        view = {"verdict": "refused", "reason": reason, "code": code, "detail": detail}
        typer.echo(json.dumps(view))
    else:
        typer.echo(f"refused ({reason}): {detail}", err=True)
    raise typer.Exit(code)


def report(verdict: Verdict, expected: Expected, findings: Findings, *, as_json: bool) -> None:
    """Tell what was accepted."""
    view = _view(verdict, expected, findings)
    header = verdict.statement.header
    if as_json:
        typer.echo(json.dumps(view))
        return
    factor = view["health_factor"]
    health = "no debt" if factor is None else factor
    pinned = "pinned" if verdict.pinned else "not pinned: give --member or --committee"
    checked = "" if expected.deployment else " (not checked: give --deployment)"
    typer.echo(
        "\n".join(
            (
                view["verdict"],
                f"  digest      {view['digest']}",
                f"  deployment  {view['deployment']}{checked}",
                f"  params      {view['params_hash']}",
                f"  signed by   {', '.join(view['signers'])} ({pinned})",
                f"  scheme      {view['scheme']}",
                f"  health      {health}",
                f"  collateral  {view['collateral_usd']} USD, weighted",
                f"  required    {view['requirement_usd']} USD",
                f"  blocks      {', '.join(view['blocks'])}",
                *(f"  leaves      {line}" for line in _tell_lists(view["evidence"])),
                *(f"  proved      {line}" for line in _tell_proved(findings.proved)),
                *(f"  anchors     {line}" for line in _tell_lists(view["anchors"])),
                f"  valid       {_time(header.issued_at)} to {_time(header.expires_at)}",
            )
        )
    )


def _view(verdict: Verdict, expected: Expected, findings: Findings) -> dict[str, Any]:
    statement, health = verdict.statement, verdict.health
    factor = health.factor
    return {
        "verdict": findings.tell(statement.leaves),
        "code": 0,
        "digest": "0x" + verdict.digest.hex(),
        "deployment": statement.deployment,
        "deployment_checked": expected.deployment is not None,
        "pinned": verdict.pinned,
        "committee_id": "0x" + statement.header.committee_id.hex(),
        "signers": list(verdict.signers),
        "scheme": verdict.scheme.label,
        "sequence": statement.header.sequence,
        "issued_at": statement.header.issued_at,
        "expires_at": statement.header.expires_at,
        "health_factor": None if factor is None else _decimal(factor, WAD),
        "collateral_usd": _decimal(health.collateral, USD),
        "requirement_usd": _decimal(health.requirement, USD),
        "equity_usd": _decimal(health.equity, USD),
        "accounts": [leaf.caip10 for leaf in statement.leaves.accounts],
        "blocks": [f"{leaf.caip2}@{leaf.height}" for leaf in statement.leaves.blocks],
        "params_hash": "0x" + statement.header.params_hash.hex(),
        "evidence": _list_evidence(statement.leaves),
        "proved": {chain: asdict(grounds) for chain, grounds in findings.proved.items()},
        "anchors": {chain: list(kinds) for chain, kinds in findings.anchors.items() if kinds},
    }


def _list_evidence(leaves: Leaves) -> dict[str, list[str]]:
    """Give by chain how its positions and prices are backed, strongest first."""
    found: dict[str, set[int]] = {}
    backed: list[PositionLeaf | PriceLeaf] = [*leaves.positions, *leaves.prices]
    for leaf in backed:
        found.setdefault(str(AssetId.parse(leaf.asset).chain), set()).add(leaf.evidence)
    return {
        chain: [Evidence(kind).name.lower().replace("_", "-") for kind in sorted(kinds)]
        for chain, kinds in sorted(found.items())
    }


def _tell_lists(listed: Mapping[str, list[str]]) -> list[str]:
    return [f"{chain} {', '.join(words)}" for chain, words in listed.items()]


def _tell_proved(proved: Mapping[str, Grounds]) -> list[str]:
    return [
        f"{chain} {found.positions} legs and nothing else of {found.accounts} accounts in "
        f"{found.markets} markets, {found.prices} of {found.prices_stated} prices"
        for chain, found in proved.items()
    ]


def _decimal(value: int, unit: int) -> str:
    whole, part = divmod(abs(value), unit)
    digits = len(str(unit)) - 1
    return f"{'-' if value < 0 else ''}{whole}.{part:0{digits}d}"


def _time(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)
