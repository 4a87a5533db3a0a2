"""What must hold whatever happens: each invariant says of a state, or of a step, what is wrong.

They look at what is true everywhere at once, which no contract can, and compute it anew instead of
asking the rules.
"""

from collections.abc import Iterator

from chains.evm.protocols.plimsoll_vault.state import Entry
from chains.model.units import BPS, WAD
from tests.model.state import (
    ASSETS,
    OPENING,
    TERMS,
    THRESHOLDS,
    Account,
    Action,
    Local,
    Order,
    State,
    list_assets,
)
from tests.model.world import CASH, World

_DUST_E8 = 100
"""What rounding may make of a sum of values."""


def check(world: World, state: State) -> str | None:
    """Give the first invariant that a state breaks."""
    for chain in state.heads:
        if found := _check_alone(world, chain):
            return found
    heads = [world.locals[number] for number in state.heads]
    for number in range(world.accounts):
        if not world.forged and (found := _check_lines(heads, number)):
            return found
        if not state.moved and not world.forged and not _is_solvent(heads, number):
            return "solvency: more is owed than the collateral carries, and no price moved"
    return None if world.forged else _check_orders(heads)


def check_step(world: World, before: State, action: Action, after: State) -> str | None:
    """Give the first invariant that a step breaks."""
    if world.forged or action.name not in {"lock", "liquidate"}:
        return None
    if not before.moved:
        return "justice: seized, and no price moved"
    here = world.head(before, action.chain)
    if not _knows_all(world, before, here, action.account):
        return None
    heads = [world.locals[number] for number in before.heads]
    weight, debt = weigh(heads, here, action.account, TERMS.min_leg)
    if weight - _DUST_E8 >= debt:
        return "justice: seized from a healthy account whose state was known"
    if any(local.accounts[action.account].held for local in heads):
        # Open orders were taken as filled, which nobody need do.
        return None
    return _check_cure(world, before, action, after)


def _check_cure(world: World, before: State, action: Action, after: State) -> str | None:
    here = world.head(before, action.chain)
    weight, debt = _weigh_all(world, before, here, action.account)
    sunk = weight * BPS < THRESHOLDS[action.asset] * debt
    if action.name == "lock":
        order = world.head(after, action.chain).locks[-1]
        left, owed = _fill_whole(order, weight, debt)
        if sunk and order.bonus_bps:
            return "cure: a bonus is paid where the collateral is worth less than the debt"
    else:
        left, owed = _weigh_all(world, after, here, action.account)
    # Below its threshold, no price for collateral raises health: then it goes at par.
    if not sunk and left * debt < weight * owed - _DUST_E8 * (weight + debt):
        return "cure: a liquidation lowers health"
    return None


# One chain


def _check_alone(world: World, number: int) -> str | None:
    if number not in world.checked:
        world.checked[number] = next(_find_wrongs(world, world.locals[number]), None)
    return world.checked[number]


def _find_wrongs(world: World, local: Local) -> Iterator[str]:
    for asset in ASSETS:
        held = sum(account.collateral[asset] for account in local.accounts)
        owed = sum(account.debt[asset] for account in local.accounts)
        if local.cash[asset] + held + local.paid[asset] != CASH[asset]:
            yield "conservation: tokens appeared or are lost"
        if local.cash[asset] + owed < CASH[asset]:
            yield "conservation: a debt went away that nobody repaid"
        if min(local.cash[asset], held, owed) < 0:
            yield "conservation: less than nothing"
        if local.drawn[asset] > world.rules.hourly_cap:
            yield "caps: more was borrowed than an hour allows"
        if local.claimed[asset] > world.rules.claim_cap:
            yield "caps: more was claimed than an hour allows"
        for origin in range(world.rules.chains):
            lent = sum(account.line_in(origin, asset) for account in local.accounts)
            if lent > world.rules.in_cap:
                yield "caps: more is lent to a chain than it takes"
    for place, account in enumerate(local.accounts):
        yield from _find_loose(local, place, account)


def _find_loose(local: Local, place: int, account: Account) -> Iterator[str]:
    for asset in ASSETS:
        bound = sum(h.locked for h in account.held if h.collateral_asset == asset)
        for due in local.dues:
            if (due.order.account, due.order.collateral_asset) == (place, asset):
                bound += due.rest
        if bound != account.locked[asset]:
            yield "conservation: what is locked is not what orders lock"
        if account.locked[asset] > account.collateral[asset]:
            yield "backing: more is locked than there is"


# Lines


def _check_lines(heads: list[Local], number: int) -> str | None:
    for here in heads:
        account = here.accounts[number]
        for asset in ASSETS:
            used = 0
            for there in heads:
                lent = there.accounts[number].line_in(here.number, asset)
                used += lent
                if there is not here and lent > account.line_out(there.number, asset):
                    return "lines: more is used than is lent"
            if used + _find_bound(heads, account, asset) > account.collateral[asset]:
                return "backing: a unit of collateral backs two chains"
    return None


def _find_bound(heads: list[Local], account: Account, asset: int) -> int:
    """Give what is locked, but for lines that the debt chain has yet to take away."""
    bound = account.locked[asset]
    for order, held in zip(account.orders, account.held, strict=True):
        known = heads[order.debt_chain].registered
        if held.collateral_asset == asset and all(order != state.order for state in known):
            bound -= min(held.line_units, held.locked)
    return bound


def _is_solvent(heads: list[Local], number: int) -> bool:
    most = owed = 0
    for local in heads:
        account = local.accounts[number]
        for asset in list_assets(OPENING):
            most += account.collateral[asset.number] * OPENING[asset.number] * asset.ltv
            owed += account.debt[asset.number] * OPENING[asset.number] * BPS
    return owed <= most


# Orders


def _check_orders(heads: list[Local]) -> str | None:
    for there in heads:
        for receipt in there.receipts:
            here = heads[receipt.order.collateral_chain]
            settled = any((d.order, d.number) == receipt[:2] for d in here.dues)
            if not settled and (found := _check_unclaimed(here, there, receipt.order)):
                return found
        for due in there.dues:
            told = heads[due.order.debt_chain].receipts
            if not any(receipt[:2] == due[:2] for receipt in told):
                return "claims: paid for what was never repaid"
    return None


def _check_unclaimed(here: Local, there: Local, order: Order) -> str | None:
    account = here.accounts[order.account]
    if order not in account.orders:
        return "claims: a filled order has nothing left to claim"
    held = account.held[account.orders.index(order)]
    settled = {due.number for due in here.dues if due.order == order}
    receipts = [r for r in there.receipts if r.order == order and r.number not in settled]
    if held.left < sum(receipt.value for receipt in receipts):
        return "claims: less is left of an order than was filled"
    if not held.robbed and held.locked * order.value < order.units * held.left:
        return "claims: a receipt's part of the locked units is gone"
    return None


# Health, as somebody sees it who sees everything


def _knows_all(world: World, state: State, here: Local, number: int) -> bool:
    known = here.accounts[number].entries
    for chain in range(world.rules.chains):
        if chain == here.number:
            continue
        account, entry = world.head(state, chain).accounts[number], known[chain]
        if entry is None:
            if any(account.collateral) or any(account.debt):
                return False
        elif not _tells(entry, account) or here.clock > entry.time + TERMS.grace_s:
            return False
    return True


def _tells(entry: Entry, account: Account) -> bool:
    """Say whether an entry is what an account has, with nothing that may yet be undone."""
    told = (entry.collateral, entry.debt, entry.locked)
    is_so = told == (account.collateral, account.debt, account.locked)
    return is_so and not any(entry.added) and not any(entry.repaid)


def weigh(heads: list[Local], here: Local, number: int, least: int = 0) -> tuple[int, int]:
    """Give weighted collateral and debts everywhere, what is filled but not claimed taken off.

    Legs of less than `least` count nothing.
    """
    weight = debt = 0
    for local in heads:
        account = local.accounts[number]
        for asset in ASSETS:
            price = here.prices[asset]
            value = account.collateral[asset] * price // WAD
            weight += value * THRESHOLDS[asset] // BPS if value >= least else 0
            debt += -(-account.debt[asset] * price // WAD)
        for receipt in local.receipts:
            order = receipt.order
            dues = heads[order.collateral_chain].dues
            if order.account == number and not any(d[:2] == receipt[:2] for d in dues):
                cost = receipt.value * (BPS + order.bonus_bps) // BPS
                weight -= cost * THRESHOLDS[order.collateral_asset] // BPS
    return weight, debt


def _weigh_all(world: World, state: State, here: Local, number: int) -> tuple[int, int]:
    return weigh([world.locals[one] for one in state.heads], here, number)


def _fill_whole(order: Order, weight: int, debt: int) -> tuple[int, int]:
    value = min(order.value, debt)
    cost = value * (BPS + order.bonus_bps) * THRESHOLDS[order.collateral_asset] // BPS**2
    return weight - cost, debt - value
