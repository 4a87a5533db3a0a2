"""The divergence latches of all assets of all chains, kept over restarts.

An asset without a market reference stays latched: nobody vouches for its price. What is shut is
recorded; agreement is not, because it must be watched from the beginning after every restart.
"""

import asyncio
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
    _recorded: dict[AssetId, int] = field(default_factory=dict)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self) -> "Latches":
        """Take up the latches that were shut at the last end."""
        for found in await self.store.read_latches():
            self._recorded[found.asset] = found.latched_at
            self._latches[found.asset] = DivergenceLatch(seen=True, shut_since=found.latched_at)
        return self

    def is_shut(self, asset: AssetId) -> bool:
        """Say whether protocol and market price part, or were never compared."""
        return self._latches.get(asset, DivergenceLatch()).shut

    async def look(self, chain: ChainSnapshot) -> None:
        """Compare a chain's protocol prices with the market's at its anchor.

        StorageError leaves the latches as they were seen; the next look records them.
        """
        references = {price.asset: price for price in chain.references}
        compared = [price for price in chain.prices if price.asset in references]
        for price in compared:
            self._observe(price, references[price.asset], chain.anchor.time)
        async with self._writing:
            for price in compared:
                await self._record(price.asset)

    def _observe(self, price: Price, reference: Price, now: int) -> None:
        underlying = self.risk.underlying_of(price.asset)
        terms = DivergenceTerms(limit=underlying.divergence, hold_s=underlying.divergence_hold_s)
        was = self._latches.get(price.asset, DivergenceLatch())
        latch = observe(was, terms, price, reference, now=now)
        self._latches[price.asset] = latch
        shut_before, shut_now = was.shut_since is not None, latch.shut_since is not None
        if shut_before != shut_now:
            log.warning(
                "price.diverged" if shut_now else "price.agrees",
                asset=str(price.asset),
                gap_bps=latch.gap,
            )

    async def _record(self, asset: AssetId) -> None:
        since = self._latches[asset].shut_since
        if since == self._recorded.get(asset):
            return
        if since is None:
            await self.store.delete_latch(asset)
            del self._recorded[asset]
        else:
            await self.store.write_latch(LatchRecord(asset=asset, latched_at=since))
            self._recorded[asset] = since
