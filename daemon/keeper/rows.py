"""Rows of the journal's tables from intents, and back."""

from typing import Any, Final

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from sqlalchemy import RowMapping

from chains.evm.fees import Fees
from chains.evm.transactions import SignedTransaction
from chains.model.action import Action, Call, Instrument, Receipt
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.units import Usd, Wad
from chains.solana.decode import RecentBlockhash
from chains.solana.fees import Budget
from chains.solana.orders import decode_order
from chains.solana.transactions import SignedTransaction as SlotTransaction
from daemon.keeper.intent import Attempt, Draft, Intent, IntentState, Purpose

DRAFT_COLUMNS: Final = (
    "chain, purpose, need, subject, instrument, market, account, asset, units, target, data, "
    "value, gas_limit, cost, moved, health_before, decision, deadline, "
    "unit_price"
)
RECEIPT_COLUMNS: Final = (
    "included_hash, included_block, included_height, success, gas_used, gas_price_wei"
)
INTENT_COLUMNS: Final = (
    "id, sender, nonce, state, reason, effect, created_at, updated_at, "
    f"{DRAFT_COLUMNS}, {RECEIPT_COLUMNS}"
)
ATTEMPT_COLUMNS: Final = (
    "intent_id, tx_hash, raw, gas_limit, max_fee_wei, priority_fee_wei, cancels, height, "
    "signed_at, last_valid_height"
)


def draft_row(draft: Draft) -> tuple[Any, ...]:
    """Give DRAFT_COLUMNS of a draft."""
    action = draft.action
    return (
        str(action.chain),
        draft.purpose,
        draft.need,
        draft.subject,
        action.instrument,
        str(action.market),
        str(action.account),
        str(action.asset),
        str(action.units),
        action.call.target,
        action.call.data,
        str(action.call.value),
        draft.gas_limit,
        str(draft.cost),
        str(draft.moved),
        None if draft.health_before is None else str(draft.health_before),
        draft.decision,
        draft.deadline,
        draft.unit_price,
    )


def decode_draft(row: RowMapping) -> Draft:
    """Read a draft back."""
    before = row["health_before"]
    return Draft(
        action=Action(
            chain=ChainId.parse(row["chain"]),
            instrument=Instrument(row["instrument"]),
            market=AccountId.parse(row["market"]),
            account=AccountId.parse(row["account"]),
            asset=AssetId.parse(row["asset"]),
            units=int(row["units"]),
            call=Call(target=Address(row["target"]), data=row["data"], value=int(row["value"])),
        ),
        purpose=Purpose(row["purpose"]),
        need=row["need"],
        subject=row["subject"],
        gas_limit=row["gas_limit"],
        cost=Usd(int(row["cost"])),
        moved=Usd(int(row["moved"])),
        health_before=None if before is None else Wad(int(before)),
        decision=row["decision"],
        deadline=row["deadline"],
        unit_price=row["unit_price"],
    )


def attempt_row(intent_id: int, attempt: Attempt) -> tuple[Any, ...]:
    """Give ATTEMPT_COLUMNS of an attempt.

    What Solana has instead of wei for gas stands in the same columns: the unit limit, and twice
    the unit price.
    """
    signed = attempt.signed
    if isinstance(signed, SignedTransaction):
        limit, most, priority = (
            signed.gas_limit,
            signed.fees.max_fee_wei,
            signed.fees.priority_fee_wei,
        )
        last_valid = None
    else:
        limit, most = signed.budget.unit_limit, signed.budget.unit_price
        priority, last_valid = most, signed.blockhash.last_valid_height
    return (
        intent_id,
        attempt.tx_hash,
        signed.raw,
        limit,
        str(most),
        str(priority),
        attempt.cancels,
        attempt.height,
        attempt.signed_at,
        last_valid,
    )


def decode_attempt(row: RowMapping, intent: RowMapping) -> Attempt:
    """Read an attempt back, with the call of its intent or the empty one."""
    slot_bound = row["last_valid_height"] is not None
    return Attempt(
        signed=_decode_order(row, intent) if slot_bound else _decode_transaction(row, intent),
        height=row["height"],
        signed_at=row["signed_at"],
        cancels=bool(row["cancels"]),
    )


def _decode_transaction(row: RowMapping, intent: RowMapping) -> SignedTransaction:
    sender = Address(intent["sender"])
    call = Call(target=Address(intent["target"]), data=intent["data"], value=int(intent["value"]))
    return SignedTransaction(
        chain=ChainId.parse(intent["chain"]),
        sender=sender,
        nonce=intent["nonce"],
        fees=Fees(
            max_fee_wei=int(row["max_fee_wei"]),
            priority_fee_wei=int(row["priority_fee_wei"]),
        ),
        gas_limit=row["gas_limit"],
        call=empty_call(sender) if row["cancels"] else call,
        raw=row["raw"],
        tx_hash=row["tx_hash"],
    )


def _decode_order(row: RowMapping, intent: RowMapping) -> SlotTransaction:
    transaction = VersionedTransaction.from_bytes(row["raw"])
    budget = Budget(unit_limit=row["gas_limit"], unit_price=int(row["priority_fee_wei"]))
    return SlotTransaction(
        chain=ChainId.parse(intent["chain"]),
        sender=Pubkey.from_string(intent["sender"]),
        order=decode_order(intent["data"]),
        budget=budget,
        fee=budget.fee(),
        blockhash=RecentBlockhash(
            hash=transaction.message.recent_blockhash,
            last_valid_height=row["last_valid_height"],
            slot=row["height"],
        ),
        raw=row["raw"],
        signature=transaction.signatures[0],
    )


def empty_call(sender: Address) -> Call:
    """Give the transfer of nothing to oneself, which only fills a nonce."""
    return Call(target=sender, data=b"")


def receipt_row(receipt: Receipt | None) -> tuple[Any, ...]:
    """Give RECEIPT_COLUMNS, all empty without a receipt."""
    if receipt is None:
        return (None,) * len(RECEIPT_COLUMNS.split(","))
    return (
        receipt.tx_hash,
        receipt.block_hash,
        receipt.height,
        receipt.success,
        receipt.gas_used,
        str(receipt.gas_price_wei),
    )


def _decode_receipt(row: RowMapping) -> Receipt | None:
    if row["included_hash"] is None:
        return None
    return Receipt(
        chain=ChainId.parse(row["chain"]),
        tx_hash=row["included_hash"],
        block_hash=row["included_block"],
        height=row["included_height"],
        success=bool(row["success"]),
        gas_used=row["gas_used"],
        gas_price_wei=int(row["gas_price_wei"]),
    )


def decode_intent(row: RowMapping, attempts: tuple[Attempt, ...]) -> Intent:
    """Read an intent back."""
    return Intent(
        id=row["id"],
        draft=decode_draft(row),
        sender=Address(row["sender"]),
        nonce=row["nonce"],
        state=IntentState(row["state"]),
        attempts=attempts,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        reason=row["reason"],
        receipt=_decode_receipt(row),
        effect=row["effect"],
    )
