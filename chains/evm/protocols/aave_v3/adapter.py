"""Aave v3 as the daemon uses it: reads at an anchor, unsigned calls, liquidations foreseen.

Hot reads are plans, so that a whole chain is one call. `open` and nothing else does I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, Self

from chains.errors import DecodeError
from chains.evm.multicall import ReadPlan, ViewCaller, ViewResult, combine, map_plan
from chains.evm.protocols.aave_v3.contracts import (
    BORROW_TOPIC,
    GET_USER_ACCOUNT_DATA,
    LIQUIDATION_CALL,
)
from chains.evm.protocols.aave_v3.decode import decode_account_data
from chains.evm.protocols.aave_v3.layout import MarketLayout, read_layout
from chains.evm.protocols.aave_v3.liquidation import (
    EVERYTHING,
    Liquidation,
    predict_liquidation,
)
from chains.evm.protocols.aave_v3.pair import Blocked
from chains.evm.protocols.aave_v3.positions import PROTOCOL, MarketView, build_position
from chains.evm.protocols.aave_v3.prices import plan_feeds, price_reserves
from chains.evm.protocols.aave_v3.snapshot import (
    Marks,
    plan_marked,
    plan_market,
    plan_marks,
    plan_user,
)
from chains.evm.protocols.aave_v3.state import AccountData, Market, User
from chains.model.action import Call
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address
from chains.model.position import Position
from chains.model.price import Price
from chains.oracles.chainlink import FeedTerms

_ON_BEHALF_OF: Final = 2


class Event(Protocol):
    """What is needed of a log."""

    @property
    def topics(self) -> tuple[bytes, ...]:
        """The indexed words, the event's own hash first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRead:
    """A market at one anchor: a position per account asked for, and every reserve's price.

    `unreadable` says why an account has no position: one that cannot be valued hides no other.
    `state` and `users` are what the pure arithmetic works on.
    """

    positions: tuple[Position, ...]
    unreadable: Mapping[AccountId, str]
    prices: tuple[Price, ...]
    state: Market
    users: Mapping[AccountId, User]


class AaveV3Market:
    """One Aave v3 pool on one chain, its layout known."""

    protocol: ClassVar[str] = PROTOCOL
    borrow_topic: ClassVar[bytes] = BORROW_TOPIC
    by_name: ClassVar[bool] = False

    def __init__(
        self, market: AccountId, layout: MarketLayout, feeds: Mapping[Address, FeedTerms]
    ) -> None:
        self.market: Final = market
        self.layout: Final = layout
        self.version: Final[str] = layout.version
        self._feeds = dict(feeds)

    @classmethod
    async def open(
        cls,
        client: ViewCaller,
        anchor: BlockAnchor,
        *,
        pool: Address,
        feeds: Mapping[Address, FeedTerms],
    ) -> Self:
        """Learn a market's layout at the anchor; DecodeError for a revision that is not known.

        `feeds` are the terms of each asset's Chainlink feed, by token address.
        """
        layout = await read_layout(client, anchor, pool)
        return cls(AccountId(anchor.chain, pool), layout, feeds)

    def plan_read(
        self, accounts: Sequence[AccountId], *, anchor: BlockAnchor
    ) -> ReadPlan[MarketRead]:
        """Plan to read the market and these accounts at the anchor.

        Decoding raises Stale when the market was changed since it was opened (open it again).
        An account whose figures are not the pool's own, or that the pool cannot value, is
        unreadable.
        """
        chain = self.market.chain
        users = [plan_user(chain, self.layout, account.evm_address) for account in accounts]
        parts = combine(
            [
                plan_market(chain, self.layout, now=anchor.time),
                plan_feeds(self.layout, self._feeds),
                combine(users),
            ]
        )

        def build(read: tuple[Any, ...]) -> MarketRead:
            market, feeds, found = read
            prices = price_reserves(chain, self.layout, market, feeds)
            view = MarketView(
                layout=self.layout, market=market, feeds=feeds, prices=prices, anchor=anchor
            )
            positions, unreadable = [], {}
            for account, one in zip(accounts, found, strict=True):
                try:
                    positions.append(build_position(view, account, one))
                except DecodeError as error:
                    unreadable[account] = error.reason
            return MarketRead(
                positions=tuple(positions),
                unreadable=unreadable,
                prices=tuple(prices.values()),
                state=market,
                users={account: one.user for account, one in zip(accounts, found, strict=True)},
            )

        return map_plan(parts, build)

    def plan_health(
        self, accounts: Sequence[AccountId]
    ) -> ReadPlan[Mapping[AccountId, AccountData | None]]:
        """Plan to screen many accounts by what the pool reports; None for one that reverts."""
        calls = tuple(
            GET_USER_ACCOUNT_DATA.view(self.layout.pool, account.evm_address, allow_failure=True)
            for account in accounts
        )

        def decode(results: Sequence[ViewResult]) -> Mapping[AccountId, AccountData | None]:
            return {
                account: decode_account_data(result) if result.success else None
                for account, result in zip(accounts, results, strict=True)
            }

        return ReadPlan(calls=calls, decode=decode)

    def plan_state(self, *, anchor: BlockAnchor) -> ReadPlan[Market]:
        """Plan to read the market without anybody in it; Stale as in `plan_read`."""
        return plan_market(self.market.chain, self.layout, now=anchor.time)

    def plan_marks(self, accounts: Sequence[AccountId]) -> ReadPlan[Mapping[AccountId, Marks]]:
        """Plan to read which reserves accounts use."""
        parts = combine([plan_marks(self.layout, account.evm_address) for account in accounts])
        return map_plan(parts, lambda found: dict(zip(accounts, found, strict=True)))

    def plan_users(self, marks: Mapping[AccountId, Marks]) -> ReadPlan[Mapping[AccountId, User]]:
        """Plan to read accounts' balances in the reserves that they use."""
        users = [
            plan_marked(self.layout, account.evm_address, each) for account, each in marks.items()
        ]
        return map_plan(combine(users), lambda found: dict(zip(marks, found, strict=True)))

    def build_liquidation(
        self,
        collateral: Address,
        debt: Address,
        user: Address,
        units: int,
        *,
        receive_atoken: bool = False,
    ) -> Call:
        """Build the call that covers up to `units` of a user's debt against its collateral."""
        return LIQUIDATION_CALL.call(
            self.layout.pool, collateral, debt, user, units, receive_atoken
        )

    def predict_liquidation(
        self,
        state: Market,
        user: User,
        *,
        collateral: Address,
        debt: Address,
        debt_to_cover: int = EVERYTHING,
    ) -> Liquidation | Blocked:
        """Say what `build_liquidation` would do at the state's time, by token addresses."""
        return predict_liquidation(
            state,
            user,
            collateral=state.find(collateral).number,
            debt=state.find(debt).number,
            debt_to_cover=debt_to_cover,
        )

    def decode_borrower(self, event: Event) -> AccountId:
        """Give the account that a `Borrow` event (`borrow_topic`) put into debt."""
        topics = event.topics
        if len(topics) <= _ON_BEHALF_OF or topics[0] != BORROW_TOPIC:
            raise ValueError("this is not a Borrow event of Aave v3")
        return AccountId(self.market.chain, f"0x{topics[_ON_BEHALF_OF][-20:].hex()}")


MARKET: Final = AaveV3Market
