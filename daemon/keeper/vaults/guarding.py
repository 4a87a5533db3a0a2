"""What the owners of our margin accounts should do in the vaults: lines and top-ups. Pure.

Lines are the owner's to change: where the keeper's key is the owner it sends them, elsewhere they
are proposed. A mandate of rescue.vy pays into Aave v3 pools only, so no mandate reaches a vault: a
top-up is proposed with its size, never sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chains.evm.protocols.plimsoll_vault.math import calculate_backing
from chains.evm.protocols.plimsoll_vault.state import NO_DEBT
from chains.model.ids import ChainId
from chains.model.snapshot import NOBODY
from chains.model.units import BPS, USD, WAD, Usd, div_down, div_up
from daemon.keeper.vaults import steps
from daemon.keeper.vaults.lines import (
    Key,
    Lendable,
    LineBook,
    Standing,
    list_short,
    plan_lines,
)
from daemon.keeper.vaults.scene import AccountScene, ChainView
from daemon.keeper.vaults.view import Proposal
from daemon.margin.policy import Band


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultPolicy:
    """What an owner wants of his vault account: spending power over debt, and health.

    A band that is None never triggers. `min_size` is USD x 1e8 per change.
    """

    account: str
    lines: Band | None
    health: Band | None
    min_size: Usd


def build_book(scene: AccountScene) -> LineBook:
    """Give the account's lines with everything under way counted as arrived."""
    lines: dict[Key, int] = {}
    for line in scene.ledger.lines:
        if line.source in scene.views and line.borrower in scene.views:
            source, borrower = (scene.views[n].site.chain for n in (line.source, line.borrower))
            lines[source, borrower, line.asset] = max(0, line.raised - line.lowered)
    standings = {
        view.site.chain: _build_standing(scene, view, lines) for view in scene.views.values()
    }
    return LineBook(standings=standings, lines=lines, rooms=dict(_list_rooms(scene.views)))


def _build_standing(scene: AccountScene, view: ChainView, lines: Mapping[Key, int]) -> Standing:
    """Give a chain's spending; a line on its way counts where it is going."""
    found, here = scene.views[view.number].accounts.get(scene.account), view.site.chain
    owed = power = 0
    assets: dict[int, Lendable] = {}
    for asset in view.assets:
        number, price = asset.number, asset.price or Usd(0)
        held = found.legs.collateral[number] if found else 0
        bound = found.legs.lines_out[number] + found.legs.locked[number] if found else 0
        lent = sum(units for (_, to, n), units in lines.items() if (to, n) == (here, number))
        counted = found.legs.lines_in[number] if found else 0
        backing = calculate_backing(found.legs, number) - counted if found else 0
        owed += div_up((found.legs.debt[number] if found else 0) * price, WAD)
        power += div_down((backing + lent) * price * asset.ltv, WAD * BPS)
        assets[number] = Lendable(free=max(0, held - bound), price=price, ltv=asset.ltv)
    return Standing(chain=here, debt=Usd(owed), power=Usd(power), assets=assets)


def _list_rooms(views: Mapping[int, ChainView]) -> Iterator[tuple[Key, int]]:
    for source in views.values():
        for (incoming, other, asset), room in source.rooms.items():
            if not incoming and other in views:
                taken = views[other].rooms.get((True, source.number, asset), 0)
                chain: ChainId = views[other].site.chain
                yield (source.site.chain, chain, asset), min(room, taken)


def propose_lines(scene: AccountScene, policy: VaultPolicy) -> tuple[Proposal, ...]:
    """Give the changes of lines that the policy asks for, and the chains they leave short."""
    if policy.lines is None or any(not view.accounts for view in scene.views.values()):
        return ()
    book = build_book(scene)
    changes = plan_lines(book, policy.lines, min_size=policy.min_size)
    proposals = []
    for change in changes:
        view = scene.views[change.chain.evm_number]
        verb = "lend" if change.raises else "give back"
        to = change.borrower if change.raises else change.source
        reason = f"{verb} {change.units / WAD:.6f} of asset {change.asset} to {to}"
        step = steps.change_line(view, scene.account, change)
        proposals.append(_propose(scene, view, reason, step))
    for chain in list_short(book, policy.lines, changes):
        view = scene.views[chain.evm_number]
        reason = f"{chain} stays short of spending power: no chain has more to lend"
        proposals.append(_propose(scene, view, reason, None))
    return tuple(proposals)


def propose_top_ups(scene: AccountScene, policy: VaultPolicy) -> tuple[Proposal, ...]:
    """Give what to repay, or to deposit, for the target health; nothing above the trigger."""
    if policy.health is None:
        return ()
    judged = {n: high for n, (_, high) in scene.told.items() if high != NO_DEBT}
    worst = min(judged.values(), default=NO_DEBT)
    if worst >= policy.health.trigger:
        return ()
    return tuple(_list_top_ups(scene, worst, policy.health.target))


def _list_top_ups(scene: AccountScene, health: int, target: int) -> Iterator[Proposal]:
    """Give one proposal for each debt, and one for each asset held: any of them is enough."""
    total = sum(_value_debts(scene, view) for view in scene.views.values())
    missing = div_up((target - health) * total, WAD)
    for view in scene.views.values():
        if not (found := scene.views[view.number].accounts.get(scene.account)):
            continue
        for asset in view.assets:
            if found.legs.debt[asset.number]:
                value = min(_value_debts(scene, view), div_up(missing * WAD, target))
                yield _propose(scene, view, _say("repay", value, asset.number, health), None)
            elif found.legs.collateral[asset.number] and asset.threshold:
                value = div_up(missing * BPS, asset.threshold)
                yield _propose(scene, view, _say("deposit", value, asset.number, health), None)


def _value_debts(scene: AccountScene, view: ChainView) -> int:
    found = view.accounts.get(scene.account)
    debts = enumerate(found.legs.debt) if found else ()
    return sum(div_up(owed * (view.assets[n].price or 0), WAD) for n, owed in debts)


def _say(verb: str, value: int, asset: int, health: int) -> str:
    return (
        f"{verb} ${value / USD:.2f} of asset {asset}: health is {health / WAD:.4f}, and no mandate "
        "of rescue.vy reaches a vault"
    )


def _propose(
    scene: AccountScene, view: ChainView, reason: str, step: steps.Step | None
) -> Proposal:
    found = view.accounts.get(scene.account)
    owner = found.owner if found else NOBODY
    return Proposal(chain=view.number, owner=owner, reason=reason, step=step)
