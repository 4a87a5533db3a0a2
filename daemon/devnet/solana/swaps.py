"""How much to sell to a pool of constant product so that it stands at a price. Pure."""

from solders.pubkey import Pubkey

from chains.solana.pools import PoolState


def calculate_sale(pool: PoolState, worth: tuple[int, int]) -> tuple[Pubkey, int] | None:
    """Give the mint and units of the sale after which both sides are worth the same.

    `worth` is what a unit of each token costs, in any common measure. The last unit sold still
    leaves the sold side below the other; None where no sale brings them nearer.
    """
    at = 0 if pool.held[0] * worth[0] < pool.held[1] * worth[1] else 1
    mint, held, paid = pool.place.mints[at], pool.held[at], pool.held[1 - at]

    def is_below(units: int) -> bool:
        left = paid - (pool.quote(mint, units) or 0)
        return (held + units) * worth[at] < left * worth[1 - at]

    low, high = 0, 1
    while is_below(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (mint, low) if low else None
