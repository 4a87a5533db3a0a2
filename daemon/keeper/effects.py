"""What our contracts reported of a confirmed transaction: the postcondition is judged on it."""

from collections.abc import Sequence
from typing import Protocol

import orjson

from chains.evm.decode import Log
from chains.evm.liquidator import LIQUIDATED_TOPIC, decode_liquidated
from chains.evm.rescue import RESCUED_TOPIC, decode_rescued
from chains.model.ids import Address
from daemon.keeper.intent import Intent, Purpose


class LogReader(Protocol):
    """Reads a chain's logs; chains.evm.client.EvmClient."""

    async def read_logs(
        self,
        *,
        addresses: Sequence[Address],
        topics: Sequence[bytes | Sequence[bytes] | None],
        from_height: int,
        to_height: int,
    ) -> tuple[Log, ...]:
        """Read logs of a closed range of heights."""
        ...


async def read_effect(reader: LogReader, intent: Intent) -> str | None:
    """Give the reported effect as JSON text, None where there is none; ChainError unread."""
    receipt = intent.receipt
    if receipt is None:
        return None
    logs = await reader.read_logs(
        addresses=[intent.draft.action.call.target],
        topics=[[RESCUED_TOPIC, LIQUIDATED_TOPIC]],
        from_height=receipt.height,
        to_height=receipt.height,
    )
    return judge_effect(intent, [log for log in logs if log.tx_hash == receipt.tx_hash])


def judge_effect(intent: Intent, logs: Sequence[Log]) -> str | None:
    """Give the effect that the logs of an intent's transaction prove; None where they do not."""
    for log in logs:
        found = _effect(intent, log)
        if found is not None:
            return orjson.dumps(found).decode()
    return None


def _effect(intent: Intent, log: Log) -> dict[str, str] | None:
    account = intent.draft.action.account.evm_address
    if intent.draft.purpose is Purpose.LIQUIDATION:
        if log.topics[0] != LIQUIDATED_TOPIC or (done := decode_liquidated(log)).user != account:
            return None
        return {"units": str(done.units), "profit_units": str(done.profit)}
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
