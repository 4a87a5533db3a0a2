"""Judgement of an account on one chain: the contracts' replica, fed from the model's state.

The replica has the arithmetic of health.vy and curve.vy; what judge.vy does around it (whether an
entry is recent enough, shares of a round, orders that rest or may be robbed) is here.
"""

from dataclasses import dataclass, replace

from chains.evm.protocols.plimsoll_vault.curve import calculate_reserve
from chains.evm.protocols.plimsoll_vault.health import Judged, counts, is_unread, judge
from chains.evm.protocols.plimsoll_vault.math import Refused
from chains.evm.protocols.plimsoll_vault.sizing import Plan, Seizable, plan_liquidation
from chains.evm.protocols.plimsoll_vault.state import Abroad, Entry, Quote, Subject
from chains.model.units import WAD, div_up
from tests.model.state import (
    ASSETS,
    LTVS,
    TERMS,
    THRESHOLDS,
    Account,
    Action,
    Fault,
    Local,
    Rules,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a liquidation may do.

    `free` units, and what it may take of each older order; `margin` is of the value, beyond the
    debt.
    """

    plan: Plan
    judged: Judged
    free: int
    spare: tuple[int, ...]
    units: int
    margin: int = 0


def judge_account(rules: Rules, local: Local, number: int) -> Judged:
    """Judge an account at a chain's own prices."""
    return judge(build_subject(rules, local, number))


def build_subject(rules: Rules, local: Local, number: int) -> Subject:
    """Give what the replica judges by."""
    account = local.accounts[number]
    return Subject(
        now=local.clock,
        legs=account.legs,
        abroad=tuple(
            _look_abroad(rules, local, account, chain)
            for chain in range(rules.chains)
            if chain != local.number
        ),
        orders=account.held,
        market=tuple(
            Quote(
                low=local.prices[asset],
                high=local.prices[asset],
                ltv=LTVS[asset],
                threshold=THRESHOLDS[asset],
                max_rate=WAD,
            )
            for asset in ASSETS
        ),
        terms=TERMS,
    )


def _look_abroad(rules: Rules, local: Local, account: Account, chain: int) -> Abroad:
    entry = account.entries[chain]
    if entry and rules.fault is Fault.UNREAD_EMPTY and is_stale(local, entry):
        entry = replace(entry, collateral=(0,) * len(ASSETS))
    return Abroad(
        chain=chain,
        entry=entry,
        lost=False,
        line_out=tuple(account.line_out(chain, asset) for asset in ASSETS),
        line_in=tuple(account.line_in(chain, asset) for asset in ASSETS),
        told_at=0 if rules.fault is Fault.OLD_ENTRY else account.told_at[chain],
    )


def is_stale(local: Local, entry: Entry | None) -> bool:
    """Say whether a chain is unread."""
    return is_unread(entry, TERMS.grace_s, now=local.clock)


def sum_ordered(rules: Rules, local: Local, number: int) -> int:
    """Give what the open orders of a chain may still repay, as far as they count."""
    subject = build_subject(rules, local, number)
    return sum(order.unfilled for order in subject.orders if counts(subject, order))


def plan_lock(rules: Rules, local: Local, action: Action) -> tuple[Planned, bool]:
    """Plan an order for a debt on another chain, and say whether its pair rests."""
    account = local.accounts[action.account]
    if is_stale(local, account.entries[action.other]):
        raise Refused("unread")
    judged = _require_unhealthy(rules, local, action.account)
    free, spare, units = _find_units(rules, local, action)
    resting = _rests(local, account, action)
    leg = _find_leg(rules, local, action)
    planned = _plan(local, action, judged, leg, units, 1)
    if planned.value < TERMS.min_order and len(account.held) >= 8:
        raise Refused("full")
    reserved = calculate_reserve(
        planned.value, planned.bonus_bps, TERMS.buffer_bps, local.prices[action.asset]
    )
    return Planned(
        plan=planned,
        judged=judged,
        free=free,
        spare=spare,
        units=min(units, reserved),
        margin=max(0, planned.value - leg),
    ), resting


def plan_here(rules: Rules, local: Local, action: Action) -> Planned:
    """Plan a liquidation whose collateral and debt are both on this chain."""
    judged = _require_unhealthy(rules, local, action.account)
    free, spare, units = _find_units(rules, local, action._replace(other=local.number))
    owed = local.accounts[action.account].debt[action.nth]
    leg = div_up(owed * local.prices[action.nth], WAD)
    plan = _plan(local, action, judged, leg, units, 0)
    return Planned(plan=plan, judged=judged, free=free, spare=spare, units=units)


def require_known_sick(rules: Rules, local: Local, number: int) -> None:
    """Refuse unless an account is under 1 by a recent statement."""
    _require_unhealthy(rules, local, number)
    if local.accounts[number].issued_at + TERMS.max_age_s < local.clock:
        raise Refused("stale")


def find_spent(account: Account, oldest: int) -> int:
    """Give what was ordered here since the others were last seen."""
    sequence, at, spent = account.spent
    return 0 if account.sequence > sequence and oldest > at else spent


def _require_unhealthy(rules: Rules, local: Local, number: int) -> Judged:
    account, judged = local.accounts[number], judge_account(rules, local, number)
    if judged.weight >= judged.debt:
        raise Refused("healthy")
    if judged.never:
        raise Refused("unread")
    if judged.abroad and account.issued_at + TERMS.max_age_s < local.clock:
        raise Refused("stale")
    return judged


def _find_units(rules: Rules, local: Local, action: Action) -> tuple[int, tuple[int, ...], int]:
    """Give what is free, what older orders may spare each, and what all of it is worth."""
    account, asset = local.accounts[action.account], action.asset
    lent = account.lent(asset)
    if action.other != local.number:
        lent -= account.line_out(action.other, asset)
    if rules.fault is Fault.LENT_LOCK:
        lent = 0
    bound = lent + account.locked[asset]
    spare = tuple(
        held.locked - min(held.line_units, held.locked)
        if held.collateral_asset == asset
        and local.clock > held.expiry + TERMS.grace_s
        and is_stale(local, account.entries[held.debt_chain])
        else 0
        for held in account.held
    )
    free = account.collateral[asset] - min(account.collateral[asset], bound)
    # Units that are locked and lent at once fill two places until the line's end is told here.
    twice = sum(held.line_units for held in account.held)
    return free, spare, free + sum(spare) - min(twice, sum(spare))


def _rests(local: Local, account: Account, action: Action) -> bool:
    pair = (action.asset, action.other, action.nth)
    until = max((r[3] for r in account.rests if r[:3] == pair), default=0)
    if local.clock >= until:
        return False
    for held in account.held:
        if held.resting and pair == (held.collateral_asset, held.debt_chain, held.debt_asset):
            raise Refused("rest")
    return True


def _find_leg(rules: Rules, local: Local, action: Action) -> int:
    entry = local.accounts[action.account].entries[action.other]
    if entry is None:
        return 0
    debt, repaid = entry.debt[action.nth], entry.repaid[action.nth]
    leg = div_up((debt - min(repaid, debt)) * local.prices[action.nth], WAD)
    subject = build_subject(rules, local, action.account)
    for held in subject.orders:
        if (held.debt_chain, held.debt_asset) == (action.other, action.nth):
            leg -= min(leg, held.unfilled) if counts(subject, held) else 0
    return leg


def _plan(
    local: Local, action: Action, judged: Judged, leg: int, units: int, crossing: int
) -> Plan:
    seizable = Seizable(
        leg=leg,
        units=units,
        price=local.prices[action.asset],
        threshold=THRESHOLDS[action.asset],
        buffer_bps=crossing * TERMS.buffer_bps,
        used=find_spent(local.accounts[action.account], judged.oldest),
    )
    return plan_liquidation(judged, seizable, TERMS)
