"""What each line, link, order, receipt and provision of an account waits for: pure.

Whatever crosses chains goes the same way: it happens, its block becomes final, the committee states
it, somebody brings the statement to the other chain. What can be brought now is a step; a fill is
not among them, for nobody owes it: daemon.keeper.vaults.seizing decides on those.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chains.evm.protocols.plimsoll_vault.ledger import Fill, Ledger, Line, OrderLife
from daemon.keeper.vaults import steps
from daemon.keeper.vaults.scene import AccountScene, ChainView, FactName
from daemon.keeper.vaults.steps import Step
from proofs.vaults import FactKey, FactKind


class Wait(StrEnum):
    """What something waits for."""

    FINALITY = "finality"
    STATEMENT = "statement"
    ROOT = "root"
    DELIVERY = "delivery"
    FILL = "fill"
    EXPIRY = "expiry"
    CAP = "cap"
    CHAIN = "chain"
    VETO = "veto"


class Subject(StrEnum):
    """What it is that waits."""

    LINE_RAISED = "line raised"
    LINE_LOWERED = "line lowered"
    LINK = "link"
    LOCK = "lock"
    FILL = "fill"
    CLAIM = "claim"
    CLOSE = "close"
    RELEASE = "release"
    PROVISION = "provision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing that waits: on which chain it is to be brought in the end, and for what now.

    `line`, `order` and `index` name it. `height` is the block it happened in, `until` a time
    (seconds) that is waited for; both 0 where neither is. `step` is what would bring it now.
    """

    subject: Subject
    wait: Wait
    chain: int
    line: Line | None = None
    order: bytes = b""
    index: int = 0
    height: int = 0
    until: int = 0
    step: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFact:
    """A fact that one chain tells and another takes; it was written at `height`."""

    chain: int
    consumer: int
    key: FactKey
    height: int

    @property
    def name(self) -> FactName:
        """How its statement is found."""
        return self.chain, self.key.hash, self.consumer


def list_facts(ledger: Ledger) -> tuple[WantedFact, ...]:
    """Give the facts whose statements something of the account waits for."""
    return (
        *(fact for line in ledger.lines for fact in _line_facts(ledger.account, line)),
        *(_link_fact(ledger, chain) for chain in _untaken_links(ledger)),
        *(fact for life in ledger.open_orders for fact in _order_facts(life)),
    )


def _line_facts(account: bytes, line: Line) -> Iterator[WantedFact]:
    if line.raised > line.raised_told:
        yield line_fact(account, line, FactKind.RAISED)
    if line.lowered > line.lowered_told:
        yield line_fact(account, line, FactKind.LOWERED)


def line_fact(account: bytes, line: Line, kind: FactKind) -> WantedFact:
    """Give the fact of a line's raise, or of its lowering."""
    raised = kind is FactKind.RAISED
    return WantedFact(
        chain=line.source if raised else line.borrower,
        consumer=line.borrower if raised else line.source,
        key=FactKey(kind=kind, subject=account, numbers=(line.source, line.borrower, line.asset)),
        height=line.raised_at if raised else line.lowered_at,
    )


def _untaken_links(ledger: Ledger) -> list[int]:
    """Give the chains where the owner that home names is not the owner."""
    if ledger.home is None:
        return []
    return [
        chain for chain, (owner, _, _) in ledger.links.items() if _is_untaken(ledger, chain, owner)
    ]


def _is_untaken(ledger: Ledger, chain: int, owner: str) -> bool:
    named = None if int(owner, 16) == 0 else owner
    return ledger.owners.get(chain) != named


def _link_fact(ledger: Ledger, chain: int) -> WantedFact:
    return WantedFact(
        chain=ledger.home or 0,
        consumer=chain,
        key=FactKey(kind=FactKind.LINKED, subject=ledger.account, numbers=(chain,)),
        height=ledger.links[chain][2],
    )


def _order_facts(life: OrderLife) -> Iterator[WantedFact]:
    if life.registered_at is None and life.closed is None:
        yield lock_fact(life)
    for fill in life.fills:
        if fill.paid is None:
            yield receipt_fact(life, fill)
    if life.closed is not None and not life.released:
        yield closed_fact(life)


def lock_fact(life: OrderLife) -> WantedFact:
    """Give the fact of an order's lock."""
    return WantedFact(
        chain=life.order.collateral_chain,
        consumer=life.order.debt_chain,
        key=FactKey(kind=FactKind.LOCK, subject=life.id),
        height=life.locked_at,
    )


def receipt_fact(life: OrderLife, fill: Fill) -> WantedFact:
    """Give the fact of a fill."""
    return WantedFact(
        chain=life.order.debt_chain,
        consumer=life.order.collateral_chain,
        key=FactKey(kind=FactKind.RECEIPT, subject=life.id, numbers=(fill.receipt.index,)),
        height=fill.at,
    )


def closed_fact(life: OrderLife) -> WantedFact:
    """Give the fact that an order is over."""
    return WantedFact(
        chain=life.order.debt_chain,
        consumer=life.order.collateral_chain,
        key=FactKey(kind=FactKind.CLOSED, subject=life.id),
        height=life.closed_at,
    )


def plan_due(scene: AccountScene) -> tuple[Waiting, ...]:
    """Give everything of the account that waits, and the steps that may be taken now."""
    return tuple(_list_waiting(scene))


def _list_waiting(scene: AccountScene) -> Iterator[Waiting]:
    ledger = scene.ledger
    for line in ledger.lines:
        yield from _wait_lines(scene, line)
    for chain in _untaken_links(ledger):
        fact = _link_fact(ledger, chain)
        view, stated = scene.views.get(chain), scene.facts.get(fact.name)
        step = steps.take_link(view, ledger, stated) if view and stated else None
        yield _cross(scene, fact, Subject.LINK, step)
    for life in ledger.open_orders:
        yield from _wait_order(scene, life)
    for provision in ledger.provisions:
        yield _wait_provision(scene, provision.chain, provision.asset, provision.ready_at)


def _wait_lines(scene: AccountScene, line: Line) -> Iterator[Waiting]:
    for fact in _line_facts(scene.account, line):
        raised = fact.key.kind is FactKind.RAISED
        known = line.raised_told if raised else line.lowered_told
        view, stated = scene.views.get(fact.consumer), scene.facts.get(fact.name)
        step = None
        if view and stated and stated.said.value > known:
            step = steps.take_line(view, scene.account, line, stated)
        subject = Subject.LINE_RAISED if raised else Subject.LINE_LOWERED
        yield _cross(scene, fact, subject, step, line=line)


def _wait_order(scene: AccountScene, life: OrderLife) -> Iterator[Waiting]:
    order = life.order
    there = scene.views.get(order.debt_chain)
    if life.closed is None:
        yield _wait_fill(scene, life, there)
    for fill in life.fills:
        if fill.paid is None or fill.waiting:
            yield _wait_claim(scene, life, fill)
    if life.closed is not None and not life.released and life.filled < order.value:
        fact = closed_fact(life)
        here, stated = scene.views.get(order.collateral_chain), scene.facts.get(fact.name)
        step = steps.release(here, life, stated) if here and stated else None
        yield _cross(scene, fact, Subject.RELEASE, step, order=life.id)


def _wait_fill(scene: AccountScene, life: OrderLife, there: ChainView | None) -> Waiting:
    """Say what an order that is open waits for: its lock's statement, a fill, or its end."""
    order = life.order
    if there is not None and there.anchor.time > order.expiry:
        return Waiting(
            subject=Subject.CLOSE,
            wait=Wait.DELIVERY,
            chain=order.debt_chain,
            order=life.id,
            step=steps.close(there, life),
        )
    fact = lock_fact(life)
    if life.registered_at is None and fact.name not in scene.facts:
        return _cross(scene, fact, Subject.LOCK, None, order=life.id)
    return Waiting(
        subject=Subject.FILL,
        wait=Wait.FILL,
        chain=order.debt_chain,
        order=life.id,
        until=order.expiry,
    )


def _wait_claim(scene: AccountScene, life: OrderLife, fill: Fill) -> Waiting:
    here, index = scene.views.get(life.order.collateral_chain), fill.receipt.index
    if fill.waiting:
        free = here.claim_rooms.get(life.order.collateral_asset, 0) if here else 0
        return Waiting(
            subject=Subject.CLAIM,
            wait=Wait.CAP,
            chain=life.order.collateral_chain,
            order=life.id,
            index=index,
            step=steps.claim_rest(here, life, fill) if here and free else None,
        )
    fact = receipt_fact(life, fill)
    stated = scene.facts.get(fact.name)
    step = steps.claim(here, life, fill, stated) if here and stated else None
    return _cross(scene, fact, Subject.CLAIM, step, order=life.id, index=index)


def plan_losses(scene: AccountScene) -> tuple[Step, ...]:
    """Give the provisions that an account without collateral asks for, on every chain read.

    Quantities are brought first where what a chain was told is too old. What interest adds to a
    loss that was written down is left until it is worth an order.
    """
    views = [view for view in scene.views.values() if scene.account in view.accounts]
    if scene.ledger.open_orders or any(view.weighs(scene.account) for view in views):
        return ()
    provided = {(one.chain, one.asset) for one in scene.ledger.provisions}
    owed = [
        (view, asset, units - view.written_down.get((scene.account, asset), 0))
        for view in views
        for asset, units in enumerate(view.accounts[scene.account].legs.debt)
        if units and (view.number, asset) not in provided
    ]
    return tuple(
        _provide(scene, view, asset, units)
        for view, asset, units in owed
        if view.value(asset, units) >= view.terms.min_order
    )


def _provide(scene: AccountScene, view: ChainView, asset: int, units: int) -> Step:
    if scene.posts(view.number) and _is_stale(scene, view):
        return steps.post_quantities(view, scene.account, scene.quantities[view.number])
    return steps.provide(view, scene.account, asset, units)


def _is_stale(scene: AccountScene, view: ChainView) -> bool:
    """Say whether what a chain was told is too old to judge a loss by."""
    issued_at = view.issued_at.get(scene.account, 0)
    return issued_at + view.terms.max_age_s < view.anchor.time


def _wait_provision(scene: AccountScene, chain: int, asset: int, ready_at: int) -> Waiting:
    view = scene.views.get(chain)
    over = view is not None and view.anchor.time >= ready_at
    step = None
    if view is not None and over:
        found = view.accounts.get(scene.account)
        owed = found.legs.debt[asset] if found else 0
        told_at = view.issued_at.get(scene.account, 0)
        newer = told_at > ready_at - view.terms.veto_s and not _is_stale(scene, view)
        step = steps.write_down(view, scene.account, asset, owed)
        if not newer and scene.posts(chain):
            step = steps.post_quantities(view, scene.account, scene.quantities[chain])
    return Waiting(
        subject=Subject.PROVISION,
        wait=Wait.DELIVERY if over else Wait.VETO,
        chain=chain,
        until=ready_at,
        step=step,
    )


def _cross(
    scene: AccountScene,
    fact: WantedFact,
    subject: Subject,
    step: Step | None,
    *,
    line: Line | None = None,
    order: bytes = b"",
    index: int = 0,
) -> Waiting:
    """Say how far a fact has come on its way from one chain to another."""
    wait = _find_wait(scene.views, fact, step)
    if step is None and fact.name in scene.unrooted:
        wait, step = Wait.ROOT, _bring_root(scene, fact)
    return Waiting(
        subject=subject,
        wait=wait,
        chain=fact.consumer,
        line=line,
        order=order,
        index=index,
        height=fact.height,
        step=step,
    )


def _bring_root(scene: AccountScene, fact: WantedFact) -> Step | None:
    call, view = scene.unrooted[fact.name], scene.views.get(fact.consumer)
    if call is None or view is None:
        return None
    return steps.bring_root(view, scene.account, fact.chain, fact.height, call)


def _find_wait(views: Mapping[int, ChainView], fact: WantedFact, step: Step | None) -> Wait:
    if step is not None:
        return Wait.DELIVERY
    source = views.get(fact.chain)
    if source is None or fact.consumer not in views:
        return Wait.CHAIN
    return Wait.FINALITY if source.final.height < fact.height else Wait.STATEMENT
