"""Liquidations of vault accounts: which pairs there are, which orders are worth filling. Pure.

A pair is looked at where the collateral's chain would open an order once it was told the newest
quantities. What an order would be is asked of the chain itself; what it is worth is reckoned here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chains.evm.protocols.plimsoll_vault.ledger import OrderLife
from chains.model.units import BPS, WAD, Usd, div_down, div_up
from daemon.keeper.vaults import steps
from daemon.keeper.vaults.due import lock_fact
from daemon.keeper.vaults.pairs import BLOCKS, SIGNING_S, Costed, Pair, cost_pair
from daemon.keeper.vaults.scene import AccountScene, ChainView, Purse
from daemon.keeper.vaults.steps import Step
from daemon.margin.risk import Tier

SLACK_BPS = 50
"""What is approved beyond the value, for interest and price until the fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Collateral on one chain and debt on another, or on the same, of one account."""

    account: bytes
    collateral: ChainView
    collateral_asset: int
    debt: ChainView
    debt_asset: int

    @property
    def crosses(self) -> bool:
        """Whether it takes an order."""
        return self.collateral.number != self.debt.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a chain says that it would allow: value (Usd), bonus, and units of collateral."""

    value: Usd
    bonus_bps: int
    units: int
    health: int


def list_candidates(scene: AccountScene) -> Iterator[Candidate]:
    """Give every pair of an account under a health of 1 at the collateral's chain."""
    for number, (_, high) in sorted(scene.told.items()):
        here = scene.views[number]
        held = here.accounts[scene.account].legs if high < WAD else None
        if held is None:
            continue
        for asset, units in enumerate(held.collateral):
            if units > held.locked[asset]:
                yield from _list_debts(scene, here, asset)


def _list_debts(scene: AccountScene, here: ChainView, asset: int) -> Iterator[Candidate]:
    for number in sorted(scene.views):
        there = scene.views[number]
        found = there.accounts.get(scene.account)
        for debt_asset, owed in enumerate(found.legs.debt if found else ()):
            if owed:
                yield Candidate(
                    account=scene.account,
                    collateral=here,
                    collateral_asset=asset,
                    debt=there,
                    debt_asset=debt_asset,
                )


def why_impossible(candidate: Candidate) -> str | None:
    """Say why no order of a pair could be filled in time; None where it can."""
    if not candidate.crosses:
        return None
    here, there = candidate.collateral.place, candidate.debt.place
    wait = here.finality_s + SIGNING_S + BLOCKS * (here.block_s + there.block_s)
    life = candidate.collateral.terms.order_life_s
    if wait >= life:
        return f"its order ends after {life} s, a lock on {here.chain} is final after {wait} s"
    return None


def build_pair(candidate: Candidate, allowed: Allowed, *, posts: bool) -> Pair:
    """Give a pair with what its chain allows and what the key has for it."""
    here, there = candidate.collateral, candidate.debt
    purse = there.purse.get(candidate.debt_asset, Purse(balance=0, allowance=0))
    funds = there.value(candidate.debt_asset, purse.balance)
    wanted = _units_for(there, candidate.debt_asset, min(allowed.value, funds))
    return Pair(
        account=candidate.account,
        collateral=here.place,
        collateral_asset=candidate.collateral_asset,
        debt=there.place,
        debt_asset=candidate.debt_asset,
        value=allowed.value,
        bonus_bps=allowed.bonus_bps,
        buffer_bps=here.terms.buffer_bps if candidate.crosses else 0,
        tier=here.site.tiers.get(candidate.collateral_asset, Tier.ALT),
        funds=funds,
        least=Usd(here.terms.min_order),
        fund=there.value(candidate.debt_asset, there.funds.get(candidate.debt_asset, 0)),
        fund_bps=there.terms.fund_bonus_bps,
        posts=posts,
        approves=purse.allowance < wanted,
    )


def open_pair(candidate: Candidate, allowed: Allowed, pair: Pair) -> Step:
    """Give the step that begins a chosen pair; the approval first where one chain is all."""
    here, there = candidate.collateral, candidate.debt
    if candidate.crosses:
        return steps.lock(
            here,
            candidate.account,
            candidate.collateral_asset,
            there.number,
            candidate.debt_asset,
            allowed.units,
        )
    wanted = _units_for(here, candidate.debt_asset, pair.paid)
    purse = here.purse[candidate.debt_asset]
    if purse.allowance < wanted:
        return steps.approve(here, candidate.account, candidate.debt_asset, wanted)
    return steps.liquidate(
        here,
        candidate.account,
        candidate.collateral_asset,
        candidate.debt_asset,
        min(wanted, purse.balance),
        pair.paid,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """An order that may be filled now, priced as it stands: None where it cannot be priced."""

    life: OrderLife
    here: ChainView
    there: ChainView
    pair: Pair


def list_fillings(scene: AccountScene) -> Iterator[Filling]:
    """Give the open orders of an account that can be filled now."""
    for life in scene.ledger.open_orders:
        here = scene.views.get(life.order.collateral_chain)
        there = scene.views.get(life.order.debt_chain)
        if here is None or there is None or life.closed is not None:
            continue
        if there.anchor.time + BLOCKS * there.site.block_s > life.order.expiry:
            continue
        if life.registered_at is None and lock_fact(life).name not in scene.facts:
            continue
        yield Filling(life=life, here=here, there=there, pair=_price_order(life, here, there))


def _price_order(life: OrderLife, here: ChainView, there: ChainView) -> Pair:
    """Give an order's remainder as a pair: its bonus is what the locked units cover at most now."""
    order = life.order
    left = order.value - life.filled
    units = div_down(order.units * left, order.value)
    cover = div_down(here.value(order.collateral_asset, units) * BPS, left) if left else 0
    bonus = min(order.bonus_bps, cover - BPS)
    purse = there.purse.get(order.debt_asset, Purse(balance=0, allowance=0))
    found = there.accounts.get(order.account)
    owed = found.legs.debt[order.debt_asset] if found else 0
    value = min(left, there.value(order.debt_asset, owed))
    funds = there.value(order.debt_asset, purse.balance)
    wanted = _units_for(there, order.debt_asset, min(value, funds))
    return Pair(
        account=order.account,
        collateral=here.place,
        collateral_asset=order.collateral_asset,
        debt=there.place,
        debt_asset=order.debt_asset,
        value=Usd(value),
        bonus_bps=bonus,
        buffer_bps=max(0, div_down(cover * BPS, BPS + order.bonus_bps) - BPS),
        tier=here.site.tiers.get(order.collateral_asset, Tier.ALT),
        funds=funds,
        least=Usd(there.terms.min_order),
        fund=there.value(order.debt_asset, there.funds.get(order.debt_asset, 0)),
        fund_bps=there.terms.fund_bonus_bps if order.bonus_bps == bonus else 0,
        approves=purse.allowance < wanted,
        locked=True,
    )


def choose_fills(
    fillings: Sequence[Filling], scenes: Mapping[bytes, AccountScene], *, min_profit: Usd
) -> tuple[tuple[Step, Costed], ...]:
    """Give the fills worth their costs, the best first, as far as the key's funds go.

    Where the pool may not take enough yet, the approval comes instead, and the fill at a later
    look.
    """
    spent: dict[tuple[int, int], int] = {}
    chosen: list[tuple[Step, Costed]] = []
    priced = [(filling, cost_pair(filling.pair)) for filling in fillings if filling.pair.paid > 0]
    ranked = sorted(priced, key=lambda found: (-found[1].profit, found[0].life.id))
    for filling, _ in ranked:
        key = filling.there.number, filling.life.order.debt_asset
        rest = Usd(max(0, filling.pair.funds - spent.get(key, 0)))
        pair = replace(filling.pair, funds=rest)
        if pair.paid <= 0 or (pair.paid < pair.value and pair.paid < pair.least):
            continue
        costed = cost_pair(pair)
        if costed.profit < min_profit:
            continue
        spent[key] = spent.get(key, 0) + pair.paid
        chosen.append((_fill(filling, pair, scenes[filling.life.order.account]), costed))
    return tuple(chosen)


def _fill(filling: Filling, pair: Pair, scene: AccountScene) -> Step:
    life, there = filling.life, filling.there
    asset = life.order.debt_asset
    purse = there.purse[asset]
    wanted = min(purse.balance, _units_for(there, asset, pair.paid))
    if purse.allowance < wanted:
        return steps.approve(there, life.order.account, asset, wanted)
    stated = scene.facts.get(lock_fact(life).name) if life.registered_at is None else None
    return steps.fill(there, life, wanted, pair.paid, stated)


def _units_for(view: ChainView, asset: int, value: int) -> int:
    """Give the units of an asset that surely repay a value, with slack for interest and price."""
    price = view.assets[asset].price if asset < len(view.assets) else None
    return div_up(value * (BPS + SLACK_BPS) * WAD, BPS * price) if price else 0
