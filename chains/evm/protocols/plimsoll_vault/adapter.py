"""A Plimsoll vault as the daemon reads it: a vault account's legs on one chain as a position.

A vault account is an id, the same on every chain, and no address: `accounts` says which id a member
of a margin account stands for. Its legs count where that member owns the id on this chain. `open`
and nothing else does I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from chains.errors import Stale
from chains.evm.abi.erc20 import SYMBOL, decode_symbol
from chains.evm.multicall import ReadPlan, ViewCaller, ViewResult, combine, map_plan, read
from chains.evm.protocols.plimsoll_vault.contracts import (
    ASSET_COUNT,
    ASSET_TERMS,
    JUDGE,
    JUDGED,
    JUDGED_FIELDS,
    LEGS,
    OWNER_OF,
    POOL,
    PRICE,
    SEIZURE,
)
from chains.evm.protocols.plimsoll_vault.health import Judged
from chains.evm.protocols.plimsoll_vault.positions import (
    PROTOCOL,
    VERSION,
    VaultView,
    build_position,
)
from chains.evm.protocols.plimsoll_vault.state import Asset, Legs
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Position
from chains.model.price import Price, PriceStatus
from chains.model.snapshot import NOBODY
from chains.model.units import Usd
from chains.oracles.chainlink import FeedTerms, plan_price

UNJUDGED: Final = "plimsoll_vault"
"""The source of a price that no configured feed vouches for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRead:
    """A vault account on one chain: its owner (NOBODY where unlinked), legs, and both healths.

    `low` and `high` are None where the contract cannot judge now: a price it needs is not good.
    `never` says that the chain was never told of another that matters: it lets nobody seize then,
    and its figures know only half of the account.
    """

    id: bytes
    owner: Address
    legs: Legs
    low: int | None
    high: int | None
    never: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held or owed here."""
        return not any((*self.legs.collateral, *self.legs.debt))


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRead:
    """A vault at one anchor: a position for each owner among the accounts, its assets' prices.

    `unreadable` says of a member why his margin account's figure is not known.
    """

    positions: tuple[Position, ...]
    unreadable: Mapping[AccountId, str]
    prices: tuple[Price, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultLayout:
    """A chain's contracts and the tokens of its assets by number, None for a feed alone.

    Who repays approves the `pool`; the `judge` says what may be seized; `scales` are the wad units
    of one base unit.
    """

    vault: Address
    seizure: Address
    judge: Address
    pool: Address
    tokens: tuple[Address | None, ...]
    scales: tuple[int, ...]
    symbols: Mapping[int, str]


class PlimsollVaultMarket:
    """One chain's vault, its layout known."""

    protocol: ClassVar[str] = PROTOCOL
    version: ClassVar[str] = VERSION
    by_name: ClassVar[bool] = True

    def __init__(
        self,
        market: AccountId,
        layout: VaultLayout,
        feeds: Mapping[Address, FeedTerms],
        accounts: Mapping[AccountId, bytes],
    ) -> None:
        self.market: Final = market
        self.layout: Final = layout
        self._feeds = dict(feeds)
        self._accounts = dict(accounts)

    @classmethod
    async def open(
        cls,
        client: ViewCaller,
        anchor: BlockAnchor,
        *,
        pool: Address,
        feeds: Mapping[Address, FeedTerms],
        accounts: Mapping[AccountId, bytes] | None = None,
    ) -> Self:
        """Learn a vault's assets at the anchor: `pool` is the vault's address."""
        count = await read(client, anchor, ASSET_COUNT.plan(pool))
        plan = combine(
            [
                SEIZURE.plan(pool),
                POOL.plan(pool),
                combine([ASSET_TERMS.plan(pool, n) for n in range(count)]),
            ]
        )
        seizure, lenders, terms = await read(client, anchor, plan)
        judge = await read(client, anchor, JUDGE.plan(Address(seizure)))
        tokens = tuple(None if found[0] == NOBODY else Address(found[0]) for found in terms)
        named = {number: token for number, token in enumerate(tokens) if token is not None}
        symbols = await read(client, anchor, combine([_plan_symbol(t) for t in named.values()]))
        layout = VaultLayout(
            vault=pool,
            seizure=Address(seizure),
            judge=Address(judge),
            pool=Address(lenders),
            tokens=tokens,
            scales=tuple(found[1] for found in terms),
            symbols=dict(zip(named, symbols, strict=True)),
        )
        return cls(AccountId(anchor.chain, pool), layout, feeds, accounts or {})

    def plan_assets(self) -> ReadPlan[tuple[Asset, ...]]:
        """Plan to read every asset's terms and price; Stale when one was listed since."""
        vault = self.layout.vault
        numbers = range(len(self.layout.tokens))
        parts = combine(
            [
                ASSET_COUNT.plan(vault),
                combine([ASSET_TERMS.plan(vault, number) for number in numbers]),
                combine([PRICE.plan_optional(vault, number) for number in numbers]),
            ]
        )

        def build(found: tuple[Any, ...]) -> tuple[Asset, ...]:
            count, terms, prices = found
            if count != len(numbers):
                raise Stale(self.market.chain, f"vault {vault} lists {count} assets now")
            return tuple(
                _build_asset(number, one, price)
                for number, one, price in zip(numbers, terms, prices, strict=True)
            )

        return map_plan(parts, build)

    def plan_accounts(self, ids: Sequence[bytes]) -> ReadPlan[tuple[AccountRead, ...]]:
        """Plan to read vault accounts on this chain by their ids."""
        return combine([self._plan_account(id_) for id_ in ids])

    def _plan_account(self, id_: bytes) -> ReadPlan[AccountRead]:
        calls = (
            OWNER_OF.view(self.layout.vault, id_),
            LEGS.view(self.layout.vault, id_),
            JUDGED.view(self.layout.judge, id_, allow_failure=True),
        )

        def decode(results: Sequence[ViewResult]) -> AccountRead:
            owner, legs, sums = results
            judged = (
                Judged(**dict(zip(JUDGED_FIELDS, JUDGED.read(sums), strict=True)))
                if sums.success
                else None
            )
            return AccountRead(
                id=id_,
                owner=Address(OWNER_OF.read(owner)),
                legs=Legs(**dict(zip(Legs.__slots__, LEGS.read(legs), strict=True))),
                low=judged.low if judged else None,
                high=judged.high if judged else None,
                never=judged is not None and judged.never,
            )

        return ReadPlan(calls=calls, decode=decode)

    def plan_read(
        self, accounts: Sequence[AccountId], *, anchor: BlockAnchor
    ) -> ReadPlan[VaultRead]:
        """Plan to read the vault and the vault accounts of these members at the anchor."""
        ids = {member: self._accounts[member] for member in accounts if member in self._accounts}
        wanted = tuple(dict.fromkeys(ids.values()))
        parts = combine([self.plan_assets(), self._plan_prices(anchor), self.plan_accounts(wanted)])

        def build(found: tuple[Any, ...]) -> VaultRead:
            assets, prices, reads = found
            view = VaultView(
                vault=self.market,
                assets=assets,
                symbols=self.layout.symbols,
                prices=_agree(assets, prices),
                anchor=anchor,
            )
            return _build_read(view, ids, {one.id: one for one in reads})

        return map_plan(parts, build)

    def _plan_prices(self, anchor: BlockAnchor) -> ReadPlan[tuple[Price, ...]]:
        """Plan the configured feeds of the assets that have a token, in their order."""
        known = [token for token in self.layout.tokens if token is not None]
        return combine(
            [
                plan_price(AssetId.erc20(anchor.chain, token), self._feeds[token], now=anchor.time)
                if token in self._feeds
                else _plan_nothing(anchor.chain, token)
                for token in known
            ]
        )


@dataclass(frozen=True, slots=True)
class VaultOpener:
    """Opens a chain's vault for the accounts that members of margin accounts have in it."""

    accounts: Mapping[AccountId, bytes]

    async def open(
        self,
        client: ViewCaller,
        anchor: BlockAnchor,
        *,
        pool: Address,
        feeds: Mapping[Address, FeedTerms],
    ) -> PlimsollVaultMarket:
        """Learn the vault's assets at the anchor."""
        return await PlimsollVaultMarket.open(
            client, anchor, pool=pool, feeds=feeds, accounts=self.accounts
        )


def _plan_symbol(token: Address) -> ReadPlan[str]:
    return ReadPlan(
        calls=(SYMBOL.view(token),), decode=lambda results: decode_symbol(results[0].data)
    )


def _plan_nothing(chain: ChainId, token: Address) -> ReadPlan[Price]:
    price = Price(
        asset=AssetId.erc20(chain, token),
        usd=Usd(0),
        source=UNJUDGED,
        feed=token,
        published_at=0,
        heartbeat_s=0,
        status=PriceStatus.UNREADABLE,
    )
    return ReadPlan(calls=(), decode=lambda _: price)


def _build_asset(number: int, terms: tuple[Any, ...], price: int | None) -> Asset:
    token, scale, ltv, threshold, max_rate = terms
    return Asset(
        number=number,
        token=None if token == NOBODY else Address(token),
        scale=scale,
        ltv=ltv,
        threshold=threshold,
        max_rate=max_rate,
        price=None if price is None else Usd(price),
    )


def _agree(assets: Sequence[Asset], prices: Sequence[Price]) -> Mapping[int, Price]:
    """Give the vault's own numbers with the judgement of the configured feeds.

    A price that the vault itself does not believe, or that is not the configured feed's, is not
    valid.
    """
    listed = [asset for asset in assets if asset.token is not None]
    return {
        asset.number: _agree_one(asset, price) for asset, price in zip(listed, prices, strict=True)
    }


def _agree_one(asset: Asset, price: Price) -> Price:
    status = price.status
    if asset.price is None:
        status = PriceStatus.UNREADABLE if price.valid else status
    elif price.valid and asset.price != price.usd:
        status = PriceStatus.UNVERIFIED
    return Price(
        asset=price.asset,
        usd=price.usd if asset.price is None else asset.price,
        source=price.source,
        feed=price.feed,
        published_at=price.published_at,
        heartbeat_s=price.heartbeat_s,
        confidence=price.confidence,
        status=status,
    )


def _build_read(
    view: VaultView, ids: Mapping[AccountId, bytes], reads: Mapping[bytes, AccountRead]
) -> VaultRead:
    positions: list[Position] = []
    unreadable: dict[AccountId, str] = {}
    for member, id_ in ids.items():
        found = reads[id_]
        others = {one.evm_address for one, its in ids.items() if its == id_}
        if found.owner == member.evm_address:
            if found.high is None:
                unreadable[member] = "the vault cannot judge the account: a price is not good"
            else:
                high = None if found.never else found.high
                positions.append(build_position(view, member, found.legs, high))
        elif found.owner not in others and any(found.legs.debt):
            owner = f"belongs to {found.owner}" if found.owner != NOBODY else "is linked to nobody"
            unreadable[member] = f"the vault account 0x{id_.hex()} owes here and {owner}"
    return VaultRead(
        positions=tuple(positions), unreadable=unreadable, prices=tuple(view.prices.values())
    )


MARKET: Final = PlimsollVaultMarket
