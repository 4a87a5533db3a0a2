"""The sale that brings a pool to the market's price."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.solana.pools import PoolPlace, PoolState
from daemon.devnet.solana.swaps import calculate_sale

FIRST, SECOND = Pubkey(b"1" * 32), Pubkey(b"2" * 32)
PLACE = PoolPlace(
    program=Pubkey(b"p" * 32),
    account=Pubkey(b"a" * 32),
    vaults=(Pubkey(b"v" * 32), Pubkey(b"w" * 32)),
    mints=(FIRST, SECOND),
)
held = st.integers(10**6, 10**17)
prices = st.integers(1, 10**15)


def values(pool: PoolState, worth: tuple[int, int]) -> tuple[int, int]:
    """Give what each side of a pool is worth."""
    return pool.held[0] * worth[0], pool.held[1] * worth[1]


def sell(pool: PoolState, sold: Pubkey, units: int) -> PoolState:
    """Give a pool after a sale."""
    brings = pool.quote(sold, units) or 0
    first, second = pool.held
    if sold == FIRST:
        return replace(pool, held=(first + units, second - brings))
    return replace(pool, held=(first - brings, second + units))


@given(st.tuples(held, held), st.tuples(prices, prices), st.integers(0, 100))
def test_after_the_sale_one_more_unit_would_be_too_many(
    reserves: tuple[int, int], worth: tuple[int, int], fee_bps: int
) -> None:
    pool = PoolState(place=PLACE, fee_bps=fee_bps, held=reserves)
    sale = calculate_sale(pool, worth)
    first, second = values(pool, worth)
    if sale is None:
        return
    sold, units = sale
    assert sold == (FIRST if first < second else SECOND)
    before, after, next_one = (
        values(sell(pool, sold, count), worth) for count in (0, units, units + 1)
    )
    side = 0 if sold == FIRST else 1
    assert before[side] < after[side] < after[1 - side] <= before[1 - side]
    assert next_one[side] >= next_one[1 - side]


def test_a_pool_at_the_price_is_left_alone() -> None:
    pool = PoolState(place=PLACE, fee_bps=5, held=(2 * 10**9, 10**9))
    assert calculate_sale(pool, (1, 2)) is None
