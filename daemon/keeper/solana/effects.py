"""What confirmed transactions on Solana did: the rescue program's own event, our token balances."""

from collections.abc import Sequence
from typing import Final

import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature

from chains.model.action import Receipt
from chains.solana.decode import Landing, TokenChange
from chains.solana.landings import LandingReader
from chains.solana.logs import is_whole
from chains.solana.rescue import NO_DEBT_HEALTH, decode_rescued
from daemon.keeper.intent import Intent, Purpose
from daemon.keeper.ports import Reading

NO_DEBT: Final = 2**256 - 1
"""The health that effects give where nothing is owed, on every chain."""


class LandingEffects:
    """The effects of a Solana chain's transactions, from what each of them logged and moved."""

    def __init__(self, landings: LandingReader) -> None:
        self._landings = landings

    async def read(self, intent: Intent) -> Reading | None:
        """Give what an intent's transaction did, None where nobody can tell; ChainError.

        Every endpoint is asked where the first has it without all of its logs.
        """
        if intent.receipt is None:
            return None
        found = await self._landings.read(_signature(intent.receipt))
        if found is None:
            return None
        if (reading := read_landing(intent, found)) is not None:
            return reading
        readings = await self.read_everywhere(intent)
        return max(readings, key=lambda one: one.effect is not None, default=None)

    async def read_everywhere(self, intent: Intent) -> tuple[Reading, ...]:
        """Give what each endpoint that can tell says of it; ChainError where none answers."""
        if intent.receipt is None:
            return ()
        answers = await self._landings.read_everywhere(_signature(intent.receipt))
        readings = (read_landing(intent, found) for found in answers)
        return tuple(reading for reading in readings if reading is not None)


def read_landing(intent: Intent, landing: Landing) -> Reading | None:
    """Judge a landing; None where the lines that could prove a rescue are missing."""
    effect = judge_landing(intent, landing)
    rescues = intent.draft.purpose is not Purpose.LIQUIDATION
    if effect is None and rescues and not is_whole(landing.logs):
        return None
    return Reading(effect=effect)


def judge_landing(intent: Intent, landing: Landing) -> str | None:
    """Give the effect that an intent's transaction proves; None where it does not.

    Logs of other programs prove nothing, nor does what others gained.
    """
    if intent.draft.purpose is Purpose.LIQUIDATION:
        found = _liquidated(intent, landing.tokens)
    else:
        found = _rescued(intent, landing.logs)
    return None if found is None else orjson.dumps(found).decode()


def _rescued(intent: Intent, logs: Sequence[str]) -> dict[str, str] | None:
    action = intent.draft.action
    done = decode_rescued(logs, Pubkey.from_string(action.call.target))
    if done is None or str(done.owner) != action.account.address:
        return None
    fell = done.health_after < done.health_before
    stayed = done.health_after == done.health_before
    if done.units == 0 or fell or (stayed and intent.draft.purpose is Purpose.NATIVE):
        return None
    return {
        "units": str(done.units),
        "health_before": _health(done.health_before),
        "health_after": _health(done.health_after),
        "refund_units": "0",
    }


def _health(factor: int) -> str:
    return str(NO_DEBT if factor == NO_DEBT_HEALTH else factor)


def _liquidated(intent: Intent, tokens: Sequence[TokenChange]) -> dict[str, str] | None:
    """Give what the market took in of the debt, and what we have more of it afterwards."""
    debt = [c for c in tokens if str(c.mint) == intent.draft.action.asset.reference]
    ours = sum(c.units for c in debt if str(c.owner) == intent.sender)
    theirs = max((c.units for c in debt if str(c.owner) != intent.sender), default=0)
    if ours <= 0 or theirs <= 0:
        return None
    return {"units": str(theirs), "profit_units": str(ours)}


def _signature(receipt: Receipt) -> Signature:
    return Signature.from_bytes(receipt.tx_hash)
