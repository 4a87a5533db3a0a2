"""Deploys and sends from a development account, one transaction at a time."""

import time
from collections.abc import Mapping
from typing import Any, Final

from chains.model.ids import Address
from daemon.devnet.artifacts import Artifact
from daemon.devnet.calls import decode_result, encode_call
from daemon.devnet.deployment import GWEI, ZERO
from daemon.devnet.errors import DevnetError
from daemon.devnet.rpc import Rpc, RpcFailure

DEPLOY_GAS: Final = 16_000_000
CALL_GAS: Final = 12_000_000
_MAX_FEE_WEI: Final = 2_000 * GWEI
_RECEIPT_TIMEOUT_S: Final = 30.0


class Reverted(DevnetError):
    """A transaction was included and reverted; `data` is what the contract returned (hex)."""

    def __init__(self, message: str, data: str) -> None:
        super().__init__(message)
        self.data = data


class Deployer:
    """One unlocked account on one chain.

    `max_fee_wei` is only a ceiling: the tip is 0, so the base fee is what is paid.
    """

    def __init__(self, rpc: Rpc, sender: Address, max_fee_wei: int = _MAX_FEE_WEI) -> None:
        self.rpc = rpc
        self.sender = sender
        self.max_fee_wei = max_fee_wei

    def post(self, to: Address | None, data: bytes, *, value: int = 0, gas: int = CALL_GAS) -> str:
        """Send a transaction and give its hash without waiting for a block."""
        transaction = {
            "from": self.sender,
            "data": "0x" + data.hex(),
            "value": hex(value),
            "gas": hex(gas),
            "maxFeePerGas": hex(self.max_fee_wei),
            "maxPriorityFeePerGas": "0x0",
        }
        if to is not None:
            transaction["to"] = to
        tx_hash: str = self.rpc.request("eth_sendTransaction", transaction)
        return tx_hash

    def confirm(self, tx_hash: str) -> dict[str, Any]:
        """Wait for the receipt; Reverted when the transaction failed."""
        deadline = time.monotonic() + _RECEIPT_TIMEOUT_S
        while (receipt := self.rpc.request("eth_getTransactionReceipt", tx_hash)) is None:
            if time.monotonic() > deadline:
                raise DevnetError(f"{self.rpc.url} did not include {tx_hash}")
            time.sleep(0.002)
        if int(receipt["status"], 16) != 1:
            raise self._explain(tx_hash, receipt)
        result: dict[str, Any] = receipt
        return result

    def _explain(self, tx_hash: str, receipt: Mapping[str, Any]) -> Reverted:
        sent = self.rpc.request("eth_getTransactionByHash", tx_hash)
        call = {name: sent.get(name) for name in ("from", "to", "input", "value", "gas")}
        try:
            self.rpc.request("eth_call", call, hex(int(receipt["blockNumber"], 16) - 1))
        except RpcFailure as failure:
            return Reverted(str(failure), str(failure.data or "0x"))
        return Reverted(f"transaction {tx_hash} reverted", "0x")

    def send_data(self, to: Address, data: bytes, *, value: int = 0) -> dict[str, Any]:
        """Send calldata and wait for the receipt."""
        return self.confirm(self.post(to, data, value=value))

    def send(self, to: Address, signature: str, *args: object) -> dict[str, Any]:
        """Call a function, `name(types)`, in a transaction."""
        return self.send_data(to, encode_call(signature, *args))

    def deploy(
        self, artifact: Artifact, *args: object, libraries: Mapping[str, Address] | None = None
    ) -> Address:
        """Create a contract and give its address."""
        data = artifact.creation_data(libraries or {}, *args)
        receipt = self.confirm(self.post(None, data, gas=DEPLOY_GAS))
        return Address(receipt["contractAddress"].lower())

    def call(self, to: Address, signature: str, *args: object, returns: str) -> tuple[Any, ...]:
        """Read a function at the newest block; `returns` are its types in brackets."""
        data = encode_call(signature, *args)
        answer = self.rpc.request(
            "eth_call", {"from": self.sender, "to": to, "data": "0x" + data.hex()}, "latest"
        )
        return decode_result(returns, bytes.fromhex(answer[2:]))

    def read_address(self, to: Address, signature: str, *args: object) -> Address:
        """Read a function that returns one address, which must not be zero."""
        (found,) = self.call(to, signature, *args, returns="(address)")
        if found == ZERO:
            raise DevnetError(f"{signature} of {to} is not set")
        return Address(found)
