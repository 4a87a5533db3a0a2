"""`plimsoll risk generate`: price files with the shape of bad days."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from daemon.commands.common import CommandError
from daemon.risk.shapes import SHAPES, generate_closes, write_closes

ShapeName = StrEnum("ShapeName", {name: name for name in SHAPES})  # type: ignore[misc] # the names are data


def generate(
    shape: Annotated[
        list[ShapeName] | None, typer.Option(help="A day to imitate; left out, all of them.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="What chance starts from.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="The file; left out, named by its shape.")
    ] = None,
) -> None:
    """Write GENERATED closes with the shape of bad days: to try things out, never to tune."""
    names = [found.value for found in shape or ShapeName]
    kind = "-".join(names) if shape else "all"
    path = out or Path(f"generated-{kind}-seed{seed}.csv")
    try:
        with path.open("x", encoding="ascii") as opened:
            opened.write(write_closes(generate_closes(names, seed)))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    typer.echo(f"{path}: generated closes; no market ever showed them")
