"""marginfi's public figures, where the collection of them is at hand."""

from decimal import Decimal

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
from tests.chains.solana.protocols.dumps import Case, of_kind
from tests.chains.solana.protocols.marginfi.building import (
    account_of,
    bank_of,
    exact,
    held,
    key_of,
    owed,
)

SUITE = "marginfi"
TAGS = {"LST_A": 1, "LST_C": 2, "USDT": 3}
SOL_TAG = 7
ASSET_DECIMALS, DEBT_DECIMALS = 6, 9


def fixed(number: float) -> int:
    return int((Decimal(str(number)) * ONE).to_integral_value())


@of_kind(SUITE, "liquidation")
def test_liquidation_amounts(given: Case, expected: Case) -> None:
    amounts = calculate_amounts(
        bank_of(1, decimals=ASSET_DECIMALS),
        bank_of(2, decimals=DEBT_DECIMALS),
        int(Decimal(str(given["asset_amount_liquidated"])) * 10**ASSET_DECIMALS),
        asset_low=fixed(given["asset_price"]),
        liability_high=fixed(given["liab_price"]),
    )
    unit = 10**DEBT_DECIMALS
    paid = Decimal(str(expected["liability_paid_by_liquidator"])) * unit
    settled = Decimal(str(expected["liability_repaid_for_liquidatee"])) * unit
    insurance = Decimal(str(expected["insurance_fund"])) * unit
    assert abs(Decimal(amounts.paid) / ONE - paid) < 1
    assert abs(Decimal(amounts.settled) / ONE - settled) < 1
    assert abs(Decimal(amounts.paid - amounts.settled) / ONE - insurance) < 1
    assert amounts.insurance == (amounts.paid - amounts.settled) // ONE
    left = given["liquidatee_deposit"] - given["asset_amount_liquidated"]
    assert left == expected["liquidatee_asset_after"]


@of_kind(SUITE, "account_health")
def test_account_health(given: Case, expected: Case) -> None:
    banks = {
        key_of(1): bank_of(1, asset_weight=fixed(given["asset_weight_maint"])),
        key_of(2): bank_of(2, liability_weight=fixed(given["liab_weight_maint"])),
    }
    prices = {key: exact(whole(1)) for key in banks}
    account = account_of(
        held(1, fixed(given["assets_usd"] * 10**6)), owed(2, fixed(given["liabs_usd"] * 10**6))
    )
    health = calculate_health(account, banks, prices)
    assert abs(health.net / ONE - expected["health_usd"]) <= 5e-4


@of_kind(SUITE, "max_borrow")
def test_room_to_borrow(given: Case, expected: Case) -> None:
    assets = fixed(given["assets_usd"] * given["asset_weight_init"])
    room = calculate_room(Health(assets=assets, liabilities=0), fixed(given["liab_weight_init"]))
    assert abs(room / ONE - expected["max_borrow_usd"]) <= 5e-3


@of_kind(SUITE, "emode_asset_weight")
def test_emode_weight(given: Case, expected: Case) -> None:
    def grants(name: str) -> dict[int, EmodeWeights]:
        rate = given["emode_rate"][name]
        return {} if rate is None else {SOL_TAG: EmodeWeights(init=fixed(rate), maint=ONE)}

    lent = bank_of(1, asset_weight=fixed(given["bank_weight"]), emode_tag=SOL_TAG)
    emode = reconcile_emode([grants(name) for name in given["borrow"]])
    weight = asset_weight(lent, emode, Requirement.INITIAL)
    assert weight == fixed(expected["asset_weight_init"])
