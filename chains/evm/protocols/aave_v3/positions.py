"""A market's users as the model's positions: pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chains.errors import DecodeError
from chains.evm.protocols.aave_v3.layout import MarketLayout
from chains.evm.protocols.aave_v3.math import (
    NO_DEBT,
    PriceMissing,
    accrue_units,
    calculate_account_data,
    collateral_accrual,
    effective_weights,
    find_category,
    has_own_price,
    may_supply,
    stable_accrual,
    usable_weights,
    variable_accrual,
)
from chains.evm.protocols.aave_v3.prices import Feeds, judge_price
from chains.evm.protocols.aave_v3.snapshot import UserRead
from chains.evm.protocols.aave_v3.state import AccountData, Category, Holding, Market, Reserve, User
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, AssetId
from chains.model.position import Accrual, Leg, Position, Side
from chains.model.price import Price
from chains.model.units import Bps, Usd, Wad

PROTOCOL = "aave_v3"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """All that positions are made from: layout, state, feeds, prices by reserve, and the anchor."""

    layout: MarketLayout
    market: Market
    feeds: Feeds
    prices: Mapping[int, Price]
    anchor: BlockAnchor

    @property
    def id(self) -> AccountId:
        """The market's pool."""
        return AccountId(self.anchor.chain, self.layout.pool)


def build_position(view: MarketView, account: AccountId, read: UserRead) -> Position:
    """Give a user's position; DecodeError when our numbers are not the pool's own."""
    data = check_account_data(view, account, read)
    return Position(
        protocol=PROTOCOL,
        version=view.layout.version,
        market=view.id,
        account=account,
        anchor=view.anchor,
        legs=tuple(_build_legs(view, read.user)),
        native_health=None if data.health == NO_DEBT else Wad(data.health),
        native_collateral=Usd(data.collateral),
        native_debt=Usd(data.debt),
        suppliable=tuple(_build_suppliable(view, read.user)),
    )


def check_account_data(view: MarketView, account: AccountId, read: UserRead) -> AccountData:
    """Calculate the account and compare it with what the pool reported in the same call."""
    try:
        data = calculate_account_data(view.market, read.user)
    except PriceMissing as error:
        raise DecodeError(view.anchor.chain, f"{account}: {error}") from error
    if read.reported is None:
        raise DecodeError(view.anchor.chain, f"{account}: the pool does not value this account")
    if data != read.reported:
        raise DecodeError(
            view.anchor.chain, f"{account}: the pool reports {read.reported}, calculated {data}"
        )
    return data


def _build_legs(view: MarketView, user: User) -> Iterator[Leg]:
    category = find_category(view.market, user)
    for holding in user.holdings:
        reserve = view.market.reserves[holding.number]
        if holding.scaled_collateral:
            accrual = collateral_accrual(reserve, holding)
            yield _collateral_leg(view, category, reserve, holding, accrual)
        if holding.scaled_debt:
            yield _debt_leg(view, category, reserve, variable_accrual(reserve, holding))
        if holding.stable_debt is not None:
            yield _debt_leg(view, category, reserve, stable_accrual(holding.stable_debt))


def _collateral_leg(
    view: MarketView,
    category: Category | None,
    reserve: Reserve,
    holding: Holding,
    accrual: Accrual,
) -> Leg:
    weights = effective_weights(view.layout.version, category, reserve, holding)
    leg = _bare_leg(view, category, reserve, Side.COLLATERAL)
    return replace(
        leg,
        units=accrue_units(view.layout.version, Side.COLLATERAL, accrual, view.market.now),
        ltv=Bps(weights.ltv),
        liquidation_threshold=Bps(weights.liquidation_threshold),
        accrual=accrual,
    )


def _debt_leg(
    view: MarketView, category: Category | None, reserve: Reserve, accrual: Accrual
) -> Leg:
    units = accrue_units(view.layout.version, Side.DEBT, accrual, view.market.now)
    return replace(_bare_leg(view, category, reserve, Side.DEBT), units=units, accrual=accrual)


def _build_suppliable(view: MarketView, user: User) -> Iterator[Leg]:
    category = find_category(view.market, user)
    for reserve in view.market.reserves.values():
        if may_supply(view.market, user, reserve):
            holding = user.holding(reserve.number)
            weights = usable_weights(view.layout.version, category, reserve, holding)
            yield replace(
                _bare_leg(view, category, reserve, Side.COLLATERAL),
                ltv=Bps(weights.ltv),
                liquidation_threshold=Bps(weights.liquidation_threshold),
            )


def _bare_leg(view: MarketView, category: Category | None, reserve: Reserve, side: Side) -> Leg:
    layout = next(part for part in view.layout.reserves if part.number == reserve.number)
    return Leg(
        asset=AssetId.erc20(view.anchor.chain, reserve.asset),
        symbol=layout.symbol,
        side=side,
        units=0,
        decimals=reserve.decimals,
        price=_find_price(view, category, reserve),
    )


def _find_price(view: MarketView, category: Category | None, reserve: Reserve) -> Price:
    """Give the price the pool uses for this user: the category's own where it has one (3.0)."""
    own = view.prices[reserve.number]
    source = category.price_source if category else None
    if category is None or source is None:
        return own
    if not has_own_price(view.layout.version, category, reserve):
        return own
    return judge_price(
        own.asset, category.price, view.feeds, key=source, fallback=source, now=view.market.now
    )
