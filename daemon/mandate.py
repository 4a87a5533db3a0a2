"""The transactions an owner signs on an EVM chain for his mandates, in words and bytes: pure.

The daemon never holds an owner's key: `plimsoll mandate` prints these for his own wallet. What the
contract would refuse is refused here first, with the field's name. Source: rescue.vy `set_mandate`.
"""

from dataclasses import dataclass
from typing import Final

from chains.evm.rescue import (
    INSTRUMENT_BITS,
    MandateTerms,
    Token,
    build_approve,
    build_revoke,
    build_set_mandate,
    build_set_paused,
)
from chains.model.action import Call
from chains.model.ids import Address, checksummed
from chains.model.snapshot import NOBODY, MandateKind
from chains.model.units import BPS
from daemon.mandate_rules import (
    BadMandate,
    check_band,
    check_limits,
    check_unified,
    require,
    say_amount,
    say_health,
    say_limits,
)

_MAX_UINT: Final = 2**256 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerTransaction:
    """A transaction for the owner's wallet, and what it does in words."""

    call: Call
    description: str

    def describe(self) -> dict[str, str]:
        """Give what a wallet asks for: `to` with its checksum, `data` as hex, `value` in wei."""
        return {
            "to": checksummed(self.call.target),
            "data": "0x" + self.call.data.hex(),
            "value": str(self.call.value),
            "description": self.description,
        }


def plan_mandate(
    rescue: Address,
    terms: MandateTerms,
    token: Token,
    *,
    now: int,
    allowed: int = 0,
    allowance: int | None = None,
) -> tuple[OwnerTransaction, ...]:
    """Plan the transactions that give a mandate: set it, then let the contract take the token.

    `allowed` is what the contract may take already, `allowance` what it shall (units; the daily
    limit by default). A token that is already allowed enough is not approved again; one that is
    allowed less is set to 0 first, because some tokens insist on it. BadMandate names what is
    wrong with the terms.
    """
    check_terms(terms, now=now)
    wanted = terms.per_day if allowance is None else allowance
    if not 0 <= wanted <= _MAX_UINT:
        raise BadMandate(f"allowance: {wanted} is not between 0 and 2^256 - 1")
    steps = [
        OwnerTransaction(call=build_set_mandate(rescue, terms), description=_say(terms, token))
    ]
    if allowed >= wanted:
        return tuple(steps)
    if allowed > 0:
        steps.append(_approve(rescue, terms.asset, token, 0))
    return (*steps, _approve(rescue, terms.asset, token, wanted))


def plan_revocation(
    rescue: Address, mandate_id: bytes, asset: Address, token: Token
) -> tuple[OwnerTransaction, ...]:
    """Plan the transactions that end a mandate and take the token's allowance back.

    The allowance serves all mandates of that token.
    """
    if len(mandate_id) != 32:  # noqa: PLR2004 -- a word
        raise BadMandate(f"id: 32 bytes, not {len(mandate_id)}")
    ended = OwnerTransaction(
        call=build_revoke(rescue, mandate_id), description=f"end mandate 0x{mandate_id.hex()}"
    )
    return ended, _approve(rescue, asset, token, 0)


def plan_pause(rescue: Address, *, paused: bool) -> tuple[OwnerTransaction, ...]:
    """Plan the transaction that stops all of the owner's mandates, or lets them go on."""
    words = "stop all mandates at once" if paused else "let all mandates go on"
    return (OwnerTransaction(call=build_set_paused(rescue, paused=paused), description=words),)


def check_terms(terms: MandateTerms, *, now: int) -> None:
    """Raise BadMandate where the contract would refuse these terms at `now` (seconds)."""
    movable = terms.per_action - terms.refund_cap
    ways = terms.instruments
    require("instruments", ways, bool(ways), "repay, supply or both")
    require("instruments", ways, ways <= set(INSTRUMENT_BITS), "repay, supply")
    require("keeper", terms.keeper, terms.keeper != NOBODY, "an address")
    check_band(terms)
    require("refund_cap", terms.refund_cap, terms.refund_cap >= 0, "not negative")
    require("refund_cap", terms.refund_cap, movable > 0, "below per_action")
    check_limits(terms, now=now, movable=movable, bits=256)
    require("max_loss_bps", terms.max_loss_bps, 0 <= terms.max_loss_bps <= BPS, "0 to 10000")
    if terms.kind is MandateKind.UNIFIED:
        check_unified(terms)
        require("verifier", terms.verifier, terms.verifier != NOBODY, "an address")
        return
    given = (terms.account_set_root, terms.verifier, terms.max_age_s, terms.slack_bps)
    if given != (bytes(32), NOBODY, 0, 0):
        raise BadMandate(
            "account_set_root, verifier, max_age_s, slack_bps: a native mandate has none"
        )


def _approve(rescue: Address, asset: Address, token: Token, units: int) -> OwnerTransaction:
    return OwnerTransaction(
        call=build_approve(asset, rescue, units),
        description=f"let {checksummed(rescue)} take up to {_amount(units, token)} in all",
    )


def _say(terms: MandateTerms, token: Token) -> str:
    ways = " or ".join(sorted(str(instrument) for instrument in terms.instruments))
    words = (
        f"{terms.kind} mandate: under health {say_health(terms.trigger)},"
        f" keeper {checksummed(terms.keeper)} may {ways} {token.symbol}"
        f" up to health {say_health(terms.target)} in pool {checksummed(terms.pool)};"
        f" {say_limits(terms, token)}"
    )
    if terms.refund_cap:
        words += f", {say_amount(terms.refund_cap, token)} of each for the keeper's gas"
    return words


def _amount(units: int, token: Token) -> str:
    return f"any amount of {token.symbol}" if units == _MAX_UINT else say_amount(units, token)
