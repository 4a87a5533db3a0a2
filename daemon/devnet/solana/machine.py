"""The SVM (`solders.litesvm`) and the accounts it had at earlier blocks.

The SVM holds the newest state only. Each block keeps what it overwrote, so that accounts can be
read as they stood when a block was confirmed or finalized, and a block can be taken back.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.account import Account
from solders.clock import Clock
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.sysvar import CLOCK, SLOT_HASHES
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import SimulateResult, TransactionResult

from daemon.devnet.solana.blocks import Block, Blocks

SLOTS_PER_EPOCH: Final = 432_000
SLOT_HASHES_KEPT: Final = 256
_NOTHING: Final = Account(0, b"", Pubkey.default())


class Machine:
    """Accounts and programs of one chain. Its callers keep to one thread."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._svm = LiteSVM()
        self._svm.with_sigverify(sigverify=False)
        self._svm.with_blockhash_check(check=False)
        self._svm.with_transaction_history(0)
        self.enter()

    def enter(self) -> None:
        """Set the sysvars for the open block."""
        block = self._blocks.tip
        for key in (CLOCK, SLOT_HASHES):
            block.undo.setdefault(key, self.read(key))
        epoch = block.slot // SLOTS_PER_EPOCH
        self._svm.warp_to_slot(block.slot)
        self._svm.set_clock(Clock(block.slot, block.time, epoch, epoch + 1, block.time))
        parents = self._blocks.newest(SLOT_HASHES_KEPT + 1)[-2::-1]
        self._svm.set_slot_hashes([(parent.slot, parent.hash) for parent in parents])
        self._svm.expire_blockhash()

    def read(self, key: Pubkey) -> Account | None:
        """Give an account as it stands now."""
        return self._svm.get_account(key)

    def read_at(self, keys: Sequence[Pubkey], block: Block) -> list[Account | None]:
        """Give accounts as they stood at the end of a block."""
        undone = self._undone(block)
        return [undone[key] if key in undone else self.read(key) for key in keys]

    def scan_at(self, program: Pubkey, block: Block) -> list[tuple[Pubkey, Account]]:
        """Give the accounts a program owned at the end of a block, by ascending key."""
        found: dict[Pubkey, Account | None] = dict(self._svm.get_program_accounts(program))
        found |= self._undone(block)
        owned = [(key, held) for key, held in found.items() if held and held.owner == program]
        return sorted(owned, key=lambda item: bytes(item[0]))

    def rent_of(self, size: int) -> int:
        """Give the lamports that free an account of this size from rent."""
        return self._svm.minimum_balance_for_rent_exemption(size)

    def write(self, key: Pubkey, account: Account | None) -> None:
        """Write an account in the open block; None removes it."""
        self.note(key, self.read(key))
        self._svm.set_account(key, account or _NOTHING)

    def add_program(self, key: Pubkey, elf: bytes) -> None:
        """Put a program at an address; ValueError when the SVM refuses its bytes."""
        before = self.read(key)
        try:
            self._svm.add_program(key, elf)
        except Exception as error:  # solders names no narrower type
            raise ValueError(f"not a program: {error}") from error
        self.note(key, before)

    def note(self, key: Pubkey, before: Account | None) -> None:
        """Keep what an account was before the open block changed it."""
        self._blocks.tip.undo.setdefault(key, before)

    def restore(self, accounts: Mapping[Pubkey, Account | None]) -> None:
        """Put accounts back as they were."""
        for key, account in accounts.items():
            self._svm.set_account(key, account or _NOTHING)

    def run(self, transaction: VersionedTransaction) -> TransactionResult:
        """Execute a transaction on the newest state."""
        return self._svm.send_transaction(transaction)

    def simulate(self, transaction: VersionedTransaction) -> SimulateResult:
        """Execute a transaction on the newest state without effect."""
        return self._svm.simulate_transaction(transaction)

    def _undone(self, block: Block) -> dict[Pubkey, Account | None]:
        undone: dict[Pubkey, Account | None] = {}
        for later in self._blocks.after(block):
            undone |= later.undo
        return undone
