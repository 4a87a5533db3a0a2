"""Scope prices: Kamino's aggregator keeps 512 dated prices in one account.

A token's price is the product along a chain of up to four entries (LST in SOL, SOL in USD), as
old as the oldest of them. Source: the layout of `OraclePrices` in Kamino's IDL (MIT), checked
against a dump and the prices that Kamino's reserves stored from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import USD, Usd, div_down
from chains.solana.accounts import AccountPlan, RawAccount
from chains.solana.zerocopy import Field, Kind, Layout, open_account

SOURCE: Final = "scope"
PROGRAM: Final = Pubkey.from_string("HFn8GnPADiny6XqUoWE8uRPPxb29ikn4yTuPa9MF2fWJ")
ENTRIES: Final = 512
END: Final = 65535
"""The index that ends a chain."""
MAX_EXPONENT: Final = 30
DATED_PRICE: Final = Layout(
    name="DatedPrice",
    size=56,
    fields={
        "value": Field(0, Kind.U64),
        "exponent": Field(8, Kind.U64),
        "slot": Field(16, Kind.U64),
        "published_at": Field(24, Kind.U64),
    },
)
ORACLE_PRICES: Final = Layout(
    name="OraclePrices",
    size=40 + 56 * ENTRIES,
    discriminator=bytes.fromhex("598076dd0648b492"),
    fields={"mappings": Field(8, Kind.KEY), "prices": Field(40, DATED_PRICE, ENTRIES)},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedPrice:
    """value / 10^exponent, as it stood at a time; an entry not in use is all zeros."""

    value: int
    exponent: int
    slot: int
    published_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeTerms:
    """What is demanded of one chain of entries; the bounds (USD x 1e8) are excluded."""

    account: Pubkey
    chain: tuple[int, ...]
    max_age_s: int
    minimum: Usd
    maximum: Usd
    ahead_s: int = 5


def read_chain(indices: Sequence[int]) -> tuple[int, ...]:
    """Give the entries of a chain as it is stored: up to the first end mark."""
    stop = next((i for i, index in enumerate(indices) if index == END), len(indices))
    return tuple(indices[:stop])


def plan_price(
    chain: ChainId, asset: AssetId, terms: ScopeTerms, *, now: int
) -> AccountPlan[Price]:
    """Read an asset's price along its chain and judge it at `now`, the anchor's time."""

    def decode(found: Mapping[Pubkey, RawAccount | None]) -> Price:
        try:
            price = decode_chain(chain, terms.account, found[terms.account], terms.chain)
        except DecodeError:
            price = None
        return build_price(asset, terms, price, now=now)

    return AccountPlan(keys=(terms.account,), decode=decode)


def decode_chain(
    chain: ChainId, key: Pubkey, account: RawAccount | None, indices: Sequence[int]
) -> DatedPrice:
    """Give the product along a chain, dated by its oldest entry.

    Raises DecodeError where the account is no Scope account, the chain is empty or leaves it, or
    an exponent is out of range.
    """
    view = open_account(chain, key, account, layout=ORACLE_PRICES, owner=PROGRAM)
    if not indices or not all(0 <= index < ENTRIES for index in indices):
        raise DecodeError(chain, f"scope chain {tuple(indices)} has no such entries in {key}")
    entries = view.items("prices")
    parts = [
        DatedPrice(**{name: entries[index].number(name) for name in DATED_PRICE.fields})
        for index in indices
    ]
    if any(part.exponent > MAX_EXPONENT for part in parts):
        raise DecodeError(chain, f"scope chain {tuple(indices)} of {key} has a wild exponent")
    return multiply_chain(parts)


def multiply_chain(parts: Sequence[DatedPrice]) -> DatedPrice:
    """Give the exact product of prices, at the oldest slot and time among them."""
    value, exponent = 1, 0
    for part in parts:
        value, exponent = value * part.value, exponent + part.exponent
    return DatedPrice(
        value=value,
        exponent=exponent,
        slot=min(part.slot for part in parts),
        published_at=min(part.published_at for part in parts),
    )


def judge_chain(price: DatedPrice | None, terms: ScopeTerms, *, now: int) -> PriceStatus:
    """Say whether a chain's price may be believed at `now`."""
    if price is None:
        return PriceStatus.UNREADABLE
    scaled = price.value * USD
    unit = 10**price.exponent
    checks = (
        (PriceStatus.NOT_POSITIVE, price.value == 0),
        (PriceStatus.FUTURE, price.published_at > now + terms.ahead_s),
        (PriceStatus.STALE, now - price.published_at > terms.max_age_s),
        (PriceStatus.OUT_OF_BOUNDS, not terms.minimum * unit < scaled < terms.maximum * unit),
    )
    return next((status for status, failed in checks if failed), PriceStatus.OK)


def build_price(asset: AssetId, terms: ScopeTerms, price: DatedPrice | None, *, now: int) -> Price:
    """Give the price with its judgement; without one the number is 0."""
    return Price(
        asset=asset,
        usd=Usd(div_down(price.value * USD, 10**price.exponent)) if price else Usd(0),
        source=SOURCE,
        feed=f"{terms.account}/{'.'.join(map(str, terms.chain))}",
        published_at=price.published_at if price else 0,
        heartbeat_s=terms.max_age_s,
        status=judge_chain(price, terms, now=now),
    )
