"""`plimsoll mandate`: the transactions an owner signs in his own wallet; nothing is sent here."""

import time
from pathlib import Path
from typing import Annotated, assert_never

import typer

from chains.model.action import Instrument
from chains.model.snapshot import MandateKind
from config.evm import EvmSettings
from config.solana import SolanaSettings
from daemon.commands.common import ConfigOption, JsonOption, build_app, refuse
from daemon.commands.mandate_committee import plan_creation
from daemon.commands.mandate_evm import EvmOwner
from daemon.commands.mandate_member import Member, Printout, Wish, find_member
from daemon.commands.mandate_solana import SolanaOwner

app = build_app("Print the transactions by which an owner gives, ends or pauses a mandate.")

MemberArgument = Annotated[
    str, typer.Argument(help="Whose mandate: a member of a margin account, as CAIP-10.")
]
SymbolArgument = Annotated[str, typer.Argument(help="The token he lets the keeper use.")]
KindOption = Annotated[MandateKind, typer.Option(help="Which health triggers it.")]
MarketOption = Annotated[int, typer.Option(min=0, help="Which of the chain's markets, from 0.")]

PerActionOption = Annotated[str, typer.Option(help="The most at once, such as 1000.")]
PerDayOption = Annotated[str, typer.Option(help="The most in a UTC day, such as 5000.")]
InstrumentOption = Annotated[
    list[Instrument] | None,
    typer.Option(help="repay, supply; left out, all there are: both, on Solana repay."),
]
DaysOption = Annotated[int, typer.Option(min=1, help="For how many days.")]
RefundOption = Annotated[
    str | None,
    typer.Option(help="EVM only: the most of each for the keeper's gas; left out, none."),
]
LossOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=10_000,
        help="EVM only: the equity an action may lose, of what it moves; left out, 50.",
    ),
]
SlackOption = Annotated[
    int, typer.Option(min=0, max=10_000, help="Unified only: how much more than needed.")
]
KeeperOption = Annotated[
    str | None, typer.Option(help="The keeper's address; left out, the one of [keys].")
]
ObligationOption = Annotated[
    str | None, typer.Option(help="Solana only: which obligation, where there are several.")
]
BareOption = Annotated[
    bool,
    typer.Option("--no-blockhash", help="Solana only: the instructions alone, no transaction."),
]


@app.command()
def give(
    member: MemberArgument,
    symbol: SymbolArgument,
    per_action: PerActionOption,
    per_day: PerDayOption,
    *,
    config: ConfigOption = None,
    kind: KindOption = MandateKind.NATIVE,
    instrument: InstrumentOption = None,
    days: DaysOption = 30,
    refund_cap: RefundOption = None,
    max_loss_bps: LossOption = None,
    slack_bps: SlackOption = 100,
    market: MarketOption = 0,
    keeper: KeeperOption = None,
    obligation: ObligationOption = None,
    no_blockhash: BareOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a mandate: trigger, target and cooldown are those of the account's policy."""
    wish = Wish(
        symbol=symbol,
        kind=kind,
        market=market,
        per_action=per_action,
        per_day=per_day,
        days=days,
        keeper=keeper,
        instruments=instrument,
        refund_cap=refund_cap,
        max_loss_bps=max_loss_bps,
        slack_bps=slack_bps,
        obligation=obligation,
    )
    owner = _find_owner(member, config, bare=no_blockhash)
    _show(owner.give(wish, int(time.time())), as_json=as_json)


@app.command()
def revoke(
    member: MemberArgument,
    symbol: SymbolArgument,
    config: ConfigOption = None,
    kind: KindOption = MandateKind.NATIVE,
    market: MarketOption = 0,
    *,
    obligation: ObligationOption = None,
    no_blockhash: BareOption = False,
    as_json: JsonOption = False,
) -> None:
    """End a mandate and take the token's allowance back."""
    owner = _find_owner(member, config, bare=no_blockhash)
    _show(owner.revoke(symbol, kind, market, obligation), as_json=as_json)


@app.command()
def pause(
    member: MemberArgument,
    config: ConfigOption = None,
    *,
    no_blockhash: BareOption = False,
    as_json: JsonOption = False,
) -> None:
    """Stop all of a member's mandates on his chain at once."""
    _show(_find_owner(member, config, bare=no_blockhash).pause(paused=True), as_json=as_json)


@app.command()
def resume(
    member: MemberArgument,
    config: ConfigOption = None,
    *,
    no_blockhash: BareOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a member's mandates go on."""
    _show(_find_owner(member, config, bare=no_blockhash).pause(paused=False), as_json=as_json)


@app.command()
def committee(
    config: ConfigOption = None,
    *,
    chain: Annotated[
        str | None, typer.Option(help="The Solana chain's label, where there are several.")
    ] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(help="Who may attest, each as 0x…; left out, the key of [keys] alone."),
    ] = None,
    threshold: Annotated[
        int | None, typer.Option(help="How many must sign; left out, just over two thirds.")
    ] = None,
    max_ttl_s: Annotated[
        int | None,
        typer.Option(help="The longest an attestation may hold; left out, attestation.ttl_s."),
    ] = None,
    payer: Annotated[
        str | None, typer.Option(help="Who signs and pays; left out, the key of [keys].")
    ] = None,
    no_blockhash: BareOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the account on Solana that says whose attestations unified mandates take."""
    made = plan_creation(
        chain,
        config,
        members=member,
        threshold=threshold,
        max_ttl_s=max_ttl_s,
        payer=payer,
        bare=no_blockhash,
    )
    _show(made, as_json=as_json)


def _find_owner(member: str, config: list[Path] | None, *, bare: bool) -> EvmOwner | SolanaOwner:
    found: Member = find_member(member, config)
    match chain := found.settings.chains[found.label]:
        case EvmSettings():
            if bare:
                refuse(f"--no-blockhash: chains.{found.label} is an EVM chain, which wants none")
            return EvmOwner(member=found, chain=chain)
        case SolanaSettings():
            return SolanaOwner(member=found, chain=chain, bare=bare)
        case _:
            assert_never(chain)


def _show(printout: Printout, *, as_json: bool) -> None:
    if as_json:
        printout.print_json()
    else:
        printout.print_text()
