"""The routes of margin accounts: list, health, attestation, history."""

import asyncio
import json
import re
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import web
from pydantic import BaseModel

from chains.model.snapshot import Snapshot
from daemon.api.context import CONTEXT, ApiContext, HistoryReader
from daemon.api.problems import ProblemError
from daemon.api.render import render_report
from daemon.api.schemas import (
    AccountList,
    AccountSchema,
    HistoryEntrySchema,
    HistoryLinks,
    HistoryPage,
)
from daemon.api.texts import render_account, render_time
from daemon.margin.measures import Portfolio, measure_portfolio
from daemon.margin.report import MarginReport
from daemon.margin.risk_book import build_risk_book
from daemon.margin.risk_document import TimedBook, render_risk_book
from daemon.margin.scenarios import InvalidRiskInput
from proofs.evidence.bundle import MAGIC, unpack_bundle

PAGE: Final = 50
MAX_PAGE: Final = 500
MAX_CURSOR: Final = 2**63 - 1
EVIDENCE_MEDIA: Final = "application/octet-stream"
UNPACKED: Final = "unpacked"
_ZSTD: Final = re.compile(r"(?i)\bzstd\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
_RETRY: Final = {"Retry-After": "1"}


async def list_accounts(request: web.Request) -> web.Response:
    """Answer which margin accounts are watched."""
    context = request.app[CONTEXT]
    return answer(
        request, AccountList(accounts=[_account(context, name) for name in context.board.accounts])
    )


async def read_health(request: web.Request) -> web.Response:
    """Answer the numbers of an account, with the snapshot's id as ETag."""
    context, name = _find(request)
    report = context.board.reports.get(name)
    if report is None:
        detail = f"{name} was not read yet; try again in a second"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, _RETRY)
    now = int(context.clock())
    snapshot = context.board.snapshots.get(name)
    portfolio = await asyncio.to_thread(_measure, context, report, snapshot, now)
    rendered = render_report(report, context.board.labels, now, portfolio)
    return answer(request, rendered, etag=rendered.snapshot)


def _measure(
    context: ApiContext, report: MarginReport, snapshot: Snapshot | None, now: int
) -> Portfolio | None:
    """Give the account's portfolio margin, None where no risk table or no snapshot is known."""
    if context.risk is None or snapshot is None:
        return None
    return measure_portfolio(
        report,
        snapshot,
        context.risk,
        now=now,
        outlooks=context.outlooks(),
        routes=context.routes,
    )


async def read_risk_book(request: web.Request) -> web.Response:
    """Answer the book that an account's risk is measured on, as `plimsoll risk` reads it."""
    context, name = _find(request)
    report, snapshot = context.board.reports.get(name), context.board.snapshots.get(name)
    if report is None or snapshot is None or context.risk is None:
        detail = f"{name} was not read yet; try again in a second"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, _RETRY)
    try:
        book = build_risk_book(report, snapshot, context.risk)
    except InvalidRiskInput as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), _RETRY) from error
    return web.json_response(render_risk_book(TimedBook(book=book, now=int(context.clock()))))


async def read_attestation(request: web.Request) -> web.Response:
    """Answer an account's newest attestation, the canonical document as it was signed."""
    context, name = _find(request)
    attested = context.board.attestations.get(name)
    if attested is None:
        detail = (
            f"{name} has no attestation: it needs a complete snapshot and a signing key; "
            f"/v1/accounts/{quote(name)}/health says what is missing"
        )
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    # The canonical form (RFC 8785) of ASCII texts: keys sorted, nothing between tokens.
    document = json.dumps(attested.document, sort_keys=True, separators=(",", ":"))
    response = web.Response(text=document, content_type="application/json")
    return _tag(request, response, attested.digest.hex())


async def read_evidence(request: web.Request) -> web.Response:
    """Answer the evidence of an account's newest attestation, or of the one with a sequence."""
    context, name = _find(request)
    attested = context.board.attestations.get(name)
    newest = attested.sequence if attested else None
    sequence = read_whole(request, "sequence", newest, MAX_CURSOR)
    found = None
    if context.evidence is not None and sequence is not None:
        found = await context.evidence(name, sequence)
    if found is None:
        detail = (
            f"{name} has no evidence of that attestation: its leaves say quorum-read, or it is too "
            "old; ask with the header's sequence, or for the next one"
        )
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    if request.query.get("form") == UNPACKED:
        return _unpack_evidence(request, found)
    return web.Response(body=found, content_type=EVIDENCE_MEDIA)


def _unpack_evidence(request: web.Request, found: bytes) -> web.Response:
    """Answer what a file of evidence holds: its own frame to who unpacks zstd, else unpacked."""
    response = web.Response(content_type=EVIDENCE_MEDIA, headers={"Vary": "Accept-Encoding"})
    if _ZSTD.search(request.headers.get("Accept-Encoding", "")):
        response.headers["Content-Encoding"] = "zstd"
        response.body = found.removeprefix(MAGIC)
    else:
        response.body = unpack_bundle(found)
    return response


async def read_history(request: web.Request) -> web.Response:
    """Answer an account's events, newest first, in pages."""
    context, name = _find(request)
    if context.history is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no history is kept; start with a state_dir")
    limit = read_whole(request, "limit", PAGE, MAX_PAGE)
    before = read_whole(request, "before", None, MAX_CURSOR)
    return answer(request, await _page(context.history, name, before, limit or PAGE))


def answer(request: web.Request, body: BaseModel, *, etag: str | None = None) -> web.Response:
    """Give a JSON response; 304 where the caller has this ETag already."""
    response = web.Response(text=body.model_dump_json(), content_type="application/json")
    return response if etag is None else _tag(request, response, etag)


def _tag(request: web.Request, response: web.Response, etag: str) -> web.Response:
    """Mark a response; the tag is weak because ages in the body go on."""
    known = request.if_none_match or ()
    if any(tag.value in (etag, "*") for tag in known):
        response = web.Response(status=HTTPStatus.NOT_MODIFIED)
    response.headers["ETag"] = f'W/"{etag}"'
    response.headers["Cache-Control"] = "no-cache"
    return response


def _find(request: web.Request) -> tuple[ApiContext, str]:
    context = request.app[CONTEXT]
    asked = request.match_info["account"]
    name = context.board.find(asked)
    if name is None:
        detail = (
            f"{asked} is no margin account and no member of one; GET /v1/accounts lists them, "
            "[[accounts]] in the configuration adds them"
        )
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    return context, name


def _account(context: ApiContext, name: str) -> AccountSchema:
    path = f"/v1/accounts/{quote(name)}"
    members = (member for member, owner in context.board.members.items() if owner == name)
    return AccountSchema(
        id=name,
        members=[render_account(member) for member in members],
        health=f"{path}/health",
        attestation=f"{path}/attestation",
        history=f"{path}/history",
    )


async def _page(reader: HistoryReader, name: str, before: int | None, limit: int) -> HistoryPage:
    found = await reader(name, before, limit + 1)
    shown = found[:limit]
    more = len(found) > limit
    query = urlencode({"limit": limit, "before": shown[-1].id}) if more else ""
    return HistoryPage(
        account=name,
        events=[
            HistoryEntrySchema(
                id=entry.id,
                time=render_time(entry.at),
                event=entry.event,
                details=dict(entry.details),
            )
            for entry in shown
        ],
        links=HistoryLinks(next=f"/v1/accounts/{quote(name)}/history?{query}" if more else None),
    )


def read_whole(request: web.Request, field: str, default: int | None, maximum: int) -> int | None:
    """Read a whole number from 1 to `maximum` from the query; a 400 problem for anything else."""
    text = request.query.get(field)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:20]) <= maximum:
        detail = f"{field} is {text[:40]!r}; write a whole number from 1 to {maximum}"
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
    return int(text)
