"""One function of a contract: its selector, how to encode a call, how to decode the answer.

Plain eth_abi underneath; contract objects are too slow for the hot path. Addresses decode to
lower-case `Address`.
"""

from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chains.evm.multicall import ReadPlan, ViewCall, ViewResult
from chains.model.action import Call
from chains.model.ids import Address


@dataclass(frozen=True, slots=True)
class Function:
    """`name` and Solidity argument and result types: `Function("f", ("uint256",), ("bool",))`."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    selector: bytes = field(init=False)

    def __post_init__(self) -> None:
        signature = f"{self.name}({','.join(self.inputs)})"
        object.__setattr__(self, "selector", keccak(text=signature)[:4])

    def encode(self, *arguments: Any) -> bytes:  # noqa: ANN401 -- ABI values are of any type
        """Give the calldata."""
        return self.selector + encode(self.inputs, arguments)

    def view(
        self,
        target: Address,
        *arguments: Any,  # noqa: ANN401 -- ABI values are of any type
        allow_failure: bool = False,
    ) -> ViewCall:
        """Give the call that reads this function of `target`."""
        return ViewCall(target=target, data=self.encode(*arguments), allow_failure=allow_failure)

    def plan(
        self,
        target: Address,
        *arguments: Any,  # noqa: ANN401 -- as above
    ) -> ReadPlan[Any]:
        """Plan to read the function's only value."""
        return ReadPlan(
            calls=(self.view(target, *arguments),), decode=lambda results: self.read(results[0])
        )

    def plan_optional(
        self,
        target: Address,
        *arguments: Any,  # noqa: ANN401 -- as above
    ) -> ReadPlan[Any]:
        """Plan to read the function's only value, None where it reverts."""
        return ReadPlan(
            calls=(self.view(target, *arguments, allow_failure=True),),
            decode=lambda results: self.read(results[0]) if results[0].success else None,
        )

    def call(self, target: Address, *arguments: Any) -> Call:  # noqa: ANN401 -- as above
        """Give the unsigned call of `target`."""
        return Call(target=target, data=self.encode(*arguments))

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """Decode what the function returned; ValueError naming the function on any other data."""
        try:
            return decode(self.outputs, data)
        except DecodingError as error:
            raise ValueError(f"{self.name} answered {len(data)} strange bytes: {error}") from error

    def read(self, result: ViewResult) -> Any:  # noqa: ANN401 -- as above
        """Decode the only value of a result; ValueError where the view reverted."""
        if not result.success:
            raise ValueError(f"{self.name} reverted")
        (value,) = self.decode(result.data)
        return value
