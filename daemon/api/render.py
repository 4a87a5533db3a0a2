"""From the house's integers to the API's texts: pure, the time is an argument."""

import hashlib
from collections.abc import Mapping, Sequence

from chains.model.anchor import BlockAnchor
from chains.model.health import Health
from chains.model.ids import ChainId
from chains.model.position import Position, Side
from chains.model.snapshot import ChainGap, ChainSnapshot
from chains.model.units import Wad
from daemon.api.books import find_unstated, render_book
from daemon.api.fields import GapSchema, HealthSchema
from daemon.api.figures import (
    render_factor,
    render_health,
    render_portfolio,
    render_standard,
    render_wad,
)
from daemon.api.schemas import (
    BlockSchema,
    ChainSchema,
    FormSchema,
    HealthReport,
    IntervalSchema,
    LegSchema,
    PositionSchema,
    PriceRangeSchema,
)
from daemon.api.texts import (
    BPS_DECIMALS,
    USD_DECIMALS,
    render_account,
    render_asset,
    render_decimal,
    render_time,
)
from daemon.margin.measures import Portfolio
from daemon.margin.report import MarginLeg, MarginReport, PriceRange
from daemon.margin.risk import Form


def calculate_snapshot_id(report: MarginReport) -> str:
    """Give the id of what a report was made from: blocks, gaps, and what it lacks."""
    parts = [
        report.account,
        *(f"{anchor.chain} {anchor.hash.hex()}" for anchor in report.anchors),
        *(f"{gap.chain} {gap.since} {gap.reason}" for gap in report.gaps),
        *(f"{found.book.account} {found.book.digest.hex()}" for found in report.published),
        *report.incomplete,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def render_report(
    report: MarginReport,
    labels: Mapping[ChainId, str],
    now: int,
    portfolio: Portfolio | None = None,
) -> HealthReport:
    """Give the whole answer about one margin account at `now` (seconds)."""
    no_debt = report.unified is not None and report.unified.requirement == 0
    return HealthReport(
        account=report.account,
        members=[render_account(member) for member in report.members],
        snapshot=calculate_snapshot_id(report),
        as_of=render_time(report.taken_at),
        complete=report.complete,
        incomplete=list(report.incomplete),
        unvalued=list(report.unvalued),
        skew_s=report.skew_s,
        max_skew_s=report.max_skew_s,
        unified=_health(report.unified),
        interval=IntervalSchema(low=_health(report.low), high=_health(report.high)),
        minimum_native=render_factor(report.minimum_native, owed=not report.complete),
        rescuable=render_factor(report.rescuable, owed=not no_debt),
        decision=render_factor(report.decision, owed=not report.complete),
        standard=render_standard(report.standard) if report.standard else None,
        portfolio=render_portfolio(portfolio) if portfolio else None,
        unattested=list(find_unstated(report)),
        positions=[
            _position(position, [leg for leg in report.legs if leg.position is position])
            for position in report.positions
        ],
        books=[render_book(book, now) for book in report.books],
        prices=[_range(found) for found in report.ranges],
        chains=_chains(report, labels, now),
    )


def render_chain(found: ChainSnapshot | ChainGap, label: str, now: int) -> ChainSchema:
    """Give one chain: its block and age, or its gap with the last block known."""
    if isinstance(found, ChainSnapshot):
        return _read_chain(found.anchor, label, now)
    return _gap_chain(found, label, now)


def _chains(report: MarginReport, labels: Mapping[ChainId, str], now: int) -> list[ChainSchema]:
    read = [_read_chain(anchor, labels.get(anchor.chain, ""), now) for anchor in report.anchors]
    gaps = [_gap_chain(gap, labels.get(gap.chain, ""), now) for gap in report.gaps]
    return sorted([*read, *gaps], key=lambda chain: chain.chain)


def _read_chain(anchor: BlockAnchor, label: str, now: int) -> ChainSchema:
    block = _block(anchor, now)
    return ChainSchema(chain=str(anchor.chain), label=label, status="read", block=block, gap=None)


def _gap_chain(gap: ChainGap, label: str, now: int) -> ChainSchema:
    return ChainSchema(
        chain=str(gap.chain),
        label=label,
        status="gap",
        block=_block(gap.last.anchor, now) if gap.last else None,
        gap=GapSchema(reason=gap.reason, since=render_time(gap.since)),
    )


def _block(anchor: BlockAnchor, now: int) -> BlockSchema:
    return BlockSchema(
        height=anchor.height,
        hash="0x" + anchor.hash.hex(),
        time=render_time(anchor.time),
        age_s=max(0, now - anchor.time),
    )


def _health(health: Health | None) -> HealthSchema | None:
    return render_health(health) if health else None


def _range(found: PriceRange) -> PriceRangeSchema:
    return PriceRangeSchema(
        underlying=found.symbol,
        tier=found.tier.value,
        low_usd=render_decimal(found.usd(Side.COLLATERAL), USD_DECIMALS),
        high_usd=render_decimal(found.usd(Side.DEBT), USD_DECIMALS),
    )


def _position(position: Position, legs: Sequence[MarginLeg]) -> PositionSchema:
    return PositionSchema(
        chain=str(position.anchor.chain),
        protocol=position.protocol,
        version=position.version,
        market=render_account(position.market),
        account=render_account(position.account),
        obligation=position.obligation,
        native=render_factor(position.native_health, owed=position.native_debt > 0),
        collateral_usd=render_decimal(position.native_collateral, USD_DECIMALS),
        debt_usd=render_decimal(position.native_debt, USD_DECIMALS),
        legs=[_leg(found) for found in legs],
    )


def _leg(found: MarginLeg) -> LegSchema:
    leg = found.leg
    return LegSchema.model_validate(
        {
            "asset": render_asset(leg.asset),
            "symbol": leg.symbol,
            "underlying": found.underlying,
            "form": _form(found.form, found.ratio) if found.form else None,
            "side": leg.side.name.lower(),
            "amount": render_decimal(leg.units, leg.decimals),
            "price_usd": render_decimal(leg.price.usd, USD_DECIMALS),
            "price_status": leg.price.status.value,
            "price_time": render_time(leg.price.published_at),
            "unified_price_usd": render_decimal(found.price.usd, USD_DECIMALS),
            "ltv": render_decimal(leg.ltv, BPS_DECIMALS),
            "liquidation_threshold": render_decimal(leg.liquidation_threshold, BPS_DECIMALS),
        }
    )


def _form(form: Form, ratio: Wad | None) -> FormSchema:
    return FormSchema(
        name=form.symbol,
        kind=form.kind.value,
        issuer=form.issuer,
        backing=form.backing,
        ratio=render_wad(ratio),
    )
