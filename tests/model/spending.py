"""What owners and strangers do on one chain, and the lines: the guards of vault.vy and lines.vy.

Each rule takes a chain and gives it changed, or raises Refused with the contract's reason, checked
in the contract's order. What crosses comes as a value that was final on the other chain.
"""

from dataclasses import replace

from chains.evm.protocols.plimsoll_vault.math import Refused, calculate_margin, value_units
from chains.evm.protocols.plimsoll_vault.state import NO_DEBT
from chains.model.units import WAD
from tests.model.judging import judge_account
from tests.model.state import (
    MIN_DEBT,
    SCALES,
    Account,
    Action,
    Fault,
    Local,
    Rules,
    add,
    add_sum,
    keep,
    list_assets,
    put,
)


def deposit(_: Rules, local: Local, action: Action) -> Local:
    """Add collateral."""
    account = local.accounts[action.account]
    account = replace(account, collateral=add(account.collateral, action.asset, action.units))
    paid = add(local.paid, action.asset, -action.units)
    return replace(keep(local, action.account, account), paid=paid)


def withdraw(rules: Rules, local: Local, action: Action) -> Local:
    """Take collateral that is neither lent, locked nor needed."""
    account = local.accounts[action.account]
    if action.units > account.collateral[action.asset]:
        raise Refused("collateral")
    account = replace(account, collateral=add(account.collateral, action.asset, -action.units))
    if rules.fault is not Fault.BLIND_WITHDRAW:
        _require_backed(account, action.asset, 0)
    require_margin(local, account)
    paid = add(local.paid, action.asset, action.units)
    return replace(keep(local, action.account, account), paid=paid)


def borrow(rules: Rules, local: Local, action: Action) -> Local:
    """Borrow against what is free here and what is lent to this chain."""
    asset, units = action.asset, action.units
    if units > local.cash[asset]:
        raise Refused("cash")
    drawn = add(local.drawn, asset, units)
    if drawn[asset] > rules.hourly_cap:
        raise Refused("cap")
    account = local.accounts[action.account]
    account = replace(account, debt=add(account.debt, asset, units))
    if value_units(account.debt[asset], local.prices[asset], up=True) < MIN_DEBT:
        raise Refused("min")
    require_margin(local, account)
    local = replace(keep(local, action.account, account), drawn=drawn)
    return replace(local, cash=add(local.cash, asset, -units), paid=add(local.paid, asset, units))


def repay(_: Rules, local: Local, action: Action) -> Local:
    """Repay at most what is owed."""
    return pay_debt(local, action.account, action.asset, action.units)[0]


def pay_debt(local: Local, number: int, asset: int, units: int) -> tuple[Local, int]:
    """Take whole base units for a debt, and give by how much it fell."""
    account, scale = local.accounts[number], SCALES[asset]
    owed = account.debt[asset]
    if not owed:
        raise Refused("debt")
    arrived = min(-(-units // scale), -(-owed // scale)) * scale
    repaid = min(arrived, owed)
    account = replace(account, debt=add(account.debt, asset, -repaid))
    cash, paid = add(local.cash, asset, arrived), add(local.paid, asset, -arrived)
    return replace(keep(local, number, account), cash=cash, paid=paid), repaid


def raise_line(rules: Rules, local: Local, action: Action) -> Local:
    """Lend collateral of this chain to another."""
    account = local.accounts[action.account]
    low = judge_account(rules, local, action.account).low
    if low != NO_DEBT and low < WAD:
        raise Refused("health")
    _require_backed(account, action.asset, action.units)
    raised = add_sum(account.raised, action.other, action.asset, action.units)
    account = replace(account, raised=raised)
    require_margin(local, account)
    return keep(local, action.account, account)


def lower_line(_: Rules, local: Local, action: Action) -> Local:
    """Give back a line that no debt needs."""
    account = local.accounts[action.account]
    if action.units > account.line_in(action.other, action.asset):
        raise Refused("line")
    account = consume(account, action.other, action.asset, action.units)
    require_margin(local, account)
    return keep(local, action.account, account)


def consume(account: Account, origin: int, asset: int, units: int) -> Account:
    """Lower a line, whether its raise was seen or not."""
    return replace(account, lowered=add_sum(account.lowered, origin, asset, units))


def take_raised(rules: Rules, local: Local, action: Action, raised: int, height: int) -> Local:
    """Take what another chain lends to this one, ever."""
    account = local.accounts[action.account]
    origin, asset = action.other, action.asset
    if raised <= account.raised_seen[origin][asset]:
        raise Refused("old")
    before = account.line_in(origin, asset)
    seen = put(account.raised_seen, origin, put(account.raised_seen[origin], asset, raised))
    account = replace(account, raised_seen=seen, told_at=_note(account, origin, height))
    local = keep(local, action.account, account)
    total = sum(a.line_in(origin, asset) for a in local.accounts)
    over = min(total - min(total, rules.in_cap), account.line_in(origin, asset) - before)
    return keep(local, action.account, consume(account, origin, asset, over))


def take_lowered(local: Local, action: Action, lowered: int, height: int) -> Local:
    """Take what another chain gave back to this one, ever: never beyond what was raised."""
    account = local.accounts[action.account]
    to, asset = action.other, action.asset
    known = min(lowered, account.raised[to][asset])
    if known <= account.lowered_seen[to][asset]:
        raise Refused("old")
    seen = put(account.lowered_seen, to, put(account.lowered_seen[to], asset, known))
    account = replace(account, lowered_seen=seen, told_at=_note(account, to, height))
    return keep(local, action.account, account)


def _note(account: Account, chain: int, height: int) -> tuple[int, ...]:
    return put(account.told_at, chain, max(account.told_at[chain], height))


def _require_backed(account: Account, asset: int, more: int) -> None:
    if account.lent(asset) + account.locked[asset] + more > account.collateral[asset]:
        raise Refused("line")


def require_margin(local: Local, account: Account) -> None:
    """Refuse more debt than free collateral and lines carry."""
    margin = calculate_margin(list_assets(local.prices), account.legs)
    if margin.owed > margin.most:
        raise Refused("margin")
