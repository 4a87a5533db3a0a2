"""Cases of marginfi, computed by the arithmetic of its adapter."""

from collections.abc import Mapping
from decimal import Decimal
from math import floor
from typing import Any, Final

from chains.solana.protocols.marginfi.fixed import ONE, whole
from chains.solana.protocols.marginfi.liquidation import calculate_amounts
from chains.solana.protocols.marginfi.math import (
    Health,
    Requirement,
    asset_weight,
    calculate_health,
    calculate_room,
    reconcile_emode,
)
from chains.solana.protocols.marginfi.state import EmodeWeights
from tests.chains.solana.protocols.marginfi.building import (
    account_of,
    bank_of,
    exact,
    held,
    key_of,
    owed,
)
from tests.vectors.reading import Case, Figures, scale

Given = Mapping[str, Any]
SOL_TAG: Final = 7
ASSET_UNIT, DEBT_DECIMALS = 10**6, 9


def compare_liquidation(case: Case, document: Given) -> Figures:
    """Compare the debt that goes with collateral, in base units of the debt."""
    del document
    given, expected = case["inputs"], case["expected"]
    units = scale(given["asset_amount_liquidated"], ASSET_UNIT)
    amounts = calculate_amounts(
        bank_of(1, decimals=6),
        bank_of(2, decimals=DEBT_DECIMALS),
        units,
        asset_low=_fixed(given["asset_price"]),
        liability_high=_fixed(given["liab_price"]),
    )
    unit = 10**DEBT_DECIMALS
    paid, settled = amounts.paid / ONE, amounts.settled / ONE
    yield "paid", paid, expected["liability_paid_by_liquidator"] * unit
    yield "settled", settled, expected["liability_repaid_for_liquidatee"] * unit
    yield "insurance", paid - settled, expected["insurance_fund"] * unit
    yield "insurance moved", float(amounts.insurance), float(floor(paid - settled))
    left = scale(given["liquidatee_deposit"], ASSET_UNIT) - units
    yield "left", float(left), float(scale(expected["liquidatee_asset_after"], ASSET_UNIT))


def compare_health(case: Case, document: Given) -> Figures:
    """Compare maintenance health."""
    del document
    given = case["inputs"]
    banks = {
        key_of(1): bank_of(1, asset_weight=_fixed(given["asset_weight_maint"])),
        key_of(2): bank_of(2, liability_weight=_fixed(given["liab_weight_maint"])),
    }
    prices = {key: exact(whole(1)) for key in banks}
    account = account_of(
        held(1, _fixed(given["assets_usd"] * ASSET_UNIT)),
        owed(2, _fixed(given["liabs_usd"] * ASSET_UNIT)),
    )
    health = calculate_health(account, banks, prices)
    yield "health", health.net / ONE, case["expected"]["health_usd"]


def compare_room(case: Case, document: Given) -> Figures:
    """Compare what may still be borrowed."""
    del document
    given = case["inputs"]
    assets = _fixed(given["assets_usd"] * given["asset_weight_init"])
    room = calculate_room(Health(assets=assets, liabilities=0), _fixed(given["liab_weight_init"]))
    yield "room", room / ONE, case["expected"]["max_borrow_usd"]


def compare_emode(case: Case, document: Given) -> Figures:
    """Compare the weight that e-mode leaves collateral."""
    del document
    given = case["inputs"]
    rates = [given["emode_rate"][name] for name in given["borrow"]]
    emode = reconcile_emode(
        [
            {} if rate is None else {SOL_TAG: EmodeWeights(init=_fixed(rate), maint=ONE)}
            for rate in rates
        ]
    )
    lent = bank_of(1, asset_weight=_fixed(given["bank_weight"]), emode_tag=SOL_TAG)
    found = asset_weight(lent, emode, Requirement.INITIAL)
    yield "weight", found, _fixed(case["expected"]["asset_weight_init"])


def _fixed(number: float) -> int:
    return int((Decimal(str(number)) * ONE).to_integral_value())
