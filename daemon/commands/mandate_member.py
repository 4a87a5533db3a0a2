"""Whose mandate it is, what `plimsoll mandate` was asked for, and how it answers, on any chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import typer

from chains.model.action import Instrument
from chains.model.ids import AccountId, InvalidId
from chains.model.snapshot import MandateKind
from config.accounts import AccountSettings, BandSettings
from config.amounts import parse_amount
from config.chains import ChainSettings, TokenSettings
from config.load import load
from config.settings import Settings
from daemon.commands.common import choose_config, print_json, refuse
from daemon.translate import build_salts
from proofs.statement import AccountLeaf, calculate_leaves_root

DAY_S: Final = 86_400
_APART: Final = ("description", "accounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member, his margin account, and the chain he is on."""

    id: AccountId
    account: AccountSettings
    label: str
    settings: Settings

    def band(self, kind: MandateKind) -> BandSettings:
        """Give the band of his account's policy that a kind of mandate follows."""
        policy = self.account.policy
        band = policy.native if kind is MandateKind.NATIVE else policy.unified
        if band is None:
            refuse(
                f"accounts {self.account.id}: its policy has no {kind} band;"
                " write trigger and target"
            )
        return band

    @property
    def account_set_root(self) -> bytes:
        """The root of his margin account's members, which its attestations name."""
        salt = build_salts(self.settings)[self.account.id]
        leaves = [
            AccountLeaf(index=index, caip10=str(member), salt=salt)
            for index, member in enumerate(self.account.members)
        ]
        return calculate_leaves_root(leaves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an owner wants to give, as it was typed; None for what he left out."""

    symbol: str
    kind: MandateKind
    market: int
    per_action: str
    per_day: str
    days: int
    keeper: str | None
    instruments: list[Instrument] | None
    refund_cap: str | None
    max_loss_bps: int | None
    slack_bps: int
    obligation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Printout:
    """What to sign: steps in order, each with its description; `manner` says how they go together.

    `warnings` are for who signs, `notes` for the operator. `more` is what a kind of chain has
    beside them; its `transaction` is shown last.
    """

    label: str
    sender: AccountId
    steps: Sequence[Mapping[str, Any]]
    manner: str = "in this order"
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def print_json(self) -> None:
        """Print one JSON document."""
        head = {"chain": str(self.sender.chain), "from": str(self.sender)}
        print_json({**head, "steps": self.steps, "warnings": self.warnings, **self.more})

    def print_text(self) -> None:
        """Print for people: what it does first, then what a wallet is told."""
        where = f"on {self.label} ({self.sender.chain}), from {self.sender.address}"
        typer.echo(f"{where}, {self.manner}:" if self.steps else f"{where}: nothing to sign")
        for number, step in enumerate(self.steps, 1):
            typer.echo(f"\n{number}. {step['description']}")
            for name in (name for name in step if name not in _APART):
                typer.echo(f"   {name:<7} {step[name]}")
            for account in step.get("accounts", ()):
                flags = [flag for flag in ("signer", "writable") if account[flag]]
                typer.echo(f"   account {' '.join((account['address'], *flags))}")
        for warning in self.warnings:
            typer.echo(f"\nwarning: {warning}")
        for note in self.notes:
            typer.echo(f"\n{note}")
        if transaction := self.more.get("transaction"):
            height = transaction["last_valid_block_height"]
            typer.echo(f"\nto sign and send within a minute (last at block height {height}):")
            typer.echo(transaction["base64"])


def find_member(member: str, config: list[Path] | None) -> Member:
    """Find a member in the configuration; refused where there is none."""
    settings = load(choose_config(config))
    try:
        wanted = AccountId.parse(member)
    except InvalidId as error:
        refuse(f"MEMBER: {error}")
    account = next((a for a in settings.accounts if wanted in a.members), None)
    if account is None:
        refuse(f"MEMBER: {member} is a member of no [[accounts]]; write it there first")
    label = settings.labels[wanted.chain]
    return Member(id=wanted, account=account, label=label, settings=settings)


def check_symbol(label: str, chain: ChainSettings, symbol: str) -> None:
    """Refuse what is no configured token of a chain."""
    if symbol not in chain.tokens:
        known = ", ".join(chain.tokens)
        refuse(f"SYMBOL: {symbol!r} is no token of chains.{label}; write one of {known}")


def parse_units(option: str, text: str, token: TokenSettings) -> int:
    """Give an amount in units of a token."""
    try:
        return parse_amount(text, token.decimals)
    except ValueError as error:
        refuse(f"{option}: {error}")
