"""What a flash loan on Save costs and what it makes of a reserve, to the unit, as pure integers."""

from dataclasses import replace
from typing import Final

from chains.model.units import WAD
from chains.solana.protocols.save.decimals import PERCENT, floor_units, multiply, stored, whole
from chains.solana.protocols.save.state import Reserve, ReserveTerms

DISABLED: Final = (1 << 64) - 1
"""The fee of a reserve that makes no flash loans."""


def calculate_flash_fee(terms: ReserveTerms, units: int) -> int | None:
    """Give the fee of lending `units`, rounded to the nearest, the host's part included.

    None where it would eat the loan, or where the reserve lends nothing this way.
    """
    if terms.flash_fee == DISABLED:
        return None
    if not terms.flash_fee:
        return 0
    fee = max(multiply(whole(units), terms.flash_fee), whole(2 if terms.host_fee else 1))
    if fee >= whole(units):
        return None
    owner = floor_units(fee + WAD // 2)
    if not terms.host_fee:
        return owner
    host = max(floor_units(multiply(fee, terms.host_fee * PERCENT) + WAD // 2), 1)
    return owner if host <= owner else None


def lend(reserve: Reserve, units: int) -> Reserve | None:
    """Give the reserve while `units` of it are lent; None where it has not so much."""
    if units > reserve.available:
        return None
    return replace(
        reserve,
        available=reserve.available - units,
        borrowed=stored(reserve.borrowed + whole(units)),
    )
