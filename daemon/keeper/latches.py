"""The divergence latches of all assets of all chains, kept over restarts.

An asset without a market reference stays latched: nobody vouches for its price.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from chains.model.ids import AssetId
from chains.model.price import Price
from chains.model.snapshot import ChainSnapshot
from chains.oracles.reference import DivergenceLatch, DivergenceTerms, observe
from daemon.margin.risk import RiskTable
from daemon.storage.store import LatchRecord, Store

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Latches:
    """One latch per asset; `is_shut` forbids discretionary action on it."""

    risk: RiskTable
    store: Store
    _latches: dict[AssetId, DivergenceLatch] = field(default_factory=dict)

    async def load(self) -> "Latches":
        """Take up the latches that were shut at the last end."""
        for found in await self.store.read_latches():
            self._latches[found.asset] = DivergenceLatch(
                seen=True, shut_since=found.latched_at, agreeing_since=found.agreed_since
            )
        return self

    def is_shut(self, asset: AssetId) -> bool:
        """Say whether protocol and market price part, or were never compared."""
        return self._latches.get(asset, DivergenceLatch()).shut

    async def look(self, chain: ChainSnapshot) -> None:
        """Compare a chain's protocol prices with the market's at its anchor."""
        references = {price.asset: price for price in chain.references}
        for price in chain.prices:
            if reference := references.get(price.asset):
                await self._observe(price, reference, chain.anchor.time)

    async def _observe(self, price: Price, reference: Price, now: int) -> None:
        underlying = self.risk.underlying_of(price.asset)
        terms = DivergenceTerms(limit=underlying.divergence, hold_s=underlying.divergence_hold_s)
        was = self._latches.get(price.asset, DivergenceLatch())
        latch = observe(was, terms, price, reference, now=now)
        self._latches[price.asset] = latch
        shut_before, shut_now = was.shut_since is not None, latch.shut_since is not None
        if latch.shut_since is not None and _times(latch) != _times(was):
            await self.store.write_latch(
                LatchRecord(
                    asset=price.asset,
                    latched_at=latch.shut_since,
                    agreed_since=latch.agreeing_since,
                )
            )
        if shut_before and not shut_now:
            await self.store.delete_latch(price.asset)
        if shut_before != shut_now:
            log.warning(
                "price.diverged" if shut_now else "price.agrees",
                asset=str(price.asset),
                gap_bps=latch.gap,
            )


def _times(latch: DivergenceLatch) -> Mapping[str, int | None]:
    return {"shut": latch.shut_since, "agreeing": latch.agreeing_since}
