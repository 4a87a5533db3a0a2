"""What is stated of a complete report: pure, the same for a lone keeper and for a committee."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chains.model.price import Price
from daemon.margin.report import MarginLeg, MarginReport
from daemon.margin.risk import RiskTable
from daemon.registry import state_params
from proofs.build import StatedLeg, StatementError, Terms, build_statement
from proofs.committee import Committee
from proofs.params import AssetParam
from proofs.statement import Statement
from proofs.typed import hash_text
from proofs.verify import CLOCK_TOLERANCE_S


def default_salt(deployment: str, account: str) -> bytes:
    """Give the blinding salt of an account that declares none: keccak(deployment/account).

    It can be recomputed by anybody who guesses both names: an owner who wants his members
    hidden sets a secret `salt` in the configuration.
    """
    return hash_text(f"{deployment}/{account}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stating:
    """What statements of a deployment have in common; `salts` by margin account, times in seconds.

    A statement's sequence is the reference time divided by `period_s`. `assets` say how every
    configured token counts by `risk`: what paramsHash covers.
    """

    deployment: str
    risk: RiskTable
    assets: tuple[AssetParam, ...]
    salts: Mapping[str, bytes]
    period_s: int
    ttl_s: int
    max_skew_s: int

    def sequence_at(self, reference_time: int) -> int:
        """Give the sequence number of a reference time."""
        return reference_time // self.period_s

    def state(
        self,
        report: MarginReport,
        committee: Committee,
        *,
        prev_digest: bytes,
        issued_at: int | None = None,
    ) -> Statement:
        """State a complete report; StatementError where it cannot be.

        `issued_at` is what another member proposed, who may have looked a moment later.
        """
        _refuse_unsigned(report)
        legs = [leg for leg in report.legs if leg.counts]
        prices, index = _number_prices(legs)
        issue_time = _issue_time(report) if issued_at is None else issued_at
        terms = Terms(
            deployment=self.deployment,
            committee=committee,
            sequence=self.sequence_at(report.taken_at),
            issued_at=issue_time,
            ttl_s=min([self.ttl_s, *(end - issue_time for end in _find_ends(report))]),
            max_skew_s=self.max_skew_s,
            prev_digest=prev_digest,
        )
        statement = build_statement(
            terms,
            members=report.members,
            salt=self.salts[report.account],
            anchors=report.anchors,
            legs=[self._state_leg(leg, index) for leg in legs],
            prices=prices,
            params=state_params(
                report.scanned, [anchor.chain for anchor in report.anchors], self.assets
            ),
        )
        if statement.header.expires_at <= report.taken_at:
            raise StatementError("it would have expired already")
        return statement

    def _state_leg(self, leg: MarginLeg, index: Mapping[Price, int]) -> StatedLeg:
        underlying = self.risk.underlying_of(leg.leg.asset)
        return StatedLeg(
            position=leg.position,
            leg=leg.leg,
            price=index[leg.price],
            haircut=underlying.haircut,
            debt_weight=underlying.debt_weight,
            published=leg.published,
        )


def _refuse_unsigned(report: MarginReport) -> None:
    """Refuse an account with a book that no leaf can state: its losses would be left out."""
    for found in report.published:
        if found.book.publisher is None:
            raise StatementError(f"the book of {found.book.account} is not signed by anybody")
        if found.leg is None:
            raise StatementError(
                f"the book of {found.book.account} can be stated beside an EVM chain only"
            )


def _find_ends(report: MarginReport) -> list[int]:
    """Give the times (seconds) from which books are too old to rest on."""
    return [found.book.published_at + found.book.max_age_s for found in report.published]


def bound_issue_time(times: Sequence[int]) -> int:
    """Give the latest time of issue for blocks of these times, one or more (seconds).

    A contract is asked at its chain's newest block, whose time may lie far back, and no chain
    may read an attestation as its future. Where the chains are too far apart for that, the newest
    block decides: no verifier takes one that is newer.
    """
    return max(min(times) + CLOCK_TOLERANCE_S, max(times) - CLOCK_TOLERANCE_S)


def _issue_time(report: MarginReport) -> int:
    return min(report.taken_at, bound_issue_time([anchor.time for anchor in report.anchors]))


def _number_prices(legs: Sequence[MarginLeg]) -> tuple[tuple[Price, ...], Mapping[Price, int]]:
    """Give each price used once, by asset and feed, and where it stands."""
    prices = tuple(sorted({leg.price for leg in legs}, key=lambda p: (p.asset, p.feed, p.usd)))
    return prices, {price: i for i, price in enumerate(prices)}
