"""`plimsoll`: finds the command's module and runs it; expected errors are one line and no trace."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a command lives, and what the overview says of it."""

    module: str
    help: str
    app: str = "app"


COMMANDS: Final = {
    "run": Entry(module="daemon.commands.run", help="Run the daemon."),
    "health": Entry(module="daemon.commands.health", help="Show an account's numbers."),
    "verify": Entry(
        module="daemon.commands.verify", app="verify", help="Verify an attestation file."
    ),
    "fraud": Entry(
        module="daemon.commands.fraud", help="Check proofs that a member contradicted himself."
    ),
    "doctor": Entry(module="daemon.commands.doctor", help="Compare configuration and reality."),
    "book": Entry(module="daemon.commands.book", help="Sign or check a book of venue positions."),
    "risk": Entry(module="daemon.commands.risk", help="Measure what prices may do to accounts."),
    "keys": Entry(module="daemon.commands.keys", help="Make, show and import the keeper's keys."),
    "resume": Entry(
        module="daemon.commands.resume", app="resume", help="Let a halted keeper act again."
    ),
    "vault": Entry(
        module="daemon.commands.vault", help="Use an account of the cross-chain vaults."
    ),
    "mandate": Entry(module="daemon.commands.mandate", help="Print an owner's transactions."),
    "devnet": Entry(
        module="daemon.devnet.commands", app="devnet_app", help="Three real chains on this machine."
    ),
}
_BAD_INPUT: Final = 2
_INTERRUPTED: Final = 130


def main() -> None:
    """Run the command line of this process."""
    sys.exit(dispatch(sys.argv[1:]))


def dispatch(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    name = arguments[0] if arguments else "--help"
    if name in ("--help", "-h", "help"):
        sys.stdout.write(format_help())
        return 0
    if name == "--version":
        sys.stdout.write(f"plimsoll {version('plimsoll-keeper')}\n")
        return 0
    if name not in COMMANDS:
        return _fail(f"no command {name!r}; write one of {', '.join(COMMANDS)}", _BAD_INPUT)
    return _run(name, arguments[1:])


def format_help() -> str:
    """Give the overview of all commands."""
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {entry.help}" for name, entry in COMMANDS.items())
    return (
        "Usage: plimsoll COMMAND [OPTIONS]\n\n"
        "One unified, attested cross-chain margin health factor.\n\n"
        f"{lines}\n\nplimsoll COMMAND --help says more.\n"
    )


def _run(name: str, arguments: Sequence[str]) -> int:
    # Typer and the command's own imports are heavy: `plimsoll --help` must not wait for them.
    from typer import Abort, Typer  # noqa: PLC0415
    from typer._click.exceptions import ClickException  # noqa: PLC0415 # not exported by typer

    from config.errors import ConfigError  # noqa: PLC0415
    from daemon.commands.common import CommandError, build_app  # noqa: PLC0415

    entry = COMMANDS[name]
    app = getattr(import_module(entry.module), entry.app)
    if not isinstance(app, Typer):
        command, app = app, build_app(entry.help)
        app.command()(command)
    try:
        code = app(list(arguments), prog_name=f"plimsoll {name}", standalone_mode=False)
    except ClickException as error:
        return _fail(error.format_message(), _BAD_INPUT)
    except ConfigError as error:
        return _fail(str(error), _BAD_INPUT)
    except CommandError as error:
        return _fail(str(error), error.code)
    except (Abort, KeyboardInterrupt):
        return _INTERRUPTED
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        sys.stderr.write(f"plimsoll: {line}\n")
    return code


if __name__ == "__main__":
    main()
