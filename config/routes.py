"""How surplus gets from one chain or venue to another: `[[routes]]`; see docs/margin.md."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final

from pydantic import Field, PlainSerializer, PlainValidator

from chains.model.ids import ChainId
from chains.model.units import Bps
from config.amounts import UsdAmount
from config.base import Section
from config.books import BookSettings
from config.chains import ChainSettings, Seconds

LEAST_KAPPA: Final = 6_000
MOST_KAPPA: Final = 8_000


def _parse_place(value: object) -> ChainId:
    return value if isinstance(value, ChainId) else ChainId.parse(str(value))


PlaceRef = Annotated[ChainId, PlainValidator(_parse_place), PlainSerializer(str)]
"""A chain, or a venue such as `venue:deribit`."""


class RouteSettings(Section):
    """One route, as its operator knows it: nothing of it is measured.

    `p99_s` is the 99th percentile of finality and execution together. `unlocked` is what can be
    withdrawn at the source, `cap` the most that goes this way (USD). `kappa` is what gains that
    come this way count with at most.
    """

    source: PlaceRef = Field(
        validation_alias="from", description="a CAIP-2 chain, or a venue such as venue:deribit"
    )
    target: PlaceRef = Field(
        validation_alias="to", description="a CAIP-2 chain, or a venue such as venue:deribit"
    )
    p99_s: Seconds = Field(description="seconds until what is sent counts, in 99 of 100 cases")
    time_to_liquidation_s: Seconds = Field(
        description="seconds that both ends can wait before they are liquidated"
    )
    unlocked: UsdAmount = Field(
        validation_alias="unlocked_usd",
        description='what can be withdrawn at the source, such as "5000"',
    )
    cap: UsdAmount = Field(
        validation_alias="cap_usd", description='the most that goes this way, such as "100000"'
    )
    healthy: bool = Field(default=True, description="true or false")
    kappa: Annotated[Bps, Field(ge=LEAST_KAPPA, le=MOST_KAPPA)] = Field(
        Bps(MOST_KAPPA), validation_alias="kappa_bps", description="basis points, 6000 to 8000"
    )


def find_route_conflicts(
    routes: Sequence[RouteSettings],
    chains: Mapping[str, ChainSettings],
    books: Sequence[BookSettings],
) -> Iterator[str]:
    """Give one line for each disagreement of a route with the other tables."""
    known = {chain.caip2 for chain in chains.values()}
    known |= {book.venue_account.chain for book in books}
    seen: set[tuple[ChainId, ChainId]] = set()
    for index, route in enumerate(routes):
        for field, place in (("from", route.source), ("to", route.target)):
            if place not in known:
                yield (
                    f"routes[{index}].{field}: {place} is neither a configured chain nor a book's "
                    "venue; write one of them"
                )
        if (route.source, route.target) in seen:
            yield f"routes[{index}]: {route.source} to {route.target} stands twice; write it once"
        seen.add((route.source, route.target))
