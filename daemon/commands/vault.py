"""`plimsoll vault`: an owner's and a lender's own transactions at the vaults, and how it stands.

Every command may be run again. One that names what is to be (an account, a line's size, `all`) goes
on where it stood; one that names an amount moves it each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from chains.model.ids import Address, InvalidId, parse_address
from config.amounts import WAD_DECIMALS, format_amount, parse_amount
from config.load import load
from daemon.commands import vault_acts, vault_lost
from daemon.commands.common import (
    ConfigOption,
    JsonOption,
    build_app,
    choose_config,
    print_json,
    refuse,
)
from daemon.commands.health import ask, find_url
from daemon.commands.vault_desk import Desk, open_desk
from daemon.commands.vault_lines import LineWork
from daemon.commands.vault_place import (
    EVERYTHING,
    OwnerKey,
    VaultAsset,
    VaultPlace,
    find_place,
    find_places,
    open_key,
    parse_account,
)
from daemon.commands.vault_status import format_status

app = build_app("Open, fund, lend, borrow and watch an account of the cross-chain vaults.")
app.add_typer(vault_lost.app, name="lost")

AccountArgument = Annotated[str, typer.Argument(help="The vault account's id, 0x and 64 digits.")]
ChainArgument = Annotated[str, typer.Argument(help="A chain's label, number or CAIP-2 id.")]
SymbolArgument = Annotated[str, typer.Argument(help="An asset of the chain's vault.")]
AmountArgument = Annotated[str, typer.Argument(help="Whole tokens, such as 2.5.")]
AnyAmountArgument = Annotated[str, typer.Argument(help="Whole tokens, such as 2.5, or all.")]
ToOption = Annotated[str | None, typer.Option(help="Who is paid; left out, the key.")]
KeystoreOption = Annotated[
    Path | None, typer.Option(help="The key's keystore; left out, the one of [keys].")
]
PasswordOption = Annotated[Path | None, typer.Option(help="The file of the keystore's password.")]
UrlOption = Annotated[
    str | None, typer.Option(help="A daemon's API; left out, [api] says where it is.")
]


@app.command("open")
def open_(
    chain: ChainArgument,
    config: ConfigOption = None,
    *,
    number: Annotated[int, typer.Option(min=0, help="Which of the key's accounts.")] = 0,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open an account whose home is a chain, and link it on every other chain with a vault."""
    settings = load(choose_config(config))
    places = find_places(settings)
    home = find_place(places, chain, "CHAIN")
    key = open_key(settings, keystore, password_file)

    async def work(desks: Mapping[str, Desk]) -> Mapping[str, Any]:
        others = [desk for label, desk in desks.items() if label != home.label]
        account = await vault_acts.open_account(
            desks[home.label], others, key, settings.deployment, number
        )
        return {"account": f"0x{account.hex()}", "owner": key.sender.address}

    _run(tuple(places.values()), key, work, as_json=as_json)


@app.command()
def deposit(
    account: AccountArgument,
    chain: ChainArgument,
    symbol: SymbolArgument,
    amount: AmountArgument,
    config: ConfigOption = None,
    *,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add collateral to an account; anybody may."""
    _move(
        (account, chain, symbol, amount),
        (config, keystore, password_file),
        lambda desk, id_, asset: vault_acts.deposit(desk, id_, asset, amount),
        as_json=as_json,
    )


@app.command()
def withdraw(
    account: AccountArgument,
    chain: ChainArgument,
    symbol: SymbolArgument,
    amount: AnyAmountArgument,
    config: ConfigOption = None,
    *,
    to: ToOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take collateral that is neither lent, locked nor needed."""
    payee = _read_payee(to)
    _move(
        (account, chain, symbol, amount),
        (config, keystore, password_file),
        lambda desk, id_, asset: vault_acts.withdraw(desk, id_, asset, amount, payee),
        as_json=as_json,
    )


@app.command()
def borrow(
    account: AccountArgument,
    chain: ChainArgument,
    symbol: SymbolArgument,
    amount: AmountArgument,
    config: ConfigOption = None,
    *,
    to: ToOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Borrow against the chain's free collateral and the lines lent to it."""
    payee = _read_payee(to)
    _move(
        (account, chain, symbol, amount),
        (config, keystore, password_file),
        lambda desk, id_, asset: vault_acts.borrow(desk, id_, asset, amount, payee),
        as_json=as_json,
    )


@app.command()
def repay(
    account: AccountArgument,
    chain: ChainArgument,
    symbol: SymbolArgument,
    amount: AnyAmountArgument,
    config: ConfigOption = None,
    *,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repay an account's debt; anybody may."""
    _move(
        (account, chain, symbol, amount),
        (config, keystore, password_file),
        lambda desk, id_, asset: vault_acts.repay(desk, id_, asset, amount),
        as_json=as_json,
    )


@app.command()
def supply(
    chain: ChainArgument,
    symbol: SymbolArgument,
    amount: AmountArgument,
    config: ConfigOption = None,
    *,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lend to those who borrow an asset on a chain."""
    settings = load(choose_config(config))
    place = find_place(find_places(settings), chain, "CHAIN")
    asset = place.find_asset(symbol)
    asset.parse_amount(amount)
    key = open_key(settings, keystore, password_file)

    async def work(desks: Mapping[str, Desk]) -> Mapping[str, Any]:
        await vault_acts.supply(desks[place.label], asset, amount)
        return {"chain": str(place.id), "lender": key.sender.address}

    _run((place,), key, work, as_json=as_json)


@app.command()
def line(
    account: AccountArgument,
    lender: Annotated[str, typer.Argument(metavar="FROM", help="The chain that lends.")],
    borrower: Annotated[str, typer.Argument(metavar="TO", help="The chain that is lent to.")],
    symbol: SymbolArgument,
    amount: Annotated[str, typer.Argument(help="How large the line is to be, in whole tokens.")],
    config: ConfigOption = None,
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until both chains know.")
    ] = True,
    limit_s: Annotated[int, typer.Option(min=1, help="How long to wait for a step.")] = 1_800,
    url: UrlOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a line to a size: raise it where collateral lies, or lower it where it is lent to.

    The other chain learns of it by the committee's statement, once the block is final.
    """
    id_ = parse_account(account)
    settings = load(choose_config(config))
    places = find_places(settings)
    ends = find_place(places, lender, "FROM"), find_place(places, borrower, "TO")
    if ends[0].label == ends[1].label:
        refuse(f"TO: is {ends[1].label}, the chain that lends; write another one")
    assets = [place.find_asset(symbol) for place in ends]
    units = _read_units(amount)
    key = open_key(settings, keystore, password_file)

    async def work(desks: Mapping[str, Desk]) -> Mapping[str, Any]:
        task = LineWork(
            account=id_,
            lender=desks[ends[0].label],
            borrower=desks[ends[1].label],
            asset=assets[0],
            url=url or find_url(config),
            limit_s=limit_s,
        )
        sides = await task.bring_to(units, wait=wait)
        written = {
            "lent": format_amount(sides.out, WAD_DECIMALS),
            "counted": format_amount(sides.counted, WAD_DECIMALS),
        }
        return {"account": account, "from": str(ends[0].id), "to": str(ends[1].id), **written}

    _run(ends, key, work, as_json=as_json)


@app.command()
def status(
    account: AccountArgument,
    config: ConfigOption = None,
    *,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an account's legs, lines, orders and what each of them waits for."""
    id_ = parse_account(account)
    body = ask(url or find_url(config), f"/v1/vaults/{'0x' + id_.hex()}")
    if as_json:
        print_json(body)
        return
    for text in format_status(body):
        typer.echo(text)


Act = Callable[[Desk, bytes, VaultAsset], Awaitable[None]]


def _move(
    what: tuple[str, str, str, str],
    given: tuple[list[Path] | None, Path | None, Path | None],
    act: Act,
    *,
    as_json: bool,
) -> None:
    """Do one thing to an account's asset on a chain and show what it holds and owes there."""
    account, chain, symbol, amount = what
    config, keystore, password_file = given
    id_ = parse_account(account)
    settings = load(choose_config(config))
    place = find_place(find_places(settings), chain, "CHAIN")
    asset = place.find_asset(symbol)
    if amount != EVERYTHING:
        asset.parse_amount(amount)
    key = open_key(settings, keystore, password_file)

    async def work(desks: Mapping[str, Desk]) -> Mapping[str, Any]:
        desk = desks[place.label]
        await act(desk, id_, asset)
        legs = await vault_acts.read_legs(desk, id_, asset)
        return {"account": account, "chain": str(place.id), "symbol": symbol, **legs}

    _run((place,), key, work, as_json=as_json)


def _run(
    places: tuple[VaultPlace, ...],
    key: OwnerKey,
    work: Callable[[Mapping[str, Desk]], Awaitable[Mapping[str, Any]]],
    *,
    as_json: bool,
) -> None:
    """Do work at the desks of some chains; progress goes to standard error."""

    async def run() -> Mapping[str, Any]:
        async with AsyncExitStack() as stack:
            desks = {
                place.label: await stack.enter_async_context(open_desk(place, key, _say))
                for place in places
            }
            found = await work(desks)
            sent = [done.describe() for desk in desks.values() for done in desk.done]
            return {**found, "transactions": sent}

    found = asyncio.run(run())
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        if name != "transactions":
            typer.echo(f"{name:<11} {value}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _read_payee(text: str | None) -> Address | None:
    try:
        return None if text is None else parse_address(text)
    except InvalidId as error:
        refuse(f"--to: {error}")


def _read_units(text: str) -> int:
    try:
        return parse_amount(text, WAD_DECIMALS)
    except ValueError as error:
        refuse(f"AMOUNT: {error}")
