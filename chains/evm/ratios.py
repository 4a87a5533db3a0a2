"""A staked token's ratio to its underlying, as a contract's own view gives it.

wstETH's `stEthPerToken()`, rETH's `getExchangeRate()`, weETH's `getRate()` and cbETH's
`exchangeRate()` all give it x 1e18; so does `latestAnswer()` of the exchange-rate feeds that stand
in for them on other chains. Sources: github.com/lidofinance/core, contracts/0.6.12/WstETH.sol;
docs.rocketpool.net; github.com/etherfi-protocol/smart-contracts, src/WeETH.sol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chains.evm.calldata import encode_call
from chains.evm.multicall import ReadPlan, ViewCall, ViewResult
from chains.model.ids import Address, AssetId
from chains.model.price import Ratio, judge_ratio

_WORD: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioTerms:
    """The view that gives a ratio x 1e18; its name without the brackets, it takes no arguments."""

    contract: Address
    view: str


def plan_ratio(asset: AssetId, terms: RatioTerms) -> ReadPlan[Ratio]:
    """Read a ratio; UNREADABLE where the view reverts or answers anything but one word."""

    def decode(results: Sequence[ViewResult]) -> Ratio:
        (result,) = results
        whole = result.success and len(result.data) == _WORD
        value = int.from_bytes(result.data, "big") if whole else None
        return judge_ratio(asset, value, terms.contract)

    call = ViewCall(target=terms.contract, data=encode_call(terms.view, [], []), allow_failure=True)
    return ReadPlan(calls=(call,), decode=decode)
