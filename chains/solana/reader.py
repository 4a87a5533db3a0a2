"""One Solana chain read whole: positions, funds, prices, references and ratios in one call.

Every part contributes a pure plan; the combined plan is one `getMultipleAccounts` at the head's
slot or later, which mints the anchor. Markets are opened at the first read, and again when their
accounts changed; `search.py` finds the obligations that do not lie at a conventional address.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from solders.pubkey import Pubkey

from chains.discover import SolanaMarket
from chains.errors import DecodeError, MissingBlock, Stale
from chains.evm.rescue import OwnerFunds, Token, join_funds
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import AccountId, Address, AssetId
from chains.model.position import Position
from chains.model.price import Price
from chains.model.snapshot import ChainFees, ChainSnapshot, ScannedMarket
from chains.model.units import Usd
from chains.oracles import pyth
from chains.solana.accounts import (
    CLOCK,
    AccountPlan,
    SlotRead,
    combine,
    decode_clock,
    decode_slot,
    read,
    read_slot,
)
from chains.solana.client import SolanaClient
from chains.solana.fitting import Extent, choose_plan, describe_spared
from chains.solana.markets import AssetTerms, Found, MarketRead
from chains.solana.owed import Owed, find_owed, group_owed
from chains.solana.ratios import StakePoolTerms, plan_ratio
from chains.solana.rescue import plan_funds
from chains.solana.search import ObligationSearch
from chains.solana.telling import Told

SEARCH_S: Final = 5.0
"""How often it is looked whether a wallet is to be searched for again."""
KEPT_READS: Final = 8
"""How many of the last reads are kept as they came."""
NEAR_SLOTS: Final = 50
"""How far the slots of two members' reads may lie apart."""
_HIDDEN: Final = "one of his rescue accounts cannot be decoded: no rescue here"
_LEFT_OUT: Final = "what rescues are paid from does not fit into a read: no rescue here"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTerms:
    """A configured token, the protocol's feed for it and the market reference beside it.

    `ratio` says where a staked form's is read, None for others.
    """

    asset: AssetId
    symbol: str
    decimals: int
    feed: pyth.PythTerms
    reference: pyth.PythTerms | None = None
    ratio: StakePoolTerms | None = None

    @property
    def mint(self) -> Pubkey:
        """The token's mint."""
        return Pubkey.from_string(self.asset.reference)

    @property
    def terms(self) -> AssetTerms:
        """What a market is told of the token."""
        return AssetTerms(
            symbol=self.symbol,
            minimum=self.feed.minimum,
            maximum=self.feed.maximum,
            feed=self.feed.feed,
            feeds=self.feed.memory,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """A configured market and its protocol's class; see chains.discover."""

    protocol: type[SolanaMarket]
    market: Pubkey
    reserves: tuple[Pubkey, ...]
    program: Pubkey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """All that one call saw."""

    anchor: BlockAnchor
    reads: Mapping[AccountId, MarketRead[Any, Any]]
    references: tuple[Price, ...]
    native: Price | None
    funds: tuple[OwnerFunds, ...]
    ratios: tuple[Any, ...]
    extent: Extent

    @property
    def unvalued(self) -> tuple[tuple[AccountId, str], ...]:
        """Who has what owes nothing and counts as nothing, and why."""
        return (
            *(found for each in self.reads.values() for found in each.unvalued.items()),
            *describe_spared(self.extent.spared).items(),
        )

    @property
    def positions(self) -> tuple[Position, ...]:
        """The positions in all markets."""
        return tuple(position for each in self.reads.values() for position in each.positions)

    @property
    def prices(self) -> tuple[Price, ...]:
        """The prices in all markets."""
        return tuple(price for each in self.reads.values() for price in each.prices)


class SolanaReader:
    """Reads one chain for a set of accounts; a `chains.ports.Reader`.

    `native` is the token whose price fees are charged at; `rescue` our program for mandates.
    """

    def __init__(
        self,
        client: SolanaClient,
        *,
        markets: Sequence[MarketTerms],
        tokens: Sequence[TokenTerms],
        native: TokenTerms,
        rescue: Pubkey | None,
    ) -> None:
        self._client: Final = client
        self._terms: Final = tuple(markets)
        self._tokens: Final = tuple(tokens)
        self._native: Final = native
        self._rescue: Final = rescue
        self._search: Final = ObligationSearch(client)
        self._names: Final = {
            token.asset: Token(symbol=token.symbol, decimals=token.decimals) for token in tokens
        }
        self._markets: tuple[SolanaMarket, ...] | None = None
        self._reads: Mapping[AccountId, MarketRead[Any, Any]] = {}
        self._owed: frozenset[Owed] = frozenset()
        self._native_usd = Usd(0)
        self._hidden: Final = Told("funds.unreadable", "funds.readable")
        self._left_out: Final = Told("funds.left_out", "funds.read")
        self._unvalued: Final = Told("obligations.unvalued", "obligations.valued")
        self._read_at = 0
        self._kept: Final[deque[SlotRead]] = deque(maxlen=KEPT_READS)

    @property
    def reads(self) -> Mapping[AccountId, MarketRead[Any, Any]]:
        """What the last read saw of each market, by the market's id."""
        return self._reads

    @property
    def opened(self) -> Mapping[AccountId, SolanaMarket]:
        """The markets that are open, by their ids."""
        return {market.market: market for market in self._markets or ()}

    async def markets(self, *, min_slot: int = 0) -> tuple[SolanaMarket, ...]:
        """Give the open markets, in the configured order; opened where needed."""
        if self._markets is None:
            assets = {token.mint: token.terms for token in self._tokens}
            plans = [
                terms.protocol.plan_open(
                    self._client.chain,
                    market=terms.market,
                    reserves=terms.reserves,
                    assets=assets,
                    program=terms.program,
                )
                for terms in self._terms
            ]
            _, opened = await read(self._client, combine(plans), min_slot=min_slot)
            self._markets = opened
            return opened
        return self._markets

    async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
        """Read the chain at the head or later in one call; ChainError where that fails.

        A market whose accounts changed since it was opened is opened again, once.
        """
        anchor = head.anchor
        ours = [account for account in accounts if account.chain == anchor.chain]
        known = self._markets
        markets = await self.markets(min_slot=anchor.height)
        await self._search.search_new(markets, ours, now=anchor.time)
        try:
            return self._build(await self._read(anchor.height, ours, markets), ours)
        except MissingBlock:
            raise
        except Stale:
            self._markets = None
            if known is None:
                raise
        markets = await self.markets(min_slot=anchor.height)
        return self._build(await self._read(anchor.height, ours, markets), ours)

    def find_read(self, digest: bytes) -> SlotRead | None:
        """Give one of the last reads by its anchor's hash, as it came."""
        return next((seen for seen in reversed(self._kept) if seen.anchor.hash == digest), None)

    async def confirm(self, offered: SlotRead) -> None:
        """See that somebody else's read is true: the same bytes as here, but for the Clock.

        Held against the last reads, then read again, twice at the most; Stale where it differs.
        """
        slot, keys = offered.anchor.height, tuple(offered.accounts)
        near = (seen for seen in self._kept if abs(seen.slot - slot) <= NEAR_SLOTS)
        if any(offered.agrees(seen) for seen in near):
            return
        for _ in range(2):
            seen = await read_slot(self._client, keys, min_slot=slot)
            if seen.slot - slot > NEAR_SLOTS:
                raise Stale(offered.chain, f"slot {slot} is past, the chain is at {seen.slot}")
            if offered.agrees(seen):
                return
        raise Stale(offered.chain, f"account {offered.find_difference(seen)} reads otherwise here")

    async def value(self, offered: SlotRead, accounts: Sequence[AccountId]) -> ChainSnapshot:
        """Value positions from somebody else's read, at its own Clock; no funds, no fees.

        DecodeError where it has not all that this reader would have read for the positions, but
        for obligations without debts, which may have found no place in it: those are read here.
        """
        anchor = offered.anchor
        markets = await self.markets(min_slot=anchor.height)
        await self._search.search_new(markets, accounts, now=anchor.time)
        absent = await self._search.check_left_out(markets, accounts, offered)
        extent = Extent(spared=absent, funds=False)
        plan = combine([self._plan_markets(accounts, markets, extent), self._plan_ratios()])
        snapshots, ratios = decode_slot(plan, offered)
        whole = _Whole(
            anchor=anchor,
            reads=_build_reads(markets, snapshots, anchor),
            references=(),
            native=None,
            funds=(),
            ratios=ratios,
            extent=extent,
        )
        return self._show(whole, accounts, native_usd=Usd(0))

    async def keep_searching(self, period_s: float = SEARCH_S) -> NoReturn:
        """Search again for obligations opened since, one wallet at a time, until cancelled.

        Beside the reads, so that no slow scan holds one up.
        """
        while True:
            await asyncio.sleep(period_s)
            await self._search.search_due(self._markets or (), now=self._read_at)

    async def _read(
        self, slot: int, accounts: Sequence[AccountId], markets: Sequence[SolanaMarket]
    ) -> _Whole:
        """Read everything, once more where somebody owes what no mandate was looked up for."""
        whole = await self._read_once(slot, accounts, markets)
        known, self._owed = self._owed, frozenset(find_owed(whole.positions))
        if self._rescue and self._owed - known:
            whole = await self._read_once(slot, accounts, markets)
        return whole

    async def _read_once(
        self, slot: int, accounts: Sequence[AccountId], markets: Sequence[SolanaMarket]
    ) -> _Whole:
        extent, plan = choose_plan(
            lambda extent: self._plan(accounts, markets, extent),
            lambda: self._search.find_spare(markets, accounts),
        )
        seen = await read_slot(self._client, plan.keys, min_slot=slot)
        anchor = seen.anchor
        snapshots, references, native, funds, ratios = decode_slot(plan, seen)
        self._kept.append(seen)
        return _Whole(
            anchor=anchor,
            reads=_build_reads(markets, snapshots, anchor),
            references=references,
            native=native,
            funds=funds,
            ratios=ratios,
            extent=extent,
        )

    def _plan(
        self, accounts: Sequence[AccountId], markets: Sequence[SolanaMarket], extent: Extent
    ) -> AccountPlan[tuple[Any, ...]]:
        plans: list[AccountPlan[Any]] = [
            self._plan_markets(accounts, markets, extent),
            combine([self._plan_price(t, t.reference) for t in self._tokens if t.reference]),
            self._plan_price(self._native, self._native.feed),
            self._plan_funds(extent),
            self._plan_ratios(),
        ]
        return combine(plans)

    def _plan_markets(
        self, accounts: Sequence[AccountId], markets: Sequence[SolanaMarket], extent: Extent
    ) -> AccountPlan[tuple[Any, ...]]:
        find, spared = self._search.find_targets, extent.spared
        return combine([m.plan_read(find(m, accounts, without=spared)) for m in markets])

    def _plan_ratios(self) -> AccountPlan[tuple[Any, ...]]:
        chain = self._client.chain
        return combine([plan_ratio(chain, t.asset, t.ratio) for t in self._tokens if t.ratio])

    def _plan_price(self, token: TokenTerms, terms: pyth.PythTerms) -> AccountPlan[Price]:
        """Plan to read a feed and judge it at the read's own time."""
        chain = self._client.chain

        def decode(found: Found) -> Price:
            now = decode_clock(found[CLOCK]).unix_timestamp
            return pyth.plan_price(chain, token.asset, terms, now=now).decode(found)

        return AccountPlan(keys=(CLOCK, terms.account), decode=decode)

    def _plan_funds(self, extent: Extent) -> AccountPlan[tuple[OwnerFunds, ...]]:
        if self._rescue is None or not extent.funds:
            return AccountPlan(keys=(), decode=lambda _: ())
        return plan_funds(self._client.chain, self._rescue, group_owed(self._owed))

    def _build(self, whole: _Whole, accounts: Sequence[AccountId]) -> ChainSnapshot:
        self._reads, self._read_at = whole.reads, whole.anchor.time
        self._tell(whole)
        native_usd = self._price_fees(whole.native, whole.prices)
        return self._show(whole, accounts, native_usd=native_usd)

    def _show(
        self, whole: _Whole, accounts: Sequence[AccountId], *, native_usd: Usd
    ) -> ChainSnapshot:
        reads, prices = whole.reads.values(), whole.prices
        unsearched = self._search.find_unsearched(self._markets or (), accounts)
        return ChainSnapshot(
            anchor=whole.anchor,
            positions=whole.positions,
            funds=join_funds(whole.funds, {price.asset: price for price in prices}, self._names),
            prices=prices,
            references=whole.references,
            fees=ChainFees(base_fee_wei=0, priority_fee_wei=0, native_usd=native_usd),
            unreadable=(
                *(found for each in reads for found in each.unreadable.items()),
                *unsearched.items(),
            ),
            ratios=whole.ratios,
            scanned=tuple(self._name_scanned()),
            unvalued=whole.unvalued,
        )

    def _name_scanned(self) -> Iterator[ScannedMarket]:
        for terms in self._terms:
            yield ScannedMarket(
                market=AccountId(self._client.chain, str(terms.market)),
                protocol=terms.protocol.protocol,
                version=terms.protocol.version,
                reserves=tuple(sorted(Address(str(key)) for key in terms.reserves)),
            )

    def _tell(self, whole: _Whole) -> None:
        """Say once of whom something could not be read, and was left out."""
        hidden = [owned.owner for owned in whole.funds if not owned.readable]
        self._hidden.tell(dict.fromkeys(hidden, _HIDDEN))
        self._unvalued.tell(dict(whole.unvalued))
        left_out = [] if whole.extent.funds else [owed.owner for owed in self._owed]
        self._left_out.tell(dict.fromkeys(left_out, _LEFT_OUT))

    def _price_fees(self, native: Price | None, prices: Sequence[Price]) -> Usd:
        """Give what fees are charged at: its feed, else a market's number, else the last known.

        A dead feed of the fees' token alone must not hide a chain; DecodeError where no number was
        ever seen.
        """
        asset = self._native.asset
        read = prices if native is None else (native, *prices)
        found = [price.usd for price in read if price.asset == asset]
        self._native_usd = next((usd for usd in found if usd > 0), self._native_usd)
        if self._native_usd <= 0:
            feed = self._native.feed.account
            raise DecodeError(asset.chain, f"feed {feed} gives fees no price")
        return self._native_usd


def _build_reads(
    markets: Sequence[SolanaMarket], snapshots: Sequence[Any], anchor: BlockAnchor
) -> Mapping[AccountId, MarketRead[Any, Any]]:
    return {
        market.market: market.build_read(snapshot, anchor)
        for market, snapshot in zip(markets, snapshots, strict=True)
    }
