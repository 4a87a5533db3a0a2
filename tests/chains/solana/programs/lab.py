"""A Solana machine in the process with our programs on it, and the tokens that tests need."""

import struct
from dataclasses import dataclass, field

from solders.account import Account
from solders.clock import Clock
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata

from chains.solana.accounts import RawAccount
from chains.solana.programs.build import read_program
from daemon.devnet.solana.tokens import encode_mint

SOL = 10**9
START_TIME = 1_700_000_000
START_SLOT = 1_000
AMOUNT_AT = 64


class Refused(Exception):
    """The program refused; `code` is its own error number, None for another kind of failure."""

    def __init__(self, failed: FailedTransactionMetadata) -> None:
        super().__init__(f"{failed.err()} {failed.meta().logs()[-3:]}")
        inner = getattr(failed.err(), "err", None)
        self.code: int | None = getattr(inner, "code", None)
        self.index: int | None = getattr(failed.err(), "index", None)


@dataclass
class Lab:
    """One machine; `payer` pays for every transaction."""

    svm: LiteSVM = field(default_factory=LiteSVM)
    payer: Keypair = field(default_factory=lambda: Keypair.from_seed(b"p" * 32))
    _made: int = 0

    def __post_init__(self) -> None:
        self.svm.airdrop(self.payer.pubkey(), 1_000 * SOL)
        self.warp(START_SLOT, START_TIME)

    def load(self, name: str, address: Pubkey) -> Pubkey:
        """Put a committed program at an address."""
        self.svm.add_program(address, read_program(name))
        return address

    def keypair(self) -> Keypair:
        """Give the next of a fixed row of keys."""
        self._made += 1
        return Keypair.from_seed(self._made.to_bytes(32, "big"))

    def key(self) -> Pubkey:
        """Give a fresh address."""
        return self.keypair().pubkey()

    def put(self, owner: Pubkey, data: bytes, at: Pubkey | None = None) -> Pubkey:
        """Write an account as it is."""
        address = at or self.key()
        self.svm.set_account(address, Account(SOL, data, owner))
        return address

    def blank(self, owner: Pubkey, size: int, at: Pubkey | None = None) -> Pubkey:
        """Make an account of zeros."""
        return self.put(owner, bytes(size), at)

    def mint(self, authority: Pubkey, decimals: int) -> Pubkey:
        """Make a mint without supply."""
        return self.put(TOKEN_PROGRAM, encode_mint(authority, decimals))

    def token(
        self, mint: Pubkey, owner: Pubkey, amount: int = 0, at: Pubkey | None = None
    ) -> Pubkey:
        """Make a token account that holds `amount`, without asking the mint."""
        data = struct.pack("<32s32sQ", bytes(mint), bytes(owner), amount)
        return self.put(TOKEN_PROGRAM, data + bytes(36) + b"\x01" + bytes(56), at)

    def amount(self, token: Pubkey) -> int:
        """Read a token account's amount."""
        return int.from_bytes(self.raw(token).data[AMOUNT_AT : AMOUNT_AT + 8], "little")

    def raw(self, key: Pubkey) -> RawAccount:
        """Read an account that exists."""
        found = self.find(key)
        assert found is not None
        return found

    def find(self, key: Pubkey) -> RawAccount | None:
        """Read an account."""
        found = self.svm.get_account(key)
        if found is None:
            return None
        return RawAccount(
            key=key, owner=found.owner, lamports=found.lamports, data=bytes(found.data)
        )

    def warp(self, slot: int, time: int) -> None:
        """Go to a slot and a time."""
        self.svm.warp_to_slot(slot)
        before = self.svm.get_clock()
        self.svm.set_clock(
            Clock(
                slot, before.epoch_start_timestamp, before.epoch, before.leader_schedule_epoch, time
            )
        )

    def advance(self, slots: int) -> None:
        """Let slots pass, two a second."""
        clock = self.svm.get_clock()
        self.warp(clock.slot + slots, clock.unix_timestamp + slots // 2)

    def send(self, *instructions: Instruction, by: tuple[Keypair, ...] = ()) -> TransactionMetadata:
        """Execute a transaction; Refused when it fails."""
        self.svm.expire_blockhash()
        message = MessageV0.try_compile(
            self.payer.pubkey(), list(instructions), [], self.svm.latest_blockhash()
        )
        signers = [self.payer, *(key for key in by if key != self.payer)]
        done = self.svm.send_transaction(VersionedTransaction(message, signers))
        if isinstance(done, FailedTransactionMetadata):
            raise Refused(done)
        return done
