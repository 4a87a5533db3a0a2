"""One EVM chain read whole at one head: positions, funds, prices, references, ratios in one call.

Every part contributes a pure plan; the combined plan is one multicall at the head's block hash.
Markets are opened at the first read, and again when governance changed one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from chains.discover import EvmMarket
from chains.errors import DecodeError, MissingBlock, Stale
from chains.evm.multicall import ReadPlan, ViewCaller, combine, read
from chains.evm.ratios import RatioTerms, plan_ratio
from chains.evm.rescue import OwnerFunds, Token, join_funds, plan_funds
from chains.model.anchor import BlockAnchor, Head
from chains.model.ids import AccountId, Address, AssetId
from chains.model.price import Price
from chains.model.snapshot import ChainFees, ChainSnapshot, ScannedMarket
from chains.model.units import Usd
from chains.oracles.chainlink import FeedTerms, plan_price

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTerms:
    """A configured token, the protocol's feed for it and the market reference beside it.

    `ratio` says where a staked form's is read, None for others.
    """

    asset: AssetId
    symbol: str
    decimals: int
    feed: FeedTerms
    reference: FeedTerms | None = None
    ratio: RatioTerms | None = None


class Opener(Protocol):
    """Opens a market: its protocol's class, or what knows more of it."""

    async def open(
        self,
        client: ViewCaller,
        anchor: BlockAnchor,
        *,
        pool: Address,
        feeds: Mapping[Address, FeedTerms],
    ) -> EvmMarket:
        """Learn the market's layout at the anchor; DecodeError for an unknown version."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """A configured market: its pool and its protocol's class; see chains.discover."""

    pool: Address
    protocol: Opener


class EvmReader:
    """Reads one chain for a set of accounts; a `chains.ports.Reader`.

    `native` is the token whose price gas is charged at; `priority_fee_wei` the tip offered.
    """

    def __init__(
        self,
        client: ViewCaller,
        *,
        markets: Sequence[MarketTerms],
        tokens: Sequence[TokenTerms],
        native: TokenTerms,
        priority_fee_wei: int,
        rescue: Address | None,
    ) -> None:
        self._client: Final = client
        self._terms: Final = tuple(markets)
        self._tokens: Final = tuple(tokens)
        self._native: Final = native
        self._priority_fee_wei: Final = priority_fee_wei
        self._rescue: Final = rescue
        self._feeds: Final = {token.asset.token: token.feed for token in tokens}
        self._names: Final = {
            token.asset: Token(symbol=token.symbol, decimals=token.decimals) for token in tokens
        }
        self._markets: tuple[EvmMarket, ...] | None = None
        self._native_usd = Usd(0)
        self._hidden: frozenset[AccountId] = frozenset()

    async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
        """Read the chain at the head in one call; ChainError where that fails.

        A market that was changed since it was opened is opened again, once.
        """
        ours = [account for account in accounts if account.chain == head.anchor.chain]
        known = self._markets
        markets = await self.markets(head.anchor)
        try:
            return await read(self._client, head.anchor, self._plan(head, ours, markets))
        except MissingBlock:
            raise
        except Stale:
            self._markets = None
            if known is None:
                raise
        markets = await self.markets(head.anchor)
        return await read(self._client, head.anchor, self._plan(head, ours, markets))

    async def markets(self, anchor: BlockAnchor) -> tuple[EvmMarket, ...]:
        """Give the open markets, in the configured order; opened at the anchor where needed."""
        if self._markets is None:
            self._markets = tuple(
                [
                    await terms.protocol.open(
                        self._client, anchor, pool=terms.pool, feeds=self._feeds
                    )
                    for terms in self._terms
                ]
            )
        return self._markets

    def _plan(
        self, head: Head, accounts: Sequence[AccountId], markets: Sequence[EvmMarket]
    ) -> ReadPlan[ChainSnapshot]:
        now = head.anchor.time
        plans: list[ReadPlan[Any]] = [
            combine([market.plan_read(accounts, anchor=head.anchor) for market in markets]),
            combine(
                [
                    plan_price(token.asset, token.reference, now=now)
                    for token in self._tokens
                    if token.reference
                ]
            ),
            plan_price(self._native.asset, self._native.feed, now=now),
            self._plan_funds(head.anchor, accounts),
            combine(
                [plan_ratio(token.asset, token.ratio) for token in self._tokens if token.ratio]
            ),
        ]
        whole = combine(plans)
        return ReadPlan(
            calls=whole.calls,
            decode=lambda results: self._build(head, markets, whole.decode(results)),
        )

    def _plan_funds(
        self, anchor: BlockAnchor, accounts: Sequence[AccountId]
    ) -> ReadPlan[tuple[OwnerFunds, ...]]:
        if self._rescue is None:
            return ReadPlan(calls=(), decode=lambda _: ())
        return plan_funds(anchor.chain, self._rescue, accounts)

    def _tell_hidden(self, funds: Sequence[OwnerFunds]) -> None:
        """Say once of an owner that no rescue can be planned for him here."""
        hidden = frozenset(owned.owner for owned in funds if not owned.readable)
        for owner in sorted(hidden - self._hidden):
            _log.warning(
                "funds.unreadable",
                account=str(owner),
                reason="the rescue contract's view of his mandates reverts: no rescue here",
            )
        for owner in sorted(self._hidden - hidden):
            _log.info("funds.readable", account=str(owner))
        self._hidden = hidden

    def _build(
        self, head: Head, opened: Sequence[EvmMarket], read: tuple[Any, ...]
    ) -> ChainSnapshot:
        markets, references, native, funds, ratios = read
        self._tell_hidden(funds)
        prices = tuple(price for market in markets for price in market.prices)
        return ChainSnapshot(
            anchor=head.anchor,
            positions=tuple(position for market in markets for position in market.positions),
            funds=join_funds(funds, {price.asset: price for price in prices}, self._names),
            prices=prices,
            references=references,
            fees=ChainFees(
                base_fee_wei=head.base_fee_wei,
                priority_fee_wei=self._priority_fee_wei,
                native_usd=self._price_gas(native, prices),
            ),
            unreadable=tuple(found for market in markets for found in market.unreadable.items()),
            ratios=ratios,
            scanned=tuple(
                ScannedMarket(
                    market=market.market,
                    protocol=market.protocol,
                    version=market.version,
                    by_name=market.by_name,
                )
                for market in opened
            ),
        )

    def _price_gas(self, native: Price, prices: Sequence[Price]) -> Usd:
        """Give what gas is charged at: its feed, else a market's number, else the last known.

        A dead feed of the gas token alone must not hide a chain; DecodeError where no number was
        ever seen.
        """
        found = [price.usd for price in (native, *prices) if price.asset == native.asset]
        self._native_usd = next((usd for usd in found if usd > 0), self._native_usd)
        if self._native_usd <= 0:
            raise DecodeError(native.asset.chain, f"feed {native.feed} gives gas no price")
        return self._native_usd
