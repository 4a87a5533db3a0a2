"""`plimsoll mandate`: the transactions an owner signs in his own wallet; nothing is sent here."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from chains.errors import ChainError
from chains.evm.abi.erc20 import ALLOWANCE
from chains.evm.client import EvmClient
from chains.evm.multicall import read
from chains.evm.rescue import MandateTerms, Token, calculate_mandate_id
from chains.evm.signer import LocalSigner
from chains.keyfiles import SignerError
from chains.model.action import Instrument
from chains.model.ids import AccountId, Address, InvalidId, parse_address
from chains.model.snapshot import MandateKind
from chains.model.units import Bps
from config.accounts import AccountSettings, BandSettings
from config.amounts import parse_amount
from config.evm import EvmSettings, EvmTokenSettings
from config.load import load
from config.settings import Settings
from daemon.commands.common import (
    CommandError,
    ConfigOption,
    JsonOption,
    build_app,
    choose_config,
    print_json,
    refuse,
)
from daemon.mandate import (
    BadMandate,
    OwnerTransaction,
    plan_mandate,
    plan_pause,
    plan_revocation,
)
from daemon.translate import build_salts
from proofs.statement import AccountLeaf, calculate_leaves_root

app = build_app("Print the transactions by which an owner gives, ends or pauses a mandate.")

_DAY_S: Final = 86_400
MemberArgument = Annotated[
    str, typer.Argument(help="Whose mandate: a member of a margin account, as CAIP-10.")
]
SymbolArgument = Annotated[str, typer.Argument(help="The token he lets the keeper use.")]
KindOption = Annotated[MandateKind, typer.Option(help="Which health triggers it.")]
MarketOption = Annotated[int, typer.Option(min=0, help="Which of the chain's markets, from 0.")]

PerActionOption = Annotated[str, typer.Option(help="The most at once, such as 1000.")]
PerDayOption = Annotated[str, typer.Option(help="The most in a UTC day, such as 5000.")]
InstrumentOption = Annotated[
    list[Instrument] | None, typer.Option(help="repay, supply; left out, both.")
]
DaysOption = Annotated[int, typer.Option(min=1, help="For how many days.")]
RefundOption = Annotated[str, typer.Option(help="The most of each for the keeper's gas.")]
LossOption = Annotated[
    int, typer.Option(min=0, max=10_000, help="The equity an action may lose, of what it moves.")
]
SlackOption = Annotated[
    int, typer.Option(min=0, max=10_000, help="Unified only: how much more than needed.")
]
KeeperOption = Annotated[
    str | None, typer.Option(help="The keeper's address; left out, the one of [keys].")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A member, his margin account, and the chain he is on."""

    member: AccountId
    account: AccountSettings
    label: str
    chain: EvmSettings
    settings: Settings

    @property
    def rescue(self) -> Address:
        """The rescue contract on his chain."""
        if self.chain.contracts.rescue is None:
            refuse(
                f"chains.{self.label}.contracts.rescue: is not set; deploy it and write it there"
            )
        return self.chain.contracts.rescue

    def token(self, symbol: str) -> EvmTokenSettings:
        """Give a configured token of his chain."""
        if symbol not in self.chain.tokens:
            known = ", ".join(self.chain.tokens)
            refuse(f"SYMBOL: {symbol!r} is no token of chains.{self.label}; write one of {known}")
        return self.chain.tokens[symbol]

    def pool(self, market: int) -> Address:
        """Give a market's pool on his chain."""
        if market >= len(self.chain.markets):
            refuse(f"--market: chains.{self.label} has {len(self.chain.markets)} market(s)")
        return self.chain.markets[market].pool


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
    refund_cap: RefundOption = "0",
    max_loss_bps: LossOption = 50,
    slack_bps: SlackOption = 100,
    market: MarketOption = 0,
    keeper: KeeperOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a mandate: trigger, target and cooldown are those of the account's policy."""
    owner = _find_owner(member, config)
    token, band, now = owner.token(symbol), _band(owner.account, kind), int(time.time())
    terms = MandateTerms(
        kind=kind,
        pool=owner.pool(market),
        asset=token.address,
        instruments=frozenset(instrument or (Instrument.REPAY, Instrument.SUPPLY)),
        keeper=_find_keeper(owner.settings, keeper),
        trigger=band.trigger,
        target=band.target,
        per_action=_units("--per-action", per_action, token),
        per_day=_units("--per-day", per_day, token),
        refund_cap=_units("--refund-cap", refund_cap, token),
        cooldown_s=owner.account.policy.cooldown_s,
        deadline=now + days * _DAY_S,
        max_loss_bps=Bps(max_loss_bps),
        **(_unified_terms(owner, slack_bps) if kind is MandateKind.UNIFIED else {}),
    )
    _print(owner, _plan(owner, symbol, terms, now), as_json=as_json)


@app.command()
def revoke(
    member: MemberArgument,
    symbol: SymbolArgument,
    config: ConfigOption = None,
    kind: KindOption = MandateKind.NATIVE,
    market: MarketOption = 0,
    *,
    as_json: JsonOption = False,
) -> None:
    """End a mandate and take the token's allowance back."""
    owner = _find_owner(member, config)
    token = owner.token(symbol)
    address = owner.member.evm_address
    mandate_id = calculate_mandate_id(address, owner.pool(market), kind, token.address)
    named = Token(symbol=symbol, decimals=token.decimals)
    steps = plan_revocation(owner.rescue, mandate_id, token.address, named)
    _print(owner, steps, as_json=as_json)


@app.command()
def pause(
    member: MemberArgument, config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Stop all of a member's mandates at once."""
    owner = _find_owner(member, config)
    _print(owner, plan_pause(owner.rescue, paused=True), as_json=as_json)


@app.command()
def resume(
    member: MemberArgument, config: ConfigOption = None, *, as_json: JsonOption = False
) -> None:
    """Let a member's mandates go on."""
    owner = _find_owner(member, config)
    _print(owner, plan_pause(owner.rescue, paused=False), as_json=as_json)


def _find_owner(member: str, config: list[Path] | None) -> Owner:
    settings = load(choose_config(config))
    try:
        wanted = AccountId.parse(member)
    except InvalidId as error:
        refuse(f"MEMBER: {error}")
    account = next((a for a in settings.accounts if wanted in a.members), None)
    if account is None:
        refuse(f"MEMBER: {member} is a member of no [[accounts]]; write it there first")
    label = settings.labels[wanted.chain]
    chain = settings.evm.get(label)
    if chain is None:
        refuse(f"MEMBER: chains.{label} is no EVM chain, and mandates are printed for those only")
    return Owner(member=wanted, account=account, label=label, chain=chain, settings=settings)


def _band(account: AccountSettings, kind: MandateKind) -> BandSettings:
    band = account.policy.native if kind is MandateKind.NATIVE else account.policy.unified
    if band is None:
        refuse(f"accounts {account.id}: its policy has no {kind} band; write trigger and target")
    return band


def _unified_terms(owner: Owner, slack_bps: int) -> dict[str, Any]:
    verifier = owner.chain.contracts.verifier
    if verifier is None:
        refuse(f"chains.{owner.label}.contracts.verifier: is not set; a unified mandate needs it")
    salt = build_salts(owner.settings)[owner.account.id]
    leaves = [
        AccountLeaf(index=index, caip10=str(member), salt=salt)
        for index, member in enumerate(owner.account.members)
    ]
    return {
        "account_set_root": calculate_leaves_root(leaves),
        "verifier": verifier,
        "max_age_s": owner.settings.attestation.ttl_s,
        "slack_bps": Bps(slack_bps),
    }


def _plan(owner: Owner, symbol: str, terms: MandateTerms, now: int) -> tuple[OwnerTransaction, ...]:
    token = owner.token(symbol)
    allowed = asyncio.run(_read_allowance(owner, token))
    named = Token(symbol=symbol, decimals=token.decimals)
    try:
        return plan_mandate(owner.rescue, terms, named, now=now, allowed=allowed)
    except BadMandate as error:
        refuse(str(error))


def _find_keeper(settings: Settings, given: str | None) -> Address:
    if given is not None:
        try:
            return parse_address(given)
        except InvalidId as error:
            refuse(f"--keeper: {error}")
    keys = settings.keys
    if keys.keystore is None or keys.password_file is None:
        refuse("--keeper: write the keeper's address; there is no key under [keys] to take it from")
    try:
        return LocalSigner.open(keys.keystore, keys.password_file).address
    except SignerError as error:
        raise CommandError(str(error)) from error


def _units(option: str, text: str, token: EvmTokenSettings) -> int:
    try:
        return parse_amount(text, token.decimals)
    except ValueError as error:
        refuse(f"{option}: {error}")


async def _read_allowance(owner: Owner, token: EvmTokenSettings) -> int:
    chain = owner.chain
    try:
        async with EvmClient(
            chain=chain.caip2, endpoints=chain.rpc, multicall=chain.multicall3
        ) as client:
            head = await client.read_head("latest")
            plan = ALLOWANCE.plan(token.address, owner.member.evm_address, owner.rescue)
            return int(await read(client, head.anchor, plan))
    except ChainError as error:
        raise CommandError(f"chains.{owner.label}: {error.reason}") from error


def _print(owner: Owner, steps: tuple[OwnerTransaction, ...], *, as_json: bool) -> None:
    described = [step.describe() for step in steps]
    if as_json:
        print_json({"chain": str(owner.chain.caip2), "from": str(owner.member), "steps": described})
        return
    typer.echo(
        f"on {owner.label} ({owner.chain.caip2}), from {owner.member.address}, in this order:"
    )
    for number, step in enumerate(described, 1):
        typer.echo(f"\n{number}. {step['description']}")
        for field in ("to", "value", "data"):
            typer.echo(f"   {field:<6} {step[field]}")
