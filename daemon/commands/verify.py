"""`plimsoll verify FILE`: check an attestation offline, or against one's own endpoints.

Exit codes: 0 accepted, 2 wrong usage or configuration, 3 the file cannot be read, 10 to 59
refused (`proofs.refusal`), 60 the chains hold something else, 61 a chain could not be asked.
"""

import asyncio
import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from chains.model.ids import AccountId, Address, AssetId, InvalidId, parse_address
from chains.model.units import USD, WAD
from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from daemon.commands.common import BAD_INPUT, JsonOption
from daemon.compose import EvmParts, open_chains
from daemon.verify import ChainAccess, Comparison, compare_with_chain
from proofs.refusal import Refused
from proofs.statement import (
    Evidence,
    Leaves,
    PositionLeaf,
    PriceLeaf,
    Statement,
    hash_audience,
)
from proofs.succession import CommitteeChain, decode_chain, verify_chain
from proofs.typed import ZERO
from proofs.verify import Expected, Verdict, verify_file

UNREADABLE_FILE: Final = 3
CHAIN_DIFFERS: Final = 60
CHAIN_UNREADABLE: Final = 61

OFFLINE: Final = "consistent, unanchored"
ANCHORED: Final = "consistent, and what your endpoints say of its blocks"
_HASH_DIGITS: Final = 66


def verify(
    file: Annotated[Path, typer.Argument(help="The attestation file; - reads standard input.")],
    *,
    deployment: Annotated[
        str | None, typer.Option(help="The deployment id it must be of, such as plimsoll-main.")
    ] = None,
    audience: Annotated[
        str | None,
        typer.Option(help="Your contract as CAIP-10 (or the 0x hash), if it is bound to one."),
    ] = None,
    committee: Annotated[str | None, typer.Option(help="The committeeId you trust, 0x…")] = None,
    committees: Annotated[
        Path | None, typer.Option(help="A chain of committees that leads on from --committee.")
    ] = None,
    member: Annotated[
        list[str] | None, typer.Option(help="A signer you trust; once for every member.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Verify as of this time: seconds, or ISO 8601 with zone.")
    ] = None,
    max_ttl: Annotated[int, typer.Option(help="The longest life you allow, seconds.")] = 3600,
    max_skew: Annotated[
        int, typer.Option(help="How far apart its chains may be read, seconds.")
    ] = 300,
    rpc: Annotated[
        list[Path] | None,
        typer.Option(help="Configuration files whose endpoints to compare the leaves with."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify an attestation file; every refusal has its own exit code and says what to do."""
    expected = Expected(
        deployment=deployment,
        audience=_read_audience(audience),
        committee_id=read_hash(committee, "--committee") if committee else None,
        members=frozenset(_read_member(text) for text in member) if member else None,
        max_ttl_s=max_ttl,
        max_skew_s=max_skew,
    )
    now = _read_time(at)
    try:
        chain = read_chain(committees) if committees else None
        verdict = verify_file(read_file(file), replace(expected, chain=chain), now=now)
    except OSError as error:
        detail = f"{error.filename} cannot be read: {error.strerror}"
        _fail("unreadable_file", detail, UNREADABLE_FILE, as_json=as_json)
    except Refused as error:
        _fail(error.refusal.name.lower(), str(error), error.refusal.code, as_json=as_json)
    if rpc:
        _compare(verdict, rpc, as_json=as_json)
    _report(verdict, expected, ANCHORED if rpc else OFFLINE, as_json=as_json)


def _compare(verdict: Verdict, files: list[Path], *, as_json: bool) -> None:
    try:
        found = asyncio.run(_ask_chains(verdict.statement, load(files)))
    except ConfigError as error:
        _fail("configuration", str(error), BAD_INPUT, as_json=as_json)
    if found.differences:
        text = "\n".join(found.differences)
        _fail("chain_differs", text, CHAIN_DIFFERS, as_json=as_json)
    if found.unreadable:
        text = "\n".join(found.unreadable)
        _fail("chain_unreadable", text, CHAIN_UNREADABLE, as_json=as_json)


async def _ask_chains(statement: Statement, settings: Settings) -> Comparison:
    async with open_chains(settings) as chains:
        access = {
            chain: ChainAccess(blocks=parts.client, reader=parts.reader)
            for chain, parts in chains.items()
            if isinstance(parts, EvmParts)
        }
        return await compare_with_chain(statement, access)


def read_file(path: Path) -> bytes:
    """Read a file, or standard input where it is -; OSError when it cannot be read."""
    if str(path) == "-":
        return typer.get_binary_stream("stdin").read()
    return path.read_bytes()


def read_chain(path: Path) -> CommitteeChain:
    """Read a chain of committees and verify it; OSError or Refused."""
    chain = decode_chain(read_file(path))
    verify_chain(chain)
    return chain


def _read_time(text: str | None) -> int:
    if text is None:
        return int(time.time())
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("--at: write seconds or ISO 8601, 2027-01-15T08:00:00Z") from error
    if moment.tzinfo is None:
        raise typer.BadParameter("--at: the time needs a zone, such as Z")
    return int(moment.timestamp())


def read_hash(text: str, option: str) -> bytes:
    """Read 32 bytes as 0x hex."""
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(text) != _HASH_DIGITS or len(value) != len(ZERO):
        raise typer.BadParameter(f"{option}: write 0x and 64 hex digits")
    return value


def _read_audience(text: str | None) -> bytes:
    if text is None:
        return ZERO
    if ":" not in text:
        return read_hash(text, "--audience")
    try:
        return hash_audience(AccountId.parse(text))
    except InvalidId as error:
        raise typer.BadParameter(f"--audience: {error}") from error


def _read_member(text: str) -> Address:
    try:
        return parse_address(text)
    except InvalidId as error:
        raise typer.BadParameter(f"--member: {error}") from error


def _fail(reason: str, detail: str, code: int, *, as_json: bool) -> NoReturn:
    if as_json:
        view = {"verdict": "refused", "reason": reason, "code": code, "detail": detail}
        typer.echo(json.dumps(view))
    else:
        typer.echo(f"refused ({reason}): {detail}", err=True)
    raise typer.Exit(code)


def _report(verdict: Verdict, expected: Expected, verdict_text: str, *, as_json: bool) -> None:
    view = _view(verdict, expected, verdict_text)
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
                verdict_text,
                f"  digest      {view['digest']}",
                f"  deployment  {view['deployment']}{checked}",
                f"  signed by   {', '.join(view['signers'])} ({pinned})",
                f"  scheme      {view['scheme']}",
                f"  health      {health}",
                f"  collateral  {view['collateral_usd']} USD, weighted",
                f"  required    {view['requirement_usd']} USD",
                f"  blocks      {', '.join(view['blocks'])}",
                *(f"  leaves      {line}" for line in _tell_evidence(view["evidence"])),
                f"  valid       {_time(header.issued_at)} to {_time(header.expires_at)}",
            )
        )
    )


def _view(verdict: Verdict, expected: Expected, verdict_text: str) -> dict[str, Any]:
    statement, health = verdict.statement, verdict.health
    factor = health.factor
    return {
        "verdict": verdict_text,
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
        "evidence": _list_evidence(statement.leaves),
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


def _tell_evidence(evidence: dict[str, list[str]]) -> list[str]:
    return [f"{chain} {', '.join(kinds)}" for chain, kinds in evidence.items()]


def _decimal(value: int, unit: int) -> str:
    whole, part = divmod(abs(value), unit)
    digits = len(str(unit)) - 1
    return f"{'-' if value < 0 else ''}{whole}.{part:0{digits}d}"


def _time(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)
