"""Pyth pull prices (`PriceUpdateV2`) and what may be believed of them.

Anybody may post an update, so the account is worth what its program checked: how many guardians
signed it, which feed it is of, when it was published, and how far its publishers disagree.
Source: pyth-crosschain, target_chains/solana/pyth_solana_receiver_sdk (Apache-2.0).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AssetId, ChainId
from chains.model.price import Price, PriceStatus
from chains.model.units import BPS, USD, Usd, div_down, div_up
from chains.solana.accounts import AccountPlan, RawAccount
from chains.solana.zerocopy import Field, Kind, Layout, View, open_account

SOURCE: Final = "pyth"
RECEIVER: Final = Pubkey.from_string("rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ")
FULL: Final = 1
PARTIAL: Final = 0
MAX_EXPONENT: Final = 18
MESSAGE: Final = Layout(
    name="PriceFeedMessage",
    size=92,
    fields={
        "feed": Field(0, Kind.KEY),
        "price": Field(32, Kind.I64),
        "confidence": Field(40, Kind.U64),
        "exponent": Field(48, Kind.I32),
        "published_at": Field(52, Kind.I64),
        "ema_price": Field(68, Kind.I64),
        "ema_confidence": Field(76, Kind.U64),
        "slot": Field(84, Kind.U64),
    },
)
PRICE_UPDATE: Final = Layout(
    name="PriceUpdateV2",
    size=134,
    discriminator=bytes.fromhex("22f123639d7ef4cd"),
    fields={"level": Field(40, Kind.U8), "signatures": Field(41, Kind.U8)},
)
_MESSAGE_AT: Final = {FULL: 41, PARTIAL: 42}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceUpdate:
    """An update: numbers x 10^exponent; `signatures` is None where all guardians signed."""

    feed: bytes
    price: int
    confidence: int
    exponent: int
    published_at: int
    ema_price: int
    ema_confidence: int
    slot: int
    signatures: int | None


class FeedMemory:
    """Which feed each account was of when its price was first believed.

    Who may write an account may let it hold another feed: that is refused, as where the feed's id
    is configured.
    """

    def __init__(self) -> None:
        self._feeds: dict[Pubkey, bytes] = {}

    def find(self, account: Pubkey) -> bytes | None:
        """Give the feed an account was of, None where none was seen."""
        return self._feeds.get(account)

    def note(self, account: Pubkey, feed: bytes) -> None:
        """Remember the first feed of an account."""
        self._feeds.setdefault(account, feed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PythTerms:
    """What is demanded of one feed; without `feed`, that it is the one in `memory`.

    `minimum` and `maximum` bound the price (USD x 1e8), both excluded. `max_confidence` is the
    widest interval around it in basis points of it. `min_signatures` None demands the full
    verification. `ahead_s` is how far the publishers' clock may run before the chain's.
    """

    account: Pubkey
    feed: bytes | None
    max_age_s: int
    max_confidence: int
    minimum: Usd
    maximum: Usd
    min_signatures: int | None = None
    ahead_s: int = 5
    memory: FeedMemory | None = field(default=None, compare=False)

    @property
    def expected(self) -> bytes | None:
        """The feed that the account must be of; None for any."""
        if self.feed is not None or self.memory is None:
            return self.feed
        return self.memory.find(self.account)


def plan_price(chain: ChainId, asset: AssetId, terms: PythTerms, *, now: int) -> AccountPlan[Price]:
    """Read an asset's price from its update and judge it at `now`, the anchor's time."""

    def decode(found: Mapping[Pubkey, RawAccount | None]) -> Price:
        try:
            update = decode_update(chain, terms.account, found[terms.account])
        except DecodeError:
            update = None
        return build_price(asset, terms, update, now=now)

    return AccountPlan(keys=(terms.account,), decode=decode)


def decode_update(chain: ChainId, key: Pubkey, account: RawAccount | None) -> PriceUpdate:
    """Decode an update; DecodeError on anything else."""
    view = open_account(chain, key, account, layout=PRICE_UPDATE, owner=RECEIVER)
    level = view.number("level")
    if level not in _MESSAGE_AT:
        raise DecodeError(chain, f"price update {key} has unknown verification level {level}")
    message = View(MESSAGE, view.data, _MESSAGE_AT[level])
    numbers = {name: message.number(name) for name in MESSAGE.fields if name != "feed"}
    if not -MAX_EXPONENT <= numbers["exponent"] <= MAX_EXPONENT:
        raise DecodeError(chain, f"price update {key} has exponent {numbers['exponent']}")
    return PriceUpdate(
        feed=message.key("feed"),
        signatures=None if level == FULL else view.number("signatures"),
        **numbers,
    )


def judge_update(update: PriceUpdate | None, terms: PythTerms, *, now: int) -> PriceStatus:
    """Say whether an update may be believed at `now`."""
    if update is None or terms.expected not in {None, update.feed}:
        return PriceStatus.UNREADABLE
    usd = scale_price(update.price, update.exponent)
    checks = (
        (PriceStatus.UNVERIFIED, not _is_verified(update, terms)),
        (PriceStatus.NOT_POSITIVE, update.price <= 0),
        (PriceStatus.FUTURE, update.published_at > now + terms.ahead_s),
        (PriceStatus.STALE, now - update.published_at > terms.max_age_s),
        (PriceStatus.UNCERTAIN, update.confidence * BPS > update.price * terms.max_confidence),
        (PriceStatus.OUT_OF_BOUNDS, not terms.minimum < usd < terms.maximum),
    )
    return next((status for status, failed in checks if failed), PriceStatus.OK)


def build_price(asset: AssetId, terms: PythTerms, update: PriceUpdate | None, *, now: int) -> Price:
    """Give the price with its judgement; without an update, or below 0, the number is 0."""
    status = judge_update(update, terms, now=now)
    if update and terms.memory and status is PriceStatus.OK:
        terms.memory.note(terms.account, update.feed)
    return Price(
        asset=asset,
        usd=scale_price(max(update.price, 0), update.exponent) if update else Usd(0),
        source=SOURCE,
        feed=update.feed.hex() if update else str(terms.account),
        published_at=update.published_at if update else 0,
        heartbeat_s=terms.max_age_s,
        confidence=_scale_up(update.confidence, update.exponent) if update else Usd(0),
        status=status,
    )


def scale_price(number: int, exponent: int) -> Usd:
    """Give number x 10^exponent in USD x 1e8, rounded down."""
    if exponent >= 0:
        return Usd(number * USD * 10**exponent)
    return Usd(div_down(number * USD, 10**-exponent))


def _scale_up(number: int, exponent: int) -> Usd:
    if exponent >= 0:
        return Usd(number * USD * 10**exponent)
    return Usd(div_up(number * USD, 10**-exponent))


def _is_verified(update: PriceUpdate, terms: PythTerms) -> bool:
    if update.signatures is None:
        return True
    return terms.min_signatures is not None and update.signatures >= terms.min_signatures
