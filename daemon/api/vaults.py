"""The route of vault accounts: legs, lines, orders, and what each of them waits for."""

from http import HTTPStatus

from aiohttp import web

from daemon.api.accounts import answer
from daemon.api.context import CONTEXT
from daemon.api.problems import ProblemError
from daemon.api.vault_render import render_vault
from daemon.api.vault_statements import parse_vault_account


async def read_vault(request: web.Request) -> web.Response:
    """Answer a vault account as the newest look at all vaults found it."""
    context = request.app[CONTEXT]
    board = context.vault_accounts
    if board is None:
        detail = "this daemon watches no vaults; write [chains.….vault] for each chain that has one"
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    account = parse_vault_account(request.match_info["account"])
    view = board.find(account)
    if view is None:
        missing = ", ".join(str(number) for number in board.missing)
        unread = f"; chains that could not be read: {missing}" if missing else ""
        detail = f"no vault ever told of 0x{account.hex()}: `plimsoll vault open` opens one{unread}"
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    newest = None
    if context.vaults is not None:
        newest = await context.vaults.standing.newest_quantities(account)
    report = render_vault(view, board, context.vault_symbols, context.board.labels, newest)
    return answer(request, report)
