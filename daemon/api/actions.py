"""The route of the keeper's transactions, margin accounts' and strangers' alike."""

from http import HTTPStatus
from urllib.parse import urlencode

import orjson
from aiohttp import web

from daemon.api.accounts import MAX_CURSOR, MAX_PAGE, PAGE, answer, read_whole
from daemon.api.context import CONTEXT
from daemon.api.problems import ProblemError
from daemon.api.schemas import ActionPage, ActionSchema, HistoryLinks
from daemon.api.texts import (
    USD_DECIMALS,
    render_account,
    render_asset,
    render_decimal,
    render_time,
    render_transaction,
)
from daemon.keeper.intent import Intent


async def read_actions(request: web.Request) -> web.Response:
    """Answer the keeper's transactions, newest first, in pages."""
    reader = request.app[CONTEXT].actions
    if reader is None:
        detail = "this daemon has no key, so it signs nothing; configure [keys]"
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    limit = read_whole(request, "limit", PAGE, MAX_PAGE) or PAGE
    found = await reader(read_whole(request, "before", None, MAX_CURSOR), limit + 1)
    shown = found[:limit]
    more = len(found) > limit
    query = urlencode({"limit": limit, "before": shown[-1].id}) if more else ""
    page = ActionPage(
        actions=[render_action(intent) for intent in shown],
        links=HistoryLinks(next=f"/v1/actions?{query}" if more else None),
    )
    return answer(request, page)


def render_action(intent: Intent) -> ActionSchema:
    """Give an intent as the API shows it."""
    draft, action = intent.draft, intent.draft.action
    tx_hash = intent.receipt.tx_hash if intent.receipt else intent.last.tx_hash
    return ActionSchema(
        id=intent.id,
        time=render_time(intent.updated_at),
        purpose=draft.purpose.value,
        subject=draft.subject,
        chain=str(action.chain),
        instrument=action.instrument,
        account=render_account(action.account),
        asset=render_asset(action.asset),
        units=str(action.units),
        state=intent.state,
        reason=intent.reason,
        tx_hash=render_transaction(action.chain, tx_hash),
        expected_cost_usd=render_decimal(draft.cost, USD_DECIMALS),
        decision=orjson.loads(draft.decision),
        effect=orjson.loads(intent.effect) if intent.effect else None,
    )
