"""Which obligations a wallet has in a market, beside the one whose address follows from it.

A scan of the program's accounts finds them; it is repeated every few minutes. A wallet that was
never searched for may owe what nobody knows of: it cannot be valued. Of what is found, obligations
without debts may be spared where not all fit into a read: anybody can give many to anybody.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from solders.pubkey import Pubkey

from chains.discover import SolanaMarket
from chains.errors import ChainError, DecodeError
from chains.model.ids import AccountId
from chains.solana.accounts import MAX_KEYS, SlotRead, read_slot
from chains.solana.client import SolanaClient
from chains.solana.markets import Target

AGAIN_S: Final = 300
"""After how many seconds a wallet is searched for again."""
RETRY_S: Final = 30
"""After how many seconds a search that failed is tried again."""
TIMEOUT_S: Final = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """A wallet in a market."""

    market: AccountId
    account: AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What the last search gave: the obligations last found, and why it failed if it did.

    Each says whether it owed; those known longest come first.
    """

    due_at: int
    found: Mapping[Pubkey, bool] | None
    failure: str | None = None


class ObligationSearch:
    """Remembers what was found where; times are the chain's own seconds."""

    def __init__(self, client: SolanaClient) -> None:
        self._client: Final = client
        self._results: dict[_Place, _Result] = {}

    async def search_new(
        self, markets: Iterable[SolanaMarket], accounts: Sequence[AccountId], *, now: int
    ) -> None:
        """Search, side by side, for every wallet that never was searched for.

        What fails shows in `find_unsearched` and is due again: no ChainError leaves here.
        """
        places = {_Place(each.market, account): each for each in markets for account in accounts}
        async with asyncio.TaskGroup() as group:
            for place, market in places.items():
                if place not in self._results:
                    group.create_task(self._search_one(market, place, now))

    async def search_due(self, markets: Iterable[SolanaMarket], *, now: int) -> None:
        """Search again for the wallet that has been due longest, if one is."""
        by_id = {market.market: market for market in markets}
        due = [
            (result.due_at, place)
            for place, result in self._results.items()
            if result.due_at <= now and place.market in by_id
        ]
        if due:
            _, place = min(due)
            await self._search_one(by_id[place.market], place, now)

    def find_targets(
        self,
        market: SolanaMarket,
        accounts: Iterable[AccountId],
        *,
        without: Collection[Target] = (),
    ) -> list[Target]:
        """Give each wallet's obligations: the one by convention first, then those found."""
        targets: list[Target] = []
        for account in accounts:
            first = market.find_target(account)
            result = self._results.get(_Place(market.market, account))
            others = (result.found or ()) if result else ()
            keys = dict.fromkeys((first.obligation, *others))
            found = (Target(account=account, obligation=key) for key in keys)
            targets += (target for target in found if target not in without)
        return targets

    def find_spare(
        self, markets: Iterable[SolanaMarket], accounts: Sequence[AccountId]
    ) -> list[Target]:
        """Give the obligations that owed nothing when last searched for, the latest found first.

        None that lies at a wallet's conventional address.
        """
        spare: list[Target] = []
        for market in markets:
            for account in accounts:
                result = self._results.get(_Place(market.market, account))
                found = (result.found or {}) if result else {}
                bare = [key for key, owing in found.items() if not owing]
                targets = [Target(account=account, obligation=key) for key in reversed(bare)]
                first = market.find_target(account) if targets else None
                spare += (target for target in targets if target != first)
        return spare

    async def check_left_out(
        self, markets: Iterable[SolanaMarket], accounts: Sequence[AccountId], offered: SlotRead
    ) -> frozenset[Target]:
        """Give the obligations to spare that somebody else's read has not, none of which owes.

        They are read here, as they may have borrowed since the search. ChainError where that
        fails, DecodeError where one owes.
        """
        absent = [
            (market, target)
            for market in markets
            for target in self.find_spare([market], accounts)
            if target.obligation not in offered.accounts
        ]
        for start in range(0, len(absent), MAX_KEYS - 1):
            batch = absent[start : start + MAX_KEYS - 1]
            keys = [target.obligation for _, target in batch]
            seen = await read_slot(self._client, keys, min_slot=offered.slot)
            for market, target in batch:
                key, account = target.obligation, seen.accounts[target.obligation]
                if account and market.owes(key, account):
                    raise DecodeError(offered.chain, f"obligation {key} owes, and was left out")
        return frozenset(target for _, target in absent)

    def find_unsearched(
        self, markets: Iterable[SolanaMarket], accounts: Sequence[AccountId]
    ) -> Mapping[AccountId, str]:
        """Say of which wallets nobody knows all obligations, and why."""
        reasons = {}
        for market in markets:
            for account in accounts:
                result = self._results.get(_Place(market.market, account))
                if result is None or result.found is None:
                    why = result.failure if result else "not yet"
                    reasons[account] = f"{market.protocol}: its obligations were not found: {why}"
        return reasons

    async def _search_one(self, market: SolanaMarket, place: _Place, now: int) -> None:
        before = self._results.get(place)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                seen = await self._client.scan(
                    market.program, filters=market.scan_filters(place.account)
                )
        except (ChainError, TimeoutError) as error:
            reason = error.reason if isinstance(error, ChainError) else f"over {TIMEOUT_S:g} s"
            self._tell(place, before.failure if before else None, reason)
            kept = before.found if before else None
            self._results[place] = _Result(due_at=now + RETRY_S, found=kept, failure=reason)
            return
        self._tell(place, before.failure if before else None, None)
        owing = {each.key: market.owes(each.key, each) for each in seen.accounts if each}
        known = [key for key in (before.found or ()) if key in owing] if before else []
        found = {key: owing[key] for key in (*known, *owing)}
        self._results[place] = _Result(due_at=now + AGAIN_S, found=found)

    def _tell(self, place: _Place, before: str | None, now: str | None) -> None:
        if now and not before:
            _log.warning(
                "obligations.not_searched",
                account=str(place.account),
                market=place.market.address,
                reason=now,
            )
        if before and not now:
            _log.info(
                "obligations.searched", account=str(place.account), market=place.market.address
            )
