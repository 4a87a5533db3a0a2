"""Lines between two real vaults: units of collateral that back debt on one chain, never on two."""

import pytest

from chains.model.units import WAD
from tests.support.rescue import refused
from tests.support.vaults import (
    OWNER,
    USDC,
    WETH,
    Ground,
)

pytestmark = pytest.mark.net
ETHER = 10**18
DOLLAR = 10**6


def test_all_collateral_here_all_debt_there(vaults: Ground) -> None:
    a, b = vaults.chains
    b.supply(USDC, 100_000 * DOLLAR)
    account = a.open()
    vaults.link(account)
    a.deposit(account, WETH, 10 * ETHER)
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"
    a.raise_line(account, b, WETH, 10 * WAD)
    vaults.carry_raise(account, WETH)
    b.borrow(account, USDC, 16_000 * DOLLAR)
    assert b.balance(USDC, OWNER) == 16_000 * DOLLAR
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"
    assert refused(a.withdraw, account, WETH, 1) == "line"
