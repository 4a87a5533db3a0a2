"""The single transactions of a vault account, and the calls that carry them: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chains.evm.abi.function import Function
from chains.evm.protocols.plimsoll_vault.contracts import (
    CLAIM,
    CLAIM_REST,
    CLOSE,
    FILL,
    LIQUIDATE,
    LOCK,
    LOWER_LINE,
    POST_QUANTITIES,
    PROVIDE,
    RAISE_LINE,
    REGISTER_AND_FILL,
    RELEASE,
    TAKE_LINK,
    TAKE_LOWERED,
    TAKE_RAISED,
    WRITE_DOWN,
)
from chains.evm.protocols.plimsoll_vault.ledger import Fill, Ledger, Line, OrderLife
from chains.model.action import Action, Call, Instrument
from chains.model.ids import AccountId, AssetId
from chains.model.snapshot import NOBODY
from chains.model.units import Usd, Wad, div_up
from daemon.keeper.vaults.lines import LineChange
from daemon.keeper.vaults.scene import ChainView
from proofs.vault_document import Carried, VaultDocument
from proofs.vaults import build_arguments

APPROVE: Final = Function("approve", ("address", "uint256"), ("bool",))
PRESSING: Final = frozenset(
    {
        Instrument.APPROVE,
        Instrument.POST,
        Instrument.LOCK,
        Instrument.FILL,
        Instrument.LIQUIDATE,
    }
)
"""The steps of liquidations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One transaction: `units` wad of an asset for an account, `value` what the key pays (Usd).

    `need` names it through its time. `why` is the record of the choice, `health` the figure that
    it is for. `pays_key` says that it brings the key what it is owed.
    """

    view: ChainView
    account: bytes
    instrument: Instrument
    asset: int
    call: Call
    name: str
    units: int = 0
    value: Usd = Usd(0)
    health: Wad | None = None
    why: Mapping[str, Any] = field(default_factory=dict)
    pays_key: bool = False

    def because(self, why: Mapping[str, Any], health: int | None) -> "Step":
        """Give the step with the record of its choice, and the health it is for if that is new."""
        return replace(self, why=why, health=self.health if health is None else Wad(health))

    @property
    def pressing(self) -> bool:
        """Whether it goes before what is carried for others: what somebody else may take first."""
        return self.pays_key or self.instrument in PRESSING

    @property
    def need(self) -> str:
        """The name of what this is for, one in flight at a time."""
        return f"vault {self.instrument} 0x{self.account.hex()} on {self.view.number}{self.name}"

    @property
    def asset_id(self) -> AssetId:
        """The asset's token on the chain."""
        return self.view.asset_id(self.asset)

    @property
    def action(self) -> Action:
        """The action as journals and lanes know it: its account is the owner on the chain."""
        found = self.view.accounts.get(self.account)
        owner = found.owner if found is not None and found.owner != NOBODY else None
        vault = self.view.site.vault
        scale = self.view.assets[self.asset].scale if self.asset < len(self.view.assets) else 1
        return Action(
            chain=self.view.site.chain,
            instrument=self.instrument,
            market=vault,
            account=vault if owner is None else AccountId(vault.chain, owner),
            asset=self.asset_id,
            units=div_up(self.units, max(1, scale)),
            call=self.call,
        )


def post_quantities(view: ChainView, account: bytes, document: VaultDocument) -> Step:
    """Bring an account's quantities to a chain."""
    return Step(
        view=view,
        account=account,
        instrument=Instrument.POST,
        asset=0,
        call=build_post(view, document),
        name="",
    )


def build_post(view: ChainView, document: VaultDocument) -> Call:
    """Build the call that brings quantities."""
    said = build_arguments(document.said)
    return POST_QUANTITIES.call(view.site.judge, said, document.bitmap, document.proof)


def take_line(view: ChainView, account: bytes, line: Line, fact: Carried) -> Step:
    """Bring a line's raise to its borrower, or its lowering to its source."""
    raised = view.number == line.borrower
    function, other = (TAKE_RAISED, line.source) if raised else (TAKE_LOWERED, line.borrower)
    told = fact.said.value
    return Step(
        view=view,
        account=account,
        instrument=Instrument.TAKE,
        asset=line.asset,
        call=function.call(
            view.site.vault.evm_address, account, other, line.asset, told, *fact.witness
        ),
        name=f" {'from' if raised else 'to'} {other} asset {line.asset}",
        units=told - (line.raised_told if raised else line.lowered_told),
    )


def take_link(view: ChainView, ledger: Ledger, fact: Carried) -> Step:
    """Bring the owner that a home chain names for another."""
    return Step(
        view=view,
        account=ledger.account,
        instrument=Instrument.TAKE,
        asset=0,
        call=TAKE_LINK.call(
            view.site.vault.evm_address,
            ledger.home,
            ledger.first_owner,
            ledger.user_salt,
            fact.said.value,
            *fact.witness,
        ),
        name=" owner",
    )


def bring_root(view: ChainView, account: bytes, source: int, height: int, call: Call) -> Step:
    """Let a chain's anchor know what it needs for a proof at a block of the source chain."""
    return Step(
        view=view,
        account=account,
        instrument=Instrument.ANCHOR,
        asset=0,
        call=call,
        name=f" for block {height} of {source}",
    )


def change_line(view: ChainView, account: bytes, change: LineChange) -> Step:
    """Raise or lower a line: the owner's call."""
    function = RAISE_LINE if change.raises else LOWER_LINE
    other = change.borrower if change.raises else change.source
    return Step(
        view=view,
        account=account,
        instrument=Instrument.RAISE if change.raises else Instrument.LOWER,
        asset=change.asset,
        call=function.call(
            view.site.vault.evm_address, account, other.evm_number, change.asset, change.units
        ),
        name=f" with {other.evm_number} asset {change.asset}",
        units=change.units,
    )


def lock(
    view: ChainView, account: bytes, collateral: int, debt_chain: int, debt: int, units: int
) -> Step:
    """Open an order for a debt on another chain."""
    return Step(
        view=view,
        account=account,
        instrument=Instrument.LOCK,
        asset=collateral,
        call=LOCK.call(view.site.seizure, account, collateral, debt_chain, debt),
        name=f" asset {collateral} for {debt_chain} asset {debt}",
        units=units,
    )


def liquidate(
    view: ChainView, account: bytes, collateral: int, debt: int, units: int, value: Usd
) -> Step:
    """Repay and take on one chain."""
    return Step(
        view=view,
        account=account,
        instrument=Instrument.LIQUIDATE,
        asset=debt,
        call=LIQUIDATE.call(view.site.seizure, account, collateral, debt, units, view.keeper),
        name=f" asset {collateral} for {debt}",
        units=units,
        value=value,
    )


def approve(view: ChainView, account: bytes, asset: int, units: int) -> Step:
    """Let the pool take tokens of the keeper's, rounded up to a whole base unit."""
    amount = div_up(units, view.assets[asset].scale)
    token = view.assets[asset].token or NOBODY
    return Step(
        view=view,
        account=account,
        instrument=Instrument.APPROVE,
        asset=asset,
        call=APPROVE.call(token, view.site.pool, amount),
        name=f" asset {asset}",
        units=units,
    )


def fill(
    view: ChainView,
    life: OrderLife,
    units: int,
    value: Usd,
    fact: Carried | None,
) -> Step:
    """Repay part of an order, which is registered with it where `fact` is its lock's."""
    arguments = life.order.arguments, units, view.keeper
    seizure = view.site.seizure
    call = (
        FILL.call(seizure, *arguments)
        if fact is None
        else REGISTER_AND_FILL.call(seizure, *arguments, *fact.witness)
    )
    return Step(
        view=view,
        account=life.order.account,
        instrument=Instrument.FILL,
        asset=life.order.debt_asset,
        call=call,
        name=_name_order(life),
        units=units,
        value=value,
        health=Wad(life.health),
    )


def claim(view: ChainView, life: OrderLife, fill: Fill, fact: Carried) -> Step:
    """Bring a receipt, whoever is paid for it."""
    call = CLAIM.call(
        view.site.seizure, life.order.arguments, fill.receipt.arguments, *fact.witness
    )
    step = _settle(view, life, Instrument.CLAIM, call, f" {fill.receipt.index}")
    return replace(step, pays_key=fill.receipt.to == view.keeper)


def claim_rest(view: ChainView, life: OrderLife, fill: Fill) -> Step:
    """Have paid what the hourly cap left of a receipt."""
    call = CLAIM_REST.call(view.site.seizure, life.order.arguments, fill.receipt.index)
    step = _settle(view, life, Instrument.CLAIM, call, f" {fill.receipt.index} rest")
    return replace(step, pays_key=fill.receipt.to == view.keeper)


def close(view: ChainView, life: OrderLife) -> Step:
    """End an order on its debt's chain."""
    call = CLOSE.call(view.site.seizure, life.order.arguments)
    return _settle(view, life, Instrument.CLOSE, call, "")


def release(view: ChainView, life: OrderLife, fact: Carried) -> Step:
    """Give back what no receipt of a closed order needs."""
    call = RELEASE.call(view.site.seizure, life.order.arguments, fact.said.value, *fact.witness)
    return _settle(view, life, Instrument.RELEASE, call, "")


def provide(view: ChainView, account: bytes, asset: int, units: int) -> Step:
    """Provide for a debt that no collateral is left for."""
    return _lose(view, account, asset, units, Instrument.PROVIDE, PROVIDE)


def write_down(view: ChainView, account: bytes, asset: int, units: int) -> Step:
    """Let lenders bear what was provided for."""
    return _lose(view, account, asset, units, Instrument.WRITE_DOWN, WRITE_DOWN)


def _lose(
    view: ChainView,
    account: bytes,
    asset: int,
    units: int,
    instrument: Instrument,
    function: Function,
) -> Step:
    return Step(
        view=view,
        account=account,
        instrument=instrument,
        asset=asset,
        call=function.call(view.site.seizure, account, asset),
        name=f" asset {asset}",
        units=units,
    )


def _settle(
    view: ChainView, life: OrderLife, instrument: Instrument, call: Call, name: str
) -> Step:
    return Step(
        view=view,
        account=life.order.account,
        instrument=instrument,
        asset=life.order.collateral_asset,
        call=call,
        name=_name_order(life) + name,
    )


def _name_order(life: OrderLife) -> str:
    return f" order 0x{life.id.hex()}"
