"""`plimsoll devnet …`: two EVM chains and a Solana one on this machine."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from chains.model.ids import InvalidId, parse_address
from chains.model.units import USD, Usd
from daemon.devnet import control, launch
from daemon.devnet.control import STATUS_JSON, ChainStatus, DevnetStatus
from daemon.devnet.deployment import GWEI
from daemon.devnet.errors import DevnetError
from daemon.devnet.folder import DEFAULT_FOLDER, Folder
from daemon.devnet.solana.deployment import NodeKind
from proofs.committee import MAX_MEMBERS

devnet_app = typer.Typer(help="Three real chains on this machine.", no_args_is_help=True)

FolderOption = Annotated[
    Path, typer.Option("--dir", help="Where the devnet keeps its files.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@devnet_app.command()
def up(
    folder: FolderOption = DEFAULT_FOLDER,
    keeper: Annotated[
        str | None, typer.Option(help="Address of the daemon's key; left out, one is made.")
    ] = None,
    solana: Annotated[
        NodeKind | None,
        typer.Option(help="What Solana runs on; left out, Surfpool where it can run."),
    ] = None,
    members: Annotated[
        int, typer.Option(min=1, max=MAX_MEMBERS, help="How many daemons attest together.")
    ] = 1,
    *,
    as_json: JsonOption = False,
) -> None:
    """Start all chains and leave one supervisor behind."""
    with _one_line_errors():
        address = parse_address(keeper) if keeper else None
        state = launch.up(
            Folder.open(folder),
            keeper=address,
            solana=solana,
            members=members,
            progress=partial(typer.echo, err=True),
        )
        _print(control.read_status(Folder.open(folder)), as_json=as_json)
    if not as_json:
        typer.echo(
            f"run the daemon on it:  plimsoll run --config config/devnet.toml"
            f" --config {state.run_file}"
        )


@devnet_app.command()
def down(folder: FolderOption = DEFAULT_FOLDER, *, as_json: JsonOption = False) -> None:
    """End all chains and their supervisor."""
    with _one_line_errors():
        ended = launch.down(Folder.open(folder))
    if as_json:
        typer.echo(json.dumps({"ended": ended}))
    else:
        typer.echo("the devnet is down" if ended else "no devnet was running")


@devnet_app.command()
def status(folder: FolderOption = DEFAULT_FOLDER, *, as_json: JsonOption = False) -> None:
    """Show heights, fees and prices."""
    _ask(folder, control.read_status, as_json=as_json)


@devnet_app.command(context_settings={"ignore_unknown_options": True})
def shock(
    asset: Annotated[str, typer.Argument(help="WETH, USDC, WBTC or SOL.")],
    percent: Annotated[str, typer.Argument(help="By how much, such as -12.5.")],
    folder: FolderOption = DEFAULT_FOLDER,
    *,
    protocol_only: Annotated[
        bool, typer.Option("--protocol-only", help="Leave the market's feed and pools alone.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Move an asset's USD price on all chains that have it: feeds, reference and pools."""
    with _one_line_errors():
        moved = _parse_number("PERCENT", percent)
    ask = partial(control.shock, asset=asset, percent=moved, protocol_only=protocol_only)
    _ask(folder, ask, as_json=as_json)


@devnet_app.command()
def mine(
    blocks: Annotated[int, typer.Argument(help="How many.", min=1)] = 1,
    folder: FolderOption = DEFAULT_FOLDER,
    *,
    as_json: JsonOption = False,
) -> None:
    """Mine blocks on all chains at once; Surfpool's slots pass by themselves."""
    _ask(folder, partial(control.mine, blocks=blocks), as_json=as_json)


@devnet_app.command()
@devnet_app.command("base-fee", hidden=True)
def fee(
    chain: Annotated[str, typer.Argument(help="A chain's label or number.")],
    amount: Annotated[
        str, typer.Argument(help="Gwei, such as 0.05; on Solana micro-lamports for a unit.")
    ],
    folder: FolderOption = DEFAULT_FOLDER,
    *,
    as_json: JsonOption = False,
) -> None:
    """Set what a chain charges: its base fee, or what a compute unit costs on Solana."""
    with _one_line_errors():
        charged = _parse_number("AMOUNT", amount)
    _ask(folder, partial(control.set_base_fee, chain=chain, fee=charged), as_json=as_json)


@devnet_app.command()
def faucet(
    account: Annotated[str, typer.Argument(help="An address.")],
    symbol: Annotated[str, typer.Argument(help="WETH, USDC, WBTC, SOL, or native for fees.")],
    amount: Annotated[str, typer.Argument(help="Whole tokens, such as 2.5.")],
    chain: Annotated[str | None, typer.Option(help="One chain only.")] = None,
    folder: FolderOption = DEFAULT_FOLDER,
    *,
    as_json: JsonOption = False,
) -> None:
    """Give an account tokens or native money."""
    with _one_line_errors():
        given = _parse_number("AMOUNT", amount)
    ask = partial(control.faucet, account=account, symbol=symbol, amount=given, chain=chain)
    _ask(folder, ask, as_json=as_json)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End with 1 and the reason where the devnet cannot do what was asked."""
    try:
        yield
    except (DevnetError, InvalidId) as error:
        typer.echo(f"plimsoll devnet: {error}", err=True)
        raise typer.Exit(1) from error


def _ask(path: Path, ask: Callable[[Folder], DevnetStatus], *, as_json: bool) -> None:
    with _one_line_errors():
        _print(ask(Folder.open(path)), as_json=as_json)


def _parse_number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise DevnetError(f"{name}: {text!r} is not a number") from error
    if not number.is_finite():
        raise DevnetError(f"{name}: {text!r} is not a finite number")
    return number


def _print(devnet: DevnetStatus, *, as_json: bool) -> None:
    if as_json:
        typer.echo(STATUS_JSON.dump_json(devnet))
        return
    typer.echo(f"{devnet.deployment}, supervisor {devnet.pid}, configuration {devnet.run_file}")
    for chain in devnet.chains:
        typer.echo(
            f"  {chain.name:<6} {chain.caip2:<39}  {chain.rpc_url}  {_height(chain)}  {_fee(chain)}"
        )
        for symbol, prices in chain.prices.items():
            protocol, market = _dollars(prices.protocol), _dollars(prices.reference)
            typer.echo(f"         {symbol:<5} protocol {protocol:>12}  market {market:>12}")


def _height(chain: ChainStatus) -> str:
    return f"slot {chain.height}" if chain.number is None else f"block {chain.height}"


def _fee(chain: ChainStatus) -> str:
    if chain.base_fee_wei is None:
        return f"unit price {chain.unit_price} micro-lamports  node {chain.node}"
    return f"base fee {(Decimal(chain.base_fee_wei) / GWEI).normalize():f} gwei"


def _dollars(price: Usd) -> str:
    return f"{Decimal(price) / USD:,.4f}"
