"""What every command shares: its options, its exits, and one line for what went wrong."""

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

DEFAULT_CONFIG: Final = Path("plimsoll.toml")
BAD_INPUT: Final = 2

ConfigOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        "-c",
        help="A TOML file; several lie over each other in order.  [default: plimsoll.toml]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class CommandError(Exception):
    """A command cannot go on; the message is one line, `code` the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def refuse(message: str) -> NoReturn:
    """Refuse what the user wrote: one line, exit 2."""
    raise CommandError(message, BAD_INPUT)


def choose_config(paths: Sequence[Path] | None) -> list[Path]:
    """Give the files to read: those named, else plimsoll.toml."""
    if paths:
        return list(paths)
    if not DEFAULT_CONFIG.is_file():
        refuse("there is no plimsoll.toml here; name a file with --config")
    return [DEFAULT_CONFIG]


@contextmanager
def importing() -> Iterator[None]:
    """Import without looking for garbage, now or later, in what stays: a sixth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def print_json(value: object) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, indent=2))


def build_app(help_text: str) -> typer.Typer:
    """Give the Typer of one command; plain help, since markup would swallow `[keys]`."""
    return typer.Typer(
        help=help_text,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
