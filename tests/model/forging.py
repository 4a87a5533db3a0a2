"""What a stolen quorum says: lines that nobody lent, debts that nobody owes, fills nobody paid.

Only the caps stand against it.
"""

from dataclasses import replace

from chains.evm.protocols.plimsoll_vault.math import Refused
from chains.evm.protocols.plimsoll_vault.state import Entry
from chains.model.units import WAD
from tests.model.seizing import claim
from tests.model.spending import take_lowered, take_raised
from tests.model.state import (
    ASSETS,
    UNLIMITED,
    USDC,
    Action,
    Local,
    Receipt,
    Rules,
    add,
    keep,
    put,
)

_FORGED_AT = 10**6
"""Forged receipts are numbered far from true ones."""


def forge_raised(rules: Rules, local: Local, action: Action) -> Local:
    """Say that more was lent to this chain."""
    account = local.accounts[action.account]
    told = account.raised_seen[action.other][action.asset] + action.units
    return take_raised(rules, local, action, told, 0)


def forge_lowered(_: Rules, local: Local, action: Action) -> Local:
    """Say that more was given back to this chain."""
    account = local.accounts[action.account]
    told = account.lowered_seen[action.other][action.asset] + action.units
    return take_lowered(local, action, told, 0)


def forge_debt(_: Rules, local: Local, action: Action) -> Local:
    """Say that an account owes a fortune on another chain."""
    account, nothing = local.accounts[action.account], (0,) * len(ASSETS)
    known = account.entries[action.other]
    entry = Entry(
        height=known.height + 1 if known else 1,
        time=local.clock,
        collateral=nothing,
        debt=add(nothing, USDC, 10**6 * WAD),
        locked=nothing,
        added=nothing,
        repaid=nothing,
        lines_in=nothing,
        ordered=0,
    )
    account = replace(account, sequence=account.sequence + 1, issued_at=local.clock)
    account = replace(account, entries=put(account.entries, action.other, entry))
    return keep(local, action.account, account)


def forge_claim(rules: Rules, local: Local, action: Action) -> Local:
    """Say that the newest order was filled whole."""
    orders = local.accounts[action.account].orders
    if not orders:
        raise Refused("order")
    number = _FORGED_AT + len(local.dues)
    return claim(rules, local, Receipt(orders[-1], number, UNLIMITED, orders[-1].value), 0)
