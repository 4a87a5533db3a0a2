"""The picture of a backtest: losses, what was foreseen, and the days that went beyond it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from daemon.risk.backtest import HISTORICAL, MARGIN, Column


class PlotFailed(Exception):
    """There is no picture; the message says why in one line."""


def draw_backtest(columns: Sequence[Column], path: Path, *, generated: str | None) -> None:
    """Write a PNG with a panel for each column; PlotFailed without matplotlib or a place for it."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 # an extra
    except ImportError as error:
        raise PlotFailed("matplotlib is not installed; install the extra: risk") from error
    figure = Figure(figsize=(12, 3.4 * len(columns) + 0.8), layout="constrained")
    panels = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    for panel, column in zip(panels, columns, strict=True):
        judged = {found.model: found for found in column.judged}
        margin, plain = judged[MARGIN], judged[HISTORICAL]
        losses = 100 * column.losses
        breached = column.losses > margin.var
        days = np.array(column.days, dtype="datetime64[D]")
        panel.vlines(days, 0, np.maximum(losses, 0), color="0.75", linewidth=0.6, label="loss")
        panel.plot(days, 100 * plain.var, color="tab:green", linewidth=0.9, label="VaR, historical")
        panel.plot(days, 100 * margin.var, color="tab:blue", linewidth=1.1, label="VaR, margin")
        panel.plot(
            days, 100 * margin.shortfall, color="tab:purple", linewidth=1.0, linestyle="--",
            label="ES, margin",
        )  # fmt: skip
        panel.plot(
            days[breached], losses[breached], "o", color="tab:red", markersize=4,
            label="beyond VaR, margin",
        )  # fmt: skip
        panel.set_title(
            f"{column.name}: {margin.breaches} of {margin.days} days beyond VaR "
            f"({margin.rate:.2%}, nominal {margin.nominal:.2%}; historical {plain.rate:.2%})",
            loc="left",
            fontsize=10,
        )
        panel.set_ylabel("loss, % (log)")
        panel.set_ylim(bottom=0)
        panel.grid(visible=True, linewidth=0.3)
    panels[0].legend(loc="upper right", fontsize=8, ncols=3)
    figure.suptitle(
        f"GENERATED: {generated}" if generated else "Walk-forward backtest", fontsize=11
    )
    try:
        figure.savefig(path, dpi=110, format="png")
    except OSError as error:
        raise PlotFailed(f"{path}: {error.strerror}") from error
