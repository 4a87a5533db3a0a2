"""An account's lines, orders and receipts over all chains, folded from its events: pure.

A line is two sums that only grow, each known exactly on one chain and as far as it was told on the
other. An order begins with a lock on the collateral's chain, lives on the debt's chain until it is
closed there, and ends on the first with a release; each fill is a receipt that waits for a claim.
Chains are EIP-155 numbers, units wad, values USD x 1e8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chains.evm.protocols.plimsoll_vault.events import VaultEvent
from chains.model.ids import Address

_PHASES: Final = {"Locked": 0, "Claimed": 2, "Released": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Units of an asset that `source` lends to `borrower`.

    `raised` is told by the source and `raised_told` what the borrower was told of it; `lowered`
    and `lowered_told` the other way round. The heights are those of the newest events.
    """

    source: int
    borrower: int
    asset: int
    raised: int = 0
    raised_told: int = 0
    lowered: int = 0
    lowered_told: int = 0
    raised_at: int = 0
    lowered_at: int = 0

    @property
    def out(self) -> int:
        """What the source has set aside."""
        return self.raised - min(self.lowered_told, self.raised)

    @property
    def counted(self) -> int:
        """What the borrower may use."""
        return self.raised_told - min(self.lowered, self.raised_told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A liquidation across two chains, as contracts take it."""

    collateral_chain: int
    debt_chain: int
    account: bytes
    collateral_asset: int
    debt_asset: int
    units: int
    line_units: int
    value: int
    bonus_bps: int
    expiry: int
    nonce: int

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The order as calldata has it."""
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A fill, as contracts take it."""

    order: bytes
    index: int
    to: Address
    units: int
    value: int

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The receipt as calldata has it."""
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A receipt, where it lies, and what was paid for it: `waiting` units wait for the cap."""

    receipt: Receipt
    payer: Address
    at: int
    paid: int | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLife:
    """An order and what became of it.

    `locked_at` is a height on the collateral's chain; `registered_at` and `closed_at` are on the
    debt's. `closed` is the word of its CLOSED fact.
    """

    id: bytes
    order: Order
    health: int
    locked_at: int
    registered_at: int | None = None
    fills: tuple[Fill, ...] = ()
    closed: int | None = None
    closed_at: int = 0
    released: bool = False

    @property
    def filled(self) -> int:
        """The value repaid."""
        return sum(fill.receipt.value for fill in self.fills)

    @property
    def claimed(self) -> bool:
        """Whether nothing of its fills waits any more."""
        return all(fill.paid is not None and not fill.waiting for fill in self.fills)

    @property
    def settled(self) -> bool:
        """Whether nothing can happen to it any more that anybody waits for."""
        whole = self.filled >= self.order.value
        return self.claimed and (self.released or (whole and bool(self.fills)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """A provision for a debt on a chain, and when it may be written down (seconds)."""

    chain: int
    asset: int
    units: int
    ready_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What happened to an account: `home` is where it was opened, None where that is not known.

    `links` are the newest announced owners by chain, as (owner, nonce, height); `linked` how many
    owners a chain has taken.
    """

    account: bytes
    home: int | None = None
    first_owner: Address | None = None
    user_salt: bytes = b""
    lines: tuple[Line, ...] = ()
    orders: tuple[OrderLife, ...] = ()
    links: Mapping[int, tuple[Address, int, int]] = field(default_factory=dict)
    owners: Mapping[int, Address] = field(default_factory=dict)
    provisions: tuple[Provision, ...] = ()

    @property
    def open_orders(self) -> tuple[OrderLife, ...]:
        """The orders that something is still to be done about."""
        return tuple(order for order in self.orders if not order.settled)


def build_ledger(account: bytes, events: Mapping[int, Sequence[VaultEvent]]) -> Ledger:
    """Fold an account's events by chain, those of each chain in order."""
    fold = _Fold(account)
    listed = [(chain, event) for chain in sorted(events) for event in events[chain]]
    # An order's life crosses chains: its lock comes first, what its collateral's chain says last.
    for chain, event in sorted(listed, key=lambda found: _PHASES.get(found[1].name, 1)):
        fold.take(chain, event)
    return fold.finish()


@dataclass(slots=True)
class _Fold:
    account: bytes
    home: tuple[int, Address, bytes] | None = None
    lines: dict[tuple[int, int, int], Line] = field(default_factory=dict)
    orders: dict[bytes, OrderLife] = field(default_factory=dict)
    links: dict[int, tuple[Address, int, int]] = field(default_factory=dict)
    owners: dict[int, Address] = field(default_factory=dict)
    provisions: dict[tuple[int, int], Provision] = field(default_factory=dict)

    def finish(self) -> Ledger:
        home, owner, salt = self.home or (None, None, b"")
        return Ledger(
            account=self.account,
            home=home,
            first_owner=owner,
            user_salt=salt,
            lines=tuple(self.lines.values()),
            orders=tuple(self.orders.values()),
            links=self.links,
            owners=self.owners,
            provisions=tuple(self.provisions.values()),
        )

    def _lock(self, event: VaultEvent) -> None:
        order = Order(**dict(zip(Order.__slots__, event.values["order"], strict=True)))
        self.orders[event.values["id"]] = OrderLife(
            id=event.values["id"],
            order=order,
            health=event.values["health"],
            locked_at=event.height,
        )

    def take(self, chain: int, event: VaultEvent) -> None:
        values = event.values
        match event.name:
            case "Locked":
                self._lock(event)
            case "LineRaised" | "LineLowered" | "LineTaken":
                self._take_line(chain, event)
            case "Registered" | "Filled" | "Closed" | "Claimed" | "Released":
                self._take_order(event)
            case "Opened":
                self.home = chain, Address(values["owner"]), values["user_salt"]
                self.owners[chain] = Address(values["owner"])
            case "LinkAnnounced":
                link = Address(values["owner"]), values["nonce"], event.height
                self.links[values["chain"]] = link
            case "Linked":
                self.owners[chain] = Address(values["owner"])
            case "Unlinked":
                self.owners.pop(chain, None)
            case "Provided" | "Unprovided" | "WrittenDown":
                self._take_provision(chain, event)
            case _:
                pass  # moves of money leave nothing to wait for

    def _take_provision(self, chain: int, event: VaultEvent) -> None:
        """Count as the vault tells; the seizure tells when a provision may be written down."""
        values, key = event.values, (chain, event.values["asset"])
        held = self.provisions.get(key) or Provision(
            chain=chain, asset=values["asset"], units=0, ready_at=0
        )
        if "ready_at" in values:
            held = replace(held, ready_at=values["ready_at"])
        elif "units" in values:
            sign = 1 if event.name == "Provided" else -1
            held = replace(held, units=held.units + sign * values["units"])
        self.provisions[key] = held
        if held.units <= 0:
            del self.provisions[key]

    def _take_line(self, chain: int, event: VaultEvent) -> None:
        values, asset = event.values, event.values["asset"]
        match event.name:
            case "LineRaised":
                line = self._line(chain, values["to"], asset)
                line = replace(line, raised=values["raised"], raised_at=event.height)
            case "LineLowered":
                line = self._line(values["from"], chain, asset)
                line = replace(line, lowered=values["lowered"], lowered_at=event.height)
            case _ if values["incoming"]:
                line = self._line(values["chain"], chain, asset)
                line = replace(line, raised_told=values["told"])
            case _:
                line = self._line(chain, values["chain"], asset)
                line = replace(line, lowered_told=values["told"])
        self.lines[line.source, line.borrower, line.asset] = line

    def _line(self, source: int, borrower: int, asset: int) -> Line:
        known = self.lines.get((source, borrower, asset))
        return known or Line(source=source, borrower=borrower, asset=asset)

    def _take_order(self, event: VaultEvent) -> None:
        values = event.values
        life = self.orders.get(values["id"])
        if life is None:
            return
        match event.name:
            case "Registered":
                life = replace(life, registered_at=event.height)
            case "Filled":
                fill = _build_fill(event)
                life = replace(life, fills=(*life.fills, fill))
            case "Closed":
                life = replace(life, closed=values["closed"], closed_at=event.height)
            case "Released":
                life = replace(life, released=True)
            case _:
                life = replace(life, fills=tuple(_settle(fill, event) for fill in life.fills))
        self.orders[life.id] = life


def _build_fill(event: VaultEvent) -> Fill:
    receipt = Receipt(**dict(zip(Receipt.__slots__, event.values["receipt"], strict=True)))
    return Fill(receipt=receipt, payer=Address(event.values["payer"]), at=event.height)


def _settle(fill: Fill, event: VaultEvent) -> Fill:
    if fill.receipt.index != event.values["index"]:
        return fill
    return replace(
        fill, paid=(fill.paid or 0) + event.values["units"], waiting=event.values["waiting"]
    )
