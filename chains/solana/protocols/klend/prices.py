"""A reserve's price as Kamino's refresh would take it at the anchor.

The program takes the newest price that its configured oracle backs: not older than the reserve
allows, and inside the reserve's own bounds. Where there is none, its refresh succeeds all the
same and the price of the last refresh stands, so that stands here too, marked for what is wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import USD, WAD, Usd, div_down
from chains.oracles import pyth, scope, switchboard
from chains.solana.markets import AssetTerms, Found
from chains.solana.protocols.klend.fraction import BITS, ONE
from chains.solana.protocols.klend.layout import NULL_KEY
from chains.solana.protocols.klend.state import PriceConfig, Reserve

SOURCE: Final = "klend"
"""Where a price comes from that the reserve stored."""
NO_KEY: Final = bytes(32)
_PYTH_CONFIDENCE_BPS: Final = 200
_SWITCHBOARD_DEVIATION_BPS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OraclePrice:
    """One oracle's judged price, and the same as the program's fraction."""

    price: Price
    fraction_sf: int


def find_oracles(config: PriceConfig) -> tuple[Pubkey, ...]:
    """Name the oracle accounts that a reserve's price comes from."""
    keys = (config.pyth, config.switchboard, config.scope)
    return tuple(Pubkey(key) for key in keys if key not in (NO_KEY, NULL_KEY))


def price_reserve(
    chain: ChainId, reserve: Reserve, found: Found, terms: AssetTerms, *, now: int
) -> tuple[Reserve, Price]:
    """Give the reserve at its fresh price, or at its stored one where none is to be had."""
    oracles = tuple(_read_oracles(chain, reserve, found, terms, now))
    inside = [oracle for oracle in oracles if oracle.price.valid]
    if inside and not reserve.prices.blocked:
        newest = max(inside, key=lambda oracle: oracle.price.published_at)
        fresh = replace(reserve, price_sf=newest.fraction_sf, price_time=newest.price.published_at)
        return fresh, newest.price
    status = PriceStatus.UNREADABLE
    for oracle in oracles:
        status = PriceStatus.UNREADABLE if oracle.price.valid else oracle.price.status
    return reserve, _stored_price(chain, reserve, status)


def asset_of(chain: ChainId, reserve: Reserve) -> AssetId:
    """Give the token a reserve lends."""
    return AssetId(chain, "token", str(Pubkey(reserve.keys.mint)))


def _read_oracles(
    chain: ChainId, reserve: Reserve, found: Found, terms: AssetTerms, now: int
) -> Iterator[OraclePrice]:
    config = reserve.prices
    limits = _narrow(config, terms)
    if config.pyth not in (NO_KEY, NULL_KEY):
        yield _read_pyth(chain, reserve, found, limits, now)
    if config.switchboard not in (NO_KEY, NULL_KEY):
        yield _read_switchboard(chain, reserve, found, limits, now)
    if config.scope not in (NO_KEY, NULL_KEY):
        yield _read_scope(chain, reserve, found, limits, now)


def _read_scope(
    chain: ChainId, reserve: Reserve, found: Found, limits: AssetTerms, now: int
) -> OraclePrice:
    key = Pubkey(reserve.prices.scope)
    terms = scope.ScopeTerms(
        account=key,
        chain=reserve.prices.scope_chain,
        max_age_s=reserve.prices.max_age_s,
        minimum=limits.minimum,
        maximum=limits.maximum,
    )
    try:
        dated = scope.decode_chain(chain, key, found.get(key), terms.chain)
    except DecodeError:
        dated = None
    return OraclePrice(
        price=scope.build_price(asset_of(chain, reserve), terms, dated, now=now),
        fraction_sf=_fraction(dated.value, dated.exponent) if dated else 0,
    )


def _read_pyth(
    chain: ChainId, reserve: Reserve, found: Found, limits: AssetTerms, now: int
) -> OraclePrice:
    key = Pubkey(reserve.prices.pyth)
    terms = pyth.PythTerms(
        account=key,
        feed=limits.feed,
        memory=limits.feeds,
        max_age_s=reserve.prices.max_age_s,
        max_confidence=_PYTH_CONFIDENCE_BPS,
        minimum=limits.minimum,
        maximum=limits.maximum,
    )
    try:
        update = pyth.decode_update(chain, key, found.get(key))
    except DecodeError:
        update = None
    return OraclePrice(
        price=pyth.build_price(asset_of(chain, reserve), terms, update, now=now),
        fraction_sf=_fraction(max(update.price, 0), -update.exponent) if update else 0,
    )


def _read_switchboard(
    chain: ChainId, reserve: Reserve, found: Found, limits: AssetTerms, now: int
) -> OraclePrice:
    key = Pubkey(reserve.prices.switchboard)
    terms = switchboard.SwitchboardTerms(
        account=key,
        feed_hash=None,
        max_age_s=reserve.prices.max_age_s,
        max_deviation=_SWITCHBOARD_DEVIATION_BPS,
        minimum=limits.minimum,
        maximum=limits.maximum,
    )
    try:
        feed = switchboard.decode_feed(chain, key, found.get(key))
    except DecodeError:
        feed = None
    return OraclePrice(
        price=switchboard.build_price(asset_of(chain, reserve), terms, feed, now=now),
        fraction_sf=max(feed.value, 0) * ONE // WAD if feed else 0,
    )


def _narrow(config: PriceConfig, terms: AssetTerms) -> AssetTerms:
    """Give the terms inside the reserve's own bounds, whose ends are prices still allowed."""
    unit: int = 10**config.heuristic_exponent
    least = config.heuristic_lower * USD // unit
    most = config.heuristic_upper * USD // unit
    return replace(
        terms,
        minimum=Usd(max(terms.minimum, least - 1)) if least else terms.minimum,
        maximum=Usd(min(terms.maximum, most + 1)) if most else terms.maximum,
    )


def _fraction(number: int, exponent: int) -> int:
    if exponent < 0:
        return number * ONE * int(10**-exponent)
    unit: int = 10**exponent
    return number * ONE // unit


def _stored_price(chain: ChainId, reserve: Reserve, status: PriceStatus) -> Price:
    return Price(
        asset=asset_of(chain, reserve),
        usd=Usd(div_down(reserve.price_sf * USD, 1 << BITS)),
        source=SOURCE,
        feed=str(Pubkey(reserve.key)),
        published_at=reserve.price_time,
        heartbeat_s=reserve.prices.max_age_s,
        status=status,
    )
