"""The tables of codes and storage against what the compilers say."""

import json
from collections.abc import Iterator, Mapping

import pytest
from vyper.compiler import compile_code

from daemon.devnet.vyper_build import CONTRACTS
from proofs.evidence.layout import (
    FEED_ANSWER,
    FEED_ROUND,
    FEED_ROUNDS,
    FEED_UPDATED_AT,
    IMPLEMENTATION,
    LAYOUTS,
    ORACLE_SOURCES,
    PROVIDER_ADDRESSES,
    STABLE_RATE,
    STABLE_TIME,
    STABLE_TIMES,
    AaveLayout,
    Fields,
    Place,
)
from tests.proofs.evidence.compiled import (
    ROLES,
    TABLE,
    V3_0,
    V3_6,
    Contract,
    Release,
    build_table,
    compile_v36,
    describe_codes,
    describe_feed,
    read_v30,
)

POOL = {
    "reserves": "_reserves",
    "users_config": "_usersConfig",
    "reserves_list": "_reservesList",
    "categories": "_eModeCategories",
    "users_category": "_usersEModeCategory",
}
RESERVE = {
    "liquidity_index": "liquidityIndex",
    "liquidity_rate": "currentLiquidityRate",
    "borrow_index": "variableBorrowIndex",
    "borrow_rate": "currentVariableBorrowRate",
    "updated_at": "lastUpdateTimestamp",
    "number": "id",
    "supplied": "aTokenAddress",
    "variable_debt": "variableDebtTokenAddress",
}
STABLE = {V3_0: "stableDebtTokenAddress", V3_6: "__deprecatedStableDebtTokenAddress"}
CATEGORY = {
    "ltv": "ltv",
    "liquidation_threshold": "liquidationThreshold",
    "liquidation_bonus": "liquidationBonus",
}
OF_CATEGORY = {
    V3_0: {"price_source": "priceSource"},
    V3_6: {"collateral_bitmap": "collateralBitmap", "ltv_zero_bitmap": "ltvzeroBitmap"},
}
OF_RESERVE: Mapping[str, Mapping[str, str]] = {
    V3_0: {},
    V3_6: {"grace_until": "liquidationGracePeriodUntil"},
}


def slots(contract: Contract) -> dict[str, int]:
    return {item["label"]: int(item["slot"]) for item in contract.storage["storage"]}


def struct(contract: Contract, name: str) -> dict[str, Place]:
    types = contract.storage["types"]
    (found,) = (t for t in types.values() if t["label"].endswith(f".{name}"))
    return {
        member["label"]: Place(
            int(member["slot"]),
            8 * member["offset"],
            8 * int(types[member["type"]]["numberOfBytes"]),
        )
        for member in found["members"]
    }


def named(fields: Fields, names: Mapping[str, str]) -> Iterator[tuple[str, Place]]:
    for name, label in names.items():
        yield label, fields[name]


def check_layout(label: str, release: Release) -> None:
    layout: AaveLayout = LAYOUTS[label]
    contracts = {role: release.contracts[name] for name, role in ROLES[label].items()}
    pool = contracts["pool"]
    found = slots(pool)
    assert {name: getattr(layout, name) for name in POOL} == {
        name: found[variable] for name, variable in POOL.items()
    }
    reserve = {**RESERVE, "stable_debt": STABLE[label], **OF_RESERVE[label]}
    category = {**CATEGORY, **OF_CATEGORY[label]}
    assert set(layout.reserve) == set(reserve)
    assert set(layout.category) == set(category)
    assert dict(named(layout.reserve, reserve)).items() <= struct(pool, "ReserveData").items()
    assert dict(named(layout.category, category)).items() <= struct(pool, "EModeCategory").items()
    assert struct(pool, "ReserveData")["configuration"][:2] == (0, 0)
    for role, slot in layout.balances.items():
        assert slots(contracts[role])["_userState"] == slot
        assert struct(contracts[role], "UserState")["balance"] == layout.balance
    assert slots(contracts["provider"])["_addresses"] == PROVIDER_ADDRESSES
    assert slots(contracts["oracle"])["assetsSources"] == ORACLE_SOURCES


def test_v30s_layout_is_what_its_own_build_says() -> None:
    release = read_v30()
    check_layout(V3_0, release)
    stable = release.contracts["StableDebtToken"]
    assert slots(stable)["_timestamps"] == STABLE_TIMES
    assert struct(stable, "UserState")["additionalData"] == STABLE_RATE
    assert Place(0, 0, 8 * int(stable.storage["types"]["t_uint40"]["numberOfBytes"])) == STABLE_TIME


def test_v30s_codes_are_those_of_its_own_build() -> None:
    table = [entry for entry in json.loads(TABLE.read_text()) if entry["release"] == V3_0]
    assert table == sorted(describe_codes(V3_0, read_v30()), key=lambda entry: entry["role"])


def test_our_feeds_layout_and_code_are_what_vyper_says() -> None:
    source = (CONTRACTS / "feed.vy").read_text()
    found = compile_code(source, output_formats=["layout"])["layout"]["storage_layout"]
    assert (found["latestRound"]["slot"], found["rounds"]["slot"]) == (FEED_ROUND, FEED_ROUNDS)
    fields = source.partition("struct Round:")[2].split()[::2]
    assert (fields[FEED_ANSWER], fields[FEED_UPDATED_AT]) == ("answer:", "updated_at:")
    assert describe_feed() in json.loads(TABLE.read_text())


def test_a_proxys_implementation_lies_where_the_standard_says() -> None:
    # https://eips.ethereum.org/EIPS/eip-1967
    expected = "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
    assert f"{IMPLEMENTATION:064x}" == expected


@pytest.mark.deep
def test_v36s_layout_and_all_codes_are_what_the_compilers_say() -> None:
    check_layout(V3_6, compile_v36())
    assert build_table() == json.loads(TABLE.read_text())
