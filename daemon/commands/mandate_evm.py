"""What a member on an EVM chain signs for his mandates."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from chains.errors import ChainError
from chains.evm.abi.erc20 import ALLOWANCE
from chains.evm.client import EvmClient
from chains.evm.multicall import read
from chains.evm.rescue import MandateTerms, Token, calculate_mandate_id
from chains.evm.signer import LocalSigner
from chains.keyfiles import SignerError
from chains.model.action import Instrument
from chains.model.ids import Address, InvalidId, parse_address
from chains.model.snapshot import MandateKind
from chains.model.units import Bps
from config.evm import EvmSettings, EvmTokenSettings
from config.settings import Settings
from daemon.commands.common import CommandError, refuse
from daemon.commands.mandate_member import (
    DAY_S,
    Member,
    Printout,
    Wish,
    check_symbol,
    parse_units,
)
from daemon.mandate import OwnerTransaction, plan_mandate, plan_pause, plan_revocation
from daemon.mandate_rules import BadMandate

_LOSS_BPS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EvmOwner:
    """A member on an EVM chain."""

    member: Member
    chain: EvmSettings

    @property
    def rescue(self) -> Address:
        """The rescue contract on his chain."""
        if self.chain.contracts.rescue is None:
            refuse(
                f"chains.{self.member.label}.contracts.rescue: is not set;"
                " deploy it and write it there"
            )
        return self.chain.contracts.rescue

    def give(self, wish: Wish, now: int) -> Printout:
        """Give what sets a mandate at `now` (seconds) and allows its token."""
        self._refuse_obligation(wish.obligation)
        token = self._token(wish.symbol)
        terms = self._build_terms(wish, token, now)
        allowed = asyncio.run(self._read_allowance(token))
        named = Token(symbol=wish.symbol, decimals=token.decimals)
        try:
            return self._print(plan_mandate(self.rescue, terms, named, now=now, allowed=allowed))
        except BadMandate as error:
            refuse(str(error))

    def revoke(
        self, symbol: str, kind: MandateKind, market: int, obligation: str | None
    ) -> Printout:
        """Give what ends a mandate and takes the allowance back."""
        self._refuse_obligation(obligation)
        token = self._token(symbol)
        owner = self.member.id.evm_address
        mandate_id = calculate_mandate_id(owner, self._pool(market), kind, token.address)
        named = Token(symbol=symbol, decimals=token.decimals)
        return self._print(plan_revocation(self.rescue, mandate_id, token.address, named))

    def pause(self, *, paused: bool) -> Printout:
        """Give what stops all his mandates, or lets them go on."""
        return self._print(plan_pause(self.rescue, paused=paused))

    def _refuse_obligation(self, obligation: str | None) -> None:
        if obligation is not None:
            refuse(f"--obligation: chains.{self.member.label} is an EVM chain, which has none")

    def _token(self, symbol: str) -> EvmTokenSettings:
        check_symbol(self.member.label, self.chain, symbol)
        return self.chain.tokens[symbol]

    def _pool(self, market: int) -> Address:
        if market >= len(self.chain.markets):
            refuse(f"--market: chains.{self.member.label} has {len(self.chain.markets)} market(s)")
        return self.chain.markets[market].pool

    def _build_terms(self, wish: Wish, token: EvmTokenSettings, now: int) -> MandateTerms:
        band = self.member.band(wish.kind)
        unified = wish.kind is MandateKind.UNIFIED
        loss = _LOSS_BPS if wish.max_loss_bps is None else wish.max_loss_bps
        return MandateTerms(
            kind=wish.kind,
            pool=self._pool(wish.market),
            asset=token.address,
            instruments=frozenset(wish.instruments or (Instrument.REPAY, Instrument.SUPPLY)),
            keeper=_find_keeper(self.member.settings, wish.keeper),
            trigger=band.trigger,
            target=band.target,
            per_action=parse_units("--per-action", wish.per_action, token),
            per_day=parse_units("--per-day", wish.per_day, token),
            refund_cap=parse_units("--refund-cap", wish.refund_cap or "0", token),
            cooldown_s=self.member.account.policy.cooldown_s,
            deadline=now + wish.days * DAY_S,
            max_loss_bps=Bps(loss),
            **(self._unified_terms(wish) if unified else {}),
        )

    def _unified_terms(self, wish: Wish) -> dict[str, Any]:
        verifier = self.chain.contracts.verifier
        if verifier is None:
            refuse(
                f"chains.{self.member.label}.contracts.verifier: is not set;"
                " a unified mandate needs it"
            )
        return {
            "account_set_root": self.member.account_set_root,
            "verifier": verifier,
            "max_age_s": self.member.settings.attestation.ttl_s,
            "slack_bps": Bps(wish.slack_bps),
        }

    async def _read_allowance(self, token: EvmTokenSettings) -> int:
        chain = self.chain
        try:
            async with EvmClient(
                chain=chain.caip2, endpoints=chain.rpc, multicall=chain.multicall3
            ) as client:
                head = await client.read_head("latest")
                owner = self.member.id.evm_address
                plan = ALLOWANCE.plan(token.address, owner, self.rescue)
                return int(await read(client, head.anchor, plan))
        except ChainError as error:
            raise CommandError(f"chains.{self.member.label}: {error.reason}") from error

    def _print(self, steps: tuple[OwnerTransaction, ...]) -> Printout:
        described = [step.describe() for step in steps]
        return Printout(label=self.member.label, sender=self.member.id, steps=described)


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
