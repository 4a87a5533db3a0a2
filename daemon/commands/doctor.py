"""`plimsoll doctor`: one line per check of the configuration against reality."""

import asyncio

import typer

from config.load import load
from daemon.commands.common import ConfigOption, JsonOption, build_app, choose_config, print_json

app = build_app("Compare the configuration with reality, one line per check.")


@app.command()
def doctor(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Check keys, endpoints, contracts, feeds, funds and mandates; exit 1 if anything fails.

    Each line reads: ok, warn or fail, then where: what, and what to do.
    """
    from daemon.doctor.examine import examine  # noqa: PLC0415 # heavy: web3's parts
    from daemon.doctor.report import has_failed  # noqa: PLC0415 # goes with it

    findings = asyncio.run(examine(load(choose_config(config))))
    if as_json:
        fields = ("level", "where", "what", "advice")
        print_json([{field: getattr(found, field) for field in fields} for found in findings])
    else:
        for finding in findings:
            typer.echo(str(finding))
    if has_failed(findings):
        raise typer.Exit(1)
