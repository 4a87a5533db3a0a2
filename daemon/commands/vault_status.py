"""What people read of a vault account, from the API's answer."""

from collections.abc import Iterator
from typing import Any

from daemon.commands.texts import cut_factor, format_table, format_usd

_LEGS = ("collateral", "debt", "locked", "lent_out", "lent_in")


def format_status(body: dict[str, Any]) -> Iterator[str]:
    """Give the lines; amounts and factors are cut to four decimals."""
    yield f"{body['account']}  opened on {body['home'] or 'a chain that was not read'}"
    yield ""
    yield from format_table(
        ("chain", "state", "block", "health low", "high"),
        [_chain(chain) for chain in body["chains"]],
    )
    if legs := [_leg(chain, leg) for chain in body["chains"] for leg in chain["legs"]]:
        yield ""
        yield from format_table(("chain", "asset", *(n.replace("_", " ") for n in _LEGS)), legs)
    if body["lines"]:
        yield ""
        yield from format_table(("line", "asset", "lent", "counted"), [*map(_line, body["lines"])])
    for order in body["orders"]:
        yield ""
        yield from _order(order)
    for found in body["provisions"]:
        units, symbol = cut_factor(found["units"]), found["symbol"]
        yield f"  provided for: {units} {symbol} on {found['chain']}, until {found['ready']}"
    if body["waiting"]:
        yield ""
    for found in body["waiting"]:
        yield f"  {found['subject']} on {found['chain']}: {found['meaning']}"
    for found in body["proposals"]:
        yield f"! {found['owner'] or 'the owner'} should {found['reason']}"
    if (quantities := body["quantities"]) is not None:
        heights = ", ".join(f"{e['chainId']} at {e['height']}" for e in quantities["chains"])
        yield f"  the committee's newest word: {quantities['issued']}, of chains {heights}"


def _chain(chain: dict[str, Any]) -> tuple[str, ...]:
    health, block = chain["health"], chain["block"]
    low, high = ("no debt", "no debt") if health and health["no_debt"] else _bounds(health)
    state = chain["status"] if chain["reason"] is None else f"GAP: {chain['reason']}"
    name = f"{chain['label']} {chain['chain']}".strip()
    return name, state, str(block["height"]) if block else "-", low, high


def _bounds(health: dict[str, Any] | None) -> tuple[str, str]:
    found = health or {"low": None, "high": None}
    low, high = (cut_factor(found[n]) if found[n] else "unknown" for n in ("low", "high"))
    return low, high


def _leg(chain: dict[str, Any], leg: dict[str, Any]) -> tuple[str, ...]:
    return chain["chain"], leg["symbol"], *(cut_factor(leg[name]) for name in _LEGS)


def _line(line: dict[str, Any]) -> tuple[str, ...]:
    ends = f"{line['lender']} -> {line['borrower']}"
    return ends, line["symbol"], cut_factor(line["lent"]), cut_factor(line["counted"])


def _order(order: dict[str, Any]) -> Iterator[str]:
    what = f"{cut_factor(order['units'])} {order['collateral_symbol']}"
    against = f"{format_usd(order['value_usd'])} USD of {order['debt_symbol']}"
    yield (
        f"  order {order['id'][:10]} {order['state']}: {what} on {order['collateral_chain']} locked"
        f" for {against} on {order['debt_chain']}, until {order['expires']}"
    )
    for fill in order["fills"]:
        paid = f"paid {cut_factor(fill['paid'])}" if fill["paid"] else "not claimed yet"
        yield f"    fill {fill['receipt']}: {format_usd(fill['value_usd'])} USD, {paid}"
