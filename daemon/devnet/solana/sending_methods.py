"""The RPC methods that take transactions: fee quotes, simulation, sending, airdrops.

Simulation and preflight run on the newest state, whatever commitment is asked for.
"""

import base64
from collections.abc import Mapping
from typing import Final

from solders.message import from_bytes_versioned
from solders.transaction import SanitizeError, VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata

from chains.rpc.endpoint import Json
from daemon.devnet.solana.base58 import decode_base58
from daemon.devnet.solana.budget import quote_fee
from daemon.devnet.solana.ledger import NotProcessed, error_of
from daemon.devnet.solana.views import Config, View, encode_account, in_context
from daemon.devnet.solana.wire import (
    BAD_SIGNATURE,
    PREFLIGHT_FAILED,
    BadParams,
    Handler,
    Params,
    RpcFailure,
    expect_base64,
    expect_key,
)

MAX_TRANSACTION: Final = 1_232
"""Bytes that fit into one packet (PACKET_DATA_SIZE)."""


class SendingMethods:
    """How an endpoint takes transactions."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._ledger = view.ledger

    def handlers(self) -> Mapping[str, Handler]:
        """Give the methods by their names."""
        return {
            "getFeeForMessage": self._fee,
            "simulateTransaction": self._simulate,
            "sendTransaction": self._send,
            "requestAirdrop": lambda params: self._ledger.airdrop(params.key(0), params.number(1)),
        }

    def _fee(self, params: Params) -> Json:
        raw = expect_base64(params.text(0))
        block = self._view.block(params.config(1))
        try:
            message = from_bytes_versioned(raw)
            fee = quote_fee(message)
        except (ValueError, IndexError) as error:
            raise BadParams(f"no message: {error}") from error
        known = self._ledger.blocks.is_valid(message.recent_blockhash)
        return in_context(block, fee if known else None)

    def _simulate(self, params: Params) -> Json:
        config = params.config(1)
        transaction = read_transaction(params.text(0), config)
        block = self._view.block(config)
        if config.get("sigVerify"):
            verify(transaction)
        any_blockhash = bool(config.get("replaceRecentBlockhash"))
        return in_context(block, self._try(transaction, config, any_blockhash=any_blockhash))

    def _send(self, params: Params) -> Json:
        config = params.config(1)
        transaction = read_transaction(params.text(0), config)
        verify(transaction)
        self._view.block(config)
        if not config.get("skipPreflight"):
            self._preflight(transaction)
        signature = str(transaction.signatures[0])
        if self._view.faults.use("dropped_transactions"):
            return signature
        try:
            self._ledger.send(transaction, after_slots=self._view.faults.late_slots)
        except NotProcessed:
            return signature  # taken, and lost on the way to a block, as on a cluster
        return signature

    def _preflight(self, transaction: VersionedTransaction) -> None:
        tried = self._try(transaction, {}, any_blockhash=False)
        if tried["err"] is not None:
            reason = _REASONS.get(str(tried["err"]), str(tried["err"]))
            raise RpcFailure(PREFLIGHT_FAILED, f"Transaction simulation failed: {reason}", tried)

    def _try(
        self, transaction: VersionedTransaction, config: Config, *, any_blockhash: bool
    ) -> dict[str, Json]:
        try:
            self._ledger.refuse(transaction, any_blockhash=any_blockhash)
        except NotProcessed as refusal:
            return _outcome(refusal.error, None)
        result = self._ledger.machine.simulate(transaction)
        if isinstance(result, FailedTransactionMetadata):
            return _outcome(error_of(result), result.meta())
        accounts: list[Json] | None = None
        if isinstance(wanted := config.get("accounts"), dict):
            post = dict(result.post_accounts())
            keys = [expect_key(key) for key in _listed(wanted.get("addresses"))]
            read = self._ledger.machine.read
            accounts = [encode_account(post.get(key) or read(key), wanted) for key in keys]
        return _outcome(None, result.meta()) | {"accounts": accounts}


_REASONS: Final[Mapping[str, str]] = {
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
}


def read_transaction(text: str, config: Config) -> VersionedTransaction:
    """Decode a wire transaction; BadParams when it is none or larger than a packet."""
    encoding = config.get("encoding") or "base58"
    try:
        raw = expect_base64(text) if encoding == "base64" else decode_base58(text)
        if len(raw) > MAX_TRANSACTION:
            raise BadParams(
                f"{encoding} encoded solana_transaction::versioned::VersionedTransaction"
                f" too large: {len(raw)} bytes (max: encoded/raw 1644/{MAX_TRANSACTION})"
            )
        transaction = VersionedTransaction.from_bytes(raw)
        transaction.sanitize()
    except (ValueError, SanitizeError) as error:
        raise BadParams(f"failed to deserialize VersionedTransaction: {error}") from error
    return transaction


def verify(transaction: VersionedTransaction) -> None:
    """Check the signatures; RpcFailure when one is wrong."""
    if not all(transaction.verify_with_results()):
        raise RpcFailure(BAD_SIGNATURE, "Transaction signature verification failure")


def _listed(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise BadParams("accounts.addresses is no list")
    return value


def _outcome(error: Json, meta: TransactionMetadata | None) -> dict[str, Json]:
    returned: Json = None
    if meta is not None and (data := bytes(meta.return_data().data)):
        program = str(meta.return_data().program_id)
        returned = {"programId": program, "data": [base64.b64encode(data).decode(), "base64"]}
    return {
        "err": error,
        "logs": list(meta.logs()) if meta else [],
        "accounts": None,
        "unitsConsumed": meta.compute_units_consumed() if meta else 0,
        "returnData": returned,
        "innerInstructions": None,
        "replacementBlockhash": None,
    }
