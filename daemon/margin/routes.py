"""Which route counts for the surplus of a chain or venue: the worst of those that it may need.

Pure: figures are float64 USD and seconds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from daemon.margin.scenarios import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTerms:
    """A route from one chain or venue to another, and how long both can wait (seconds)."""

    source: str
    target: str
    route: Route
    time_to_liquidation_s: float


def choose_routes(terms: Iterable[RouteTerms], places: Sequence[str]) -> Mapping[str, Route]:
    """Give the route of each chain or venue that reaches all that may need its surplus.

    `places` are the chain or venue of each domain: where two stand on one, a route from it to
    itself is needed as well. A chain that does not reach one of the others has no route.
    """
    known = {(found.source, found.target): found.route for found in terms}
    counted = Counter(places)
    chosen = {}
    for source in counted:
        targets = [place for place in counted if place != source or counted[place] > 1]
        routes = [known.get((source, target)) for target in targets]
        found = [route for route in routes if route is not None]
        if found and len(found) == len(routes):
            chosen[source] = _take_worst(found)
    return chosen


def find_times(terms: Iterable[RouteTerms]) -> Mapping[str, float]:
    """Give how long each end of the routes can wait: the least that any of them says."""
    times: dict[str, float] = {}
    for found in terms:
        for place in (found.source, found.target):
            times[place] = min(
                times.get(place, found.time_to_liquidation_s), found.time_to_liquidation_s
            )
    return times


def _take_worst(routes: Sequence[Route]) -> Route:
    return Route(
        healthy=all(route.healthy for route in routes),
        finality_s=max(route.delay_s for route in routes),
        execution_s=0.0,
        withdrawable=min(route.withdrawable for route in routes),
        liquidity=min(route.liquidity for route in routes),
        cap=min(route.cap for route in routes),
        kappa=min(route.kappa for route in routes),
    )
