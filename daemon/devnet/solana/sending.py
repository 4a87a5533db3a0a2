"""Signs and sends transactions of one key on a devnet's Solana node, synchronously."""

import base64
import time
from collections.abc import Sequence
from typing import Any, Final

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.solana.accounts import CLOCK, RawAccount
from chains.solana.decode import decode_account
from daemon.devnet.errors import DevnetError
from daemon.devnet.rpc import Rpc, RpcFailure

LANDING_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.02
_LOGS_TOLD: Final = 4
_NEWEST: Final = {"commitment": "processed"}
_UNIX_TIMESTAMP_AT: Final = 32


class TransactionRefused(DevnetError):
    """A program or the node refused a transaction; `error` as the RPC writes it."""

    def __init__(self, message: str, error: object) -> None:
        super().__init__(message)
        self.error = error


class Sender:
    """One key on one node; it pays for what it sends."""

    def __init__(self, rpc: Rpc, key: Keypair) -> None:
        self.rpc: Final = rpc
        self.key: Final = key
        self.address: Final = key.pubkey()

    def post(self, instructions: Sequence[Instruction], *others: Keypair) -> str:
        """Send a transaction, signed by others too, and give its signature.

        Both nodes execute it before they answer, so what is sent next sees what it did.
        TransactionRefused with the program's error and last words.
        """
        latest = self.rpc.request("getLatestBlockhash", _NEWEST)["value"]
        blockhash = Hash.from_string(latest["blockhash"])
        message = MessageV0.try_compile(self.address, list(instructions), [], blockhash)
        signers = [self.key, *(other for other in others if other != self.key)]
        raw = base64.b64encode(bytes(VersionedTransaction(message, signers))).decode()
        config = {"encoding": "base64", "preflightCommitment": "processed"}
        try:
            signature: str = self.rpc.request("sendTransaction", raw, config)
        except RpcFailure as failure:
            raise _explain(failure) from failure
        return signature

    def confirm(self, signature: str, level: str = "confirmed") -> None:
        """Wait until a transaction is confirmed (or `finalized`); TransactionRefused if it failed.

        DevnetError when it is not after half a minute.
        """
        deadline = time.monotonic() + LANDING_TIMEOUT_S
        enough = {"finalized", level}
        while True:
            [status] = self.rpc.request("getSignatureStatuses", [signature])["value"]
            if status is not None and status["err"] is not None:
                raise TransactionRefused(f"{signature} failed: {status['err']}", status["err"])
            if status is not None and status["confirmationStatus"] in enough:
                return
            if time.monotonic() > deadline:
                raise DevnetError(f"{self.rpc.url} did not confirm {signature}")
            time.sleep(_POLL_S)

    def send(self, instructions: Sequence[Instruction], *others: Keypair) -> str:
        """Send a transaction and wait until it is confirmed; gives its signature."""
        signature = self.post(instructions, *others)
        self.confirm(signature)
        return signature


def read_accounts(rpc: Rpc, keys: Sequence[Pubkey]) -> list[RawAccount | None]:
    """Read accounts as they stand now."""
    config = {**_NEWEST, "encoding": "base64"}
    answer = rpc.request("getMultipleAccounts", [str(key) for key in keys], config)
    return [decode_account(key, value) for key, value in zip(keys, answer["value"], strict=True)]


def read_account(rpc: Rpc, key: Pubkey) -> RawAccount:
    """Read an account as it stands now; DevnetError where there is none."""
    [account] = read_accounts(rpc, [key])
    if account is None:
        raise DevnetError(f"there is no account {key} at {rpc.url}")
    return account


def read_clock(rpc: Rpc) -> tuple[int, int]:
    """Read the chain's slot and time (unix seconds)."""
    data = read_account(rpc, CLOCK).data
    seconds = data[_UNIX_TIMESTAMP_AT : _UNIX_TIMESTAMP_AT + 8]
    return int.from_bytes(data[:8], "little"), int.from_bytes(seconds, "little", signed=True)


def _explain(failure: RpcFailure) -> TransactionRefused:
    detail: dict[str, Any] = failure.data if isinstance(failure.data, dict) else {}
    logs = [str(line) for line in detail.get("logs") or []][-_LOGS_TOLD:]
    first = str(failure).partition("\n")[0]
    return TransactionRefused(" | ".join([first, *logs]), detail.get("err"))
