"""What benchmarks yield: named figures, and the file and the table they are shown in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; without a `target` it only informs."""

    value: float
    unit: str
    better: Literal["lower", "higher"] = "lower"
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met, None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target


Figures = Mapping[str, Figure]


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the smallest value that at least `percent` of the values do not exceed."""
    if not values:
        raise ValueError("no values to take a percentile of")
    ordered = sorted(values)
    rank = math.ceil(percent / 100 * len(ordered))
    return ordered[max(rank, 1) - 1]


def median(values: Sequence[float]) -> float:
    """Give the 50th percentile."""
    return percentile(values, 50)


def write_figures(path: Path, figures: Figures, *, keep_others: bool) -> None:
    """Write figures as one flat JSON object; with `keep_others` over those already there."""
    known = orjson.loads(path.read_bytes()) if keep_others and path.exists() else {}
    fresh = {name: asdict(figure) for name, figure in figures.items()}
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    path.write_bytes(orjson.dumps(known | fresh, option=options))


def format_table(figures: Figures) -> str:
    """Give the figures as lines of aligned columns."""
    rows = [("figure", "value", "unit", "target", "")]
    for name, figure in sorted(figures.items()):
        target = "-" if figure.target is None else f"{figure.target:g}"
        verdict = {None: "", True: "met", False: "missed"}[figure.met]
        rows.append((name, f"{figure.value:.3f}", figure.unit, target, verdict))
    return "\n".join(format_rows(rows))


def format_rows(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align rows of equal length by columns, the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
