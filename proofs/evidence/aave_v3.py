"""Aave v3 markets and accounts, proved: from storage words to the values its arithmetic takes.

What health depends on is read and nothing else: the reserves and eMode categories that the given
accounts use. Whether an account owes anything at all is one word of the pool, its user
configuration. Source: the contracts named in `layout.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chains.evm.protocols.aave_v3.state import Category, Market, Reserve, User
from chains.model.ids import Address
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.layout import address_key
from proofs.evidence.prices import ProvedPrice, read_known_prices, read_prices
from proofs.evidence.reserves import find_oracle, open_desk, read_categories, read_reserves
from proofs.evidence.state import ProvedState
from proofs.evidence.users import Subject, has_borrowed, list_used, read_users, read_uses


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedMarket:
    """A market as proved: what its arithmetic works on, and how each price is known.

    `market` and `users` hold only what the accounts use. `prices` are by asset, and by price
    source for eMode categories that have their own (3.0).
    """

    pool: Address
    release: str
    market: Market
    users: Mapping[Address, User]
    prices: Mapping[Address, ProvedPrice]


def read_market(
    state: ProvedState,
    pool: Address,
    subjects: Sequence[Subject],
    *,
    now: int,
    given: Mapping[Address, int] | None = None,
) -> ProvedMarket:
    """Read a pool and accounts at `now`, the time of the state's block.

    `given` are prices (USD x 1e8) that were read otherwise, for feeds whose storage is not known.
    EvidenceRefused says what is not proved.
    """
    return _read(
        state,
        pool,
        subjects,
        now=now,
        price=lambda oracle, used: read_prices(state, oracle, used, given or {}),
    )


def read_holdings(
    state: ProvedState,
    pool: Address,
    subjects: Sequence[Subject],
    *,
    now: int,
    priced: Iterable[Address],
) -> ProvedMarket:
    """Read a pool and accounts at `now` for what they hold and owe, not for what it is worth.

    `prices` are those of the assets `priced` whose feeds' storage is known; reserves without one
    have none. EvidenceRefused says what is not proved.
    """
    return _read(
        state,
        pool,
        subjects,
        now=now,
        price=lambda oracle, _: read_known_prices(state, oracle, priced),
    )


def _read(
    state: ProvedState,
    pool: Address,
    subjects: Sequence[Subject],
    *,
    now: int,
    price: Callable[[Address, Sequence[Address]], Mapping[Address, ProvedPrice]],
) -> ProvedMarket:
    desk = open_desk(state, pool)
    oracle, uses = state.both(lambda: find_oracle(desk), lambda: read_uses(desk, subjects))
    (reserves, tokens), categories = state.both(
        lambda: read_reserves(desk, {number for use in uses for number in use.numbers}),
        lambda: read_categories(desk, {use.category for use in uses} - {0}),
    )
    wanted = [reserve.asset for reserve in reserves]
    wanted += [category.price_source for category in categories if category.price_source]
    users, prices = state.both(
        lambda: read_users(desk, subjects, uses, tokens),
        lambda: price(oracle, wanted),
    )
    _check_times(now, reserves, users.values())
    return ProvedMarket(
        pool=pool,
        release=desk.code.release,
        market=Market(
            version=desk.layout.version,
            now=now,
            reserves={r.number: _put_price(r, prices) for r in reserves},
            categories={c.number: _put_source_price(c, prices) for c in categories},
        ),
        users=users,
        prices=prices,
    )


def _check_times(now: int, reserves: Iterable[Reserve], users: Iterable[User]) -> None:
    """See that nothing was brought up after the block: no chain holds that, a forged state may."""
    stable = (holding.stable_debt for user in users for holding in user.holdings)
    times = [reserve.updated_at for reserve in reserves]
    times += [debt.updated_at for debt in stable if debt]
    if (newest := max(times, default=now)) > now:
        raise EvidenceRefused(Flaw.BAD_VALUE, f"interest was brought up at {newest}, after {now}")


def is_debt_free(state: ProvedState, pool: Address, account: Address) -> bool:
    """Say whether a pool's user configuration shows no debt of an account in any reserve."""
    desk = open_desk(state, pool)
    slot = desk.slot(desk.layout.users_config, address_key(account))
    state.want(slots=[slot])
    return not any(has_borrowed(state.word(slot), number) for number in list_used(state.word(slot)))


def _put_price(reserve: Reserve, prices: Mapping[Address, ProvedPrice]) -> Reserve:
    return replace(reserve, price=_find(prices, reserve.asset))


def _put_source_price(category: Category, prices: Mapping[Address, ProvedPrice]) -> Category:
    if category.price_source is None:
        return category
    return replace(category, price=_find(prices, category.price_source))


def _find(prices: Mapping[Address, ProvedPrice], asset: Address) -> int | None:
    found = prices.get(asset)
    return found.usd if found else None
