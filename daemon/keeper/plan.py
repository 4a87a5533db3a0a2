"""From a report to the cures that would help, native floors first: pure.

A cure spends one fund of the owner under one of his mandates on one position. Native needs are
met at the market's own prices and thresholds, by mandates of that market alone; the contract
computes the amount there, so `units` is what it is expected to take. The unified need arises only
from a complete report, while every native floor that can be helped holds, and any chain may meet
it. Sizes: daemon.keeper.sizing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chains.model.action import Instrument
from chains.model.health import Health
from chains.model.ids import SOLANA, AccountId, Address, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.snapshot import NOBODY, IdleFund, Mandate, MandateKind, Snapshot
from chains.model.units import Usd, Wad, value_down
from daemon.keeper.mandates import accepts, attested_need, is_open
from daemon.keeper.sizing import (
    CollateralLeg,
    DebtLeg,
    cautious_threshold,
    native_health,
    repay,
    size_repay,
    size_supply,
    supply,
)
from daemon.margin.policy import Policy
from daemon.margin.report import MarginReport
from daemon.margin.risk import RiskTable
from daemon.margin.weights import Ranges, price_for
from proofs.statement import HealthAttestation

Place = tuple[AccountId, AccountId]
"""An account and the market it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What the keeper is doing or has just done for a margin account.

    `places` have a transaction in flight for one of `needs`; those `included` (at a height) wait
    for their confirmations only. Needs rest until the times in `resting` (seconds). A place that
    was acted on counts again only once read at the height in `seen_from`.
    """

    places: frozenset[Place] = frozenset()
    needs: frozenset[str] = frozenset()
    included: Mapping[Place, int] = field(default_factory=dict)
    resting: Mapping[str, int] = field(default_factory=dict)
    seen_from: Mapping[Place, int] = field(default_factory=dict)

    def busy(self, position: Position, need: str) -> bool:
        """Say whether a need must wait for what happens to the position.

        It waits for its own action to be confirmed, for another's to be included and read.
        """
        place = position.account, position.market
        if need in self.needs or self.moving(place):
            return True
        height = max(self.seen_from.get(place, 0), self.included.get(place, 0))
        return position.anchor.height < height

    def moving(self, place: Place) -> bool:
        """Say whether a transaction is in flight at a place that lies in no block."""
        return place in self.places and place not in self.included

    def rests(self, need: str, now: int) -> bool:
        """Say whether a need's cooldown still runs."""
        return now < self.resting.get(need, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """One action that would lift a health factor.

    `units` of the fund's asset are worth `value`; `expected` is the factor afterwards, None when
    nothing would be owed; `reaches` says whether the target is met, else the cure is partial.
    """

    kind: MandateKind
    position: Position
    instrument: Instrument
    fund: IdleFund
    mandate: Mandate
    units: int
    value: Usd
    expected: Wad | None
    reaches: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A health factor under its trigger, and the cures for it.

    `key` names it through the time of its cure; `position` is the endangered one of a native need.
    """

    key: str
    kind: MandateKind
    account: str
    position: Position | None
    health: Wad
    target: Wad
    cures: tuple[Cure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a plan is made from; `now` in seconds, `header` the attestation at hand.

    `keepers` are our own addresses, by chain: mandates name the one who may use them.
    """

    report: MarginReport
    snapshot: Snapshot
    policy: Policy
    risk: RiskTable
    header: HealthAttestation | None
    activity: Activity
    keepers: Mapping[ChainId, Address]
    now: int

    @property
    def ranges(self) -> Ranges:
        """The report's price ranges by underlying."""
        return {found.symbol: found for found in self.report.ranges}

    def funds(self, position: Position) -> Iterator[tuple[IdleFund, Mandate]]:
        """Give the owner's funds on the position's chain with each mandate for it."""
        for chain in self.snapshot.read:
            if chain.chain == position.account.chain:
                for fund in chain.funds:
                    for mandate in fund.mandates:
                        if fund.owner == position.account and _is_for(mandate, position):
                            yield fund, mandate

    def keeper(self, chain: ChainId) -> Address:
        """Give our own address on a chain; nobody's where we have no key."""
        return self.keepers.get(chain, NOBODY)


def _is_for(mandate: Mandate, position: Position) -> bool:
    return mandate.market == position.market and mandate.obligation == position.obligation


def plan_cures(situation: Situation, *, helpless: frozenset[str] = frozenset()) -> tuple[Need, ...]:
    """Give the needs with their cures: native floors first, then the unified figure.

    The unified figure waits while a native floor has cures, but for `helpless` ones: those whose
    cures are known to be impossible now.
    """
    native = tuple(_native_needs(situation))
    helped = any(need.cures for need in native if need.key not in helpless)
    unified = None if helped else _unified_need(situation)
    return (*native, unified) if unified else native


def native_key(position: Position) -> str:
    """Name the need of a position's own health factor."""
    obligation = f" {position.obligation}" if position.obligation else ""
    return f"native {position.account} {position.market}{obligation}"


def unified_key(account: str) -> str:
    """Name the need of a margin account's unified health factor."""
    return f"unified {account}"


def _native_needs(situation: Situation) -> Iterator[Need]:
    band = situation.policy.native
    if band is None:
        return
    for position in situation.report.positions:
        health, key = position.native_health, native_key(position)
        if health is None or health >= band.trigger:
            continue
        if situation.activity.busy(position, key) or situation.activity.rests(key, situation.now):
            continue
        yield Need(
            key=key,
            kind=MandateKind.NATIVE,
            account=situation.report.account,
            position=position,
            health=health,
            target=band.target,
            cures=tuple(_native_cures(situation, position, health, band.target)),
        )


def _native_cures(
    situation: Situation, position: Position, health: Wad, target: Wad
) -> Iterator[Cure]:
    for offer in _offers(situation, (position,), MandateKind.NATIVE, health):
        before = native_health(position, supplied=offer.instrument is Instrument.SUPPLY)
        leg = _at_pool_price(offer.leg)
        if before and leg:
            lift = _Lift(leg=leg, before=before, aim=offer.mandate.target, target=target)
            cure = _size(lift, offer, bound=None)
            if cure and _worthwhile(cure, health, situation.policy):
                yield cure


def _unified_need(situation: Situation) -> Need | None:
    band, unified = situation.policy.unified, situation.report.unified
    if band is None or unified is None or not situation.report.complete:
        return None
    health, key = unified.factor, unified_key(situation.report.account)
    if health is None or health >= band.trigger or situation.activity.rests(key, situation.now):
        return None
    if any(situation.activity.busy(position, key) for position in situation.report.positions):
        return None
    return Need(
        key=key,
        kind=MandateKind.UNIFIED,
        account=situation.report.account,
        position=None,
        health=health,
        target=band.target,
        cures=tuple(_unified_cures(situation, unified, health, band.target)),
    )


def _unified_cures(
    situation: Situation, unified: Health, health: Wad, target: Wad
) -> Iterator[Cure]:
    header = situation.header
    if header is None:
        return
    for offer in _offers(situation, situation.report.positions, MandateKind.UNIFIED, health):
        leg = _at_range_price(offer.leg, situation)
        if leg and accepts(offer.mandate, header, now=situation.now):
            aim = min(target, offer.mandate.target)
            lift = _Lift(leg=leg, before=unified, aim=aim, target=target)
            cure = _size(lift, offer, bound=_attested_bound(offer, header))
            if cure and _worthwhile(cure, health, situation.policy):
                yield cure


def _attested_bound(offer: "_Offer", header: HealthAttestation) -> int | None:
    """Give what the contract bounds the units with, never more than it does.

    Solana's programs know prices beyond Usd's last digit: theirs may be up to one more of it.
    """
    finer = offer.position.account.chain.namespace == SOLANA
    return attested_need(
        offer.mandate,
        header,
        offer.instrument,
        price=Usd(offer.leg.price.usd + finer),
        decimals=offer.leg.decimals,
        threshold=offer.leg.liquidation_threshold,
    )


def _offers(
    situation: Situation, positions: Sequence[Position], kind: MandateKind, health: Wad
) -> Iterator["_Offer"]:
    """Give what open mandates of a kind could spend on these positions, and on which leg."""
    for position in positions:
        keeper = situation.keeper(position.account.chain)
        for fund, mandate in situation.funds(position):
            if is_open(mandate, kind, health, keeper=keeper, now=situation.now):
                for instrument in sorted(mandate.instruments):
                    if leg := _leg_for(position, instrument, fund):
                        yield _Offer(
                            fund=fund,
                            mandate=mandate,
                            position=position,
                            instrument=instrument,
                            leg=leg,
                        )


def _leg_for(position: Position, instrument: Instrument, fund: IdleFund) -> Leg | None:
    """Give the leg the fund would change; None where it is not owed, or counts nothing."""
    if instrument is Instrument.REPAY:
        owed = (leg for leg in position.debts if leg.asset == fund.asset and leg.units)
        return next(owed, None)
    held = (*position.collaterals, *position.suppliable)
    counts = (leg for leg in held if leg.asset == fund.asset and leg.liquidation_threshold)
    return next(counts, None)


def _at_pool_price(leg: Leg) -> DebtLeg | CollateralLeg | None:
    if leg.price.usd <= 0:
        return None
    if leg.side is Side.DEBT:
        weight = leg.debt_weight
        return DebtLeg(units=leg.units, decimals=leg.decimals, price=leg.price.usd, weight=weight)
    return CollateralLeg(
        units=leg.units,
        decimals=leg.decimals,
        price=leg.price.usd,
        threshold=cautious_threshold(leg.liquidation_threshold),
    )


def _at_range_price(leg: Leg, situation: Situation) -> DebtLeg | CollateralLeg | None:
    """Price a leg as the unified figure does; None where no valid price stands behind it."""
    price = price_for(leg, situation.ranges, situation.risk)
    underlying = situation.risk.underlying_of(leg.asset)
    if not price.valid or price.usd <= 0 or leg.price.usd <= 0:
        return None
    if leg.side is Side.DEBT:
        weight = underlying.debt_weight
        return DebtLeg(units=leg.units, decimals=leg.decimals, price=price.usd, weight=weight)
    return CollateralLeg(
        units=leg.units,
        decimals=leg.decimals,
        price=price.usd,
        threshold=leg.liquidation_threshold,
        haircut=underlying.haircut,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lift:
    """The figure to lift up to `aim`, the leg that lifts it, and the policy's `target`."""

    leg: DebtLeg | CollateralLeg
    before: Health
    aim: Wad
    target: Wad


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """What could be spent, and on which leg of what."""

    fund: IdleFund
    mandate: Mandate
    position: Position
    instrument: Instrument
    leg: Leg

    @property
    def most(self) -> int:
        """The most units that fund and mandate let go at once."""
        fund, mandate = self.fund, self.mandate
        limits = mandate.available, mandate.per_action, mandate.left_today
        return min(*limits, fund.balance, fund.allowance)

    def too_small(self, units: int, needed: int | None) -> bool:
        """Say whether the contract finds `units` too few; a native cure that suffices never is."""
        suffices = self.mandate.kind is MandateKind.NATIVE and units == needed
        return units < self.mandate.min_action and not suffices


def _size(lift: _Lift, offer: _Offer, *, bound: int | None) -> Cure | None:
    """Give the cure of the size needed, cut to every bound; None where nothing is left of it."""
    most = offer.most if bound is None else min(offer.most, bound)
    match lift.leg:
        case DebtLeg() as leg:
            needed = size_repay(lift.before, leg, lift.aim)
            units = min(most, leg.units if needed is None else needed)
            after = repay(lift.before, leg, units)
        case CollateralLeg() as leg:
            needed = size_supply(lift.before, leg, lift.aim)
            units = min(most, needed or 0)
            after = supply(lift.before, leg, units)
    if units <= 0 or offer.too_small(units, needed):
        return None
    return Cure(
        kind=offer.mandate.kind,
        position=offer.position,
        instrument=offer.instrument,
        fund=offer.fund,
        mandate=offer.mandate,
        units=units,
        value=value_down(units, offer.fund.price.usd, offer.fund.decimals),
        expected=after.factor,
        reaches=after.factor is None or after.factor >= lift.target,
    )


def _worthwhile(cure: Cure, health: Wad, policy: Policy) -> bool:
    lifts = cure.expected is None or cure.expected > health
    return lifts and cure.value >= policy.min_size
