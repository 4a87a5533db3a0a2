"""What `plimsoll health` shows of distances, times, losses, cures and volatilities."""

from collections.abc import Iterator
from typing import Any

from daemon.commands.texts import cut_factor, format_table, format_usd


def format_dynamics(found: dict[str, Any]) -> Iterator[str]:
    """Give the lines; what volatility is missing for says so instead of a figure."""
    yield ""
    yield f"  distance        {_distance(found['distance'])}"
    yield f"  in sigmas       {_sigmas(found)}"
    yield f"  lacking         {_losses(found['loss'])}"
    yield f"  cure            {_cure(found['cure'])}"
    if found["standard"] is not None:
        portfolio = cut_factor(found["portfolio"]) if found["portfolio"] else "no debt"
        yield f"  dynamic         standard {cut_factor(found['standard'])}, portfolio {portfolio}"
    if rows := [_asset(asset) for asset in found["distance"]["assets"]]:
        yield ""
        yield from format_table(("underlying", "price", "liquidated at", "or at", "equity"), rows)
    if rows := [_volatility(each) for each in found["volatilities"]]:
        yield ""
        yield from format_table(("volatility", "a year", "margins", "set by", "closes to"), rows)
    for name, reason in found["unknown"].items():
        yield f"! {name}: no volatility: {reason}"


def _distance(found: dict[str, Any]) -> str:
    sides = [
        f"{word} {_percent(found[side])}"
        for side, word in (("down", "prices fall"), ("up", "prices rise"))
        if found[side] is not None
    ]
    said = " or ".join(sides) or "no common move liquidates"
    back = "; healthy again beyond it" if found["returns"] else ""
    return f"{said}{back}"


def _sigmas(found: dict[str, Any]) -> str:
    distance = found["distance"]
    if distance["volatility"] is None:
        if not found["unknown"]:
            return "nothing held moves but stables"
        return f"unknown: no volatility of {', '.join(found['unknown'])}"
    told = "none: no common move liquidates"
    if distance["sigmas"] is not None:
        days = float(distance["days_at_one_percent"])
        told = f"{float(distance['sigmas']):.2f} of a day; reached in {days:.2f} days with 1 %"
    if (interest := distance["days_of_interest"]) is not None:
        told += f", by interest alone in {float(interest):.0f} days"
    return told


def _losses(found: dict[str, Any]) -> str:
    expected = found["expected_bad_debt_usd"]
    said = f"{format_usd(expected)} expected in a day" if expected else "expected: unknown"
    lacking, bad = format_usd(found["shortfall_usd"]), format_usd(found["bad_debt_usd"])
    return f"{lacking}, bad debt {bad}; {said}"


def _cure(found: dict[str, Any]) -> str:
    target, repay, held = found["target"], format_usd(found["repay_usd"]), found["with_collateral"]
    if repay == "0.00":
        return f"none needed to {target}"
    ways = [f"repay {repay} USD"]
    if found["supply_usd"] is not None:
        ways.insert(0, f"supply {format_usd(found['supply_usd'])} USD of {held}")
    if found["deleverage_usd"] is not None:
        ways.append(f"sell {held} and repay {format_usd(found['deleverage_usd'])} USD")
    unable = f"; cannot cure by selling: {found['unable']}" if found["unable"] else ""
    return f"to {target}: {', or '.join(ways)}{unable}"


def _asset(asset: dict[str, Any]) -> tuple[str, ...]:
    low, high = asset["falls_to_usd"], asset["rises_to_usd"]
    return (
        asset["underlying"],
        format_usd(asset["price_usd"]),
        format_usd(low) if low else "-",
        format_usd(high) if high else "-",
        "one way" if asset["monotone"] else "turns with the price",
    )


def _volatility(found: dict[str, Any]) -> tuple[str, ...]:
    fault = f" ({found['fault']})" if found["fault"] else ""
    return (
        found["underlying"],
        _percent(found["volatility"]),
        f"x {cut_factor(found['multiplier'])}" if found["multiplier"] else "-",
        f"{found['binding']}{fault}",
        found["last"],
    )


def _percent(part: str) -> str:
    return f"{100 * float(part):.2f} %"
