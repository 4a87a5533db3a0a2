"""What the risk commands share: their files, their pictures, and one line for what went wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from daemon.commands.common import CommandError, refuse
from daemon.margin.scenarios import InvalidRiskInput
from daemon.risk.plots import PlotFailed

PlotOption = Annotated[Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw it.")]


def read_document(file: Path) -> Mapping[str, Any]:
    """Give a file's JSON object; CommandError names the file."""
    try:
        found = orjson.loads(file.read_bytes())
    except OSError as error:
        refuse(f"{file}: {error.strerror}")
    except orjson.JSONDecodeError as error:
        refuse(f"{file}: {error}")
    if not isinstance(found, dict):
        refuse(f"{file}: the file is no JSON object")
    return found


@contextmanager
def answering(what: object) -> Iterator[None]:
    """Give what is wrong with `what` (a file, an option) in one line."""
    try:
        yield
    except InvalidRiskInput as error:
        refuse(f"{what}: {error}")
    except PlotFailed as error:
        raise CommandError(f"--plot: {error}") from error


def format_money(usd: float) -> str:
    """Give dollars with two decimals."""
    return f"{usd:,.2f}"


def format_ratio(ratio: float | None) -> str:
    """Give a ratio with four decimals, a dash where there is none."""
    return "-" if ratio is None else f"{ratio:.4f}"
