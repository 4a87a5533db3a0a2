"""What is known of one margin account at one moment, chain by chain."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chains.model.action import Instrument
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Position
from chains.model.price import Price, Ratio
from chains.model.units import BPS, Bps, Usd, Wad

NOBODY: Final = Address("0x" + "00" * 20)
"""The zero address."""


class MandateKind(StrEnum):
    """What triggers a mandate: the protocol's own health, or the attested unified one."""

    NATIVE = "native"
    UNIFIED = "unified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What an owner lets the keeper spend, read from the rescue contract at an anchor.

    Amounts are base units of `asset`; `left_today` is what the daily limit still allows;
    `trigger` and `target` are health factors; `deadline` is a time in seconds. `available` is
    what one action may move now: the least of limits, balance and allowance, less `refund_cap`
    (what the keeper may be paid back at most), 0 while paused or over. `ready_at` is the time
    from which the cooldown allows the next action. The fields from `account_set_root` on matter for
    unified mandates only: the contract takes an attestation over it, judged by `verifier`, at most
    `max_age_s` old and issued after `acted_at`, the last action, with a sequence above
    `last_sequence`, and an amount at most `slack_bps` above what its figures need at the pool's own
    price and threshold. `obligation`
    names the owner's position that it is for, where he may have several in the market.
    """

    kind: MandateKind
    contract: AccountId
    owner: AccountId
    market: AccountId
    asset: AssetId
    trigger: Wad
    target: Wad
    per_action: int
    left_today: int
    deadline: int
    id: bytes = b""
    instruments: frozenset[Instrument] = frozenset({Instrument.REPAY, Instrument.SUPPLY})
    keeper: Address = NOBODY
    min_action: int = 0
    refund_cap: int = 0
    available: int = 0
    ready_at: int = 0
    max_loss_bps: Bps = Bps(0)
    account_set_root: bytes = bytes(32)
    verifier: Address = NOBODY
    max_age_s: int = 0
    slack_bps: Bps = Bps(0)
    last_sequence: int = 0
    acted_at: int = 0
    obligation: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleFund:
    """An owner's idle tokens that the rescue contract may pull, and under which mandates."""

    owner: AccountId
    asset: AssetId
    symbol: str
    decimals: int
    balance: int
    allowance: int
    price: Price
    mandates: tuple[Mandate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFees:
    """What a transaction costs now: wei per gas and the USD price of a whole native token.

    Solana has no base fee: both are 0 there, and what to offer is asked for at each quote.
    """

    base_fee_wei: int
    priority_fee_wei: int
    native_usd: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedMarket:
    """A market that was looked through for positions, in the version whose arithmetic was used.

    `reserves` are those that were looked at where a market is read in parts, empty for the whole.
    `by_name` says that positions are found by names that the owners gave: nothing was looked
    through for whoever gave none.
    """

    market: AccountId
    protocol: str
    version: str
    reserves: tuple[Address, ...] = ()
    by_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSnapshot:
    """One chain at one anchor: positions, idle funds and both kinds of price.

    `prices` are the protocols' own; `references` the market's, one per asset; `ratios` what the
    staked forms configured here are worth in their underlyings. `unreadable` says which accounts
    could not be valued, and why: their owners' unified figure is not known. `unvalued` says who
    has something without debts that could not be, and counts as nothing. `scanned` are the markets
    in which nothing else of the accounts was left out.
    """

    anchor: BlockAnchor
    positions: tuple[Position, ...]
    funds: tuple[IdleFund, ...]
    prices: tuple[Price, ...]
    references: tuple[Price, ...]
    fees: ChainFees
    unreadable: tuple[tuple[AccountId, str], ...] = ()
    ratios: tuple[Ratio, ...] = ()
    scanned: tuple[ScannedMarket, ...] = ()
    unvalued: tuple[tuple[AccountId, str], ...] = ()

    @property
    def chain(self) -> ChainId:
        """The chain read."""
        return self.anchor.chain

    def only(self, members: frozenset[AccountId]) -> "ChainSnapshot":
        """Keep the positions and funds of these accounts, and the markets looked through."""
        positions = tuple(p for p in self.positions if p.account in members)
        held = {position.market for position in positions}
        return ChainSnapshot(
            anchor=self.anchor,
            positions=positions,
            funds=tuple(f for f in self.funds if f.owner in members),
            prices=self.prices,
            references=self.references,
            fees=self.fees,
            unreadable=tuple(found for found in self.unreadable if found[0] in members),
            ratios=self.ratios,
            scanned=tuple(m for m in self.scanned if not m.by_name or m.market in held),
            unvalued=tuple(found for found in self.unvalued if found[0] in members),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainGap:
    """A chain that cannot be read, why, since when (seconds), and what was last known of it."""

    chain: ChainId
    reason: str
    since: int
    last: ChainSnapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedBook:
    """Positions at a venue off the chains that are read, as one publisher stated them.

    `account` is the venue's account, `venue:NAME:ID`; `publisher` the address whose signature the
    book bears, None for an operator's own file. It was published at `published_at` (seconds) and is
    believed for `max_age_s`; `digest` identifies it. Each position is one part of the account: a
    sub-account, or an isolated position. `gain_weight` is what gains count for where gains count at
    all, `haircut` is taken off the cash posted.
    """

    account: AccountId
    publisher: Address | None
    published_at: int
    max_age_s: int
    digest: bytes
    positions: tuple[Position, ...]
    gain_weight: Bps = Bps(BPS)
    haircut: Bps = Bps(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookGap:
    """A book that cannot be relied on, why, since when (seconds), and what it last said."""

    account: AccountId
    reason: str
    since: int
    last: PublishedBook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All chains of one margin account at one moment (seconds).

    `doubts` say why the moment itself is not sure: a clock that a chain's does not agree with.
    `books` are what venues or operators published for the account.
    """

    account: str
    members: tuple[AccountId, ...]
    chains: tuple[ChainSnapshot | ChainGap, ...]
    taken_at: int
    doubts: tuple[str, ...] = ()
    books: tuple[PublishedBook | BookGap, ...] = ()

    @property
    def read(self) -> tuple[ChainSnapshot, ...]:
        """The chains that were read."""
        return tuple(c for c in self.chains if isinstance(c, ChainSnapshot))

    @property
    def gaps(self) -> tuple[ChainGap, ...]:
        """The chains that were not."""
        return tuple(c for c in self.chains if isinstance(c, ChainGap))

    @property
    def published(self) -> tuple[PublishedBook, ...]:
        """The books that may be relied on."""
        return tuple(b for b in self.books if isinstance(b, PublishedBook))

    @property
    def skew_s(self) -> int:
        """Seconds between the oldest and the newest anchor read; 0 with fewer than two."""
        times = [c.anchor.time for c in self.read]
        return max(times) - min(times) if times else 0
