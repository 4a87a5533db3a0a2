"""What our contracts reported of a confirmed transaction: the postcondition is judged on it."""

from collections.abc import Sequence

import orjson
from eth_abi.exceptions import DecodingError

from chains.evm.decode import Log
from chains.evm.liquidator import LIQUIDATED_TOPIC, decode_liquidated
from chains.evm.rescue import RESCUED_TOPIC, decode_rescued
from daemon.keeper.intent import Intent, Purpose
from daemon.keeper.ports import Reading, Receipts
from daemon.keeper.vaults.effects import find_vault_effect


class ReceiptEffects:
    """The effects of an EVM chain's transactions, from the logs in their own receipts."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts

    async def read(self, intent: Intent) -> Reading | None:
        """Give what an intent's transaction did, None where nobody has it; ChainError."""
        if intent.receipt is None:
            return None
        found = await self._receipts.read(intent.receipt.tx_hash)
        return None if found is None else Reading(effect=judge_effect(intent, found.logs))

    async def read_everywhere(self, intent: Intent) -> tuple[Reading, ...]:
        """Give what each endpoint by itself says of it; ChainError where none answers."""
        if intent.receipt is None:
            return ()
        answers = await self._receipts.read_everywhere((intent.receipt.tx_hash,))
        return tuple(Reading(effect=judge_effect(intent, found.logs)) for found in answers)


def judge_effect(intent: Intent, logs: Sequence[Log]) -> str | None:
    """Give the effect that the logs of an intent's transaction prove; None where they do not.

    Logs of other contracts, and those that cannot be read, prove nothing.
    """
    for log in logs:
        try:
            found = _effect(intent, log)
        except (ValueError, DecodingError):
            continue
        if found is not None:
            return orjson.dumps(found).decode()
    return None


def _effect(intent: Intent, log: Log) -> dict[str, str] | None:
    if log.address != intent.draft.action.call.target or not log.topics:
        return None
    match intent.draft.purpose:
        case Purpose.VAULT:
            return find_vault_effect(intent.draft, log)
        case Purpose.LIQUIDATION:
            return _liquidation(intent, log)
        case _:
            return _rescue(intent, log)


def _liquidation(intent: Intent, log: Log) -> dict[str, str] | None:
    account = intent.draft.action.account.evm_address
    if log.topics[0] != LIQUIDATED_TOPIC or (done := decode_liquidated(log)).user != account:
        return None
    return {"units": str(done.units), "profit_units": str(done.profit)}


def _rescue(intent: Intent, log: Log) -> dict[str, str] | None:
    account = intent.draft.action.account.evm_address
    if log.topics[0] != RESCUED_TOPIC or (rescued := decode_rescued(log)).owner != account:
        return None
    fell = rescued.health_after < rescued.health_before
    stayed = rescued.health_after == rescued.health_before
    if rescued.units == 0 or fell or (stayed and intent.draft.purpose is Purpose.NATIVE):
        return None
    return {
        "units": str(rescued.units),
        "health_before": str(rescued.health_before),
        "health_after": str(rescued.health_after),
        "refund_units": str(rescued.refund),
    }
