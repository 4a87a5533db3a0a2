"""Published books: their losses enter every figure, their gains only what is shown.

A book's losses are stated as one requirement beside what was read on an EVM chain of the account,
in base units of an asset that is priced there, so that every verifier can add them up: it needs no
price but the ones that are signed anyway. Whoever signed the book is the leg's market.
"""

from collections.abc import Iterator
from typing import Final

from chains.model.ids import EIP155, AccountId
from chains.model.position import Leg, Position, Side
from chains.model.snapshot import ChainSnapshot, PublishedBook, Snapshot
from chains.model.units import BPS, Usd, units_up
from daemon.margin.report import BookReport, MarginLeg
from daemon.margin.risk import RiskTable, Tier
from daemon.margin.standard import add_parts, require_part, weigh_part
from daemon.margin.weights import Ranges, price_for, weigh_leg

PROTOCOL: Final = "book"
_BY_TIER: Final = {Tier.STABLE: 0, Tier.MAJOR: 1, Tier.ALT: 2}


def weigh_book(
    book: PublishedBook, snapshot: Snapshot, ranges: Ranges, risk: RiskTable
) -> BookReport:
    """Give what a book adds to the account's figures."""
    parts = tuple(weigh_part(position, book, ranges, risk) for position in book.positions)
    required = Usd(sum(require_part(part) for part in parts))
    return BookReport(
        book=book,
        parts=parts,
        standard=add_parts(parts),
        required=required,
        leg=_state(book, required, snapshot, ranges, risk),
    )


def _state(
    book: PublishedBook, required: Usd, snapshot: Snapshot, ranges: Ranges, risk: RiskTable
) -> MarginLeg | None:
    """Give the requirement as a leg; None where nobody signed it or no EVM chain has a price."""
    if book.publisher is None:
        return None
    found = next(_find_places(snapshot, ranges, risk), None)
    if found is None:
        return None
    chain, account, like = found
    price = price_for(like, ranges, risk)
    leg = Leg(
        asset=like.asset,
        symbol=like.symbol,
        side=Side.REQUIREMENT,
        units=units_up(required, price.usd, like.decimals),
        decimals=like.decimals,
        price=like.price,
    )
    return MarginLeg(
        position=_hold_at(book, chain, account, leg),
        leg=leg,
        underlying=risk.underlying_of(leg.asset).symbol,
        form=risk.form_of(leg.asset),
        ratio=None,
        price=price,
        weighted=weigh_leg(leg, price, risk),
        published=book.digest,
    )


def _hold_at(book: PublishedBook, chain: ChainSnapshot, account: AccountId, leg: Leg) -> Position:
    publisher = book.publisher or ""
    return Position(
        protocol=f"{PROTOCOL}:{book.account}",
        version=book.positions[0].version if book.positions else "1",
        market=AccountId(chain.chain, publisher),
        account=account,
        anchor=chain.anchor,
        legs=(leg,),
        native_health=None,
        native_collateral=Usd(0),
        native_debt=Usd(0),
    )


def _find_places(
    snapshot: Snapshot, ranges: Ranges, risk: RiskTable
) -> Iterator[tuple[ChainSnapshot, AccountId, Leg]]:
    """Give where a requirement can be stated, in the one order that everybody finds.

    The first member on an EVM chain; of the assets priced there the one that weighs debts least,
    the stablest, the first by its id.
    """
    read = {chain.chain: chain for chain in snapshot.read}
    for member in snapshot.members:
        chain = read.get(member.chain)
        if chain is None or member.chain.namespace != EIP155:
            continue
        legs = (
            leg
            for position in chain.positions
            if position.account == member
            for leg in (*position.legs, *position.suppliable)
        )
        usable = [leg for leg in legs if _is_usable(leg, ranges, risk)]
        if usable:
            yield chain, member, min(usable, key=lambda leg: _rank(leg, risk))


def _is_usable(leg: Leg, ranges: Ranges, risk: RiskTable) -> bool:
    declared = risk.form_of(leg.asset) is not None and not risk.is_staked(leg.asset)
    price = price_for(leg, ranges, risk)
    return declared and leg.price.valid and price.valid and price.usd > 0


def _rank(leg: Leg, risk: RiskTable) -> tuple[int, int, str]:
    found = risk.underlying_of(leg.asset)
    return max(found.debt_weight, BPS), _BY_TIER[found.tier], str(leg.asset)
