"""`plimsoll risk fleet`: the health of everybody in a file, and what scenarios would cost them."""

from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import orjson
import typer

from daemon.commands.common import JsonOption, print_json, refuse
from daemon.margin.book.losses import Losses, measure_losses
from daemon.margin.book.named import NamedFleet, build_fleet
from daemon.margin.book.valuation import find_lowest, value_all
from daemon.margin.scenarios import InvalidRiskInput

SHOWN: Final = 10
ALPHA: Final = 0.975


def fleet(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON: assets, accounts and scenarios by name.")
    ],
    count: Annotated[int, typer.Option(min=1, help="How many accounts to show.")] = SHOWN,
    alpha: Annotated[float, typer.Option(help="The level of value at risk.")] = ALPHA,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show a fleet's lowest healths, with value at risk and expected shortfall in USD."""
    try:
        document = orjson.loads(file.read_bytes())
        if not isinstance(document, dict):
            refuse(f"{file}: the file is no JSON object")
        shown = measure_fleet(build_fleet(document), count=count, alpha=alpha)
    except OSError as error:
        refuse(f"{file}: {error.strerror}")
    except (InvalidRiskInput, orjson.JSONDecodeError) as error:
        refuse(f"{file}: {error}")
    if as_json:
        print_json(shown)
    else:
        typer.echo("\n".join(_format(shown)))


def measure_fleet(found: NamedFleet, *, count: int, alpha: float) -> dict[str, Any]:
    """Give the lowest healths and the losses of those who have them; InvalidRiskInput."""
    health = value_all(found.columns, found.factors)
    losses = measure_losses(found.columns, found.moves, alpha=alpha) if found.moves.size else None
    return {
        "accounts": len(health),
        "under_one": int(np.count_nonzero(health < 1)),
        "alpha": alpha,
        "scenarios": found.moves.shape[1],
        "lowest": [
            _show(found.accounts[row], float(health[row]), losses, int(row))
            for row in find_lowest(health, count)
        ],
    }


def _show(name: str, health: float, losses: Losses | None, row: int) -> dict[str, Any]:
    return {
        "account": name,
        "health": round(health, 6),
        "value_at_risk_usd": losses and round(float(losses.value_at_risk[row]), 2),
        "expected_shortfall_usd": losses and round(float(losses.expected_shortfall[row]), 2),
    }


def _format(shown: dict[str, Any]) -> list[str]:
    width = max([len("account"), *(len(each["account"]) for each in shown["lowest"])])
    lines = [f"{'account':<{width}}  {'health':>10}  {'VaR':>14}  {'ES':>14}"]
    for each in shown["lowest"]:
        risks = (each["value_at_risk_usd"], each["expected_shortfall_usd"])
        cells = ("-" if risk is None else f"{risk:,.2f}" for risk in risks)
        numbers = "  ".join(f"{cell:>14}" for cell in cells)
        lines.append(f"{each['account']:<{width}}  {each['health']:>10.6f}  {numbers}")
    under = f"{shown['under_one']} of {shown['accounts']} accounts are under 1"
    return [*lines, "", f"{under}; {shown['scenarios']} scenarios, level {shown['alpha']:g}"]
