"""Who owes in a Save market: found by scanning the program's accounts, screened as columns.

A scan reads every obligation once; later ones ask only for the slot of each one's last refresh,
and read anew whose is another. That misses nothing that matters: borrowing and withdrawing demand
a refresh in the same slot, and what does not (repaying, depositing) makes nobody's health worse.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.ids import AccountId
from chains.model.units import USD, WAD, Usd, Wad
from chains.solana.accounts import RawAccount
from chains.solana.client import DataSlice, SolanaClient
from chains.solana.markets import Target
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.protocols.save.columns import calculate_columns
from chains.solana.protocols.save.layout import OBLIGATION, VERSION
from chains.solana.protocols.save.state import Reserve
from daemon.keeper.solana.ground import Suspect

RESCAN_SLOTS: Final = 150
"""After how many slots everybody is looked for again: about a minute."""
RETRY_SLOTS: Final = 25
"""After how many slots a scan that failed is tried again."""
MOST_SINGLY: Final = 1_000
"""How many changed obligations are read one by one; for more the scan is done whole."""
_MARK: Final = slice(OBLIGATION.fields["slot"].offset, OBLIGATION.fields["stale"].offset + 1)
_OWNER: Final = slice(OBLIGATION.fields["owner"].offset, OBLIGATION.fields["owner"].offset + 32)
_BORROWS: Final = OBLIGATION.fields["borrow_count"].offset


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
        self._whole = False

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
        await (self._scan_marks() if self._whole else self._scan_whole())
        self._due_at = slot + RESCAN_SLOTS

    def screen(self, reserves: Mapping[bytes, Reserve]) -> list[Suspect]:
        """Give who seems to be at a health of 1 or under it, the largest debts first.

        `reserves` are fresh.
        """
        keys = tuple(self._owing)
        columns = calculate_columns(keys, tuple(self._owing.values()), reserves)
        found = []
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

    async def _scan_whole(self) -> None:
        found = await self._client.scan(self.market.program, filters=self.market.scan_filters())
        accounts = [account for account in found.accounts if account is not None]
        self._forget_others(accounts)
        self._keep(accounts)
        self._whole = True

    async def _scan_marks(self) -> None:
        part = DataSlice(offset=_MARK.start, length=_MARK.stop - _MARK.start)
        found = await self._client.scan(
            self.market.program, filters=self.market.scan_filters(), part=part
        )
        accounts = [account for account in found.accounts if account is not None]
        changed = [a.key for a in accounts if self._marks.get(a.key) != a.data]
        if len(changed) > MOST_SINGLY:
            await self._scan_whole()
            return
        self._forget_others(accounts)
        read = await self._client.read_many(changed, min_slot=found.slot)
        self._keep([account for account in read.accounts if account is not None])

    def _forget_others(self, accounts: Sequence[RawAccount]) -> None:
        there = {account.key for account in accounts}
        for table in (self._owing, self._marks):
            for key in [key for key in table if key not in there]:
                del table[key]

    def _keep(self, accounts: Sequence[RawAccount]) -> None:
        """Take up obligations as they are now; DecodeError where a node gives something else."""
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
