"""One Solana chain to look at: its settings, a client, the newest slot, and the daemon's keys."""

from dataclasses import dataclass
from typing import TypeVar

from solders.pubkey import Pubkey

from chains.model.anchor import Head
from chains.model.ids import Address
from chains.solana.accounts import AccountPlan, read
from chains.solana.client import SolanaClient
from config.settings import Settings
from config.solana import SolanaSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SolanaVisit:
    """A chain as the doctor sees it; `key` sends transactions, `attester` signs attestations."""

    label: str
    settings: Settings
    chain: SolanaSettings
    client: SolanaClient
    head: Head
    key: Pubkey | None
    attester: Address | None

    @property
    def where(self) -> str:
        """The chain's table."""
        return f"chains.{self.label}"

    async def read(self, plan: AccountPlan[T]) -> T:
        """Read a plan at the newest slot or later."""
        _, found = await read(self.client, plan, min_slot=self.head.anchor.height)
        return found
