"""From what the vaults' keeper knows of an account to the API's texts: pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from chains.evm.protocols.plimsoll_vault.adapter import AccountRead
from chains.evm.protocols.plimsoll_vault.ledger import Fill, Line, OrderLife, Provision
from chains.evm.protocols.plimsoll_vault.state import NO_DEBT
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, Address, ChainId
from chains.model.snapshot import NOBODY
from config.amounts import WAD_DECIMALS
from daemon.api.texts import (
    BPS_DECIMALS,
    FACTOR_DECIMALS,
    USD_DECIMALS,
    render_account,
    render_decimal,
    render_time,
)
from daemon.api.vault_schemas import (
    VaultBlockSchema,
    VaultChainSchema,
    VaultFillSchema,
    VaultHealthSchema,
    VaultLegSchema,
    VaultLineSchema,
    VaultOrderSchema,
    VaultProposalSchema,
    VaultProvisionSchema,
    VaultQuantitiesSchema,
    VaultReport,
    VaultWaitSchema,
)
from daemon.keeper.vaults.due import Subject, Wait, Waiting
from daemon.keeper.vaults.scene import ChainView
from daemon.keeper.vaults.view import Proposal, VaultAccountView, VaultBoard
from proofs.strict import view_struct
from proofs.vault_document import VaultDocument
from proofs.vaults import VaultQuantities

Symbols = Sequence[str]
"""The assets' symbols by number; `-` where no chain has a token."""

MEANINGS: Final[Mapping[Wait, str]] = {
    Wait.FINALITY: "its block is not final yet",
    Wait.STATEMENT: "the committee has not stated it yet",
    Wait.ROOT: "its chain does not know the state yet that a proof of it is held against",
    Wait.DELIVERY: "it can be brought to its chain by anybody",
    Wait.FILL: "anybody may repay any part of it",
    Wait.EXPIRY: "its time must run out",
    Wait.CAP: "the claims' cap of this hour is used up",
    Wait.CHAIN: "one of its chains cannot be read now",
    Wait.VETO: "the delay for a veto is not over",
}


def render_vault(
    view: VaultAccountView,
    board: VaultBoard,
    symbols: Symbols,
    labels: Mapping[ChainId, str],
    quantities: VaultDocument | None,
) -> VaultReport:
    """Give the whole answer about one vault account."""
    ledger = view.ledger
    numbers = sorted({*board.chains, *board.missing})
    return VaultReport(
        account=f"0x{view.account.hex()}",
        home=None if ledger.home is None else _chain(ledger.home),
        chains=[_render_chain(number, view, board, symbols, labels) for number in numbers],
        lines=[_render_line(line, symbols) for line in ledger.lines],
        orders=[_render_order(life, symbols) for life in ledger.orders],
        provisions=[_render_provision(found, symbols) for found in ledger.provisions],
        waiting=[_render_waiting(found, symbols) for found in view.waiting],
        proposals=[_render_proposal(found) for found in view.proposals],
        quantities=None if quantities is None else _render_quantities(quantities),
        decision=None if view.decision is None else dict(view.decision),
    )


def _render_chain(
    number: int,
    view: VaultAccountView,
    board: VaultBoard,
    symbols: Symbols,
    labels: Mapping[ChainId, str],
) -> VaultChainSchema:
    found, held = board.chains.get(number), view.holdings.get(number)
    id_ = ChainId.evm(number)
    status: Literal["read", "gap"] = "read" if found and number not in board.missing else "gap"
    owner = None
    if held is not None and held.owner != NOBODY:
        owner = render_account(AccountId(id_, held.owner))
    return VaultChainSchema(
        chain=str(id_),
        label=labels.get(id_, ""),
        status=status,
        reason=board.missing.get(number),
        block=_block(found.anchor) if found else None,
        final=_block(found.final) if found else None,
        owner=owner,
        health=_health(*view.told[number]) if number in view.told else None,
        health_told=_health(held.low, held.high) if held else None,
        legs=_render_legs(held, found, symbols) if held and found else [],
        sequence=found.sequences.get(view.account) if found else None,
    )


def _render_legs(held: AccountRead, found: ChainView, symbols: Symbols) -> list[VaultLegSchema]:
    legs = held.legs
    return [
        VaultLegSchema(
            asset=asset.number,
            symbol=_symbol(asset.number, symbols),
            collateral=_units(legs.collateral[asset.number]),
            debt=_units(legs.debt[asset.number]),
            locked=_units(legs.locked[asset.number]),
            lent_out=_units(legs.lines_out[asset.number]),
            lent_in=_units(legs.lines_in[asset.number]),
            price_usd=None if asset.price is None else _usd(asset.price),
        )
        for asset in found.assets
        if any(
            kind[asset.number]
            for kind in (legs.collateral, legs.debt, legs.locked, legs.lines_out, legs.lines_in)
        )
    ]


def _health(low: int | None, high: int | None) -> VaultHealthSchema:
    return VaultHealthSchema(low=_factor(low), high=_factor(high), no_debt=high == NO_DEBT)


def _render_line(line: Line, symbols: Symbols) -> VaultLineSchema:
    return VaultLineSchema(
        lender=_chain(line.source),
        borrower=_chain(line.borrower),
        asset=line.asset,
        symbol=_symbol(line.asset, symbols),
        lent=_units(line.out),
        counted=_units(line.counted),
        raised=_units(line.raised),
        raised_known=_units(line.raised_told),
        lowered=_units(line.lowered),
        lowered_known=_units(line.lowered_told),
    )


def _render_order(life: OrderLife, symbols: Symbols) -> VaultOrderSchema:
    order = life.order
    return VaultOrderSchema(
        id=f"0x{life.id.hex()}",
        state=_state(life),
        collateral_chain=_chain(order.collateral_chain),
        collateral_symbol=_symbol(order.collateral_asset, symbols),
        debt_chain=_chain(order.debt_chain),
        debt_symbol=_symbol(order.debt_asset, symbols),
        units=_units(order.units),
        line_units=_units(order.line_units),
        value_usd=_usd(order.value),
        filled_usd=_usd(life.filled),
        bonus=render_decimal(order.bonus_bps, BPS_DECIMALS),
        health=render_decimal(life.health, FACTOR_DECIMALS),
        expires=render_time(order.expiry),
        locked_at=life.locked_at,
        fills=[_render_fill(fill) for fill in life.fills],
    )


def _state(life: OrderLife) -> Literal["locked", "registered", "closed", "settled"]:
    if life.settled:
        return "settled"
    if life.closed is not None:
        return "closed"
    return "locked" if life.registered_at is None else "registered"


def _render_fill(fill: Fill) -> VaultFillSchema:
    receipt = fill.receipt
    return VaultFillSchema(
        receipt=receipt.index,
        payer=fill.payer,
        to=receipt.to,
        block=fill.at,
        units=_units(receipt.units),
        value_usd=_usd(receipt.value),
        paid=None if fill.paid is None else _units(fill.paid),
        waiting=_units(fill.waiting),
    )


def _render_provision(found: Provision, symbols: Symbols) -> VaultProvisionSchema:
    return VaultProvisionSchema(
        chain=_chain(found.chain),
        symbol=_symbol(found.asset, symbols),
        units=_units(found.units),
        ready=render_time(found.ready_at),
    )


def _render_waiting(found: Waiting, symbols: Symbols) -> VaultWaitSchema:
    line = found.line
    return VaultWaitSchema(
        subject=found.subject,
        waits_for=found.wait,
        chain=_chain(found.chain),
        order=f"0x{found.order.hex()}" if found.order else None,
        receipt=found.index if found.subject is Subject.CLAIM else None,
        line=None if line is None else _name_line(line, symbols),
        block=found.height or None,
        until=render_time(found.until) if found.until else None,
        meaning=MEANINGS[found.wait],
    )


def _name_line(line: Line, symbols: Symbols) -> str:
    symbol = _symbol(line.asset, symbols)
    return f"{symbol} from {_chain(line.source)} to {_chain(line.borrower)}"


def _render_proposal(found: Proposal) -> VaultProposalSchema:
    owner: Address = found.owner
    account = AccountId(ChainId.evm(found.chain), owner)
    return VaultProposalSchema(
        chain=_chain(found.chain),
        owner=None if owner == NOBODY else render_account(account),
        reason=found.reason,
    )


def _render_quantities(document: VaultDocument) -> VaultQuantitiesSchema | None:
    said = document.said
    if not isinstance(said, VaultQuantities):
        return None
    return VaultQuantitiesSchema(
        sequence=said.sequence,
        issued=render_time(said.issued_at),
        chains=[dict(view_struct(entry)) for entry in said.chains],
    )


def _block(anchor: BlockAnchor) -> VaultBlockSchema:
    return VaultBlockSchema(height=anchor.height, time=render_time(anchor.time))


def _chain(number: int) -> str:
    return str(ChainId.evm(number))


def _symbol(number: int, symbols: Symbols) -> str:
    return symbols[number] if number < len(symbols) else f"asset {number}"


def _units(units: int) -> str:
    return render_decimal(units, WAD_DECIMALS)


def _usd(value: int) -> str:
    return render_decimal(value, USD_DECIMALS)


def _factor(value: int | None) -> str | None:
    return None if value in (None, NO_DEBT) else render_decimal(int(value or 0), FACTOR_DECIMALS)
