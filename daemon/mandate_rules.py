"""What the rescue contracts of both worlds demand of a mandate, and its figures in words: pure.

Sources: rescue.vy `set_mandate`; programs/rescue.c `check_terms` and `check_unified`.
"""

from typing import Final

from chains.evm.rescue import MandateTerms as EvmTerms
from chains.evm.rescue import Token
from chains.model.units import BPS, WAD, Wad
from chains.solana.rescue import MandateTerms as SolanaTerms
from config.amounts import WAD_DECIMALS, format_amount

MAX_TARGET: Final = Wad(100 * WAD)
MAX_COOLDOWN_S: Final = 365 * 86_400
MAX_AGE_S: Final = 86_400
_WORD: Final = 32

Terms = EvmTerms | SolanaTerms


class BadMandate(ValueError):
    """What the contract would refuse; the message names the field."""


def require(field: str, value: object, holds: bool, wanted: str) -> None:  # noqa: FBT001 -- a condition
    """Raise BadMandate that names the field, unless the condition holds."""
    if not holds:
        raise BadMandate(f"{field}: must be {wanted}, not {value}")


def check_band(terms: Terms) -> None:
    """See that the trigger lies below the target, and the target within bounds."""
    require("trigger", terms.trigger, 0 < terms.trigger < terms.target, "above 0, below target")
    require("target", terms.target, terms.target <= MAX_TARGET, "at most 100")


def check_limits(terms: Terms, *, now: int, movable: int, bits: int) -> None:
    """See that amounts and times agree, where the contract's numbers have so many bits.

    `movable` is what an action may move at most (units), `now` in seconds.
    """
    require("min_action", terms.min_action, terms.min_action >= 0, "not negative")
    require("min_action", terms.min_action, terms.min_action <= movable, "within per_action")
    require("per_day", terms.per_day, terms.per_action <= terms.per_day, "at least per_action")
    require("per_day", terms.per_day, terms.per_day < 2**bits, f"below 2^{bits}")
    within = 0 <= terms.cooldown_s <= MAX_COOLDOWN_S
    require("cooldown_s", terms.cooldown_s, within, "at most a year")
    require("deadline", terms.deadline, now < terms.deadline < 2**bits, f"after {now}")


def check_unified(terms: Terms) -> None:
    """See that a unified mandate says which attestations it takes."""
    root = terms.account_set_root
    require("account_set_root", root.hex(), len(root) == _WORD and any(root), "32 bytes, not all 0")
    require("max_age_s", terms.max_age_s, 0 < terms.max_age_s <= MAX_AGE_S, "1 to 86400")
    require("slack_bps", terms.slack_bps, 0 <= terms.slack_bps <= BPS, "0 to 10000")


def say_health(factor: Wad) -> str:
    """Give a health factor as a decimal."""
    return format_amount(factor, WAD_DECIMALS)


def say_amount(units: int, token: Token) -> str:
    """Give an amount of a token to the last unit."""
    return f"{format_amount(units, token.decimals)} {token.symbol}"


def say_limits(terms: Terms, token: Token) -> str:
    """Say how much may be moved, and until when (seconds)."""
    return (
        f"at most {say_amount(terms.per_action, token)} at once and"
        f" {say_amount(terms.per_day, token)} a UTC day, until {terms.deadline}"
    )
