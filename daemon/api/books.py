"""Published books as the API answers them: pure, the time is an argument."""

from collections.abc import Iterator

from chains.model.derivatives import Option, Perp
from chains.model.position import Leg
from chains.model.snapshot import BookGap, PublishedBook
from chains.model.units import Usd
from daemon.api.fields import GapSchema
from daemon.api.figures import render_standard, render_wad
from daemon.api.texts import (
    BPS_DECIMALS,
    FACTOR_DECIMALS,
    USD_DECIMALS,
    render_decimal,
    render_time,
)
from daemon.api.venues import BookSchema, OptionSchema, PartSchema, PerpSchema, SpotSchema
from daemon.margin.report import BookReport, MarginReport, Part


def render_book(found: BookReport | BookGap, now: int) -> BookSchema:
    """Give one book: what it adds and its age, or its gap with what was said last."""
    if isinstance(found, BookReport):
        return _describe(found.book, str(found.book.account), now, found, None)
    gap = GapSchema(reason=found.reason, since=render_time(found.since))
    return _describe(found.last, str(found.account), now, None, gap)


def find_unstated(report: MarginReport) -> Iterator[str]:
    """Say which books keep an account from being attested, and why."""
    for found in report.published:
        if found.leg is None:
            reason = (
                "nobody signed it"
                if found.book.publisher is None
                else "no EVM chain of the account has a price to state it by"
            )
            yield f"the book of {found.book.account}: {reason}"


def _describe(
    book: PublishedBook | None,
    account: str,
    now: int,
    read: BookReport | None,
    gap: GapSchema | None,
) -> BookSchema:
    return BookSchema(
        account=account,
        publisher=book.publisher if book else None,
        status="gap" if gap else "read",
        published=render_time(book.published_at) if book else None,
        age_s=max(0, now - book.published_at) if book else None,
        max_age_s=book.max_age_s if book else None,
        digest="0x" + book.digest.hex() if book else None,
        required_usd=_usd(read.required) if read else None,
        stated=read is not None and read.leg is not None,
        parts=[_part(part) for part in read.parts] if read else [],
        gap=gap,
    )


def _part(part: Part) -> PartSchema:
    held = part.position
    return PartSchema(
        subaccount=held.subaccount,
        isolated=held.isolated,
        margin_usd=_usd(held.margin),
        native=render_wad(held.native_health),
        standard=render_standard(part.standard),
        spot=[_spot(leg) for leg in held.legs],
        perps=[_perp(perp) for perp in held.perps],
        options=[_option(option) for option in held.options],
    )


def _spot(leg: Leg) -> SpotSchema:
    return SpotSchema.model_validate(
        {
            "underlying": leg.symbol,
            "side": leg.side.name.lower(),
            "amount": render_decimal(leg.units, leg.decimals),
            "price_usd": _usd(leg.price.usd),
        }
    )


def _perp(perp: Perp) -> PerpSchema:
    return PerpSchema(
        underlying=perp.underlying,
        size=render_decimal(perp.size, FACTOR_DECIMALS),
        entry_usd=_usd(perp.entry),
        mark_usd=_usd(perp.mark),
        funding_usd=_usd(perp.funding),
        pnl_usd=_usd(perp.pnl),
        initial=render_decimal(perp.initial_bps, BPS_DECIMALS),
        maintenance=render_decimal(perp.maintenance_bps, BPS_DECIMALS),
    )


def _option(option: Option) -> OptionSchema:
    return OptionSchema(
        underlying=option.underlying,
        kind=option.kind.value,
        style=option.style.value,
        strike_usd=_usd(option.strike),
        expiry=render_time(option.expiry),
        size=render_decimal(option.size, FACTOR_DECIMALS),
        mark_usd=_usd(option.mark),
        mark_vol=render_decimal(option.mark_vol, FACTOR_DECIMALS),
        forward_usd=_usd(option.forward),
    )


def _usd(value: Usd) -> str:
    return render_decimal(value, USD_DECIMALS)
