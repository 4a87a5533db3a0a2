"""A bank's prices as marginfi takes them from the bank's oracle at the anchor.

Known are Pyth pull and Switchboard on-demand accounts and fixed prices. A bank of another setup
has no price here, and an account in it cannot be valued. A price that the program would refuse
still gives a number, marked for what is wrong; its bias then is the program's cap of 5 %.
"""

from dataclasses import dataclass, replace
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import USD, Usd, div_down
from chains.oracles import pyth, switchboard
from chains.solana.markets import AssetTerms, Found
from chains.solana.protocols.marginfi.fixed import BITS, Overflow, mul
from chains.solana.protocols.marginfi.math import (
    PYTH_CONFIDENCE,
    SWITCHBOARD_DEVIATION,
    TooUncertain,
    bias_price,
    scale_pyth,
    scale_switchboard,
)
from chains.solana.protocols.marginfi.state import Bank, BankPrices, OracleSetup, PriceRange

FIXED: Final = "marginfi"
"""The source of a price that the bank's owner fixed."""
PYTH_AGE_S: Final = 60
SWITCHBOARD_AGE_S: Final = 180
_ANY_CONFIDENCE: Final = 10**9
_WHOLE_PRICE: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBank:
    """A bank as stored and as accrued to the anchor, its price, and the same as it is weighed.

    `prices` is None where there is no number to compute with.
    """

    stored: Bank
    accrued: Bank
    terms: AssetTerms
    price: Price
    prices: BankPrices | None


def find_oracle(bank: Bank) -> Pubkey | None:
    """Name the oracle account of a bank; None where it has none that is known here."""
    known = (OracleSetup.PYTH_PUSH, OracleSetup.SWITCHBOARD_PULL)
    return Pubkey(bank.oracle) if bank.oracle_setup in known else None


def price_bank(
    chain: ChainId, bank: Bank, found: Found, terms: AssetTerms, *, now: int
) -> tuple[Price, BankPrices | None]:
    """Give a bank's price and its ranges; none where the program could not hold its number."""
    try:
        match bank.oracle_setup:
            case OracleSetup.PYTH_PUSH:
                return _price_by_pyth(chain, bank, found, terms, now)
            case OracleSetup.SWITCHBOARD_PULL:
                return _price_by_switchboard(chain, bank, found, terms, now)
            case OracleSetup.FIXED:
                return _price_fixed(chain, bank, now)
            case _:
                return _no_price(chain, bank), None
    except Overflow:
        return _no_price(chain, bank), None


def asset_of(chain: ChainId, bank: Bank) -> AssetId:
    """Give the token a bank lends."""
    return AssetId(chain, "token", str(Pubkey(bank.mint)))


def _price_by_pyth(
    chain: ChainId, bank: Bank, found: Found, terms: AssetTerms, now: int
) -> tuple[Price, BankPrices | None]:
    key = Pubkey(bank.oracle)
    demand = pyth.PythTerms(
        account=key,
        feed=terms.feed,
        memory=terms.feeds,
        max_age_s=bank.oracle_max_age_s or PYTH_AGE_S,
        max_confidence=_ANY_CONFIDENCE,
        minimum=terms.minimum,
        maximum=terms.maximum,
    )
    try:
        update = pyth.decode_update(chain, key, found.get(key))
    except DecodeError:
        update = None
    price = pyth.build_price(asset_of(chain, bank), demand, update, now=now)
    if update is None or min(update.price, update.ema_price) <= 0:
        return price, None
    spot, wide = _bias(
        bank,
        scale_pyth(update.price, update.exponent),
        mul(scale_pyth(update.confidence, update.exponent), PYTH_CONFIDENCE),
    )
    smoothed, _ = _bias(
        bank,
        scale_pyth(update.ema_price, update.exponent),
        mul(scale_pyth(update.ema_confidence, update.exponent), PYTH_CONFIDENCE),
    )
    return _mark(price, too_wide=wide), BankPrices(spot=spot, smoothed=smoothed)


def _price_by_switchboard(
    chain: ChainId, bank: Bank, found: Found, terms: AssetTerms, now: int
) -> tuple[Price, BankPrices | None]:
    key = Pubkey(bank.oracle)
    demand = switchboard.SwitchboardTerms(
        account=key,
        feed_hash=None,
        max_age_s=bank.oracle_max_age_s or SWITCHBOARD_AGE_S,
        max_deviation=_ANY_CONFIDENCE,
        minimum=terms.minimum,
        maximum=terms.maximum,
    )
    try:
        feed = switchboard.decode_feed(chain, key, found.get(key))
    except DecodeError:
        feed = None
    price = switchboard.build_price(asset_of(chain, bank), demand, feed, now=now)
    if feed is None or feed.value <= 0:
        return price, None
    deviation = mul(scale_switchboard(feed.std_dev), SWITCHBOARD_DEVIATION)
    spot, wide = _bias(bank, scale_switchboard(feed.value), deviation)
    return _mark(price, too_wide=wide), BankPrices(spot=spot, smoothed=spot)


def _price_fixed(chain: ChainId, bank: Bank, now: int) -> tuple[Price, BankPrices | None]:
    number = max(bank.fixed_price, 0)
    price = Price(
        asset=asset_of(chain, bank),
        usd=Usd(div_down(number * USD, 1 << BITS)),
        source=FIXED,
        feed=str(Pubkey(bank.key)),
        published_at=now,
        heartbeat_s=0,
        status=PriceStatus.OK if number else PriceStatus.NOT_POSITIVE,
    )
    fixed = PriceRange(low=number, high=number)
    return price, BankPrices(spot=fixed, smoothed=fixed) if number else None


def _no_price(chain: ChainId, bank: Bank) -> Price:
    return Price(
        asset=asset_of(chain, bank),
        usd=Usd(0),
        source=FIXED,
        feed=str(Pubkey(bank.key)),
        published_at=0,
        heartbeat_s=0,
        status=PriceStatus.UNREADABLE,
    )


def _bias(bank: Bank, price: int, confidence: int) -> tuple[PriceRange, bool]:
    """Give the range, and whether the program refuses it as too wide."""
    try:
        return bias_price(price, confidence, bank.oracle_max_confidence), False
    except TooUncertain:
        return bias_price(price, min(confidence, price), _WHOLE_PRICE), True


def _mark(price: Price, *, too_wide: bool) -> Price:
    return replace(price, status=PriceStatus.UNCERTAIN) if too_wide and price.valid else price
