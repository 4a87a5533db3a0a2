"""What was done on a machine in the process, served by our node: accounts copied as they stand."""

from collections.abc import Iterable

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.oracles.pyth import RECEIVER
from chains.solana.accounts import CLOCK, RawAccount
from chains.solana.protocols.save.layout import PROGRAM as LENDING
from daemon.devnet.solana.ledger import Ledger
from tests.chains.solana.programs.lab import Lab
from tests.chains.solana.programs.rescue_scene import RESCUE

SETTLE = 40
"""Slots after which what was written is finalized."""


def mirror(lab: Lab, ledger: Ledger) -> None:
    """Copy what our programs own, and let it settle."""
    for program in (LENDING, RECEIVER, RESCUE, TOKEN_PROGRAM):
        for key, account in lab.svm.get_program_accounts(program):
            if ledger.machine.read(key) != account:
                ledger.machine.write(key, account)
    settle(ledger)


def place(ledger: Ledger, accounts: Iterable[RawAccount | None]) -> None:
    """Write accounts as they were dumped or built, but for the Clock, and let them settle."""
    for account in accounts:
        if account is not None and account.key != CLOCK:
            held = Account(max(account.lamports, 1), account.data, account.owner)
            ledger.machine.write(account.key, held)
    settle(ledger)


def remove(ledger: Ledger, key: Pubkey) -> None:
    """Take an account away, and let that settle."""
    ledger.machine.write(key, None)
    settle(ledger)


def settle(ledger: Ledger) -> None:
    """Let slots pass."""
    for _ in range(SETTLE):
        ledger.tick()
