"""What the calls of vaults cost: `python -m tests.support.vault_gas` goes through them and prints.

Least and most gas of a transaction, calldata and refunds included, at two listed assets. Orders'
calls are not made here: their tests note theirs in the same table.
"""

from chains.model.units import WAD
from tests.support.vault_rules import pause
from tests.support.vaults import (
    GUARDIAN,
    LENDER,
    OWNER,
    STRANGER,
    TERMS,
    USDC,
    WETH,
    Ground,
    format_gas,
    open_vaults,
)

ETHER = 10**18
DOLLAR = 10**6


def go_through(ground: Ground) -> None:
    """Call everything that owners, lenders and the guardian call, on an account with two legs."""
    a, b = ground.chains
    for _ in range(2):
        b.supply(USDC, 100_000 * DOLLAR)
    account = a.open()
    ground.link(account)
    for _ in range(2):
        a.deposit(account, WETH, 10 * ETHER)
        a.raise_line(account, b, WETH, 5 * WAD)
        ground.carry_raise(account, WETH)
        b.borrow(account, USDC, 1_000 * DOLLAR)
    b.repay(account, USDC, 500 * DOLLAR)
    b.fund(USDC, OWNER, 2_000 * DOLLAR)
    b.repay(account, USDC, 10_000 * DOLLAR)
    for _ in range(2):
        b.lower_line(account, a, WETH, 5 * WAD)
        ground.carry_lower(account, WETH)
    a.withdraw(account, WETH, 20 * ETHER)
    leave(ground)
    pause(a)
    a.do(a.ledger.timelock, "unpause(address)", a.vault, sender=GUARDIAN)


def leave(ground: Ground) -> None:
    """Let a lender leave and a donor give."""
    b = ground.b
    b.do(b.pool, "request_exit(uint8,uint256)", USDC, 10**28, sender=LENDER)
    b.advance(TERMS.exit_delay_s)
    b.do(b.pool, "exit(uint8)", USDC, sender=LENDER)
    b.fund(USDC, STRANGER, DOLLAR)
    b.do(b.pool, "donate(uint8,uint256)", USDC, DOLLAR, sender=STRANGER)


if __name__ == "__main__":
    with open_vaults() as opened:
        go_through(opened)
        print(format_gas(opened))  # noqa: T201 -- a table for people
