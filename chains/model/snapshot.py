"""What is known of one margin account at one moment, chain by chain."""

from dataclasses import dataclass
from enum import StrEnum

from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, AssetId, ChainId
from chains.model.position import Position
from chains.model.price import Price
from chains.model.units import Usd, Wad


class MandateKind(StrEnum):
    """What triggers a mandate: the protocol's own health, or the attested unified one."""

    NATIVE = "native"
    UNIFIED = "unified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What an owner lets the keeper spend, read from the rescue contract at an anchor.

    Amounts are base units of `asset`; `left_today` is what the daily limit still allows;
    `trigger` and `target` are health factors; `deadline` is a time in seconds.
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
    """What a transaction costs now: wei per gas and the USD price of the native token (1e18)."""

    base_fee_wei: int
    priority_fee_wei: int
    native_usd: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSnapshot:
    """One chain at one anchor: positions, idle funds and both kinds of price.

    `prices` are the protocols' own; `references` the market's, one per asset.
    """

    anchor: BlockAnchor
    positions: tuple[Position, ...]
    funds: tuple[IdleFund, ...]
    prices: tuple[Price, ...]
    references: tuple[Price, ...]
    fees: ChainFees

    @property
    def chain(self) -> ChainId:
        """The chain read."""
        return self.anchor.chain

    def only(self, members: frozenset[AccountId]) -> "ChainSnapshot":
        """Keep the positions and funds of these accounts."""
        return ChainSnapshot(
            anchor=self.anchor,
            positions=tuple(p for p in self.positions if p.account in members),
            funds=tuple(f for f in self.funds if f.owner in members),
            prices=self.prices,
            references=self.references,
            fees=self.fees,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainGap:
    """A chain that cannot be read, why, since when (seconds), and what was last known of it."""

    chain: ChainId
    reason: str
    since: int
    last: ChainSnapshot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All chains of one margin account at one moment (seconds)."""

    account: str
    members: tuple[AccountId, ...]
    chains: tuple[ChainSnapshot | ChainGap, ...]
    taken_at: int

    @property
    def read(self) -> tuple[ChainSnapshot, ...]:
        """The chains that were read."""
        return tuple(c for c in self.chains if isinstance(c, ChainSnapshot))

    @property
    def gaps(self) -> tuple[ChainGap, ...]:
        """The chains that were not."""
        return tuple(c for c in self.chains if isinstance(c, ChainGap))

    @property
    def skew_s(self) -> int:
        """Seconds between the oldest and the newest anchor read; 0 with fewer than two."""
        times = [c.anchor.time for c in self.read]
        return max(times) - min(times) if times else 0
