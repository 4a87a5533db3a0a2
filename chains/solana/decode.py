"""RPC answers to values: pure, and a ValueError on whatever has another shape.

Source: https://solana.com/docs/rpc.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace

from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature

from chains.model.anchor import Finality
from chains.rpc.endpoint import Json
from chains.solana.accounts import RawAccount

_LEVELS = {
    "processed": Finality.LATEST,
    "confirmed": Finality.SAFE,
    "finalized": Finality.FINALIZED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPoint:
    """A slot and the height of its block: slots may be empty, heights have no gaps."""

    slot: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentBlockhash:
    """A blockhash, and the last block height at which a transaction with it can land."""

    hash: Hash
    last_valid_height: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStatus:
    """Where a transaction was seen, how settled that is, and its error, None on success."""

    slot: int
    finality: Finality
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusesRead:
    """Statuses in the order asked, None where the node knows nothing, and its slot."""

    slot: int
    statuses: tuple[SignatureStatus | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one endpoint said of a transaction: the point read first, then the status and its slot.

    `history_from` is the oldest slot of which it still knows the transactions.
    """

    point: ChainPoint
    status: SignatureStatus | None
    status_slot: int
    history_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What running a transaction at a slot would do; `error` in words, None on success."""

    slot: int
    units: int
    error: str | None
    logs: tuple[str, ...]
    accounts: tuple[RawAccount | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChange:
    """By how many units of a mint a transaction changed one token account of an owner."""

    owner: Pubkey
    mint: Pubkey
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A transaction in a block: what it did and cost (lamports, tip and transfers aside).

    `paid` is all that its payer is poorer by: the fee, tips, rent, transfers. `logs` is empty
    where a node keeps none.
    """

    signature: Signature
    slot: int
    error: str | None
    fee: int
    units: int
    paid: int = 0
    logs: tuple[str, ...] = ()
    tokens: tuple[TokenChange, ...] = ()


def decode_text(value: Json) -> str:
    """Give a text."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.60} is no text")  # noqa: TRY004 -- bad data, not a bad caller
    return value


def decode_count(value: Json) -> int:
    """Give a number that is not negative."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r:.60} is no count")
    return value


def decode_object(value: Json) -> dict[str, Json]:
    """Give an object."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.60} is no object")  # noqa: TRY004 -- bad data, not a bad caller
    return value


def decode_list(value: Json, length: int | None = None) -> list[Json]:
    """Give a list, of the length wanted."""
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.60} is no list")  # noqa: TRY004 -- bad data, not a bad caller
    if length is not None and len(value) != length:
        raise ValueError(f"{len(value)} answers to {length} questions")
    return value


def decode_hash(value: Json) -> Hash:
    """Give a hash."""
    try:
        return Hash.from_string(decode_text(value))
    except ParseHashError as error:
        raise ValueError(f"{value!r:.60} is no hash") from error


def decode_context(value: Json) -> tuple[int, Json]:
    """Give the slot an answer is of, and what it says."""
    answer = decode_object(value)
    return decode_count(decode_object(answer.get("context")).get("slot")), answer.get("value")


def find_slot(value: Json) -> int | None:
    """Give the slot an answer names; None where it names none."""
    context = value.get("context") if isinstance(value, dict) else None
    slot = context.get("slot") if isinstance(context, dict) else None
    return slot if isinstance(slot, int) else None


def decode_account(key: Pubkey, value: Json) -> RawAccount | None:
    """Give an account read with base64 encoding; None where there is none."""
    if value is None:
        return None
    account = decode_object(value)
    data = decode_list(account.get("data"), 2)
    if data[1] != "base64":
        raise ValueError(f"account data in {data[1]!r:.20} instead of base64")
    try:
        raw = base64.b64decode(decode_text(data[0]), validate=True)
    except binascii.Error as error:
        raise ValueError(f"account data: {error}") from error
    return RawAccount(
        key=key,
        owner=Pubkey.from_string(decode_text(account.get("owner"))),
        lamports=decode_count(account.get("lamports")),
        data=raw,
    )


def decode_accounts(
    keys: Sequence[Pubkey], value: Json
) -> tuple[int, tuple[RawAccount | None, ...]]:
    """Give the slot and the accounts of `getMultipleAccounts`, in the order of the keys."""
    slot, items = decode_context(value)
    found = decode_list(items, len(keys))
    return slot, tuple(decode_account(*pair) for pair in zip(keys, found, strict=True))


def decode_scan(value: Json) -> tuple[int, tuple[RawAccount, ...]]:
    """Give the slot and the accounts of `getProgramAccounts` with context."""
    slot, items = decode_context(value)
    found: list[RawAccount] = []
    for item in decode_list(items):
        entry = decode_object(item)
        key = Pubkey.from_string(decode_text(entry.get("pubkey")))
        account = decode_account(key, entry.get("account"))
        if account is None:
            raise ValueError(f"account {key} is listed and missing")
        found.append(account)
    return slot, tuple(found)


def decode_point(value: Json) -> ChainPoint:
    """Give slot and height of `getEpochInfo`."""
    info = decode_object(value)
    return ChainPoint(
        slot=decode_count(info.get("absoluteSlot")), height=decode_count(info.get("blockHeight"))
    )


def decode_blockhash(value: Json) -> RecentBlockhash:
    """Give the answer of `getLatestBlockhash`."""
    slot, item = decode_context(value)
    found = decode_object(item)
    return RecentBlockhash(
        hash=decode_hash(found.get("blockhash")),
        last_valid_height=decode_count(found.get("lastValidBlockHeight")),
        slot=slot,
    )


def decode_block_hash(value: Json) -> bytes:
    """Give the hash of a block of `getBlock`."""
    return bytes(decode_hash(decode_object(value).get("blockhash")))


def decode_fees(value: Json) -> tuple[int, ...]:
    """Give the unit prices of `getRecentPrioritizationFees`."""
    entries = [decode_object(item) for item in decode_list(value)]
    return tuple(decode_count(entry.get("prioritizationFee")) for entry in entries)


def decode_quote(value: Json) -> int | None:
    """Give the lamports of `getFeeForMessage`; None where its blockhash is expired."""
    _, lamports = decode_context(value)
    return None if lamports is None else decode_count(lamports)


def decode_statuses(value: Json, count: int) -> StatusesRead:
    """Give the answer of `getSignatureStatuses`."""
    slot, items = decode_context(value)
    statuses = tuple(_decode_status(item) for item in decode_list(items, count))
    return StatusesRead(slot=slot, statuses=statuses)


def _decode_status(value: Json) -> SignatureStatus | None:
    if value is None:
        return None
    status = decode_object(value)
    level = status.get("confirmationStatus")
    finality = _LEVELS.get(level) if isinstance(level, str) else None
    if finality is None:
        raise ValueError(f"unknown confirmation status {level!r:.20}")
    error = status.get("err")
    return SignatureStatus(
        slot=decode_count(status.get("slot")),
        finality=finality,
        error=None if error is None else describe_error(error),
    )


def decode_simulation(value: Json, keys: Sequence[Pubkey]) -> Simulation:
    """Give the answer of `simulateTransaction`, with the accounts asked for after it."""
    slot, item = decode_context(value)
    outcome = decode_object(item)
    logs = tuple(decode_text(line) for line in decode_list(outcome.get("logs") or []))
    error = outcome.get("err")
    accounts: tuple[RawAccount | None, ...] = ()
    if keys and error is None:
        found = decode_list(outcome.get("accounts"), len(keys))
        accounts = tuple(decode_account(*pair) for pair in zip(keys, found, strict=True))
    return Simulation(
        slot=slot,
        units=decode_count(outcome.get("unitsConsumed") or 0),
        error=None if error is None else describe_error(error, logs),
        logs=logs,
        accounts=accounts,
    )


def decode_landing(signature: Signature, value: Json) -> Landing | None:
    """Give the answer of `getTransaction`; None where the node has it in no block."""
    if value is None:
        return None
    found = decode_object(value)
    meta = decode_object(found.get("meta"))
    error = meta.get("err")
    return Landing(
        signature=signature,
        slot=decode_count(found.get("slot")),
        error=None if error is None else describe_error(error),
        fee=decode_count(meta.get("fee")),
        units=decode_count(meta.get("computeUnitsConsumed") or 0),
        paid=_first_balance(meta, "preBalances") - _first_balance(meta, "postBalances"),
        logs=tuple(decode_text(line) for line in decode_list(meta.get("logMessages") or [])),
        tokens=_decode_changes(meta),
    )


def _first_balance(meta: dict[str, Json], name: str) -> int:
    """Give the payer's lamports: he is the first account."""
    balances = decode_list(meta.get(name))
    return decode_count(balances[0] if balances else None)


def _decode_changes(meta: dict[str, Json]) -> tuple[TokenChange, ...]:
    before = _decode_tokens(meta.get("preTokenBalances"))
    after = _decode_tokens(meta.get("postTokenBalances"))
    found: list[TokenChange] = []
    for index in sorted(before.keys() | after.keys()):
        held, holds = before.get(index), after.get(index)
        change = (holds.units if holds else 0) - (held.units if held else 0)
        if change and (named := holds or held):
            found.append(replace(named, units=change))
    return tuple(found)


def _decode_tokens(value: Json) -> dict[int, TokenChange]:
    """Give token accounts' units by their index; one whose owner is not told is left out."""
    found: dict[int, TokenChange] = {}
    for item in decode_list(value or []):
        entry = decode_object(item)
        if (owner := entry.get("owner")) is None:
            continue
        amount = decode_text(decode_object(entry.get("uiTokenAmount")).get("amount"))
        found[decode_count(entry.get("accountIndex"))] = TokenChange(
            owner=Pubkey.from_string(decode_text(owner)),
            mint=Pubkey.from_string(decode_text(entry.get("mint"))),
            units=int(amount),
        )
    return found


def describe_error(error: Json, logs: Sequence[str] = ()) -> str:
    """Say a transaction error in words, with the last thing a program logged about it."""
    said = next((line for line in reversed(logs) if "rror" in line), "")
    hint = f": {said.removeprefix('Program log: ')[:200]}" if said else ""
    match error:
        case {"InstructionError": [int(index), {"Custom": int(code)}]}:
            return f"instruction {index} failed with error {code} (0x{code:x}){hint}"
        case {"InstructionError": [int(index), reason]}:
            return f"instruction {index} failed: {reason}{hint}"
        case str():
            return error
        case _:
            return f"{error!r:.200}{hint}"
