"""From the house's integers to the API's texts: pure, the time is an argument."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from solders.signature import Signature

from chains.model.anchor import BlockAnchor
from chains.model.health import Health
from chains.model.ids import EIP155, SOLANA, AccountId, Address, AssetId, ChainId, checksummed
from chains.model.position import Position, Side
from chains.model.snapshot import ChainGap, ChainSnapshot
from chains.model.units import Wad
from daemon.api.schemas import (
    BlockSchema,
    ChainSchema,
    FactorSchema,
    FormSchema,
    GapSchema,
    HealthReport,
    HealthSchema,
    IntervalSchema,
    LegSchema,
    PositionSchema,
    PriceRangeSchema,
)
from daemon.margin.report import MarginLeg, MarginReport, PriceRange
from daemon.margin.risk import Form

USD_DECIMALS = 8
FACTOR_DECIMALS = 18
BPS_DECIMALS = 4


def render_decimal(units: int, decimals: int) -> str:
    """Give `units` x 10^-decimals with exactly `decimals` decimals; exact."""
    whole, fraction = divmod(abs(units), 10**decimals)
    digits = f".{fraction:0{decimals}d}" if decimals else ""
    return f"{'-' if units < 0 else ''}{whole}{digits}"


def render_time(seconds: float) -> str:
    """Give RFC 3339 text in UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_account(account: AccountId) -> str:
    """Give the CAIP-10 text with an EIP-55 address."""
    if account.chain.namespace != EIP155:
        return str(account)
    return f"{account.chain}:{checksummed(account.evm_address)}"


def render_asset(asset: AssetId) -> str:
    """Give the CAIP-19 text with an EIP-55 address."""
    if asset.namespace != "erc20":
        return str(asset)
    return f"{asset.chain}/erc20:{checksummed(Address(asset.reference))}"


def render_transaction(chain: ChainId, tx_hash: bytes) -> str:
    """Give a transaction's hash as its chain's explorers write it: base58 on Solana, else hex."""
    if chain.namespace == SOLANA:
        return str(Signature(tx_hash))
    return "0x" + tx_hash.hex()


def calculate_snapshot_id(report: MarginReport) -> str:
    """Give the id of what a report was made from: blocks, gaps, and what it lacks."""
    parts = [
        report.account,
        *(f"{anchor.chain} {anchor.hash.hex()}" for anchor in report.anchors),
        *(f"{gap.chain} {gap.since} {gap.reason}" for gap in report.gaps),
        *report.incomplete,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def render_report(report: MarginReport, labels: Mapping[ChainId, str], now: int) -> HealthReport:
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
        minimum_native=_factor(report.minimum_native, owed=not report.complete),
        rescuable=_factor(report.rescuable, owed=not no_debt),
        positions=[
            _position(position, [leg for leg in report.legs if leg.position is position])
            for position in report.positions
        ],
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
    if health is None:
        return None
    return HealthSchema(
        health_factor=_wad(health.factor),
        no_debt=health.requirement == 0,
        collateral_usd=render_decimal(health.collateral, USD_DECIMALS),
        requirement_usd=render_decimal(health.requirement, USD_DECIMALS),
        equity_usd=render_decimal(health.equity, USD_DECIMALS),
    )


def _factor(factor: Wad | None, *, owed: bool) -> FactorSchema:
    """Give a factor; `owed` says that a missing one does not mean that nothing is owed."""
    return FactorSchema(health_factor=_wad(factor), no_debt=factor is None and not owed)


def _wad(factor: Wad | None) -> str | None:
    return None if factor is None else render_decimal(factor, FACTOR_DECIMALS)


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
        native=_factor(position.native_health, owed=position.native_debt > 0),
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
        ratio=_wad(ratio),
    )
