import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.layers import lay_environment, lay_networks, merge, read_table

SCALARS = st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3)
KEYS = st.sampled_from("abcd")
TABLES = st.recursive(
    st.dictionaries(KEYS, SCALARS, max_size=4),
    lambda inner: st.dictionaries(KEYS, SCALARS | inner, max_size=4),
    max_leaves=12,
)


@given(TABLES, TABLES)
def test_the_upper_layer_wins_wherever_it_says_anything(
    under: dict[str, object], over: dict[str, object]
) -> None:
    before = copy.deepcopy((under, over))
    merged = merge(under, over)
    assert set(merged) == set(under) | set(over)
    for key, value in over.items():
        if not isinstance(value, dict) or not isinstance(under.get(key), dict):
            assert merged[key] == value
    for key in set(under) - set(over):
        assert merged[key] == under[key]
    assert (under, over) == before


@given(TABLES, TABLES, TABLES)
def test_layers_may_be_laid_in_any_grouping(
    a: dict[str, object], b: dict[str, object], c: dict[str, object]
) -> None:
    def kinds(table: dict[str, object], path: str = "") -> dict[str, bool]:
        found = {}
        for key, value in table.items():
            found[path + key] = isinstance(value, dict)
            if isinstance(value, dict):
                found |= kinds(value, path + key)
        return found

    shapes = [kinds(table) for table in (a, b, c)]
    paths = set().union(*shapes)
    if any(len({shape[path] for shape in shapes if path in shape}) > 1 for path in paths):
        return
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(TABLES)
def test_laying_a_table_over_itself_changes_nothing(table: dict[str, object]) -> None:
    assert merge(table, table) == table


def test_arrays_are_replaced_and_tables_merged() -> None:
    under = {"a": {"x": 1, "list": [1, 2]}}
    assert merge(under, {"a": {"list": [3]}}) == {"a": {"x": 1, "list": [3]}}


def test_the_environment_finds_tables_and_keys_whatever_their_case() -> None:
    table = {"chains": {"cheap-one": {"tokens": {"WETH": {"heartbeat_s": 1}}}}}
    laid = lay_environment(
        table, {"PLIMSOLL_CHAINS__CHEAP_ONE__TOKENS__WETH__HEARTBEAT_S": "7", "OTHER": "x"}
    )
    assert laid["chains"]["cheap-one"]["tokens"]["WETH"]["heartbeat_s"] == "7"


def test_lists_in_the_environment_are_json() -> None:
    laid = lay_environment({}, {"PLIMSOLL_CHAINS__A__RPC": '["http://127.0.0.1:1"]'})
    assert laid == {"chains": {"a": {"rpc": ["http://127.0.0.1:1"]}}}


def test_a_variable_that_is_no_json_is_named() -> None:
    with pytest.raises(ConfigError, match="PLIMSOLL_ACCOUNTS: is not JSON"):
        lay_environment({}, {"PLIMSOLL_ACCOUNTS": "[1,"})


def test_a_network_lies_beneath_the_chain_that_names_it() -> None:
    networks = {"base": {"caip2": "eip155:8453", "tokens": {"WETH": {"decimals": 18}}}}
    table = {"chains": {"b": {"network": "base", "tokens": {"WETH": {"decimals": 17}}}}}
    laid = lay_networks(table, networks)["chains"]["b"]
    assert laid["caip2"] == "eip155:8453"
    assert laid["tokens"]["WETH"]["decimals"] == 17


def test_an_unknown_network_is_refused_with_those_known() -> None:
    with pytest.raises(ConfigError, match=r"chains\.b\.network: 'moon' is not known; write base"):
        lay_networks({"chains": {"b": {"network": "moon"}}}, {"base": {}})


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: No such file"):
        read_table(tmp_path / "gone.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("a = ", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"broken\.toml: is not TOML"):
        read_table(broken)
    broken.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_table(broken)
