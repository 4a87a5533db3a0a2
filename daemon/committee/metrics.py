"""What monitors are told of the committee."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.committee.view import CommitteeView

_PREFIX: Final = "plimsoll_committee"


class CommitteeCollector(Collector):
    """Reads the committee at the moment of the scrape."""

    def __init__(self, look: Callable[[], CommitteeView]) -> None:
        self._look: Final = look

    def collect(self) -> Iterator[Metric]:
        """Yield quorums and signers by account, silent and banned members, refusals."""
        view = self._look()
        quorum = GaugeMetricFamily(
            f"{_PREFIX}_quorum", "1 while an account has a quorum.", labels=("account",)
        )
        signers = GaugeMetricFamily(
            f"{_PREFIX}_signers", "Who signed an account's newest attestation.", labels=("account",)
        )
        for account in view.accounts:
            quorum.add_metric((account.account,), float(account.lost is None))
            signers.add_metric((account.account,), float(len(account.signers)))
        silent = sum(member.failure is not None for member in view.members)
        banned = sum(member.banned is not None for member in view.members)
        yield from (quorum, signers)
        yield GaugeMetricFamily(f"{_PREFIX}_silent_members", "Who does not answer.", silent)
        yield GaugeMetricFamily(f"{_PREFIX}_banned_members", "Convicted members.", banned)
        yield CounterMetricFamily(f"{_PREFIX}_refusals", "Proposals refused.", view.refused)
        yield CounterMetricFamily(
            f"{_PREFIX}_messages_refused", "Messages refused.", view.messages_refused
        )
