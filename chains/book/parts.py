"""The parts of a book: sub-accounts and isolated positions, read into the house's own types."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from chains.book.errors import BookError
from chains.book.fields import MOST_TIME, SIZE_DECIMALS, USD_DECIMALS, Table
from chains.model.anchor import BlockAnchor
from chains.model.derivatives import Option, OptionKind, OptionStyle, Perp
from chains.model.ids import AccountId, Address, AssetId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.units import BPS, Bps, Usd, Wad

PROTOCOL: Final = "book"
VERSION: Final = "1"
_MOST_MARGIN: Final = 10 * BPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What spot counts with as collateral where a book gives no thresholds of its own."""

    ltv: Bps
    liquidation_threshold: Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTerms:
    """Which book is expected and how it counts; as in PublishedBook.

    `underlyings` are those that are known, with the thresholds of their tier; `names` what the
    publisher calls one of them otherwise.
    """

    account: AccountId
    publisher: Address | None
    max_age_s: int
    underlyings: Mapping[str, Thresholds]
    names: Mapping[str, str] = field(default_factory=dict)
    gain_weight: Bps = Bps(BPS)
    haircut: Bps = Bps(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReader:
    """Reads the parts of one book."""

    terms: BookTerms
    anchor: BlockAnchor

    def read_part(self, table: Table) -> Position:
        """Read one part; BookError names the first field that is wrong."""
        account = self.terms.account
        held = table.rows("spot", lambda row: self._read_leg(row, Side.COLLATERAL))
        owed = table.rows("debts", lambda row: self._read_leg(row, Side.DEBT))
        return Position(
            protocol=PROTOCOL,
            version=VERSION,
            market=account,
            account=account,
            anchor=self.anchor,
            legs=held + owed,
            native_health=self._read_native(table),
            native_collateral=Usd(0),
            native_debt=Usd(0),
            perps=table.rows("perps", self._read_perp),
            options=table.rows("options", self._read_option),
            margin=Usd(table.amount("margin_usd", USD_DECIMALS)),
            subaccount=table.text("subaccount") if "subaccount" in table.values else None,
            isolated=table.flag("isolated"),
        )

    def _read_native(self, table: Table) -> Wad | None:
        if "native_health" not in table.values:
            return None
        return Wad(table.amount("native_health", SIZE_DECIMALS))

    def _read_underlying(self, table: Table) -> str:
        name = table.text("underlying")
        found = self.terms.names.get(name, name)
        if found not in self.terms.underlyings:
            raise BookError(table.at("underlying"), f"{name!r} is no underlying that is known here")
        return found

    def _read_leg(self, table: Table, side: Side) -> Leg:
        underlying = self._read_underlying(table)
        asset = AssetId.spot(self.anchor.chain, underlying)
        leg = Leg(
            asset=asset,
            symbol=underlying,
            side=side,
            units=table.positive("amount", SIZE_DECIMALS),
            decimals=SIZE_DECIMALS,
            price=Price(
                asset=asset,
                usd=Usd(table.positive("price_usd", USD_DECIMALS)),
                source=PROTOCOL,
                feed=self.terms.publisher or "operator",
                published_at=self.anchor.time,
                heartbeat_s=self.terms.max_age_s,
            ),
        )
        return leg if side is Side.DEBT else self._weigh(leg, table)

    def _weigh(self, leg: Leg, table: Table) -> Leg:
        """Give collateral its thresholds: the book's own where it has both, else its tier's."""
        default = self.terms.underlyings[leg.symbol]
        ltv, threshold = default.ltv, default.liquidation_threshold
        if {"ltv_bps", "liquidation_threshold_bps"} & table.values.keys():
            threshold = Bps(table.whole("liquidation_threshold_bps", 0, BPS))
            ltv = Bps(table.whole("ltv_bps", 0, threshold))
        return replace(leg, ltv=ltv, liquidation_threshold=threshold)

    def _read_perp(self, table: Table) -> Perp:
        maintenance = Bps(table.whole("maintenance_bps", 1, _MOST_MARGIN))
        return Perp(
            underlying=self._read_underlying(table),
            size=table.size("size"),
            entry=Usd(table.positive("entry_usd", USD_DECIMALS)),
            mark=Usd(table.positive("mark_usd", USD_DECIMALS)),
            initial_bps=Bps(table.whole("initial_bps", maintenance, _MOST_MARGIN)),
            maintenance_bps=maintenance,
            funding=Usd(table.amount("funding_usd", USD_DECIMALS, signed=True)),
        )

    def _read_option(self, table: Table) -> Option:
        option = Option(
            underlying=self._read_underlying(table),
            kind=table.choice("kind", {kind.value: kind for kind in OptionKind}),
            style=table.choice("style", {style.value: style for style in OptionStyle}),
            strike=Usd(table.positive("strike_usd", USD_DECIMALS)),
            expiry=table.whole("expiry", 1, MOST_TIME),
            size=table.size("size"),
            mark=Usd(table.amount("mark_usd", USD_DECIMALS)),
            mark_vol=Wad(table.positive("mark_vol", SIZE_DECIMALS)),
            forward=Usd(table.positive("forward_usd", USD_DECIMALS)),
        )
        if option.expiry <= self.anchor.time:
            raise BookError(table.at("expiry"), "lies before the book's own time")
        return option
