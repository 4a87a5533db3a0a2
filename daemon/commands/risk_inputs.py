"""What the risk commands share: their books, their pictures, and one line for what went wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer

from daemon.commands.common import CommandError, refuse
from daemon.commands.health import ask, find_url
from daemon.margin.risk_document import TimedBook, read_risk_book
from daemon.margin.scenarios import InvalidRiskInput
from daemon.risk.plots import PlotFailed

SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE|ACCOUNT",
        help="A risk book's JSON file, or an account that the running daemon knows.",
    ),
]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="The daemon's API; left out, [api] says where it is.")
]
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


def read_subject(subject: str, config: list[Path] | None, url: str | None) -> TimedBook:
    """Give a book out of a file, or an account's as the daemon sees it; CommandError where not."""
    file = Path(subject)
    if file.is_file() or file.suffix == ".json":
        document = read_document(file)
    else:
        path = f"/v1/accounts/{quote(subject, safe='')}/risk-book"
        document = ask(url or find_url(config), path)
    with answering(subject):
        return read_risk_book(document)


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
    """Give dollars with two decimals, zero without a sign."""
    return f"{round(usd, 2) + 0.0:,.2f}"


def format_ratio(ratio: float | None) -> str:
    """Give a ratio with four decimals, a dash where there is none."""
    return "-" if ratio is None else f"{ratio:.4f}"
