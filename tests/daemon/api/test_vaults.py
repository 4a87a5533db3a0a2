"""How a vault account is shown: what it holds, what waits and why, and what people read of it."""

import pytest

from chains.evm.protocols.plimsoll_vault.adapter import AccountRead
from chains.evm.protocols.plimsoll_vault.ledger import (
    Fill,
    Ledger,
    Line,
    Order,
    OrderLife,
    Provision,
    Receipt,
)
from chains.evm.protocols.plimsoll_vault.state import NO_DEBT, Legs
from chains.model.ids import Address, ChainId
from chains.model.units import USD, WAD
from daemon.api.vault_render import render_vault
from daemon.api.vault_schemas import VaultReport
from daemon.commands.vault_status import format_status
from daemon.keeper.vaults.due import Subject, Wait, Waiting
from daemon.keeper.vaults.view import Proposal, VaultAccountView, VaultBoard
from tests.daemon.api.conftest import Api

ACCOUNT = bytes([0xAB]) * 32
OWNER = Address("0x" + "0a" * 20)
NEAR, FAR = 31_337, 31_338
LABELS = {ChainId.evm(NEAR): "cheap"}
LINE = Line(source=NEAR, borrower=FAR, asset=0, raised=5 * WAD, raised_told=3 * WAD)


def lock(fills: tuple[Fill, ...] = (), *, closed: int | None = None) -> OrderLife:
    order = Order(
        collateral_chain=NEAR,
        debt_chain=FAR,
        account=ACCOUNT,
        collateral_asset=0,
        debt_asset=1,
        units=2 * WAD,
        line_units=WAD,
        value=1_000 * USD,
        bonus_bps=250,
        expiry=1_800_000_000,
        nonce=1,
    )
    return OrderLife(
        id=b"\1" * 32,
        order=order,
        health=98 * WAD // 100,
        locked_at=7,
        registered_at=9 if fills else None,
        fills=fills,
        closed=closed,
    )


def fill(*, paid: int | None, waiting: int = 0) -> Fill:
    receipt = Receipt(order=b"\1" * 32, index=0, to=OWNER, units=400 * WAD, value=400 * USD)
    return Fill(receipt=receipt, payer=OWNER, at=11, paid=paid, waiting=waiting)


def show(
    *orders: OrderLife,
    waiting: tuple[Waiting, ...] = (),
    told: dict[int, tuple[int, int]] | None = None,
    proposals: tuple[Proposal, ...] = (),
) -> VaultReport:
    """Show an account of which one chain could not be read."""
    empty = (0, 0)
    legs = Legs(collateral=empty, debt=empty, locked=empty, lines_in=empty, lines_out=empty)
    view = VaultAccountView(
        account=ACCOUNT,
        ledger=Ledger(
            account=ACCOUNT,
            home=NEAR,
            lines=(LINE,),
            orders=orders,
            provisions=(Provision(chain=FAR, asset=1, units=WAD, ready_at=1_800_000_000),),
        ),
        holdings={NEAR: AccountRead(id=ACCOUNT, owner=OWNER, legs=legs, low=None, high=None)},
        waiting=waiting,
        proposals=proposals,
        told=told or {},
    )
    board = VaultBoard(missing={NEAR: "nobody answers", FAR: "its vault was not read"})
    return render_vault(view, board, ("WETH", "USDC"), LABELS, None)


def test_a_chain_that_was_not_read_is_a_gap_with_its_reason_and_no_health() -> None:
    near, far = show().chains
    assert (near.status, near.reason, near.label) == ("gap", "nobody answers", "cheap")
    assert (near.health, far.health, far.block) == (None, None, None)
    assert near.health_told is not None
    assert (near.health_told.high, near.health_told.no_debt) == (None, False), "not judged"


def test_no_debt_is_said_and_never_shown_as_a_number() -> None:
    near, _ = show(told={NEAR: (NO_DEBT, NO_DEBT)}).chains
    assert near.health is not None
    assert (near.health.low, near.health.high, near.health.no_debt) == (None, None, True)


def test_a_line_shows_what_each_side_knows_of_the_other() -> None:
    [line] = show().lines
    assert (line.lent, line.counted) == ("5." + "0" * 18, "3." + "0" * 18)
    assert (line.lender, line.borrower, line.symbol) == ("eip155:31337", "eip155:31338", "WETH")


@pytest.mark.parametrize(
    ("life", "state"),
    [
        (lock(), "locked"),
        (lock((fill(paid=None),)), "registered"),
        (lock((fill(paid=None),), closed=1), "closed"),
    ],
)
def test_an_orders_state_follows_its_life(life: OrderLife, state: str) -> None:
    [order] = show(life).orders
    assert order.state == state
    assert order.bonus == "0.0250"
    assert order.filled_usd == ("400.00000000" if life.fills else "0.00000000")


def test_a_claim_that_waits_for_the_cap_is_paid_in_part() -> None:
    [order] = show(lock((fill(paid=WAD, waiting=WAD // 2),))).orders
    [shown] = order.fills
    assert (shown.paid, shown.waiting) == ("1." + "0" * 18, "0.5" + "0" * 17)


def test_what_waits_says_for_what_and_where_it_goes() -> None:
    waiting = (
        Waiting(subject=Subject.LINE_RAISED, wait=Wait.STATEMENT, chain=FAR, line=LINE, height=4),
        Waiting(subject=Subject.CLAIM, wait=Wait.CAP, chain=NEAR, order=b"\1" * 32),
        Waiting(subject=Subject.FILL, wait=Wait.FILL, chain=FAR, order=b"\1" * 32, until=9),
    )
    line, claim, order = show(waiting=waiting).waiting
    assert (line.line, line.block, line.order) == (
        "WETH from eip155:31337 to eip155:31338",
        4,
        None,
    )
    assert (claim.receipt, claim.order) == (0, "0x" + "01" * 32)
    assert (order.receipt, order.until) == (None, "1970-01-01T00:00:09Z")
    assert all(found.meaning for found in (line, claim, order))


@pytest.mark.parametrize("wait", list(Wait))
def test_every_wait_has_words(wait: Wait) -> None:
    [found] = show(waiting=(Waiting(subject=Subject.CLOSE, wait=wait, chain=FAR),)).waiting
    assert found.meaning


def test_people_read_the_same_figures_as_lines() -> None:
    proposal = Proposal(chain=FAR, owner=OWNER, reason="repay $5.00 of asset 1")
    waiting = (Waiting(subject=Subject.CLAIM, wait=Wait.CAP, chain=NEAR, order=b"\1" * 32),)
    report = show(lock((fill(paid=None),)), waiting=waiting, proposals=(proposal,))
    text = "\n".join(format_status(report.model_dump(mode="json")))
    assert "GAP: nobody answers" in text
    assert "order 0x01010101 registered: 2.0000 WETH on eip155:31337 locked" in text
    assert "fill 0: 400.00 USD, not claimed yet" in text
    assert "claim on eip155:31337: the claims' cap of this hour is used up" in text
    assert "provided for: 1.0000 USDC on eip155:31338" in text
    assert "should repay $5.00 of asset 1" in text


@pytest.mark.net
async def test_a_daemon_without_vaults_says_what_to_configure(api: Api) -> None:
    status, body = await api.get(f"/v1/vaults/0x{ACCOUNT.hex()}")
    assert status == 404
    assert "[chains.….vault]" in str(body["detail"])
