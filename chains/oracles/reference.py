"""The market's price beside the protocol's: a latch that shuts when they part.

Health always uses the protocol's own price. The reference only stops what is done at our own
discretion: while the latch is shut nobody is liquidated, rescues go on. It shuts at once and
opens again only after the two were seen together for a while, without a long time in which
nobody looked. Pure; one latch per asset.
"""

from dataclasses import dataclass

from chains.model.price import Price
from chains.model.units import BPS, Bps, div_up


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceTerms:
    """How far apart the two prices may be (of the reference), and how long they must agree.

    Agreement begins anew where two looks lie more than `blind_s` apart.
    """

    limit: Bps
    hold_s: int
    blind_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceLatch:
    """Whether protocol and market have parted; shut until the first look.

    `gap` is the last distance, None where the prices could not be compared. `looked_at`,
    `shut_since` and `agreeing_since` are times in seconds.
    """

    seen: bool = False
    gap: Bps | None = None
    looked_at: int | None = None
    shut_since: int | None = None
    agreeing_since: int | None = None

    @property
    def shut(self) -> bool:
        """Whether discretionary action must wait."""
        return not self.seen or self.shut_since is not None


def calculate_gap(protocol: Price, reference: Price) -> Bps | None:
    """Give the distance in basis points of the reference, rounded up.

    None where either price is not valid: what cannot be compared is not vouched for.
    """
    if not (protocol.valid and reference.valid) or reference.usd <= 0:
        return None
    return Bps(div_up(abs(protocol.usd - reference.usd) * BPS, reference.usd))


def observe(
    latch: DivergenceLatch,
    terms: DivergenceTerms,
    protocol: Price,
    reference: Price,
    *,
    now: int,
) -> DivergenceLatch:
    """Give the latch after one look at both prices at `now` (seconds)."""
    gap = calculate_gap(protocol, reference)
    if gap is None or gap > terms.limit:
        shut_since = now if latch.shut_since is None else latch.shut_since
        return DivergenceLatch(seen=True, gap=gap, looked_at=now, shut_since=shut_since)
    if latch.shut_since is None:
        return DivergenceLatch(seen=True, gap=gap, looked_at=now)
    watched = latch.looked_at is not None and now - latch.looked_at <= terms.blind_s
    known_since = latch.agreeing_since if watched else None
    agreeing_since = now if known_since is None else known_since
    held = now - agreeing_since >= terms.hold_s
    return DivergenceLatch(
        seen=True,
        gap=gap,
        looked_at=now,
        shut_since=None if held else latch.shut_since,
        agreeing_since=None if held else agreeing_since,
    )
