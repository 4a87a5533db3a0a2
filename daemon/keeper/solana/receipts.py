"""Receipts of a Solana lane's transactions: as they landed, or as their status says: pure."""

from solders.signature import Signature

from chains.errors import InvariantError
from chains.model.action import Receipt
from chains.model.ids import ChainId
from chains.solana.decode import Landing
from chains.solana.watch import TransactionWatch
from daemon.keeper.intent import Intent


def build_receipt(chain: ChainId, landing: Landing) -> Receipt:
    """Give the receipt of a transaction as it landed; its gas is its fee in lamports."""
    return _build(chain, landing.signature, landing.slot, landing.error, landing.fee)


def preview_receipt(intent: Intent, watch: TransactionWatch) -> Receipt:
    """Give the receipt of what lies in a block, with the fee that its signed budget says."""
    status, signed = watch.status, {a.solana.signature: a for a in intent.attempts}
    if status is None:
        raise InvariantError(f"intent {intent.id}: {watch.signature} was seen in no slot")
    most = signed[watch.signature].most
    return _build(intent.draft.chain, watch.signature, status.slot, status.error, most)


def _build(chain: ChainId, signature: Signature, slot: int, error: str | None, fee: int) -> Receipt:
    return Receipt(
        chain=chain,
        tx_hash=bytes(signature),
        block_hash=b"",
        height=slot,
        success=error is None,
        gas_used=fee,
        gas_price_wei=1,
    )
