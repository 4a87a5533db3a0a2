"""The fleet's pass on one core beside Aave's own library, on the same accounts.

`formatUserSummary` of @aave/math-utils makes a whole page's figures of an account, so it does more
than its health; it is what JavaScript keepers and front ends call for it. Both sides value the same
accounts, four positions in thirty reserves each; their healths must agree to nine digits.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from chains.evm.protocols.aave_v3.rounding import RAY
from chains.evm.protocols.aave_v3.state import Holding, Market, Reserve, User, Version
from chains.model.ids import Address
from daemon.margin.book.aave_v3 import AaveNumbers
from daemon.margin.book.arrays import Floats
from daemon.margin.book.columns import Columns
from daemon.margin.book.valuation import value_all
from tests.bench.figures import Figure, Figures, median
from tests.bench.fleet import time_by_turns
from tests.sdk.run import run_sdk

NOW: Final = 1_800_000_000
RESERVES: Final = 30
ACCOUNTS: Final = 2_000
FLEET: Final = 1_000_000
ROUNDS: Final = 3
AGREEMENT: Final = 1e-9


def run(say: Callable[[str], None]) -> Figures:
    """Measure 2,000 accounts by their library, 1,000,000 like them by ours."""
    return measure(say, accounts=ACCOUNTS, fleet=FLEET, rounds=ROUNDS)


def measure(say: Callable[[str], None], *, accounts: int, fleet: int, rounds: int) -> Figures:
    """Time both by turns; RuntimeError where they find other healths."""
    market, users = _make_market(), _make_users(accounts)
    numbers = AaveNumbers()
    rows = [numbers.describe(user) for user in users]
    columns, factors = _repeat(rows, fleet // accounts), numbers.build_factors(market)
    theirs, ours = [], []
    for _ in range(rounds):
        [answer] = run_sdk("aave.mjs", _ask(market, users, rounds))
        theirs.append(median(answer["seconds"]) / accounts)
        way = {"pass": lambda: value_all(columns, factors, threads=1)}
        ours.append(time_by_turns(way, rounds)["pass"] / columns.size)
        _compare(value_all(columns, factors)[:accounts], answer["health"])
    say(f"theirs {1 / median(theirs):,.0f} accounts a second, ours {1 / median(ours):,.0f}")
    return {
        "fleet.per_core_vs_aave_math_utils": Figure(
            value=median(theirs) / median(ours), unit="ratio", better="higher", target=10_000
        ),
        "fleet.accounts_per_s_per_core": Figure(
            value=1 / median(ours), unit="1/s", better="higher"
        ),
    }


def _compare(ours: Floats, theirs: Sequence[str]) -> None:
    apart = np.abs(ours / np.array([float(each) for each in theirs]) - 1)
    if apart.max() > AGREEMENT:
        raise RuntimeError(f"a health of theirs is {apart.max():.1e} away from ours")


def _repeat(rows: Sequence[Sequence[tuple[int, float]]], times: int) -> Columns:
    counts = np.array([len(row) for row in rows])
    numbers = np.array([number for row in rows for number, _ in row], np.uint16)
    amounts = np.array([amount for row in rows for _, amount in row])
    return Columns.of(np.tile(counts, times), np.tile(numbers, times), np.tile(amounts, times))


def _make_market() -> Market:
    source = random.Random(1)  # noqa: S311 -- the same market each time
    reserves = {}
    for number in range(RESERVES):
        reserves[number] = Reserve(
            number=number,
            asset=Address(f"0x{number + 1:040x}"),
            decimals=18,
            ltv=7_500,
            liquidation_threshold=source.choice([6_500, 7_500, 8_000, 8_250]),
            liquidation_bonus=10_500,
            protocol_fee=1_000,
            liquidity_index=source.randint(RAY, 2 * RAY),
            liquidity_rate=0,
            borrow_index=source.randint(RAY, 2 * RAY),
            borrow_rate=0,
            updated_at=NOW,
            price=source.randint(10**7, 10**12),
        )
    return Market(version=Version.V3_6, now=NOW, reserves=reserves)


def _make_users(count: int) -> list[User]:
    """Give users with two collaterals and two debts, worth a dollar at the least."""
    source = random.Random(2)  # noqa: S311 -- the same accounts each time
    users = []
    for _ in range(count):
        used = sorted(source.sample(range(RESERVES), 4))
        amounts = [int(10 ** source.uniform(20, 24)) for _ in used]
        users.append(
            User(
                holdings=tuple(
                    Holding(
                        number=number,
                        scaled_collateral=0 if place % 2 else amount,
                        scaled_debt=amount // 3 if place % 2 else 0,
                        used_as_collateral=place % 2 == 0,
                        borrowed=place % 2 == 1,
                    )
                    for place, (number, amount) in enumerate(zip(used, amounts, strict=True))
                )
            )
        )
    return users


def _ask(market: Market, users: Sequence[User], rounds: int) -> dict[str, Any]:
    return {
        "now": market.now,
        "rounds": rounds,
        "reserves": [_show_reserve(one) for one in market.reserves.values()],
        "users": [[_show_holding(market, one) for one in user.holdings] for user in users],
    }


def _show_holding(market: Market, holding: Holding) -> dict[str, Any]:
    return {
        "underlyingAsset": market.reserves[holding.number].asset,
        "scaledATokenBalance": str(holding.scaled_collateral),
        "usageAsCollateralEnabledOnUser": holding.used_as_collateral,
        "scaledVariableDebt": str(holding.scaled_debt),
    }


def _show_reserve(one: Reserve) -> dict[str, Any]:
    return _UNUSED | {
        "originalId": one.number,
        "id": one.asset,
        "underlyingAsset": one.asset,
        "decimals": one.decimals,
        "baseLTVasCollateral": str(one.ltv),
        "reserveLiquidationThreshold": str(one.liquidation_threshold),
        "reserveLiquidationBonus": str(one.liquidation_bonus),
        "liquidityIndex": str(one.liquidity_index),
        "variableBorrowIndex": str(one.borrow_index),
        "lastUpdateTimestamp": one.updated_at,
        "priceInMarketReferenceCurrency": str(one.price),
    }


_UNUSED: Final = {
    "symbol": "T",
    "name": "T",
    "usageAsCollateralEnabled": True,
    "reserveFactor": "1000",
    "variableBorrowRate": "0",
    "liquidityRate": "0",
    "availableLiquidity": "0",
    "totalScaledVariableDebt": "0",
    "borrowCap": "0",
    "supplyCap": "0",
    "debtCeiling": "0",
    "debtCeilingDecimals": 2,
    "isolationModeTotalDebt": "0",
    "virtualUnderlyingBalance": "0",
    "deficit": "0",
}
"""What the library reads of a reserve, and no account's health depends on."""
