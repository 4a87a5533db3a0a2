"""`plimsoll health`: one account's numbers, asked of the running daemon."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

import typer

from daemon.commands.common import (
    DEFAULT_CONFIG,
    CommandError,
    ConfigOption,
    JsonOption,
    build_app,
    print_json,
    refuse,
)
from daemon.commands.health_risk import format_books, format_risk
from daemon.commands.texts import cut_factor, format_factor, format_table, format_usd

app = build_app("Show a margin account's four numbers.")

DEFAULT_URL: Final = "http://127.0.0.1:8480"
TIMEOUT_S: Final = 10.0
_OK: Final = 200


@app.command()
def health(
    account: Annotated[str, typer.Argument(help="An account's id, or a member's CAIP-10 id.")],
    config: ConfigOption = None,
    url: Annotated[
        str | None, typer.Option(help="The daemon's API; left out, [api] says where it is.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show unified, minimum native and rescuable health, positions, forms, gaps and ages."""
    body = ask(url or find_url(config), f"/v1/accounts/{quote(account, safe='')}/health")
    if as_json:
        print_json(body)
        return
    for line in format_health(body):
        typer.echo(line)


def ask(url: str, path: str) -> dict[str, Any]:
    """Ask the API; CommandError with the problem's own words, or that nobody answers."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        refuse(f"--url: {url!r} is no URL; write one such as {DEFAULT_URL}")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = json.loads(response.read())
    except (OSError, HTTPException) as error:
        raise CommandError(f"{url} does not answer: {error}; is the daemon running?") from error
    except ValueError as error:
        raise CommandError(f"{url} is not a Plimsoll daemon's API") from error
    finally:
        connection.close()
    if response.status != _OK:
        detail = body.get("detail") if isinstance(body, dict) else None
        raise CommandError(str(detail or f"{url} answered {response.status}"))
    return dict(body)


def format_health(body: dict[str, Any]) -> Iterator[str]:
    """Give the lines people read; factors are cut to four decimals, never rounded up."""
    state = "complete" if body["complete"] else "INCOMPLETE"
    yield f"{body['account']}  as of {body['as_of']}  {state}, {_skew(body)}"
    yield ""
    yield f"  unified         {_unified(body)}"
    if body["unified"] is None:
        low, high = body["interval"]["low"], body["interval"]["high"]
        yield f"  between         {format_factor(low)} and {format_factor(high)}"
    yield f"  minimum native  {format_factor(body['minimum_native'])}"
    yield f"  rescuable       {format_factor(body['rescuable'])}"
    yield f"  decision        {format_factor(body['decision'])}  (due below 1)"
    yield from format_risk(body)
    yield ""
    labels = {chain["chain"]: chain["label"] for chain in body["chains"]}
    yield from format_table(
        ("position", "native", "collateral", "debt", "holds"),
        [
            (
                f"{labels.get(found['chain'], found['chain'])} {found['protocol']}",
                format_factor(found["native"]),
                format_usd(found["collateral_usd"]),
                format_usd(found["debt_usd"]),
                ", ".join(_leg(leg) for leg in found["legs"]) or "nothing",
            )
            for found in body["positions"]
        ],
    )
    if forms := _forms(body):
        yield ""
        yield from format_table(("form", "of", "kind", "issuer", "backing", "ratio"), forms)
    yield ""
    yield from format_table(("chain", "block", "age", "state"), [_chain(c) for c in body["chains"]])
    yield from format_books(body)
    for line in body["incomplete"]:
        yield f"! {line}"
    for line in body["unattested"]:
        yield f"! NOT ATTESTED: {line}"


def _skew(body: dict[str, Any]) -> str:
    return f"skew {body['skew_s']} s of {body['max_skew_s']} s allowed"


def _forms(body: dict[str, Any]) -> list[tuple[str, ...]]:
    """Give each form held or owed that is not its underlying itself, once."""
    shown = {
        leg["form"]["name"]: _form(leg)
        for found in body["positions"]
        for leg in found["legs"]
        if leg["form"] and leg["form"]["kind"] != "native"
    }
    return [shown[name] for name in sorted(shown)]


def _form(leg: dict[str, Any]) -> tuple[str, ...]:
    form = leg["form"]
    known = cut_factor(form["ratio"]) if form["ratio"] else "unknown"
    ratio = known if form["kind"] == "staked" else "-"
    return form["name"], leg["underlying"], form["kind"], form["issuer"], form["backing"], ratio


def _unified(body: dict[str, Any]) -> str:
    found = body["unified"]
    if found is None:
        return "unknown"
    return f"{format_factor(found)}  (equity {format_usd(found['equity_usd'])} USD)"


def _leg(leg: dict[str, Any]) -> str:
    amount = str(leg["amount"]).rstrip("0").rstrip(".") if "." in leg["amount"] else leg["amount"]
    sign = "" if leg["side"] == "collateral" else "-"
    doubt = "" if leg["price_status"] == "ok" else f" ({leg['price_status']})"
    return f"{sign}{amount} {leg['symbol']}{doubt}"


def _chain(chain: dict[str, Any]) -> tuple[str, ...]:
    block, gap = chain["block"], chain["gap"]
    name = f"{chain['label']} {chain['chain']}".strip()
    height = str(block["height"]) if block else "never read"
    age = f"{block['age_s']} s" if block else "-"
    state = f"GAP since {gap['since']}: {gap['reason']}" if gap else "read"
    return name, height, age, state


def find_url(config: list[Path] | None) -> str:
    """Give the URL of the API that the configuration names, the default one without any."""
    paths = config or ([DEFAULT_CONFIG] if DEFAULT_CONFIG.is_file() else [])
    if not paths:
        return DEFAULT_URL
    from config.load import load  # noqa: PLC0415 # not needed with --url

    api = load(paths).api
    host = f"[{api.host}]" if ":" in api.host else api.host
    return f"http://{host}:{api.port}"
