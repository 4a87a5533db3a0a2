"""What a confirmed step of a vault account did, as the contract that it called told of it: pure."""

from collections.abc import Mapping
from typing import Any, Final

from eth_utils.crypto import keccak

from chains.evm.decode import Log
from chains.evm.protocols.plimsoll_vault.events import decode_event
from chains.evm.vault_anchor import ROOT_TAKEN
from chains.model.action import Instrument
from daemon.keeper.intent import Draft

APPROVAL: Final = bytes(keccak(text="Approval(address,address,uint256)"))
EVENTS: Final[Mapping[Instrument, frozenset[str]]] = {
    Instrument.POST: frozenset({"QuantitiesPosted"}),
    Instrument.TAKE: frozenset({"LineTaken", "Linked", "Unlinked"}),
    Instrument.RAISE: frozenset({"LineRaised"}),
    Instrument.LOWER: frozenset({"LineLowered"}),
    Instrument.LOCK: frozenset({"Locked"}),
    Instrument.FILL: frozenset({"Filled"}),
    Instrument.CLAIM: frozenset({"Claimed"}),
    Instrument.CLOSE: frozenset({"Closed"}),
    Instrument.RELEASE: frozenset({"Released"}),
    Instrument.LIQUIDATE: frozenset({"Liquidated"}),
    Instrument.PROVIDE: frozenset({"Provided"}),
    Instrument.WRITE_DOWN: frozenset({"WrittenDown"}),
}
"""Which event of the called contract proves a step."""


def find_vault_effect(draft: Draft, log: Log) -> dict[str, str] | None:
    """Give what a log of the called contract proves of a step; None, or ValueError, for nothing."""
    if draft.action.instrument is Instrument.APPROVE:
        return {"event": "Approval"} if log.topics[0] == APPROVAL else None
    if draft.action.instrument is Instrument.ANCHOR:
        return {"event": "RootTaken"} if log.topics[0] == ROOT_TAKEN else None
    event = decode_event(log)
    if f"0x{event.account.hex()}" != draft.subject:
        return None
    if event.name not in EVENTS.get(draft.action.instrument, frozenset()):
        return None
    return {"event": event.name} | {name: _write(value) for name, value in event.values.items()}


def _write(value: Any) -> str:  # noqa: ANN401 -- whatever the event carries
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, tuple):
        return ",".join(_write(part) for part in value)
    return str(value)
