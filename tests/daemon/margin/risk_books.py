"""Risk books for tests: drawn ones, and a few with round figures."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from chains.model.derivatives import OptionKind, OptionStyle
from daemon.margin.risk import Tier
from daemon.margin.scenarios import Debt, Domain, Option, Perp, RiskBook, RiskLeg, Spot

NOW: Final = 1_800_000_000
DAY_S: Final = 86_400
UNDERLYINGS: Final = {"ETH": Tier.MAJOR, "BTC": Tier.MAJOR, "LINK": Tier.ALT, "USDC": Tier.STABLE}
PRICES: Final = {"ETH": 2_000.0, "BTC": 60_000.0, "LINK": 12.0, "USDC": 1.0}
CHAINS: Final = ("eip155:1", "eip155:10", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")


def make_book(*legs: RiskLeg, **domains: Domain) -> RiskBook:
    """Give a book of legs; domains that are not given are plain ones on the first chain."""
    names = {leg.domain for leg in legs} | set(domains)
    plain = Domain(id="", chain=CHAINS[0], venue="market")
    return RiskBook(
        domains={name: domains.get(name, replace(plain, id=name)) for name in names},
        spots=tuple(leg for leg in legs if isinstance(leg, Spot)),
        debts=tuple(leg for leg in legs if isinstance(leg, Debt)),
        perps=tuple(leg for leg in legs if isinstance(leg, Perp)),
        options=tuple(leg for leg in legs if isinstance(leg, Option)),
    )


def spot(value: float = 20_000.0, *, domain: str = "a", **given: Any) -> Spot:  # noqa: ANN401 - whatever the dataclass takes
    """Give collateral worth `value`, ETH unless told."""
    underlying = given.pop("underlying", "ETH")
    price = PRICES[underlying]
    common = {"domain": domain, "chain": CHAINS[0], "underlying": underlying}
    figures: dict[str, Any] = {"lt": 0.85, "ltv": 0.8, "units": value / price, "price": price}
    figures |= {"tier": UNDERLYINGS[underlying]} | given
    return Spot(**{"id": f"{domain} {underlying} held"} | common | figures)


def debt(value: float = 15_000.0, *, domain: str = "a", **given: Any) -> Debt:  # noqa: ANN401 - as above
    """Give a debt of `value`, USDC unless told."""
    underlying = given.pop("underlying", "USDC")
    price = PRICES[underlying]
    common = {"domain": domain, "chain": CHAINS[0], "underlying": underlying}
    figures = {"tier": UNDERLYINGS[underlying], "price": price, "units": value / price} | given
    return Debt(**{"id": f"{domain} {underlying} owed"} | common | figures)


def perp(notional: float, *, domain: str = "a", **given: Any) -> Perp:  # noqa: ANN401 - as above
    """Give a perp of a signed notional at its entry price, ETH unless told."""
    underlying = given.pop("underlying", "ETH")
    price = PRICES[underlying]
    common = {"domain": domain, "chain": CHAINS[0], "underlying": underlying}
    figures = {"tier": UNDERLYINGS[underlying], "size": notional / price, "entry": price}
    figures |= {"mark": price, "initial": 0.04, "maintenance": 0.02} | given
    return Perp(**{"id": f"{domain} {underlying} perp"} | common | figures)


def option(size: float, *, domain: str = "a", **given: Any) -> Option:  # noqa: ANN401 - as above
    """Give a call of a signed size at the money in 30 days, on ETH unless told."""
    underlying = given.pop("underlying", "ETH")
    price = PRICES[underlying]
    common = {"domain": domain, "chain": CHAINS[0], "underlying": underlying}
    figures = {"tier": UNDERLYINGS[underlying], "kind": OptionKind.CALL, "strike": price}
    figures |= {"style": OptionStyle.EUROPEAN, "expiry": NOW + 30 * DAY_S, "size": size}
    figures |= {"mark": 0.07 * price, "vol": 0.6, "forward": price} | given
    return Option(**{"id": f"{domain} {underlying} option"} | common | figures)


values = st.floats(10.0, 1e6).map(lambda value: round(value, 2))
names = st.sampled_from(sorted(UNDERLYINGS))
crypto = st.sampled_from(("ETH", "BTC", "LINK"))


@st.composite
def legs(draw: Callable[..., Any], domain: str, *, options: bool = True) -> Sequence[RiskLeg]:
    """Draw what one domain holds."""
    found: list[RiskLeg] = [
        spot(draw(values), domain=domain, underlying=name, haircut=draw(st.floats(0, 0.2)))
        for name in draw(st.lists(names, max_size=2, unique=True))
    ]
    found += [
        debt(draw(values), domain=domain, underlying=name)
        for name in draw(st.lists(names, max_size=2, unique=True))
    ]
    found += [
        perp(draw(values) * draw(st.sampled_from((1, -1))), domain=domain, underlying=name)
        for name in draw(st.lists(crypto, max_size=2, unique=True))
    ]
    if not options:
        return found
    return found + [
        option(
            draw(st.floats(-20, 20)),
            domain=domain,
            underlying=name,
            kind=draw(st.sampled_from(OptionKind)),
            strike=PRICES[name] * draw(st.floats(0.5, 2)),
            expiry=NOW + draw(st.integers(1, 400)) * DAY_S,
            vol=draw(st.floats(0.2, 1.5)),
        )
        for name in draw(st.lists(crypto, max_size=2, unique=True))
    ]


@st.composite
def books(draw: Callable[..., Any], *, options: bool = True) -> RiskBook:
    """Draw a book of one to three domains, each on a chain of its own."""
    found: list[RiskLeg] = []
    domains = {}
    for number in range(draw(st.integers(1, 3))):
        name = "abc"[number]
        domains[name] = Domain(id=name, chain=CHAINS[number], venue="market")
        found += [replace(leg, chain=CHAINS[number]) for leg in draw(legs(name, options=options))]
    return make_book(*found, **domains)


def scale(book: RiskBook, factor: float) -> RiskBook:
    """Give a book of `factor` times everything."""
    return replace(
        book,
        domains={n: replace(d, margin=d.margin * factor) for n, d in book.domains.items()},
        spots=tuple(replace(leg, units=leg.units * factor) for leg in book.spots),
        debts=tuple(replace(leg, units=leg.units * factor) for leg in book.debts),
        perps=tuple(
            replace(leg, size=leg.size * factor, funding=leg.funding * factor) for leg in book.perps
        ),
        options=tuple(replace(leg, size=leg.size * factor) for leg in book.options),
    )
