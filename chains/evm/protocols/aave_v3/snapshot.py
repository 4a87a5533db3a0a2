"""One read of a market at an anchor: its reserves, prices, eMode categories and some users.

Everything is one `ReadPlan`, so that it is one call at one block. What the layout holds fixed is
read again beside it; where it has changed, decoding raises Stale.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from chains.errors import Stale
from chains.evm.multicall import ReadPlan, ViewResult, combine, map_plan
from chains.evm.protocols.aave_v3.contracts import (
    GET_ASSET_PRICE,
    GET_CATEGORY,
    GET_CATEGORY_COLLATERALS,
    GET_CATEGORY_LTV_ZERO,
    GET_CATEGORY_TERMS,
    GET_GRACE_PERIOD,
    GET_PRICE_ORACLE,
    GET_RESERVES_LIST,
    GET_SENTINEL,
    GET_STABLE_RATE,
    GET_STABLE_UPDATED,
    GET_USER_ACCOUNT_DATA,
    GET_USER_CATEGORY,
    GET_USER_CONFIGURATION,
    IS_LIQUIDATION_ALLOWED,
    POOL_REVISION,
    PRINCIPAL_BALANCE_OF,
    SCALED_BALANCE_OF,
)
from chains.evm.protocols.aave_v3.decode import (
    ReserveData,
    decode_account_data,
    decode_category_v30,
    decode_category_v36,
    decode_holding,
)
from chains.evm.protocols.aave_v3.layout import (
    ZERO,
    MarketLayout,
    ReserveLayout,
    plan_reserve,
)
from chains.evm.protocols.aave_v3.state import (
    AccountData,
    Category,
    Market,
    Reserve,
    StableDebt,
    User,
    Version,
)
from chains.model.ids import Address, ChainId

_BOTH: Final = 0b11


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRead:
    """A user's holdings, and what the pool itself says of the account; None where it reverts."""

    user: User
    reported: AccountData | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a pool keeps of an account besides balances: two bits per reserve, and the category."""

    configuration: int
    category: int


def plan_market(chain: ChainId, layout: MarketLayout, *, now: int) -> ReadPlan[Market]:
    """Plan to read the market's state; Stale when the layout no longer holds."""
    parts = combine(
        [
            _plan_frame(chain, layout),
            combine([_plan_reserve(chain, layout, reserve) for reserve in layout.reserves]),
            combine([_plan_category(chain, layout, number) for number in layout.categories]),
        ]
    )

    def build(read: tuple[Any, ...]) -> Market:
        allows, reserves, categories = read
        return Market(
            version=layout.version,
            now=now,
            reserves={reserve.number: reserve for reserve in reserves},
            categories={category.number: category for category in categories},
            sentinel_allows=allows,
        )

    return map_plan(parts, build)


def plan_user(chain: ChainId, layout: MarketLayout, account: Address) -> ReadPlan[UserRead]:
    """Plan to read one user, with the balances of every reserve."""
    parts = combine(
        [
            GET_USER_CONFIGURATION.plan(layout.pool, account),
            GET_USER_CATEGORY.plan(layout.pool, account),
            _plan_reported(layout.pool, account),
            combine([_plan_balances(reserve, account) for reserve in layout.reserves]),
        ]
    )

    def build(read: tuple[Any, ...]) -> UserRead:
        configuration, category, reported, balances = read
        if category not in layout.categories and category != 0:
            raise Stale(chain, f"eMode category {category} of {account} is new")
        holdings = tuple(
            replace(
                decode_holding(reserve.number, configuration, supplied, owed), stable_debt=stable
            )
            for reserve, (supplied, owed, stable) in zip(layout.reserves, balances, strict=True)
        )
        return UserRead(user=User(holdings=holdings, category=category), reported=reported)

    return map_plan(parts, build)


def plan_marks(layout: MarketLayout, account: Address) -> ReadPlan[Marks]:
    """Plan to read which reserves an account uses, and in which eMode category."""
    parts = combine(
        [
            GET_USER_CONFIGURATION.plan(layout.pool, account),
            GET_USER_CATEGORY.plan(layout.pool, account),
        ]
    )
    return map_plan(parts, lambda read: Marks(configuration=read[0], category=read[1]))


def plan_marked(layout: MarketLayout, account: Address, marks: Marks) -> ReadPlan[User]:
    """Plan to read an account's balances in the reserves that it uses, and in no other."""
    used = [one for one in layout.reserves if marks.configuration >> 2 * one.number & _BOTH]
    balances = combine([_plan_balances(reserve, account) for reserve in used])

    def build(read: tuple[Any, ...]) -> User:
        holdings = (
            replace(
                decode_holding(reserve.number, marks.configuration, supplied, owed),
                stable_debt=stable,
            )
            for reserve, (supplied, owed, stable) in zip(used, read, strict=True)
        )
        return User(holdings=tuple(holdings), category=marks.category)

    return map_plan(balances, build)


def _plan_frame(chain: ChainId, layout: MarketLayout) -> ReadPlan[bool]:
    """Plan to see that the layout still holds, and what the sentinel says of liquidations."""
    expected = {
        "revision": layout.revision,
        "reserve list": layout.assets,
        "price oracle": layout.oracle,
        "price oracle sentinel": layout.sentinel or ZERO,
    }
    views: list[ReadPlan[Any]] = [
        POOL_REVISION.plan(layout.pool),
        GET_RESERVES_LIST.plan(layout.pool),
        GET_PRICE_ORACLE.plan(layout.provider),
        GET_SENTINEL.plan(layout.provider),
    ]
    if layout.sentinel is not None:
        views.append(IS_LIQUIDATION_ALLOWED.plan(layout.sentinel))

    def check(read: tuple[Any, ...]) -> bool:
        for (name, value), found in zip(expected.items(), read, strict=False):
            if found != value:
                raise Stale(chain, f"the {name} of {layout.pool} changed to {found}")
        return bool(read[len(expected)]) if layout.sentinel else True

    return map_plan(combine(views), check)


def _plan_reserve(
    chain: ChainId, layout: MarketLayout, reserve: ReserveLayout
) -> ReadPlan[Reserve]:
    views: list[ReadPlan[Any]] = [
        plan_reserve(layout.pool, layout.version, reserve.asset),
        GET_ASSET_PRICE.plan_optional(layout.oracle, reserve.asset),
    ]
    if layout.version is Version.V3_6:
        views.append(GET_GRACE_PERIOD.plan(layout.pool, reserve.asset))

    def build(read: tuple[Any, ...]) -> Reserve:
        found: ReserveData = read[0]
        moved = (found.tokens, found.reserve.number) != (reserve.tokens, reserve.number)
        if moved or (found.stable and not reserve.stable):
            raise Stale(chain, f"the reserve of {reserve.asset} was set up anew")
        grace_until = read[2] if layout.version is Version.V3_6 else 0
        return replace(found.reserve, price=read[1], grace_until=grace_until)

    return map_plan(combine(views), build)


def _plan_category(chain: ChainId, layout: MarketLayout, number: int) -> ReadPlan[Category]:
    if layout.version is Version.V3_6:
        return _plan_category_v36(layout, number)
    source = layout.categories[number]
    view = GET_CATEGORY.view(layout.pool, number)
    price = GET_ASSET_PRICE.plan_optional(layout.oracle, source) if source else None

    def decode(results: Sequence[ViewResult]) -> Category:
        category = decode_category_v30(number, results[0])
        if category.price_source != source:
            raise Stale(chain, f"the price source of eMode category {number} changed")
        return replace(category, price=price.decode(results[1:]) if price else None)

    return ReadPlan(calls=(view, *(price.calls if price else ())), decode=decode)


def _plan_category_v36(layout: MarketLayout, number: int) -> ReadPlan[Category]:
    calls = (
        GET_CATEGORY_TERMS.view(layout.pool, number),
        GET_CATEGORY_COLLATERALS.view(layout.pool, number),
        GET_CATEGORY_LTV_ZERO.view(layout.pool, number),
    )

    def decode(results: Sequence[ViewResult]) -> Category:
        collaterals = GET_CATEGORY_COLLATERALS.read(results[1])
        without_ltv = GET_CATEGORY_LTV_ZERO.read(results[2])
        return decode_category_v36(number, results[0], collaterals, without_ltv)

    return ReadPlan(calls=calls, decode=decode)


def _plan_reported(pool: Address, account: Address) -> ReadPlan[AccountData | None]:
    return ReadPlan(
        calls=(GET_USER_ACCOUNT_DATA.view(pool, account, allow_failure=True),),
        decode=lambda results: decode_account_data(results[0]) if results[0].success else None,
    )


def _plan_balances(
    reserve: ReserveLayout, account: Address
) -> ReadPlan[tuple[int, int, StableDebt | None]]:
    tokens = reserve.tokens
    views: list[ReadPlan[Any]] = [
        SCALED_BALANCE_OF.plan(tokens.supplied, account),
        SCALED_BALANCE_OF.plan(tokens.variable_debt, account),
    ]
    if reserve.stable:
        views.append(PRINCIPAL_BALANCE_OF.plan(tokens.stable_debt, account))
        views.append(GET_STABLE_RATE.plan(tokens.stable_debt, account))
        views.append(GET_STABLE_UPDATED.plan(tokens.stable_debt, account))

    def build(read: tuple[Any, ...]) -> tuple[int, int, StableDebt | None]:
        supplied, owed, *stable = read
        if not stable or stable[0] == 0:
            return supplied, owed, None
        principal, rate, updated_at = stable
        return supplied, owed, StableDebt(principal=principal, rate=rate, updated_at=updated_at)

    return map_plan(combine(views), build)
