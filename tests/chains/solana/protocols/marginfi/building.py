"""marginfi's values with sensible defaults, for tests."""

from collections.abc import Mapping

from chains.solana.protocols.marginfi.fixed import ONE, ratio, whole
from chains.solana.protocols.marginfi.state import (
    Account,
    Balance,
    Bank,
    BankPrices,
    EmodeWeights,
    Group,
    HealthCache,
    InterestConfig,
    PriceRange,
    RatePoint,
    Weights,
)

GROUP = bytes([3]) * 32
U32 = 2**32 - 1


def key_of(number: int) -> bytes:
    return bytes([number]) * 32


def group_of(*, program_rate: int = 0) -> Group:
    return Group(key=GROUP, program_fixed=0, program_rate=program_rate)


def interest_of(*, curve: int = 0) -> InterestConfig:
    return InterestConfig(
        curve=curve,
        optimal_utilization=ratio(8, 10),
        plateau_rate=ratio(1, 10),
        max_rate=ratio(2, 1),
        zero_rate=0,
        full_rate=U32 // 5,
        points=(RatePoint(utilization=U32 // 10 * 8, rate=U32 // 100),),
        insurance_fixed=0,
        insurance_rate=ratio(1, 10),
        group_fixed=ratio(1, 100),
        group_rate=ratio(1, 20),
    )


def bank_of(
    number: int,
    *,
    decimals: int = 6,
    asset_weight: int = ONE,
    liability_weight: int = ONE,
    isolated: bool = False,
    emode_tag: int = 0,
    emode: Mapping[int, EmodeWeights] | None = None,
    curve: int = 0,
    state: int = 1,
    asset_value_limit: int = 0,
) -> Bank:
    return Bank(
        key=key_of(number),
        group=GROUP,
        mint=bytes([number, 9]) * 16,
        decimals=decimals,
        liquidity_vault=bytes([number, 1]) * 16,
        insurance_vault=bytes([number, 2]) * 16,
        asset_share_value=ONE,
        liability_share_value=ONE,
        asset_shares=whole(10**12),
        liability_shares=whole(6 * 10**11),
        updated_at=1_700_000_000,
        weights=Weights(
            asset_init=asset_weight,
            asset_maint=asset_weight,
            liability_init=liability_weight,
            liability_maint=liability_weight,
        ),
        interest=interest_of(curve=curve),
        state=state,
        isolated=isolated,
        asset_value_limit=asset_value_limit,
        oracle_setup=3,
        oracle=bytes([number, 3]) * 16,
        oracle_max_age_s=60,
        oracle_max_confidence=0,
        fixed_price=0,
        emode_tag=emode_tag,
        emode=emode or {},
    )


def exact(price: int) -> BankPrices:
    """Give prices without any uncertainty."""
    single = PriceRange(low=price, high=price)
    return BankPrices(spot=single, smoothed=single)


def held(bank: int, amount: int) -> Balance:
    return Balance(bank=key_of(bank), asset_shares=amount, liability_shares=0)


def owed(bank: int, amount: int) -> Balance:
    return Balance(bank=key_of(bank), asset_shares=0, liability_shares=amount)


def account_of(*balances: Balance) -> Account:
    return Account(
        key=key_of(100),
        group=GROUP,
        authority=key_of(101),
        balances=balances,
        flags=0,
        cache=HealthCache(
            assets_init=0,
            liabilities_init=0,
            assets_maint=0,
            liabilities_maint=0,
            cached_at=0,
            flags=0,
        ),
        liquidation_record=bytes(32),
    )
