"""What monitors are told of the vaults' statements."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.committee.vaults import VaultsParts

_PREFIX: Final = "plimsoll_vaults"


class VaultsCollector(Collector):
    """Reads what states vaults at the moment of the scrape."""

    def __init__(self, parts: Callable[[], VaultsParts]) -> None:
        self._parts: Final = parts

    def collect(self) -> Iterator[Metric]:
        """Yield final heights and readability by chain, what is unsigned, and what was signed."""
        parts = self._parts()
        final = GaugeMetricFamily(
            f"{_PREFIX}_final_height", "The newest final block seen.", labels=("chain",)
        )
        readable = GaugeMetricFamily(
            f"{_PREFIX}_readable", "1 while a chain's vault can be read.", labels=("chain",)
        )
        for chain in parts.chains.by_number.values():
            name = str(chain.node.chain)
            if chain.final is not None:
                final.add_metric((name,), float(chain.final.height))
            readable.add_metric((name,), float(chain.readable))
        yield from (final, readable)
        rounds = parts.rounds
        yield GaugeMetricFamily(
            f"{_PREFIX}_unsigned", "Statements that wait for a quorum.", rounds.wants.count
        )
        yield GaugeMetricFamily(
            f"{_PREFIX}_quorum", "0 while a statement waits too long.", rounds.wants.lost is None
        )
        yield GaugeMetricFamily(
            f"{_PREFIX}_round_seconds", "How long the last round took.", rounds.took_s
        )
        yield CounterMetricFamily(
            f"{_PREFIX}_statements", "Statements that rounds of this member made.", rounds.made
        )
