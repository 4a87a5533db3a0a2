"""How commands write figures and tables for people."""

from collections.abc import Iterator
from typing import Any, Final

_SHOWN_DECIMALS: Final = 4


def format_factor(found: dict[str, Any] | None) -> str:
    """Give a factor cut to four decimals, never rounded up; "no debt" or "unknown" without one."""
    if found is None or (found["health_factor"] is None and not found["no_debt"]):
        return "unknown"
    if found["health_factor"] is None:
        return "no debt"
    return cut_factor(found["health_factor"])


def cut_factor(text: str) -> str:
    """Give a ratio's text with four decimals, the rest cut off."""
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:_SHOWN_DECIMALS]}"


def format_usd(text: str) -> str:
    """Give dollars with two decimals, the rest cut off."""
    whole, _, fraction = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}.{fraction[:2]}"


def format_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Give the lines of a table, columns aligned."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
