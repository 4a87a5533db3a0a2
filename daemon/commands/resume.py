"""`plimsoll resume`: let a keeper act again that halted itself, once somebody has seen to it."""

import asyncio
from typing import Annotated

import typer

from config.load import load
from config.settings import Settings
from daemon.commands.common import CommandError, ConfigOption, JsonOption, choose_config, print_json


def resume(
    config: ConfigOption = None,
    *,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Take the halts back; without it they are shown.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show why the keeper or a chain's lane halted, and with --confirm take it back.

    The daemon must be stopped: it holds the state directory.
    """
    settings = load(choose_config(config))
    from daemon.storage.errors import StateRefused  # noqa: PLC0415 - heavy, and not for --help

    try:
        halts = asyncio.run(_take_back(settings, confirm=confirm))
    except StateRefused as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json({"halts": halts, "resumed": confirm and bool(halts)})
        return
    for scope, reason in halts.items():
        typer.echo(f"{scope}: {reason}")
    if not halts:
        typer.echo("nothing is halted")
    elif confirm:
        typer.echo("taken back; start the daemon again")
    else:
        typer.echo("see to it, then run this again with --confirm")


async def _take_back(settings: Settings, *, confirm: bool) -> dict[str, str]:
    from daemon.storage.database import open_database  # noqa: PLC0415
    from daemon.storage.store import Store  # noqa: PLC0415

    async with open_database(settings.state_dir, live=settings.live) as database:
        store = Store(database)
        halts = await store.read_halts()
        if confirm:
            for scope in halts:
                await store.write_halt(scope, None)
        return halts
