"""The latest word on every chain and account: written by the service, read by the API."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chains.book.document import judge_book
from chains.model.ids import AccountId, ChainId, InvalidId
from chains.model.snapshot import BookGap, ChainGap, ChainSnapshot, PublishedBook, Snapshot
from daemon.margin.report import MarginReport
from proofs.envelope import Envelope

MAX_AHEAD_S: Final = 30
"""How far a chain's blocks may lie ahead of this machine's clock before it is distrusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """A signed attestation: its digest, the compact form and the document (proofs.document).

    `envelope` carries the header, `bitmap` and `proof` that contracts take.
    """

    account: str
    sequence: int
    digest: bytes
    envelope: Envelope
    document: Mapping[str, Any]


@dataclass(slots=True)
class Board:
    """What is known now, by chain and by margin account.

    `members` maps every CAIP-10 member to its margin account's id; `labels` maps a chain to its
    label in the configuration; `stale_after_s` says how old a chain's newest block may be, and
    `heard_at` when (monotonic seconds) one was read last. `snapshots` are what the
    reports were made of. `book_accounts` maps every account at a
    venue whose book is read to its margin account.
    `progress_at` is the last time (seconds) anything was completed: the watchdog lives on it.
    """

    labels: Mapping[ChainId, str]
    members: Mapping[AccountId, str]
    accounts: tuple[str, ...]
    stale_after_s: Mapping[ChainId, int]
    chains: dict[ChainId, ChainSnapshot | ChainGap] = field(default_factory=dict)
    reports: dict[str, MarginReport] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    attestations: dict[str, Attested] = field(default_factory=dict)
    heard_at: dict[ChainId, float] = field(default_factory=dict)
    book_accounts: Mapping[AccountId, str] = field(default_factory=dict)
    books: dict[AccountId, PublishedBook | BookGap] = field(default_factory=dict)
    keeper_halted: str | None = None
    progress_at: float = 0.0

    def find(self, name: str) -> str | None:
        """Give the margin account of an id or of any member's CAIP-10 text; None if unknown."""
        if name in self.accounts:
            return name
        try:
            return self.members.get(AccountId.parse(name))
        except InvalidId:
            return None

    def put(self, snapshot: ChainSnapshot) -> None:
        """Record a chain as it was just read."""
        self.chains[snapshot.chain] = snapshot
        self.heard_at[snapshot.chain] = time.monotonic()

    def chain_now(self, chain: ChainId, now: int) -> ChainSnapshot | ChainGap:
        """Give the chain as it may be relied on at `now`: one not heard of for long is a gap.

        How long is measured by a clock that nobody sets, so that a wrong time of day silences no
        chain; what it does to the figures is `doubt`.
        """
        found = self.chains.get(chain)
        if found is None:
            return ChainGap(chain=chain, reason="not read yet", since=now)
        if isinstance(found, ChainGap):
            return found
        allowed = self.stale_after_s[chain]
        silent = int(time.monotonic() - self.heard_at.get(chain, time.monotonic()))
        if silent > allowed:
            reason = f"no new block was read for {silent} s, {allowed} s allowed"
            return ChainGap(chain=chain, reason=reason, since=now - silent + allowed, last=found)
        return found

    def books_now(self, account: str, now: int) -> tuple[PublishedBook | BookGap, ...]:
        """Give a margin account's books as they may be relied on at `now` (seconds)."""
        return tuple(
            self._book_now(held, now)
            for held, owner in self.book_accounts.items()
            if owner == account
        )

    def _book_now(self, held: AccountId, now: int) -> PublishedBook | BookGap:
        found = self.books.get(held)
        if found is None:
            return BookGap(account=held, reason="not read yet", since=now)
        if isinstance(found, PublishedBook) and (reason := judge_book(found, now)):
            since = min(now, found.published_at + found.max_age_s)
            return BookGap(account=held, reason=reason, since=since, last=found)
        return found

    def put_book_gap(self, held: AccountId, reason: str, now: int) -> None:
        """Record that a book cannot be used, keeping what it said last and since when."""
        found = self.books.get(held)
        since, last = now, None
        if isinstance(found, BookGap):
            since, last = found.since, found.last
        elif found is not None:
            last = found
        self.books[held] = BookGap(account=held, reason=reason, since=since, last=last)

    def find_gap(self, chains: Iterable[ChainId]) -> ChainGap | None:
        """Give the first of these chains that could not be read last, None where all were."""
        found = (self.chains.get(chain) for chain in chains)
        return next((chain for chain in found if isinstance(chain, ChainGap)), None)

    def doubt(self, chain: ChainId, now: int) -> str | None:
        """Say why this clock and the chain's do not agree, None when they do or it is a gap."""
        found = self.chain_now(chain, now)
        if isinstance(found, ChainGap):
            return None
        age, allowed = now - found.anchor.time, self.stale_after_s[chain]
        if age > allowed:
            return f"{chain}: its newest block is {age} s old by this clock, {allowed} s allowed"
        if -age > MAX_AHEAD_S:
            return f"{chain}: its blocks are {-age} s ahead of this clock: check the machine's time"
        return None

    def put_gap(self, chain: ChainId, reason: str, now: int) -> None:
        """Record that a chain cannot be read, keeping what was last known and since when."""
        found = self.chains.get(chain)
        since, last = now, None
        if isinstance(found, ChainGap):
            since, last = found.since, found.last
        elif found is not None:
            last = found
        self.chains[chain] = ChainGap(chain=chain, reason=reason, since=since, last=last)
