"""`plimsoll run`: the daemon, until it is told to stop."""

import asyncio
from functools import partial
from typing import Annotated

import typer

from config.load import load
from config.settings import Settings
from daemon.commands.common import (
    CommandError,
    ConfigOption,
    JsonOption,
    build_app,
    choose_config,
    importing,
    print_json,
)

app = build_app("Run the daemon: read, value, attest, and keep.")


@app.command()
def run(
    config: ConfigOption = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Read the configuration, say what it holds, and end.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the daemon until SIGTERM; SIGHUP reads the configuration again.

    Logs go to standard error: for people on a terminal, as JSON otherwise or with --json.
    """
    read = partial(load, choose_config(config))
    if check:
        _describe(read(), as_json=as_json)
        return
    # The whole daemon is imported only to run it: --help and --check are quick.
    with importing():
        from daemon.service import serve  # noqa: PLC0415
        from daemon.storage.errors import StateRefused  # noqa: PLC0415
        from daemon.telemetry import configure_logging  # noqa: PLC0415

    configure_logging(human=False if as_json else None)
    try:
        asyncio.run(serve(read))
    except StateRefused as error:
        raise CommandError(str(error)) from error


def _describe(settings: Settings, *, as_json: bool) -> None:
    if as_json:
        print_json(settings.model_dump(mode="json"))
        return
    chains = ", ".join(f"{label} ({chain.caip2})" for label, chain in settings.chains.items())
    typer.echo(f"ok: {settings.mode}, {len(settings.accounts)} account(s), chains {chains}")
