"""Liquidation over chains: the guards of seizure.vy and judge.vy.

Each rule takes a chain and gives it changed, or raises Refused with the contract's reason, checked
in the contract's order. The insurance fund is empty, and no feed fails.
"""

from dataclasses import replace

from chains.evm.protocols.plimsoll_vault.curve import calculate_payout
from chains.evm.protocols.plimsoll_vault.math import Refused, value_units
from chains.evm.protocols.plimsoll_vault.state import Entry
from chains.evm.protocols.plimsoll_vault.state import Open as Held
from chains.model.units import BPS, WAD, div_down, div_up
from tests.model.judging import find_spent, plan_here, plan_lock, require_known_sick
from tests.model.spending import consume, pay_debt, require_margin
from tests.model.state import (
    SCALES,
    TERMS,
    Account,
    Action,
    Due,
    Fault,
    Local,
    Order,
    Progress,
    Receipt,
    Rules,
    Said,
    add,
    keep,
    put,
)


def post(local: Local, number: int, said: Said) -> Local:
    """Take a statement of quantities: of every chain the greatest height."""
    account = local.accounts[number]
    if said.sequence > account.sequence:
        account = replace(account, sequence=said.sequence, issued_at=said.issued_at)
    for chain, entry in enumerate(said.entries):
        known = account.entries[chain]
        if entry is None or chain == local.number or (known and known.height > entry.height):
            continue
        taken = replace(_merge(known, entry), time=min(entry.time, local.clock))
        account = replace(account, entries=put(account.entries, chain, taken))
    return keep(local, number, account)


def _merge(known: Entry | None, entry: Entry) -> Entry:
    """Keep the greater top-ups of two entries that are as high."""
    if known is None or known.height != entry.height:
        return entry
    return replace(
        entry,
        added=tuple(map(max, entry.added, known.added)),
        repaid=tuple(map(max, entry.repaid, known.repaid)),
    )


# On the chain of the collateral


def lock(rules: Rules, local: Local, action: Action) -> Local:
    """Open an order, of a size that nobody chooses."""
    planned, resting = plan_lock(rules, local, action)
    plan, units = planned.plan, planned.units
    account = local.accounts[action.account]
    if units > planned.free:
        account = _rob(account, action.asset, action.other, units - planned.free, planned.spare)
    account = _note_spent(account, local, plan.value, planned.judged.oldest)
    locked = account.locked[action.asset] + units
    bound = locked + account.lent(action.asset)
    line = min(units, bound - min(bound, account.collateral[action.asset]))
    if rules.fault is Fault.LENT_LOCK:
        line = min(line, account.line_out(action.other, action.asset))
    order = Order(
        collateral_chain=local.number,
        debt_chain=action.other,
        account=action.account,
        collateral_asset=action.asset,
        debt_asset=action.nth,
        units=units,
        line_units=line,
        value=plan.value,
        bonus_bps=plan.bonus_bps,
        expiry=local.clock + TERMS.order_life_s,
        nonce=local.nonce + 1,
    )
    account = replace(
        account,
        locked=add(account.locked, action.asset, units),
        orders=(*account.orders, order),
        held=(*account.held, _hold(order, resting=resting, margin=planned.margin)),
    )
    local = replace(local, nonce=order.nonce, locks=(*local.locks, order))
    return keep(local, action.account, account)


def _hold(order: Order, *, resting: bool, margin: int) -> Held:
    return Held(
        collateral_asset=order.collateral_asset,
        debt_asset=order.debt_asset,
        debt_chain=order.debt_chain,
        bonus_bps=order.bonus_bps,
        expiry=order.expiry,
        line_units=order.line_units,
        resting=resting,
        robbed=False,
        released=False,
        locked=order.units,
        left=order.value,
        margin=margin,
    )


def claim(rules: Rules, local: Local, receipt: Receipt, height: int) -> Local:
    """Pay a receipt that was told at a height of its chain, as far as the cap goes."""
    order = receipt.order
    _require_own(local, order)
    if any((due.order, due.number) == (order, receipt.number) for due in local.dues):
        raise Refused("claimed")
    account = local.accounts[order.account]
    held = _find(account, order)
    honoured = min(receipt.value, held.left) if held else 0
    if held is None or honoured == 0:
        raise Refused("order")
    part = div_down(held.locked * honoured, held.left)
    due = min(_cost(local, receipt, honoured, par=held.robbed), part)
    held = replace(held, locked=held.locked - part, left=held.left - honoured)
    account = _write(account, order, held)
    account = replace(account, locked=add(account.locked, order.collateral_asset, due - part))
    told_at = max(account.told_at[order.debt_chain], height)
    account = replace(account, told_at=put(account.told_at, order.debt_chain, told_at))
    return _pay(rules, keep(local, order.account, account), order, receipt.number, due)


def _cost(local: Local, receipt: Receipt, honoured: int, *, par: bool) -> int:
    order = receipt.order
    own = value_units(receipt.units, local.prices[order.debt_asset], up=False)
    own_most = div_down(own * (BPS + TERMS.tolerance_bps), BPS)
    price = local.prices[order.collateral_asset]
    return calculate_payout(min(honoured, own_most), 0 if par else order.bonus_bps, price)


def claim_rest(rules: Rules, local: Local, due: Due) -> Local:
    """Pay what the cap left of a receipt."""
    _require_own(local, due.order)
    if due.rest == 0:
        raise Refused("claimed")
    dues = tuple(known for known in local.dues if known != due)
    return _pay(rules, replace(local, dues=dues), due.order, due.number, due.rest)


def _pay(rules: Rules, local: Local, order: Order, number: int, due: int) -> Local:
    asset, account = order.collateral_asset, local.accounts[order.account]
    room = rules.claim_cap - local.claimed[asset]
    taken = div_down(min(due, room), SCALES[asset]) * SCALES[asset]
    rest = due - taken
    gone = due if rest < SCALES[asset] else taken
    rest = due - gone
    account = replace(
        account,
        locked=add(account.locked, asset, -gone),
        collateral=add(account.collateral, asset, -taken),
    )
    return replace(
        keep(local, order.account, account),
        paid=add(local.paid, asset, taken),
        claimed=add(local.claimed, asset, taken),
        dues=(*local.dues, Due(order=order, number=number, rest=rest)),
    )


def release(rules: Rules, local: Local, closed: Progress) -> Local:
    """Give back what no receipt of a closed order can need."""
    order = closed.order
    _require_own(local, order)
    account = local.accounts[order.account]
    held = _find(account, order)
    if held is None:
        raise Refused("order")
    if held.released:
        raise Refused("released")
    settled = order.value - held.left
    filled = min(closed.filled, order.value)
    pending = filled - min(settled, filled)
    if rules.fault is Fault.FORGOTTEN_RECEIPTS:
        pending = 0
    kept = div_up(held.locked * pending, held.left)
    freed = held.locked - kept
    account = _write(account, order, replace(held, locked=kept, left=pending, released=True))
    account = replace(account, locked=add(account.locked, order.collateral_asset, -freed))
    if 2 * filled < order.value:
        rest = (order.collateral_asset, order.debt_chain, order.debt_asset)
        others = tuple(known for known in account.rests if known[:3] != rest)
        until = local.clock + TERMS.order_life_s
        account = replace(account, rests=(*others, (*rest, until)))
    return keep(local, order.account, account)


# On the chain of the debt


def register(rules: Rules, local: Local, order: Order) -> Local:
    """Take an order and the line that it locked."""
    if local.clock > order.expiry:
        raise Refused("expired")
    if find_progress(local.registered, order):
        raise Refused("registered")
    if find_progress(local.closed, order):
        raise Refused("closed")
    local = replace(local, registered=(*local.registered, Progress(order, 0, 0)))
    if not order.line_units or rules.fault is Fault.KEPT_LINE:
        return local
    account = local.accounts[order.account]
    origin, asset = order.collateral_chain, order.collateral_asset
    return keep(local, order.account, consume(account, origin, asset, order.line_units))


def fill(local: Local, order: Order, units: int) -> Local:
    """Repay part of a registered order's debt."""
    state = find_progress(local.registered, order)
    if state is None:
        raise Refused("order")
    if find_progress(local.closed, order):
        raise Refused("closed")
    if local.clock > order.expiry:
        raise Refused("expired")
    asset = order.debt_asset
    owed, price = local.accounts[order.account].debt[asset], local.prices[asset]
    if owed == 0:
        raise Refused("debt")
    left = order.value - state.filled
    offered = min(units, owed, div_up(left * WAD, price))
    local, repaid = pay_debt(local, order.account, asset, offered)
    worth = min(value_units(repaid, price, up=False), left)
    ends = repaid == owed or worth == left
    if worth == 0 or not (ends or worth >= TERMS.min_order):
        raise Refused("dust")
    receipt = Receipt(order=order, number=state.fills, units=repaid, value=worth)
    after = Progress(order, state.fills + 1, state.filled + worth)
    registered = tuple(after if known == state else known for known in local.registered)
    local = replace(local, registered=registered, receipts=(*local.receipts, receipt))
    if left - worth < TERMS.min_order:
        local = replace(local, closed=(*local.closed, after))
    return local


def recall(rules: Rules, local: Local, action: Action) -> Local:
    """Give back what no debt here needs of a line of an account under 1."""
    require_known_sick(rules, local, action.account)
    account = local.accounts[action.account]
    if rules.fault is Fault.KEPT_UNUSED:
        raise Refused("margin")
    if action.units > account.line_in(action.other, action.asset):
        raise Refused("line")
    account = consume(account, action.other, action.asset, action.units)
    require_margin(local, account)
    return keep(local, action.account, account)


def close(local: Local, order: Order) -> Local:
    """End an order whose time is over by this chain's clock."""
    if find_progress(local.closed, order):
        raise Refused("closed")
    if local.clock <= order.expiry:
        raise Refused("open")
    state = find_progress(local.registered, order) or Progress(order, 0, 0)
    return replace(local, closed=(*local.closed, state))


# On one chain


def liquidate(rules: Rules, local: Local, action: Action) -> Local:
    """Repay a debt here and take collateral here."""
    planned = plan_here(rules, local, action)
    plan, number = planned.plan, action.account
    price, debt_price = local.prices[action.asset], local.prices[action.nth]
    owed = local.accounts[number].debt[action.nth]
    offered = min(action.units, owed, div_up(plan.value * WAD, debt_price))
    spent = min(div_up(offered * debt_price, WAD), plan.value)
    account = _note_spent(local.accounts[number], local, spent, planned.judged.oldest)
    local, repaid = pay_debt(keep(local, number, account), number, action.nth, offered)
    paid = min(value_units(repaid, debt_price, up=False), plan.value)
    if paid < TERMS.min_order and repaid != owed:
        raise Refused("dust")
    due = min(calculate_payout(paid, plan.bonus_bps, price), planned.units)
    account = local.accounts[number]
    if due > planned.free:
        missing = due - planned.free
        account = _rob(account, action.asset, local.number, missing, planned.spare)
    extra = due - min(due, calculate_payout(paid, 0, price)) if planned.judged.abroad else 0
    local = _take_capped(rules, keep(local, number, account), number, action.asset, extra)
    return _take(local, number, action.asset, due - extra)


def _take_capped(rules: Rules, local: Local, number: int, asset: int, units: int) -> Local:
    before = local.paid[asset]
    local = _take(local, number, asset, units)
    claimed = add(local.claimed, asset, local.paid[asset] - before)
    if claimed[asset] > rules.claim_cap:
        raise Refused("cap")
    return replace(local, claimed=claimed)


def _take(local: Local, number: int, asset: int, units: int) -> Local:
    taken = div_down(units, SCALES[asset]) * SCALES[asset]
    account = local.accounts[number]
    account = replace(account, collateral=add(account.collateral, asset, -taken))
    return replace(keep(local, number, account), paid=add(local.paid, asset, taken))


# Parts


def find_progress(listed: tuple[Progress, ...], order: Order) -> Progress | None:
    """Give what a debt chain knows of an order."""
    return next((known for known in listed if known.order == order), None)


def _require_own(local: Local, order: Order) -> None:
    if order not in local.locks:
        raise Refused("order")


def _find(account: Account, order: Order) -> Held | None:
    if order not in account.orders:
        return None
    return account.held[account.orders.index(order)]


def _write(account: Account, order: Order, held: Held) -> Account:
    place = account.orders.index(order)
    if held.left > 0:
        return replace(account, held=put(account.held, place, held))
    # The newest takes the place of one that is settled.
    orders, kept = account.orders[:-1], account.held[:-1]
    if place < len(kept):
        orders = put(orders, place, account.orders[-1])
        kept = put(kept, place, account.held[-1])
    return replace(account, orders=orders, held=kept)


def _note_spent(account: Account, local: Local, value: int, oldest: int) -> Account:
    spent = find_spent(account, oldest) + value
    return replace(account, spent=(account.sequence, local.clock, spent))


def _rob(account: Account, asset: int, chain: int, units: int, spare: tuple[int, ...]) -> Account:
    bound = account.locked[asset] + account.lent(asset) - account.line_out(chain, asset)
    units += bound - min(bound, account.collateral[asset])
    missing, held = units, account.held
    for place, most in enumerate(spare):
        taken = min(most, missing)
        if taken > 0:
            poorer = replace(held[place], locked=held[place].locked - taken, robbed=True)
            held, missing = put(held, place, poorer), missing - taken
    return replace(account, held=held, locked=add(account.locked, asset, missing - units))
