"""Pictures of the risk commands, as PNG files: series over shocks, bars by name, and matrices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Panel = Any
"""An Axes of matplotlib, which is an extra and may be absent."""

WIDTH: Final = 9.0
HEIGHT: Final = 3.2
BAR_HEIGHT: Final = 0.32


class PlotFailed(Exception):
    """There is no picture; the message says why in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One panel: named lines over the same places."""

    title: str
    places: Sequence[float]
    lines: Mapping[str, Sequence[float]]


def draw_series(path: Path, panels: Sequence[Series], *, below: str) -> None:
    """Write panels of lines, one under the other; PlotFailed where that cannot be."""

    def fill(axes: Sequence[Panel]) -> None:
        for axis, panel in zip(axes, panels, strict=True):
            for name, line in panel.lines.items():
                axis.plot(panel.places, line, marker="o", label=name)
            axis.set_title(panel.title)
            axis.legend()
            axis.grid(visible=True, alpha=0.3)
        axes[-1].set_xlabel(below)

    _draw(path, len(panels), HEIGHT, fill)


def draw_bars(path: Path, title: str, bars: Mapping[str, float]) -> None:
    """Write one horizontal bar for each name, the first on top; PlotFailed where that cannot be."""

    def fill(axes: Sequence[Panel]) -> None:
        axes[0].barh(list(bars), list(bars.values()))
        axes[0].invert_yaxis()
        axes[0].set_title(title)
        axes[0].grid(visible=True, axis="x", alpha=0.3)

    _draw(path, 1, HEIGHT / 2 + BAR_HEIGHT * len(bars), fill)


def _draw(path: Path, panels: int, height: float, fill: Callable[[Sequence[Panel]], None]) -> None:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 # an extra
    except ImportError as error:
        raise PlotFailed("matplotlib is not installed; install the extra: risk") from error
    figure = Figure(figsize=(WIDTH, height * panels), layout="constrained")
    fill(list(figure.subplots(panels, 1, squeeze=False)[:, 0]))
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise PlotFailed(f"{path}: {error.strerror}") from error
