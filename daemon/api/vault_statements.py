"""The route of statements about vaults: facts and quantities with the signatures of a quorum."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from chains.model.ids import ChainId, InvalidId
from daemon.api.accounts import answer
from daemon.api.context import CONTEXT
from daemon.api.problems import ProblemError
from daemon.api.schemas import VaultStatementList, VaultStatementSchema
from daemon.committee.vaults import VaultsParts
from proofs.typed import WORD
from proofs.vault_document import VaultDocument, view_vault_document
from proofs.vaults import FactKind

QUANTITIES: Final = "quantities"
_ID_DIGITS: Final = 66


async def read_statements(request: web.Request) -> web.Response:
    """Answer statements of vaults that a quorum signed, the newest of each thing."""
    parts = request.app[CONTEXT].vaults
    if parts is None:
        detail = "this daemon states no vaults: it needs a key, and [chains.….vault] for each chain"
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    account, kind = _read_account(request), request.query.get("kind")
    number = _read_chain(request, parts)
    found: list[VaultDocument] = []
    if kind in (None, QUANTITIES) and account is not None:
        newest = await parts.standing.newest_quantities(account, consumer=number)
        found += [newest] if newest else []
    if kind != QUANTITIES:
        numbers = parts.chains.by_number if number is None else (number,)
        for each in numbers:
            found += await parts.standing.facts_for(each, account=account, kind=_read_kind(kind))
    return answer(request, VaultStatementList(statements=[_render(each) for each in found]))


def _render(document: VaultDocument) -> VaultStatementSchema:
    return VaultStatementSchema(
        digest="0x" + document.digest.hex(),
        bitmap=str(document.bitmap),
        proof="0x" + document.proof.hex(),
        document=view_vault_document(document),
    )


def _read_account(request: web.Request) -> bytes | None:
    text = request.query.get("account")
    return None if text is None else parse_vault_account(text)


def parse_vault_account(text: str) -> bytes:
    """Read a vault account's id; a 400 problem for anything else."""
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(text) != _ID_DIGITS or len(value) != WORD:
        detail = "account: write the vault account's id, 0x and 64 hex digits"
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
    return value


def _read_kind(text: str | None) -> FactKind | None:
    if text is None:
        return None
    try:
        return FactKind(text)
    except ValueError as error:
        detail = f"kind: write {QUANTITIES} or one of {', '.join(FactKind)}"
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail) from error


def _read_chain(request: web.Request, parts: VaultsParts) -> int | None:
    text = request.query.get("for")
    if text is None:
        return None
    try:
        number = ChainId.parse(text).evm_number
    except (InvalidId, ValueError):
        number = -1
    if number not in parts.chains.by_number:
        chains = ", ".join(str(chain.node.chain) for chain in parts.chains.by_number.values())
        detail = f"for: write the chain that is to take it, one of {chains}"
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
    return number
