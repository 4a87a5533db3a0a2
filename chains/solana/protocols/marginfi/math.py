"""marginfi's prices, interest, e-mode and health, bit for bit. Pure.

All numbers are I80F48 (`fixed.py`) but for base units, decimals and seconds.
Source: mrgnlabs/marginfi-v2, programs/marginfi/src/state/{price,marginfi_account,emode,
interest_rate}.rs (Apache-2.0).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from chains.solana.protocols.marginfi.fixed import ONE, Overflow, check, div, mul, ratio, whole
from chains.solana.protocols.marginfi.state import (
    Account,
    Balance,
    Bank,
    BankPrices,
    BankState,
    EmodeWeights,
    Group,
    InterestConfig,
    PriceRange,
)

PYTH_CONFIDENCE: Final = ratio(212, 100)
SWITCHBOARD_DEVIATION: Final = ratio(196, 100)
MAX_BIAS: Final = ratio(5, 100)
EMPTY_SHARES: Final = ONE
SECONDS_PER_YEAR: Final = whole(31_536_000)
SEVEN_POINTS: Final = 1
_U32_MAX: Final = 2**32 - 1
_TENTH_OF_U32: Final = 429_496_730
_FULL_RATE: Final = whole(10)


class TooUncertain(ValueError):
    """A price is less certain than its bank allows, so the program refuses it."""


class MissingBank(ValueError):
    """An account names a bank, or needs a price, that is not at hand."""


class Requirement(Enum):
    """Which weights and prices count: those to start a loan, to keep it, or none."""

    INITIAL = "init"
    MAINTENANCE = "maint"
    EQUITY = "equity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Weighted values in USD; below 0 the account may be liquidated (maintenance)."""

    assets: int
    liabilities: int

    @property
    def net(self) -> int:
        """Assets less liabilities."""
        return self.assets - self.liabilities


def scale_pyth(number: int, exponent: int) -> int:
    """Give number x 10^exponent."""
    unit = whole(10 ** abs(exponent))
    return mul(whole(number), unit) if exponent > 0 else div(whole(number), unit)


def scale_switchboard(number: int) -> int:
    """Give number / 10^18."""
    return div(whole(number), whole(10**18))


def bias_price(price: int, confidence: int, max_confidence: int) -> PriceRange:
    """Give the range of a price and its widened confidence.

    `max_confidence` is in parts of 2^32 - 1 of the price, 0 means a tenth. At most 5 % of the
    price count.
    """
    limit = whole(max_confidence) if max_confidence else whole(_TENTH_OF_U32)
    if confidence > div(mul(price, limit), whole(_U32_MAX)):
        raise TooUncertain(f"a confidence of {confidence / ONE} at a price of {price / ONE}")
    bias = min(confidence, mul(price, MAX_BIAS))
    return PriceRange(low=check(price - bias), high=check(price + bias))


def value(amount: int, price: int, decimals: int, weight: int | None = None) -> int:
    """Give the USD value of an amount in base units, weighted first."""
    weighted = amount if weight is None else mul(amount, weight)
    return div(mul(weighted, price), whole(10**decimals))


def amount_of(usd: int, price: int, decimals: int) -> int:
    """Give the base units worth a USD value."""
    return div(mul(usd, whole(10**decimals)), price)


def asset_amount(bank: Bank, balance: Balance) -> int:
    """Give the base units an account holds."""
    return mul(balance.asset_shares, bank.asset_share_value)


def liability_amount(bank: Bank, balance: Balance) -> int:
    """Give the base units an account owes."""
    return mul(balance.liability_shares, bank.liability_share_value)


def owes(balance: Balance) -> bool:
    """Whether more than dust is owed."""
    return balance.liability_shares >= EMPTY_SHARES


def holds(balance: Balance) -> bool:
    """Whether more than dust is held, and nothing owed: a balance has one side."""
    return balance.asset_shares >= EMPTY_SHARES and not owes(balance)


def reconcile_emode(configs: Sequence[Mapping[int, EmodeWeights]]) -> Mapping[int, EmodeWeights]:
    """Give what all banks borrowed from grant together: shared tags at the lesser weights."""
    if not configs:
        return {}
    shared = set(configs[0]).intersection(*configs[1:])
    return {
        tag: EmodeWeights(
            init=min(config[tag].init for config in configs),
            maint=min(config[tag].maint for config in configs),
        )
        for tag in shared
    }


def find_emode(account: Account, banks: Mapping[bytes, Bank]) -> Mapping[int, EmodeWeights]:
    """Give the e-mode an account's debts leave it."""
    return reconcile_emode(
        [find_bank(banks, each.bank).emode for each in account.balances if owes(each)]
    )


def asset_weight(bank: Bank, emode: Mapping[int, EmodeWeights], requirement: Requirement) -> int:
    """Give what an asset counts with; e-mode raises it and never lowers it."""
    if requirement is Requirement.EQUITY:
        return ONE
    initial = requirement is Requirement.INITIAL
    own = bank.weights.asset_init if initial else bank.weights.asset_maint
    entry = emode.get(bank.emode_tag) if bank.emode_tag else None
    if entry is None:
        return own
    return max(own, entry.init if initial else entry.maint)


def calculate_health(
    account: Account,
    banks: Mapping[bytes, Bank],
    prices: Mapping[bytes, BankPrices],
    requirement: Requirement = Requirement.MAINTENANCE,
) -> Health:
    """Give an account's weighted assets and liabilities.

    Raises MissingBank for a bank or price that is not at hand, Overflow.
    """
    emode = find_emode(account, banks)
    assets = liabilities = 0
    for balance in account.balances:
        if owes(balance):
            liabilities += _liability_value(balance, banks, prices, requirement)
        elif holds(balance):
            assets += _asset_value(balance, banks, prices, emode, requirement)
    return Health(assets=check(assets), liabilities=check(liabilities))


def calculate_room(health: Health, weight: int) -> int:
    """Give the USD that may still be borrowed where a liability counts with `weight`."""
    return div(max(health.net, 0), weight)


def find_bank(banks: Mapping[bytes, Bank], key: bytes) -> Bank:
    """Give a bank by its key; MissingBank where it is not at hand."""
    if key not in banks:
        raise MissingBank(f"bank {key.hex()} was not read")
    return banks[key]


def find_prices(prices: Mapping[bytes, BankPrices], key: bytes) -> BankPrices:
    """Give a bank's prices; MissingBank where there are none."""
    if key not in prices:
        raise MissingBank(f"bank {key.hex()} has no price that can be computed with")
    return prices[key]


def accrue_bank(bank: Bank, group: Group, now: int) -> Bank:
    """Give the bank as accruing interest at `now` would leave it: simple interest on both sides."""
    elapsed = now - bank.updated_at
    assets = mul(bank.asset_shares, bank.asset_share_value)
    liabilities = mul(bank.liability_shares, bank.liability_share_value)
    if elapsed <= 0 or assets <= 0 or liabilities <= 0:
        return bank
    used = div(liabilities, assets)
    base = base_rate(bank.interest, used)
    config = bank.interest
    fee_rate = config.insurance_rate + config.group_rate + group.program_rate
    fee_fixed = config.insurance_fixed + config.group_fixed + group.program_fixed
    lending, borrowing = mul(base, used), check(mul(base, ONE + fee_rate) + fee_fixed)
    if min(lending, borrowing) < 0:
        raise Overflow("an interest rate is negative")
    return replace(
        bank,
        updated_at=now,
        asset_share_value=_grow(bank.asset_share_value, lending, elapsed),
        liability_share_value=_grow(bank.liability_share_value, borrowing, elapsed),
    )


def base_rate(config: InterestConfig, used: int) -> int:
    """Give the yearly rate at a utilization, on the curve of the bank's generation."""
    if config.curve == SEVEN_POINTS:
        return _seven_point_rate(config, min(max(used, 0), ONE))
    if used <= config.optimal_utilization:
        return mul(div(used, config.optimal_utilization), config.plateau_rate)
    beyond = div(used - config.optimal_utilization, ONE - config.optimal_utilization)
    return check(mul(beyond, config.max_rate - config.plateau_rate) + config.plateau_rate)


def _seven_point_rate(config: InterestConfig, used: int) -> int:
    left = (0, _rate(config.zero_rate))
    points = [(_part(point.utilization), _rate(point.rate)) for point in config.points]
    for right in [*points, (ONE, _rate(config.full_rate))]:
        if used <= right[0]:
            return _interpolate(left, right, used)
        left = right
    return left[1]


def _interpolate(left: tuple[int, int], right: tuple[int, int], at: int) -> int:
    if right[0] <= left[0]:
        return left[1]
    if right[1] < left[1]:
        raise Overflow("an interest curve falls")
    return left[1] + mul(right[1] - left[1], div(at - left[0], right[0] - left[0]))


def _rate(number: int) -> int:
    return mul(_part(number), _FULL_RATE)


def _part(number: int) -> int:
    return div(whole(number), whole(_U32_MAX))


def _grow(share_value: int, rate: int, elapsed_s: int) -> int:
    interest = div(mul(rate, whole(elapsed_s)), SECONDS_PER_YEAR)
    return mul(share_value, ONE + interest)


def _liability_value(
    balance: Balance,
    banks: Mapping[bytes, Bank],
    prices: Mapping[bytes, BankPrices],
    requirement: Requirement,
) -> int:
    bank, found = find_bank(banks, balance.bank), find_prices(prices, balance.bank)
    weights = bank.weights
    price, weight = {
        Requirement.INITIAL: (found.smoothed.high, weights.liability_init),
        Requirement.MAINTENANCE: (found.spot.high, weights.liability_maint),
        Requirement.EQUITY: (_middle(found.spot), ONE),
    }[requirement]
    return value(liability_amount(bank, balance), price, bank.decimals, weight)


def _asset_value(
    balance: Balance,
    banks: Mapping[bytes, Bank],
    prices: Mapping[bytes, BankPrices],
    emode: Mapping[int, EmodeWeights],
    requirement: Requirement,
) -> int:
    bank = find_bank(banks, balance.bank)
    initial = requirement is Requirement.INITIAL
    if bank.isolated or (initial and bank.state == BankState.REDUCE_ONLY):
        return 0
    found = find_prices(prices, balance.bank)
    weight = asset_weight(bank, emode, requirement)
    price = found.smoothed.low if initial else found.spot.low
    if requirement is Requirement.EQUITY:
        price = _middle(found.spot)
    if initial:
        weight = mul(weight, _limit_discount(bank, price))
    return value(asset_amount(bank, balance), price, bank.decimals, weight)


def _limit_discount(bank: Bank, price: int) -> int:
    if bank.asset_value_limit == 0:
        return ONE
    total = value(mul(bank.asset_shares, bank.asset_share_value), price, bank.decimals)
    limit = whole(bank.asset_value_limit)
    return div(limit, total) if total > limit else ONE


def _middle(price: PriceRange) -> int:
    return (price.low + price.high) // 2
