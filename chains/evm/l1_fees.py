"""What an OP-stack rollup charges for publishing a transaction on Ethereum, beside its gas.

Source: specs.optimism.io, protocol/fjord/predeploys.html#gaspriceoracle: `getL1FeeUpperBound`
takes the size of the unsigned transaction and gives wei.
"""

from typing import Final

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

from chains.errors import DecodeError
from chains.evm.client import EvmClient
from chains.evm.decode import decode_word, to_hex
from chains.model.action import Call
from chains.model.ids import Address

UPPER_BOUND: Final = function_signature_to_4byte_selector("getL1FeeUpperBound(uint256)")
ENVELOPE_BYTES: Final = 128
"""The most that an unsigned EIP-1559 transaction has beside its calldata."""


class L1FeeOracle:
    """The fee oracle of one rollup."""

    def __init__(self, client: EvmClient, address: Address) -> None:
        self._client = client
        self._address = address

    async def read_upper_bound(self, call: Call) -> int:
        """Give the most that publishing a call costs now, in wei."""
        size = len(call.data) + ENVELOPE_BYTES
        data = UPPER_BOUND + encode(["uint256"], [size])
        answer = await self._client.request(
            "eth_call", [{"to": self._address, "data": to_hex(data)}, "latest"]
        )
        try:
            return int.from_bytes(decode_word(answer), "big")
        except ValueError as error:
            raise DecodeError(self._client.chain, f"the L1 fee oracle: {error}") from error
