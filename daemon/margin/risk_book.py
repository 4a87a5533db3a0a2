"""The risk book of a margin account, from what its chains and its venues' books were found to hold.

Integers enter once, as value / scale. Prices are the conservative ones of the report: the range's
low for what is held, its high for what is owed; a perp is marked at the end that is worse for it.
Positions of books are parts of a venue's account: each is a domain of its own.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace

from chains.model.derivatives import Option as HeldOption
from chains.model.derivatives import Perp as HeldPerp
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.snapshot import PublishedBook, Snapshot
from chains.model.units import BPS, USD, WAD, Wad
from daemon.margin.report import MarginLeg, MarginReport
from daemon.margin.risk import RiskTable, Tier
from daemon.margin.routes import RouteTerms, choose_routes, find_times
from daemon.margin.scenarios import (
    Debt,
    Domain,
    InvalidRiskInput,
    Option,
    Perp,
    RiskBook,
    Spot,
)
from daemon.margin.weights import Ranges, price_for, weigh_leg


def build_risk_book(
    report: MarginReport,
    snapshot: Snapshot,
    risk: RiskTable,
    *,
    routes: Collection[RouteTerms] = (),
    atomic: Collection[str] = (),
) -> RiskBook:
    """Give the book; InvalidRiskInput where the account is not fully known, or a figure is wrong.

    `routes` are between chains and venues (CAIP-2); `atomic` are the chains on
    which we move surplus between all of the account's markets in one transaction.
    """
    if report.incomplete:
        raise InvalidRiskInput(f"the account is not fully known: {report.incomplete[0]}")
    builder = _Builder(report, risk, routes, atomic)
    for position in report.positions:
        builder.add_position(position)
    for leg in report.legs:
        if leg.published is None:
            builder.add_leg(leg)
    for book in snapshot.published:
        builder.add_book(book)
    return builder.build()


def name_domain(position: Position) -> str:
    """Give the name of the domain that a position read on a chain stands in."""
    name = f"{position.market}/{position.account.address}"
    return f"{name}/{position.obligation}" if position.obligation else name


class _Builder:
    """Collects domains and legs."""

    def __init__(
        self,
        report: MarginReport,
        risk: RiskTable,
        routes: Collection[RouteTerms],
        atomic: Collection[str],
    ) -> None:
        self._ranges: Ranges = {found.symbol: found for found in report.ranges}
        self._risk = risk
        self._routes = routes
        self._atomic = frozenset(atomic)
        self._domains: dict[str, Domain] = {}
        self._spots: list[Spot] = []
        self._debts: list[Debt] = []
        self._perps: list[Perp] = []
        self._options: list[Option] = []

    def build(self) -> RiskBook:
        """Give what was collected."""
        places = [found.chain for found in self._domains.values() if not found.isolated]
        routes = choose_routes(self._routes, places)
        times = find_times(self._routes)
        return RiskBook(
            domains={
                name: replace(
                    found,
                    route=routes.get(found.chain),
                    time_to_liquidation_s=times.get(found.chain, math.inf),
                )
                for name, found in self._domains.items()
            },
            spots=tuple(self._spots),
            debts=tuple(self._debts),
            perps=tuple(self._perps),
            options=tuple(self._options),
        )

    def add_position(self, position: Position) -> None:
        """Add the domain of a position read on a chain."""
        chain = str(position.account.chain)
        self._domains[name_domain(position)] = Domain(
            id=name_domain(position),
            chain=chain,
            venue=position.protocol,
            isolated=position.isolated,
            atomic=chain in self._atomic,
            native_health=_ratio(position.native_health),
        )

    def add_leg(self, leg: MarginLeg) -> None:
        """Add a leg read on a chain; collateral that does not count is left out."""
        if leg.leg.units and leg.counts:
            self._hold(name_domain(leg.position), leg)

    def add_book(self, book: PublishedBook) -> None:
        """Add what a venue or an operator published."""
        for number, position in enumerate(book.positions):
            part = position.subaccount or ""
            kind = f"isolated {number}" if position.isolated else ""
            name = "/".join(word for word in (str(book.account), part, kind) if word)
            chain = str(book.account.chain)
            self._domains[name] = Domain(
                id=name,
                chain=chain,
                venue=book.account.chain.reference,
                margin=position.margin / USD,
                haircut=book.haircut / BPS,
                gain_weight=book.gain_weight / BPS,
                isolated=position.isolated,
                published=True,
                native_health=_ratio(position.native_health),
            )
            for leg in position.legs:
                self._hold(name, self._weigh(position, leg))
            for perp in position.perps:
                self._perps.append(self._hold_perp(name, chain, perp, len(self._perps)))
            for option in position.options:
                self._options.append(self._hold_option(name, chain, option))

    def _hold(self, domain: str, found: MarginLeg) -> None:
        leg, weighted, price = found.leg, found.weighted, found.price.usd / USD
        underlying = self._risk.underlying_of(leg.asset)
        common = {"domain": domain, "chain": self._domains[domain].chain}
        if leg.side is Side.COLLATERAL:
            self._spots.append(
                Spot(
                    id=f"{domain}:{leg.asset}:held",
                    underlying=underlying.symbol,
                    tier=underlying.tier,
                    units=leg.units / 10**leg.decimals,
                    price=price,
                    lt=weighted.liquidation_threshold / BPS,
                    ltv=leg.ltv / BPS,
                    haircut=weighted.haircut / BPS,
                    staked=self._risk.is_staked(leg.asset),
                    confidence=_trust(found.price),
                    **common,
                )
            )
            return
        self._debts.append(
            Debt(
                id=f"{domain}:{leg.asset}:owed",
                underlying=underlying.symbol,
                tier=underlying.tier,
                units=leg.units / 10**leg.decimals,
                price=price,
                weight=weighted.debt_weight / BPS,
                staked=self._risk.is_staked(leg.asset),
                **common,
            )
        )

    def _weigh(self, position: Position, leg: Leg) -> MarginLeg:
        worse = min if leg.side is Side.COLLATERAL else max
        ranged = price_for(leg, self._ranges, self._risk)
        price = worse(leg.price, ranged, key=lambda found: found.usd)
        return MarginLeg(
            position=position,
            leg=leg,
            underlying=self._risk.underlying_of(leg.asset).symbol,
            form=self._risk.form_of(leg.asset),
            ratio=None,
            price=price,
            weighted=weigh_leg(leg, price, self._risk),
        )

    def _hold_perp(self, domain: str, chain: str, perp: HeldPerp, number: int) -> Perp:
        prices = tuple(self._list_prices(perp))
        return Perp(
            id=f"{domain}:{perp.underlying} perp {number}",
            domain=domain,
            chain=chain,
            underlying=perp.underlying,
            tier=self._tier_of(perp.underlying),
            size=perp.size / WAD,
            entry=perp.entry / USD,
            mark=(min(prices) if perp.size > 0 else max(prices)) / USD,
            initial=perp.initial_bps / BPS,
            maintenance=perp.maintenance_bps / BPS,
            funding=perp.funding / USD,
        )

    def _list_prices(self, perp: HeldPerp) -> Iterator[int]:
        yield perp.mark
        if found := self._ranges.get(perp.underlying):
            yield found.usd(Side.COLLATERAL)
            yield found.usd(Side.DEBT)

    def _hold_option(self, domain: str, chain: str, option: HeldOption) -> Option:
        strike = option.strike / USD
        return Option(
            id=f"{domain}:{option.underlying} {option.kind} {strike:g} {option.expiry}",
            domain=domain,
            chain=chain,
            underlying=option.underlying,
            tier=self._tier_of(option.underlying),
            kind=option.kind,
            style=option.style,
            strike=strike,
            expiry=option.expiry,
            size=option.size / WAD,
            mark=option.mark / USD,
            vol=option.mark_vol / WAD,
            forward=option.forward / USD,
        )

    def _tier_of(self, underlying: str) -> Tier:
        found = self._risk.underlyings.get(underlying)
        return found.tier if found else Tier.ALT


def _ratio(health: Wad | None) -> float | None:
    return None if health is None else health / WAD


def _trust(price: Price) -> float:
    """Give what a price's own confidence interval leaves of 1."""
    return max(0.0, 1 - price.confidence / price.usd) if price.usd > 0 else 1.0
