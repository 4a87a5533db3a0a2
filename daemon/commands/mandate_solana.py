"""What a member on Solana signs for his mandates."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from solders.pubkey import Pubkey

from chains.evm.rescue import Token
from chains.keyfiles import SignerError
from chains.model.action import Instrument
from chains.model.ids import InvalidId, parse_key
from chains.model.snapshot import MandateKind
from chains.model.units import Bps
from chains.solana.client import SolanaClient
from chains.solana.owed import MANDATED
from chains.solana.reader import MarketTerms
from chains.solana.rescue import MandateTerms
from chains.solana.signer import LocalSigner as SolanaSigner
from config.settings import Settings
from config.solana import SolanaSettings, SolanaTokenSettings
from daemon.commands.common import CommandError, refuse
from daemon.commands.mandate_member import (
    DAY_S,
    Member,
    Printout,
    Wish,
    check_symbol,
    parse_units,
)
from daemon.commands.mandate_reading import (
    Place,
    check_committee_account,
    open_client,
)
from daemon.compose import build_solana_market
from daemon.mandate_rules import BadMandate
from daemon.mandate_solana import (
    OwnerPlan,
    build_unsigned,
    plan_mandate,
    plan_pause,
    plan_revocation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaOwner:
    """A member on Solana; `bare` leaves the blockhash, and so the transaction, out."""

    member: Member
    chain: SolanaSettings
    bare: bool

    @property
    def wallet(self) -> Pubkey:
        """His key."""
        return Pubkey.from_string(self.member.id.address)

    @property
    def rescue(self) -> Pubkey:
        """The rescue program on his chain."""
        return find_rescue(self.member.label, self.chain)

    def give(self, wish: Wish, now: int) -> Printout:
        """Give what sets a mandate at `now` (seconds) and allows its token."""
        _refuse_foreign(self.member.label, wish)
        token = self._token(wish.symbol)
        return asyncio.run(self._give(wish, token, self._build_terms(wish, token, now), now))

    def revoke(
        self, symbol: str, kind: MandateKind, market: int, obligation: str | None
    ) -> Printout:
        """Give what ends a mandate and takes the allowance back."""
        return asyncio.run(self._revoke(symbol, kind, self._market(market), obligation))

    def pause(self, *, paused: bool) -> Printout:
        """Give what stops all his mandates, or lets them go on."""
        return asyncio.run(self._pause(plan_pause(self.rescue, self.wallet, paused=paused)))

    async def _give(
        self, wish: Wish, token: SolanaTokenSettings, terms: MandateTerms, now: int
    ) -> Printout:
        label, market, mint = self.member.label, self._market(wish.market), _mint(token)
        async with open_client(label, self.chain) as client:
            place = Place(label=label, client=client, owner=self.member.id, market=market)
            standing = await place.read_standing(wish.symbol, mint, wish.obligation)
            if terms.committee is not None:
                deployment = self.member.settings.deployment
                await check_committee_account(
                    label, client, self.rescue, terms.committee, deployment
                )
            named = Token(symbol=wish.symbol, decimals=token.decimals)
            try:
                plan = plan_mandate(
                    self.rescue, standing.debt, terms, named, standing.source, now=now
                )
            except BadMandate as error:
                refuse(str(error))
            warnings = (
                () if standing.owed else (_warn_owing(wish.symbol, standing.debt.obligation),)
            )
            return await self._print(client, plan, warnings)

    async def _revoke(
        self, symbol: str, kind: MandateKind, market: MarketTerms, obligation: str | None
    ) -> Printout:
        label, token = self.member.label, self._token(symbol)
        async with open_client(label, self.chain) as client:
            place = Place(label=label, client=client, owner=self.member.id, market=market)
            mandate, source = await place.find_given(self.rescue, _mint(token), kind, obligation)
            named = Token(symbol=symbol, decimals=token.decimals)
            others = await place.find_others(self.rescue, _mint(token), mandate)
            plan = plan_revocation(self.rescue, self.wallet, mandate, source, named, others)
            return await self._print(client, plan)

    async def _pause(self, plan: OwnerPlan) -> Printout:
        async with open_client(self.member.label, self.chain) as client:
            return await self._print(client, plan)

    async def _print(
        self, client: SolanaClient, plan: OwnerPlan, warnings: tuple[str, ...] = ()
    ) -> Printout:
        transaction = None if self.bare else await build_transaction(client, self.wallet, plan)
        return Printout(
            label=self.member.label,
            sender=self.member.id,
            steps=[step.describe() for step in plan.steps],
            manner="in one transaction",
            warnings=(*plan.warnings, *warnings),
            more={"transaction": transaction},
        )

    def _token(self, symbol: str) -> SolanaTokenSettings:
        check_symbol(self.member.label, self.chain, symbol)
        return self.chain.tokens[symbol]

    def _market(self, index: int) -> MarketTerms:
        where = f"chains.{self.member.label}"
        if index >= len(self.chain.markets):
            refuse(f"--market: {where} has {len(self.chain.markets)} market(s)")
        market = self.chain.markets[index]
        if market.protocol not in MANDATED:
            known = ", ".join(sorted(MANDATED))
            refuse(f"--market: {where}.markets[{index}] is {market.protocol}; rescued is {known}")
        return build_solana_market(market)

    def _build_terms(self, wish: Wish, token: SolanaTokenSettings, now: int) -> MandateTerms:
        band, unified = self.member.band(wish.kind), wish.kind is MandateKind.UNIFIED
        return MandateTerms(
            kind=wish.kind,
            keeper=find_key("--keeper", self.member.settings, wish.keeper),
            trigger=band.trigger,
            target=band.target,
            per_action=parse_units("--per-action", wish.per_action, token),
            per_day=parse_units("--per-day", wish.per_day, token),
            cooldown_s=self.member.account.policy.cooldown_s,
            deadline=now + wish.days * DAY_S,
            **(self._unified_terms(wish) if unified else {}),
        )

    def _unified_terms(self, wish: Wish) -> dict[str, Any]:
        committee = self.chain.programs.committee
        if committee is None:
            refuse(
                f"chains.{self.member.label}.programs.committee: is not set; a unified mandate"
                " needs it, see plimsoll mandate committee --help"
            )
        return {
            "account_set_root": self.member.account_set_root,
            "committee": Pubkey.from_string(committee),
            "max_age_s": self.member.settings.attestation.ttl_s,
            "slack_bps": Bps(wish.slack_bps),
        }


def find_rescue(label: str, chain: SolanaSettings) -> Pubkey:
    """Give the rescue program of a chain."""
    if chain.programs.rescue is None:
        refuse(f"chains.{label}.programs.rescue: is not set; deploy it and write it there")
    return Pubkey.from_string(chain.programs.rescue)


def find_key(option: str, settings: Settings, given: str | None) -> Pubkey:
    """Give a key as it was typed, else the keeper's own."""
    if given is not None:
        try:
            return Pubkey.from_string(parse_key(given))
        except InvalidId as error:
            refuse(f"{option}: {error}")
    keypair = settings.keys.solana_keypair
    if keypair is None:
        refuse(f"{option}: write an address; there is no solana_keypair under [keys] to take")
    try:
        return SolanaSigner.open(keypair).pubkey
    except SignerError as error:
        raise CommandError(str(error)) from error


async def build_transaction(
    client: SolanaClient, payer: Pubkey, plan: OwnerPlan
) -> Mapping[str, Any]:
    """Give a plan as a transaction to sign, with the newest blockhash."""
    recent = await client.read_blockhash()
    return {
        "base64": base64.b64encode(bytes(build_unsigned(payer, plan, recent.hash))).decode(),
        "blockhash": str(recent.hash),
        "last_valid_block_height": recent.last_valid_height,
    }


def _refuse_foreign(label: str, wish: Wish) -> None:
    """Refuse what only EVM chains know."""
    why = f"chains.{label} is Solana, whose rescue program"
    if wish.instruments and set(wish.instruments) != {Instrument.REPAY}:
        refuse(f"--instrument: {why} repays and nothing else; leave it out")
    if wish.refund_cap is not None:
        refuse(f"--refund-cap: {why} refunds nobody; leave it out")
    if wish.max_loss_bps is not None:
        refuse(f"--max-loss-bps: {why} loses nothing of what it moves; leave it out")


def _warn_owing(symbol: str, obligation: Pubkey) -> str:
    return f"obligation {obligation} owes no {symbol} now: the mandate waits until it does"


def _mint(token: SolanaTokenSettings) -> Pubkey:
    return Pubkey.from_string(token.address)
