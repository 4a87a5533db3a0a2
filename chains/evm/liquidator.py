"""`liquidator.vy` in Python, and the quotes of Uniswap v3 it is planned with. Pure.

Source: contracts/liquidator.vy; @uniswap/v3-periphery IQuoterV2.sol, Path.sol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from chains.evm.calldata import encode_call
from chains.evm.decode import Log
from chains.evm.multicall import ReadPlan, ViewCall, ViewResult
from chains.model.action import Call
from chains.model.ids import Address

ORDER: Final = "(address,address,address,uint256,bytes,uint256,uint256)"
LIQUIDATED_TOPIC: Final = keccak(text="Liquidated(address,address,address,address,uint256,uint256)")
MAX_HOPS: Final = 4
_MAX_FEE: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapQuote:
    """What a sale would bring now, in units of the last token, and the gas it would take."""

    units_out: int
    gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidated:
    """The event of a liquidation: units borrowed and repaid, and the profit in units of debt."""

    pool: Address
    user: Address
    collateral: Address
    debt: Address
    units: int
    profit: int


def encode_path(tokens: Sequence[Address], fees: Sequence[int]) -> bytes:
    """Encode a Uniswap v3 path: tokens in selling order, a pool fee (1e-6) between each two.

    No tokens at all give the empty path, for collateral and debt of one token. ValueError for
    a path that the contract would refuse.
    """
    if not tokens and not fees:
        return b""
    if len(tokens) != len(fees) + 1 or not 1 <= len(fees) <= MAX_HOPS:
        raise ValueError(f"path: 1 to {MAX_HOPS} fees and one token more, not {len(fees)} fees")
    if any(not 0 < fee < _MAX_FEE for fee in fees):
        raise ValueError(f"path: fees are millionths between 0 and {_MAX_FEE}, not {list(fees)}")
    encoded = bytes.fromhex(tokens[0][2:])
    for fee, token in zip(fees, tokens[1:], strict=True):
        encoded += fee.to_bytes(3, "big") + bytes.fromhex(token[2:])
    return encoded


def build_liquidation(
    liquidator: Address,
    *,
    pool: Address,
    collateral: Address,
    debt: Address,
    user: Address,
    units: int,
    path: bytes,
    min_profit: int,
    deadline: int,
) -> Call:
    """Build the operator's call: repay `units` of `debt`, sell along `path`, keep the rest.

    `min_profit` is in units of `debt`, `deadline` a time in seconds. The call returns the profit.
    """
    order = (collateral, debt, user, units, path, min_profit, deadline)
    return Call(target=liquidator, data=encode_call("liquidate", ["address", ORDER], (pool, order)))


def plan_swap_quote(quoter: Address, path: bytes, units: int) -> ReadPlan[SwapQuote | None]:
    """Plan to ask Uniswap's QuoterV2 what selling `units` along `path` brings; None if it fails.

    The quoter's functions are no views, but run in an `eth_call`, also within Multicall3.
    """

    def decode_quote(results: Sequence[ViewResult]) -> SwapQuote | None:
        (result,) = results
        if not result.success:
            return None
        out, _, _, gas = decode(["uint256", "uint160[]", "uint32[]", "uint256"], result.data)
        return SwapQuote(units_out=out, gas=gas)

    data = encode_call("quoteExactInput", ["bytes", "uint256"], (path, units))
    call = ViewCall(target=quoter, data=data, allow_failure=True)
    return ReadPlan(calls=(call,), decode=decode_quote)


def decode_liquidated(log: Log) -> Liquidated:
    """Decode a Liquidated event; ValueError for any other log."""
    if len(log.topics) != 4 or log.topics[0] != LIQUIDATED_TOPIC:  # noqa: PLR2004 -- event and three indexed
        raise ValueError(f"log {log.index} of {log.address} is no Liquidated event")
    collateral, units, profit = decode(["address", "uint256", "uint256"], log.data)
    pool, user, debt = (Address("0x" + topic[12:].hex()) for topic in log.topics[1:])
    return Liquidated(
        pool=pool,
        user=user,
        collateral=Address(collateral),
        debt=debt,
        units=units,
        profit=profit,
    )
