"""`plimsoll verify FILE [BUNDLE]`: check an attestation offline, or against one's own endpoints.

Exit codes: 0 accepted, 2 wrong usage or configuration, 3 a file cannot be read, 10 to 59 and 70 to
79 refused (`proofs.refusal`), 60 the chains hold something else, 61 a chain could not be asked.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from chains.model.ids import AccountId, Address, InvalidId, parse_address
from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from daemon.anchors import Anchoring, AnchorKind, find_anchors
from daemon.commands.common import BAD_INPUT, JsonOption
from daemon.commands.verdict import Findings, fail, report
from daemon.commands.verify_vault import is_vault_statement, report_vault
from daemon.compose import EvmParts, open_chains
from daemon.verify import ChainAccess, Comparison, compare_with_chain
from proofs.evidence.check import Grounds, verify_evidence
from proofs.refusal import Refused
from proofs.statement import Statement, hash_audience
from proofs.succession import CommitteeChain, decode_chain, verify_chain
from proofs.typed import ZERO
from proofs.verify import Expected, Verdict, verify_file

UNREADABLE_FILE: Final = 3
CHAIN_DIFFERS: Final = 60
CHAIN_UNREADABLE: Final = 61

BUNDLE_SUFFIX: Final = ".plme"
_URLS: Final = ("http://", "https://")
_HASH_DIGITS: Final = 66


def verify(
    file: Annotated[Path, typer.Argument(help="The attestation file; - reads standard input.")],
    bundle: Annotated[
        Path | None,
        typer.Argument(help="The evidence; left out, it lies beside FILE as FILE.plme."),
    ] = None,
    *,
    proofs: Annotated[
        bool, typer.Option("--proofs", help="Prove the leaves by the evidence in BUNDLE.")
    ] = False,
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
        list[str] | None,
        typer.Option(
            help="URL of your own node, to see that the blocks are in its chain; or a "
            "configuration file, to read everything again from its endpoints."
        ),
    ] = None,
    eip2935: Annotated[
        list[str] | None,
        typer.Option(help="URL of a node whose chain's contract of block hashes is asked."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify an attestation file; every refusal has its own exit code and says what to do.

    A statement about vaults is taken too: the options of deployment, committee and time count.
    """
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
        raw = read_file(file)
        if is_vault_statement(raw):
            report_vault(raw, replace(expected, chain=chain), now=now, as_json=as_json)
            return
        verdict = verify_file(raw, replace(expected, chain=chain), now=now)
        proved = _prove(verdict.statement, file, bundle) if proofs or bundle else {}
    except OSError as error:
        detail = f"{error.filename} cannot be read: {error.strerror}"
        fail("unreadable_file", detail, UNREADABLE_FILE, as_json=as_json)
    except Refused as error:
        fail(error.refusal.name.lower(), str(error), error.refusal.code, as_json=as_json)
    urls = {
        AnchorKind.RPC: [each for each in rpc or () if each.startswith(_URLS)],
        AnchorKind.HISTORY: eip2935 or [],
    }
    files = [Path(each) for each in rpc or () if not each.startswith(_URLS)]
    anchoring = Anchoring()
    if any(urls.values()):
        anchoring = asyncio.run(find_anchors(verdict.statement, urls))
    _refuse(anchoring.differences, anchoring.unreadable, as_json=as_json)
    if files:
        _compare(verdict, files, as_json=as_json)
    findings = Findings(
        proved=proved, anchors=_list_anchors(verdict, anchoring), read_again=bool(files)
    )
    report(verdict, expected, findings, as_json=as_json)


def _prove(statement: Statement, file: Path, bundle: Path | None) -> Mapping[str, Grounds]:
    """Give what the evidence proves, by chain; OSError or Refused."""
    if bundle is None and str(file) == "-":
        raise typer.BadParameter("--proofs: name the BUNDLE of a file from standard input")
    return verify_evidence(statement, read_file(bundle or _beside(file)))


def _beside(file: Path) -> Path:
    return file.with_name(file.name + BUNDLE_SUFFIX)


def _list_anchors(verdict: Verdict, anchoring: Anchoring) -> dict[str, list[AnchorKind]]:
    """Give every chain's anchors: what was asked, and the committee where you named it."""
    known = [AnchorKind.COMMITTEE] if verdict.pinned else []
    chains = (block.caip2 for block in verdict.statement.leaves.blocks)
    return {chain: [*known, *anchoring.kinds.get(chain, [])] for chain in chains}


def _compare(verdict: Verdict, files: list[Path], *, as_json: bool) -> None:
    try:
        found = asyncio.run(_ask_chains(verdict.statement, load(files)))
    except ConfigError as error:
        fail("configuration", str(error), BAD_INPUT, as_json=as_json)
    _refuse(found.differences, found.unreadable, as_json=as_json)


def _refuse(differences: Sequence[str], unreadable: Sequence[str], *, as_json: bool) -> None:
    if differences:
        fail("chain_differs", "\n".join(differences), CHAIN_DIFFERS, as_json=as_json)
    if unreadable:
        fail("chain_unreadable", "\n".join(unreadable), CHAIN_UNREADABLE, as_json=as_json)


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
