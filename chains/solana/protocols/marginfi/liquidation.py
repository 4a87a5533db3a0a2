"""What a classic marginfi liquidation moves, bit for bit. Pure.

The liquidator names how much collateral it takes over, and takes on debt for it: at the low price
of the one and the high price of the other, less 2.5 % for itself. Another 2.5 % of the debt go to
the insurance fund. The account must end below 0 maintenance health still, but better than before.
Source: mrgnlabs/marginfi-v2, instructions/marginfi_account/liquidate.rs (Apache-2.0).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from chains.solana.protocols.marginfi.fixed import ONE, div, floor, mul, ratio, whole
from chains.solana.protocols.marginfi.math import (
    EMPTY_SHARES,
    Health,
    Requirement,
    amount_of,
    asset_amount,
    asset_weight,
    calculate_health,
    find_bank,
    find_emode,
    find_prices,
    holds,
    liability_amount,
    owes,
    value,
)
from chains.solana.protocols.marginfi.state import Account, Balance, Bank, BankPrices

LIQUIDATOR_FEE: Final = ratio(25, 1000)
INSURANCE_FEE: Final = ratio(25, 1000)
LIQUIDATOR_PART: Final = ONE - LIQUIDATOR_FEE
FINAL_PART: Final = ONE - (LIQUIDATOR_FEE + INSURANCE_FEE)


class Refused(ValueError):
    """The program would not carry this liquidation out; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Debt in base units x 2^48: what the liquidator takes on and what is written off.

    `insurance` is what is moved to the insurance fund, in whole base units.
    """

    paid: int
    settled: int

    @property
    def insurance(self) -> int:
        """The insurance fund's part."""
        return floor(self.paid - self.settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """A liquidation of `units` of collateral and the account's maintenance health around it."""

    units: int
    amounts: Amounts
    before: Health
    after: Health


def calculate_amounts(
    asset: Bank, liability: Bank, units: int, *, asset_low: int, liability_high: int
) -> Amounts:
    """Give the debt that goes with `units` of collateral."""
    taken = whole(units)

    def debt(part: int) -> int:
        worth = value(taken, asset_low, asset.decimals, part)
        return amount_of(worth, liability_high, liability.decimals)

    return Amounts(paid=debt(LIQUIDATOR_PART), settled=debt(FINAL_PART))


def predict_liquidation(
    account: Account,
    banks: Mapping[bytes, Bank],
    prices: Mapping[bytes, BankPrices],
    *,
    asset: bytes,
    liability: bytes,
    units: int,
) -> Liquidation:
    """Say what liquidating `units` of an asset against a debt does.

    Both banks must be accrued to the moment. Raises Refused, with the program's reason.
    """
    before = calculate_health(account, banks, prices)
    held = _find_held(account, banks, before, asset, liability)
    asset_bank, liability_bank = banks[asset], banks[liability]
    if not 0 < whole(units) <= asset_amount(asset_bank, held):
        raise Refused("the account does not hold that much")
    amounts = calculate_amounts(
        asset_bank,
        liability_bank,
        units,
        asset_low=find_prices(prices, asset).spot.low,
        liability_high=find_prices(prices, liability).spot.high,
    )
    left = _move(account, asset_bank, liability_bank, units, amounts.settled)
    after = calculate_health(left, banks, prices)
    if not owes(_find(left, liability)):
        raise Refused("the debt would be exhausted")
    if after.net > 0:
        raise Refused("the account would rise above its maintenance requirement")
    if after.net <= before.net:
        raise Refused("the account would not be better off")
    return Liquidation(units=units, amounts=amounts, before=before, after=after)


def find_largest(
    account: Account,
    banks: Mapping[bytes, Bank],
    prices: Mapping[bytes, BankPrices],
    *,
    asset: bytes,
    liability: bytes,
) -> Liquidation:
    """Give the largest liquidation that the program carries out; Refused where there is none.

    The health grows with the amount, so the amount is found by halving.
    """
    before = calculate_health(account, banks, prices)
    held = _find_held(account, banks, before, asset, liability)
    _check_gain(account, banks, asset, liability)
    low, high = 0, floor(asset_amount(banks[asset], held))
    best: Liquidation | None = None
    reason: Refused | None = None
    while low < high:
        middle = (low + high + 1) // 2
        try:
            best = predict_liquidation(
                account, banks, prices, asset=asset, liability=liability, units=middle
            )
            low = middle
        except Refused as refused:
            reason, high = refused, middle - 1
    if best is None:
        raise reason or Refused("the account holds nothing of it")
    return best


def _check_gain(
    account: Account, banks: Mapping[bytes, Bank], asset: bytes, liability: bytes
) -> None:
    emode = find_emode(account, banks)
    lost = asset_weight(banks[asset], emode, Requirement.MAINTENANCE)
    won = mul(banks[liability].weights.liability_maint, FINAL_PART)
    if not banks[asset].isolated and won <= lost:
        raise Refused("the account would not be better off")


def _find_held(
    account: Account, banks: Mapping[bytes, Bank], health: Health, asset: bytes, liability: bytes
) -> Balance:
    if asset == liability:
        raise Refused("collateral and debt are of one bank")
    held, owed = _find(account, asset), _find(account, liability)
    find_bank(banks, asset)
    find_bank(banks, liability)
    if not owes(owed) or owed.asset_shares >= EMPTY_SHARES:
        raise Refused("the account owes nothing there")
    if not holds(held):
        raise Refused("the account holds nothing there")
    if health.net > 0:
        raise Refused("the account is healthy")
    return held


def _find(account: Account, bank: bytes) -> Balance:
    for balance in account.balances:
        if balance.bank == bank:
            return balance
    raise Refused("the account has no balance there")


def _move(account: Account, asset: Bank, liability: Bank, units: int, settled: int) -> Account:
    def change(balance: Balance) -> Balance:
        if balance.bank == asset.key:
            shares = div(whole(units), asset.asset_share_value)
            return replace(balance, asset_shares=balance.asset_shares - shares)
        if balance.bank == liability.key:
            if settled > liability_amount(liability, balance):
                raise Refused("the debt would be exhausted")
            shares = div(settled, liability.liability_share_value)
            return replace(balance, liability_shares=balance.liability_shares - shares)
        return balance

    return replace(account, balances=tuple(change(balance) for balance in account.balances))
