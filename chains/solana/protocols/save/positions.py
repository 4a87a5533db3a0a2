"""From refreshed state to what the margin engine reads: prices, legs, positions.

A reserve is refreshed with the price that its program would accept now. Where it would refuse,
the price it stored last stands, marked for what is wrong with the oracle.
Debts count natively with borrow weights: in `native_health` and `native_debt`; a leg names its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, AssetId, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price, PriceStatus
from chains.model.units import BPS, USD, WAD, Bps, Usd, div_down, div_up
from chains.oracles.pyth import PriceUpdate, PythTerms, build_price
from chains.solana.markets import AssetTerms, Target, address_of
from chains.solana.protocols.save.decimals import MathOverflow, ceil_units, floor_units
from chains.solana.protocols.save.math import (
    CONFIDENCE_PART,
    MAX_PRICE_AGE_S,
    MissingReserve,
    OraclePrices,
    accrue,
    calculate_health,
    refresh_obligation,
    refresh_reserve,
    scale_price,
    to_liquidity,
)
from chains.solana.protocols.save.state import Borrow, Deposit, Obligation, Reserve

PROTOCOL: Final = "save"
STATE_VERSION: Final = "1"
SOURCE: Final = "save"
"""Where a price comes from that the reserve stored."""
_USD_WAD: Final = WAD // USD
_BPS_PERCENT: Final = 100
_MAX_CONFIDENCE: Final = 10_000 // CONFIDENCE_PART


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedReserve:
    """A reserve as of the read, with its asset and what its oracle is worth."""

    state: Reserve
    asset: AssetId
    terms: AssetTerms
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """A market's refreshed reserves, by their keys."""

    reserves: Mapping[bytes, PricedReserve]


def demand(terms: AssetTerms, oracle: bytes) -> PythTerms:
    """Give what is demanded of an update; age and confidence are the program's own."""
    return PythTerms(
        account=Pubkey(oracle),
        feed=terms.feed,
        memory=terms.feeds,
        max_age_s=MAX_PRICE_AGE_S,
        max_confidence=_MAX_CONFIDENCE,
        minimum=terms.minimum,
        maximum=terms.maximum,
    )


def find_prices(update: PriceUpdate | None, *, now: int) -> OraclePrices | None:
    """Give the prices that the program accepts at `now`; None where it refuses the update."""
    if update is None or update.signatures is not None:
        return None
    if update.published_at < now - MAX_PRICE_AGE_S:
        return None
    if update.confidence * CONFIDENCE_PART > update.price:
        return None
    try:
        return OraclePrices(
            spot=scale_price(update.price, update.exponent),
            smoothed=scale_price(update.ema_price, update.exponent),
        )
    except MathOverflow:
        return None


def price_reserve(
    chain: ChainId,
    reserve: Reserve,
    terms: AssetTerms,
    update: PriceUpdate | None,
    *,
    slot: int,
    now: int,
) -> PricedReserve:
    """Refresh a reserve at a slot; DecodeError where the program's arithmetic would fail."""
    asset = AssetId(chain, "token", str(Pubkey(reserve.keys.mint)))
    accepted = find_prices(update, now=now)
    try:
        state = (
            replace(accrue(reserve, slot), stale=False)
            if accepted is None
            else refresh_reserve(reserve, accepted, slot)
        )
    except MathOverflow as error:
        key = Pubkey(reserve.keys.reserve)
        raise DecodeError(chain, f"Save reserve {key} cannot be refreshed: {error}") from error
    price = build_price(asset, demand(terms, reserve.keys.oracle), update, now=now)
    if accepted is None:
        status = PriceStatus.UNREADABLE if price.valid else price.status
        usd = Usd(div_down(state.price, _USD_WAD))
        price = replace(price, usd=usd, source=SOURCE, status=status)
    return PricedReserve(state=state, asset=asset, terms=terms, price=terms.judge(price))


def refresh(
    chain: ChainId, obligation: Obligation, reserves: Mapping[bytes, PricedReserve], *, slot: int
) -> Obligation:
    """Refresh an obligation; DecodeError where it cannot be."""
    states = {key: priced.state for key, priced in reserves.items()}
    try:
        return refresh_obligation(obligation, states, slot)
    except (MathOverflow, MissingReserve) as error:
        key = Pubkey(obligation.key)
        raise DecodeError(chain, f"Save obligation {key} cannot be valued: {error}") from error


def build_position(
    target: Target,
    market: AccountId,
    obligation: Obligation | None,
    reserves: Mapping[bytes, PricedReserve],
    anchor: BlockAnchor,
) -> Position:
    """Give the position of a refreshed obligation; without legs where there is none."""
    return Position(
        protocol=PROTOCOL,
        version=STATE_VERSION,
        market=market,
        account=target.account,
        anchor=anchor,
        legs=() if obligation is None else _legs_of(anchor.chain, obligation, reserves),
        native_health=None if obligation is None else calculate_health(obligation),
        native_collateral=Usd(
            0 if obligation is None else div_down(obligation.deposited_value, _USD_WAD)
        ),
        native_debt=Usd(0 if obligation is None else div_up(obligation.borrowed_value, _USD_WAD)),
        obligation=address_of(target),
        suppliable=tuple(_collateral_leg(priced, 0) for priced in reserves.values()),
    )


def _legs_of(
    chain: ChainId, obligation: Obligation, reserves: Mapping[bytes, PricedReserve]
) -> tuple[Leg, ...]:
    try:
        return tuple(_build_legs(obligation.deposits, obligation.borrows, reserves))
    except MathOverflow as error:
        key = Pubkey(obligation.key)
        raise DecodeError(chain, f"Save obligation {key} cannot be valued: {error}") from error


def _build_legs(
    deposits: Sequence[Deposit], borrows: Sequence[Borrow], reserves: Mapping[bytes, PricedReserve]
) -> list[Leg]:
    held = [(reserves[deposit.reserve], deposit.amount) for deposit in deposits]
    owed = [(reserves[borrow.reserve], borrow.amount) for borrow in borrows]
    return [
        *(
            _collateral_leg(priced, floor_units(to_liquidity(priced.state, amount)))
            for priced, amount in held
        ),
        *(_debt_leg(priced, ceil_units(amount)) for priced, amount in owed),
    ]


def _collateral_leg(priced: PricedReserve, units: int) -> Leg:
    terms = priced.state.terms
    return Leg(
        asset=priced.asset,
        symbol=priced.terms.symbol,
        side=Side.COLLATERAL,
        units=units,
        decimals=priced.state.decimals,
        price=priced.price,
        ltv=Bps(terms.loan_to_value * _BPS_PERCENT),
        liquidation_threshold=Bps(terms.threshold * _BPS_PERCENT),
    )


def _debt_leg(priced: PricedReserve, units: int) -> Leg:
    return Leg(
        asset=priced.asset,
        symbol=priced.terms.symbol,
        side=Side.DEBT,
        units=units,
        decimals=priced.state.decimals,
        price=priced.price,
        debt_weight=Bps(BPS + priced.state.terms.added_weight_bps),
    )
