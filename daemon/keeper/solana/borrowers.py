"""Who owes in a Save market: found by scanning the program's accounts, screened as columns.

A scan asks only for the slot of each one's last refresh, and whose is another is read. That misses
nothing that matters: borrowing and withdrawing demand a refresh in the same slot, and what does not
(repaying, depositing) makes nobody's health worse. Where many are to be read, as at first, another
scan asks how much each one borrows, and only those are read who do. A market may have tens of
thousands: tables of them are kept, and worked on beside the event loop or in small parts.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AccountId
from chains.model.units import USD, WAD, Usd, Wad
from chains.solana.accounts import AccountsRead, RawAccount
from chains.solana.client import DataSlice, SolanaClient
from chains.solana.columns import Rows, view_rows
from chains.solana.markets import Target
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.protocols.save.columns import calculate_rows
from chains.solana.protocols.save.layout import OBLIGATION, VERSION
from chains.solana.protocols.save.state import Reserve
from daemon.keeper.solana.ground import Suspect

RESCAN_SLOTS: Final = 150
"""After how many slots everybody is looked for again: about a minute."""
RETRY_SLOTS: Final = 25
"""After how many slots a scan that failed is tried again."""
MOST_SINGLY: Final = 1_000
"""How many changed obligations are read unseen; of more, those only that borrow."""
READ_AT_ONCE: Final = 1_000
"""How many are read side by side, a hundred in a call."""
TABLE_ROWS: Final = 4_096
"""How many obligations a table has: each step over one leaves the event loop its turn."""
_MARK: Final = slice(OBLIGATION.fields["slot"].offset, OBLIGATION.fields["stale"].offset + 1)
_OWNER: Final = slice(OBLIGATION.fields["owner"].offset, OBLIGATION.fields["owner"].offset + 32)
_BORROWS: Final = OBLIGATION.fields["borrow_count"].offset
_COUNT: Final = slice(_BORROWS, _BORROWS + 1)
_Table = tuple[tuple[Pubkey, ...], Rows]


class Obligations:
    """The obligations of one market that owe something.

    Who owes less than `least_debt` brings no profit. `watched` wallets are looked for at their
    conventional address also where the node gives no scans; `excluded` never are prey.
    """

    def __init__(
        self,
        market: SaveMarket,
        client: SolanaClient,
        *,
        least_debt: Usd,
        watched: Sequence[AccountId] = (),
        excluded: frozenset[AccountId] = frozenset(),
    ) -> None:
        self.market = market
        self._client = client
        self._least_debt = least_debt
        self._watched = [market.find_target(a).obligation for a in watched]
        self._excluded = excluded
        self._owing: dict[Pubkey, bytes] = {}
        self._marks: dict[Pubkey, bytes] = {}
        self._due_at = 0
        self._tables: list[_Table] | None = None

    @property
    def known(self) -> bool:
        """Whether anybody is known who owes something."""
        return bool(self._owing)

    async def load(self) -> None:
        """Read those who are watched; ChainError."""
        found = await self._client.read_many(self._watched)
        self._keep([account for account in found.accounts if account is not None])

    async def scan(self, slot: int) -> None:
        """Look for everybody where it is time; ChainError leaves what is known."""
        if slot < self._due_at:
            return
        self._due_at = slot + RETRY_SLOTS
        await self.load()
        await self._scan()
        self._due_at = slot + RESCAN_SLOTS

    def screen(self, reserves: Mapping[bytes, Reserve]) -> list[Suspect]:
        """Give who seems to be at a health of 1 or under it, the largest debts first.

        `reserves` are fresh. Takes a while in a large market: to be run in a thread.
        """
        if self._tables is None:
            self._tables = [*_build_tables(self._owing)]
        found = []
        for keys, rows in self._tables:
            columns = calculate_rows(keys, rows, reserves)
            for row in columns.screen(Wad(WAD)):
                debt = Usd(int(columns.owed[row] * USD))
                if debt >= self._least_debt:
                    found.append(self._suspect(keys[row], debt))
        return sorted(found, key=lambda one: -one.debt)

    def _suspect(self, key: Pubkey, debt: Usd) -> Suspect:
        data = self._owing[key]
        return Suspect(
            target=Target(account=self._owner_of(data), obligation=key), debt=debt, data=data
        )

    async def _scan(self) -> None:
        seen = await self._ask_all(_MARK, min_slot=0)
        changed = await asyncio.to_thread(self._compare, seen.accounts)
        if len(changed) > MOST_SINGLY:
            counted = await self._ask_all(_COUNT, min_slot=seen.slot)
            borrowing = {one.key for one in counted.accounts if one is not None and any(one.data)}
            self._pass_over({key: mark for key, mark in changed.items() if key not in borrowing})
            changed = {key: mark for key, mark in changed.items() if key in borrowing}
        for keys in _slice(tuple(changed), READ_AT_ONCE):
            read = await self._client.read_many(keys, min_slot=seen.slot)
            self._keep([account for account in read.accounts if account is not None])

    async def _ask_all(self, part: slice, *, min_slot: int) -> AccountsRead:
        return await self._client.scan(
            self.market.program,
            filters=self.market.scan_filters(),
            part=DataSlice(offset=part.start, length=part.stop - part.start),
            min_slot=min_slot,
        )

    def _compare(self, accounts: Sequence[RawAccount | None]) -> dict[Pubkey, bytes]:
        """Forget who is gone; give the new marks of who changed."""
        there = {account.key: account.data for account in accounts if account is not None}
        self._forget_others(there)
        return {key: mark for key, mark in there.items() if self._marks.get(key) != mark}

    def _pass_over(self, marks: Mapping[Pubkey, bytes]) -> None:
        """Remember who borrows nothing: nobody need be read before his mark changes."""
        self._marks.update(marks)
        for key in marks:
            self._owing.pop(key, None)
        self._tables = None

    def _forget_others(self, there: Mapping[Pubkey, bytes]) -> None:
        for table in (self._owing, self._marks):
            for key in [key for key in table if key not in there]:
                del table[key]
        self._tables = None

    def _keep(self, accounts: Sequence[RawAccount]) -> None:
        """Take up obligations as they are now; DecodeError where a node gives something else."""
        self._tables = None
        for account in accounts:
            if account.owner != self.market.program or len(account.data) != OBLIGATION.size:
                raise DecodeError(self._client.chain, f"{account.key} was scanned: no obligation")
            self._marks[account.key] = account.data[_MARK]
            self._owing.pop(account.key, None)
            if self._may_be_prey(account.data):
                self._owing[account.key] = account.data

    def _may_be_prey(self, data: bytes) -> bool:
        """Say whether an obligation owes something and is of the version that is known."""
        owes = data[0] == VERSION and data[_BORROWS] > 0
        return owes and self._owner_of(data) not in self._excluded

    def _owner_of(self, data: bytes) -> AccountId:
        return AccountId(self.market.chain, str(Pubkey(data[_OWNER])))


def _build_tables(owing: Mapping[Pubkey, bytes]) -> Iterator[_Table]:
    for keys in _slice(tuple(owing), TABLE_ROWS):
        yield keys, view_rows(OBLIGATION, [owing[key] for key in keys])


def _slice(keys: tuple[Pubkey, ...], size: int) -> Iterator[tuple[Pubkey, ...]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
