"""marginfi's accounts by the thousand: cached health, and health at prices now.

The cache is of the last time somebody asked the program. Health now leaves e-mode aside, which
only ever raises it: who is under the limit is found, and some who are not. Pure; for the bounds
see `chains.solana.columns`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from solders.pubkey import Pubkey

from chains.solana.columns import (
    HealthColumns,
    KeyTable,
    StoredHealth,
    add_known,
    to_floats,
    view_rows,
)
from chains.solana.protocols.marginfi.fixed import BITS, ONE
from chains.solana.protocols.marginfi.layout import ACCOUNT
from chains.solana.protocols.marginfi.math import EMPTY_SHARES
from chains.solana.protocols.marginfi.state import Bank, BankPrices

STORED: Final = ACCOUNT.part("asset_value_maint", "cache_flags")
LOANS: Final = ACCOUNT.part("balances", "balances")
"""The part of an account that its health at other prices follows from."""
_USD: Final = 2.0**-BITS


def view_stored(keys: Sequence[Pubkey], parts: Sequence[bytes]) -> StoredHealth:
    """Give the maintenance health that accounts cache, of the bytes of `STORED`.

    Nothing is known of who has no cache, or owes nothing in it. ValueError for other bytes.
    """
    rows = view_rows(STORED.layout, parts)
    backing = to_floats(rows["asset_value_maint"], signed=True) * _USD
    owed = to_floats(rows["liability_value_maint"], signed=True) * _USD
    columns = HealthColumns(
        keys=tuple(keys), backing=backing, owed=owed, unknown=(backing < 0) | (owed <= 0)
    )
    return StoredHealth(
        columns=columns,
        backing=rows["asset_value_maint"],
        owed=rows["liability_value_maint"],
        signed=True,
    )


def calculate_columns(
    keys: Sequence[Pubkey],
    parts: Sequence[bytes],
    banks: Mapping[bytes, Bank],
    prices: Mapping[bytes, BankPrices],
) -> HealthColumns:
    """Give the maintenance health of accounts without e-mode, of the bytes of `LOANS`.

    `banks` are fresh. Unknown is who has a balance in another bank, or in one without prices.
    ValueError for other bytes.
    """
    balances = view_rows(LOANS.layout, parts)["balances"]
    table = KeyTable.of(tuple(banks))
    listed = [(bank, prices.get(key)) for key, bank in banks.items()]
    at = table.find(balances["bank"])
    known, active = at < len(listed), balances["active"] != 0
    held = to_floats(balances["asset_shares"], signed=True)
    owing = to_floats(balances["liability_shares"], signed=True)
    owes = active & (owing >= EMPTY_SHARES)
    holds = active & ~owes & (held >= EMPTY_SHARES)
    assets = np.array([*(_weigh_asset(*each) for each in listed), 0.0])
    liabilities = np.array([*(_weigh_liability(*each) for each in listed), 0.0])
    backing, lent = add_known(holds, known, held * assets[at])
    owed, borrowed = add_known(owes, known, owing * liabilities[at])
    return HealthColumns(
        keys=tuple(keys),
        backing=backing,
        owed=owed,
        unknown=~(lent & borrowed),
        lost=balances.shape[1] * max((_most_lost(*each) for each in listed), default=0.0),
    )


def _weigh_asset(bank: Bank, prices: BankPrices | None) -> float:
    """Give what a share backs, in USD; NaN without a price."""
    if bank.isolated:
        return 0.0
    if prices is None:
        return math.nan
    weight = bank.asset_share_value * bank.weights.asset_maint * prices.spot.low
    unit: int = 10**bank.decimals
    return weight / (ONE**4 * unit)


def _weigh_liability(bank: Bank, prices: BankPrices | None) -> float:
    """Give what a share of debt counts, in USD; NaN without a price."""
    if prices is None:
        return math.nan
    weight = bank.liability_share_value * bank.weights.liability_maint * prices.spot.high
    unit: int = 10**bank.decimals
    return weight / (ONE**4 * unit)


def _most_lost(bank: Bank, prices: BankPrices | None) -> float:
    """Give the most that a balance's value loses by four steps rounded down to 2^-48.

    The amount and the weighted amount are base units, the others USD. Twice that, for its own
    rounding.
    """
    if prices is None:
        return 0.0
    weight = 1 + max(bank.weights.asset_maint, 0) * _USD
    unit: int = 10**bank.decimals
    return 2 * (weight * prices.spot.low * _USD / unit + 2) * _USD
