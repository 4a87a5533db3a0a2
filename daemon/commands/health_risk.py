"""What `plimsoll health` shows of venues: standard mode, and the published books."""

from collections.abc import Iterator
from typing import Any

from daemon.commands.health_dynamics import format_dynamics
from daemon.commands.texts import cut_factor, format_factor, format_table, format_usd


def format_risk(body: dict[str, Any]) -> Iterator[str]:
    """Give the figures that are shown only: published gains count in them."""
    if (standard := body["standard"]) is None:
        return
    yield ""
    for name, found in (
        ("standard", standard["maintenance"]),
        ("initial", standard["initial"]),
    ):
        equity = format_usd(found["equity_usd"])
        yield f"  {name:<14}  {format_factor(found)}  (equity {equity} USD)"
    if body["portfolio"] is not None:
        yield from _format_portfolio(body["portfolio"])


def _format_portfolio(portfolio: dict[str, Any]) -> Iterator[str]:
    if portfolio["unknown"]:
        yield f"  portfolio       unknown: {portfolio['unknown']}"
        return
    yield ""
    yield from format_table(
        ("portfolio", "factor", "initial", "worst scenario", "loses", "set by"),
        [_view(view) for view in portfolio["views"]],
    )
    if portfolio["dynamics"] is not None:
        yield from format_dynamics(portfolio["dynamics"])


def _view(view: dict[str, Any]) -> tuple[str, ...]:
    return (
        "own netting" if view["kappa"] is None else f"kappa {view['kappa']}",
        cut_factor(view["health_factor"]) if view["health_factor"] else "no debt",
        cut_factor(view["initial_factor"]) if view["initial_factor"] else "no debt",
        view["worst"] or "-",
        format_usd(view["worst_loss_usd"]) if view["worst_loss_usd"] else "-",
        view["binding"],
    )


def format_books(body: dict[str, Any]) -> Iterator[str]:
    """Give the tables of the published books and of their parts; nothing where there is none."""
    if not body["books"]:
        return
    yield ""
    yield from format_table(
        ("book", "published by", "age", "requires", "state"), [_book(b) for b in body["books"]]
    )
    parts = [_part(book, part) for book in body["books"] for part in book["parts"]]
    if parts:
        yield ""
        yield from format_table(("part", "native", "standard", "initial", "margin", "holds"), parts)


def _book(book: dict[str, Any]) -> tuple[str, ...]:
    gap = book["gap"]
    age = "-" if book["age_s"] is None else f"{book['age_s']} s of {book['max_age_s']} s"
    state = f"GAP since {gap['since']}: {gap['reason']}" if gap else "read"
    required = "-" if book["required_usd"] is None else format_usd(book["required_usd"])
    return book["account"], book["publisher"] or "the operator", age, required, state


def _part(book: dict[str, Any], part: dict[str, Any]) -> tuple[str, ...]:
    name = f"{book['account']} {part['subaccount'] or ''}".strip()
    return (
        f"{name} (isolated)" if part["isolated"] else name,
        cut_factor(part["native"]) if part["native"] else "not stated",
        format_factor(part["standard"]["maintenance"]),
        format_factor(part["standard"]["initial"]),
        format_usd(part["margin_usd"]),
        ", ".join(_holds(part)) or "cash",
    )


def _holds(part: dict[str, Any]) -> Iterator[str]:
    for leg in part["spot"]:
        sign = "-" if leg["side"] == "debt" else ""
        yield f"{sign}{_trim(leg['amount'])} {leg['underlying']}"
    for perp in part["perps"]:
        yield f"{_trim(perp['size'])} {perp['underlying']} perp"
    for option in part["options"]:
        strike = _trim(option["strike_usd"])
        day = option["expiry"][:10]
        yield f"{_trim(option['size'])} {option['underlying']} {day} {strike} {option['kind']}"


def _trim(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
