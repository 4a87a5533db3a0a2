"""A protocol is found by its folder's name."""

from importlib import import_module

import pytest

from chains.discover import EvmMarket, UnknownProtocol, find_protocols, load_protocol
from chains.evm.protocols.aave_v3.adapter import AaveV3Market


def test_every_folder_with_an_adapter_is_a_protocol() -> None:
    assert "aave_v3" in find_protocols()


@pytest.mark.parametrize("name", find_protocols())
def test_a_protocol_says_its_name_and_keeps_its_arithmetic_apart(name: str) -> None:
    market = load_protocol(name)
    assert market.protocol == name
    arithmetic = import_module(market.__module__.replace(".adapter", ".math"))
    assert not {"asyncio", "aiohttp", "time"} & vars(arithmetic).keys()


def test_a_name_gives_its_market_class() -> None:
    expected: type[EvmMarket] = AaveV3Market
    assert load_protocol("aave_v3") is expected


@pytest.mark.parametrize("name", ["aave_v4", "", "aave_v3.adapter", "../aave_v3"])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownProtocol, match=r"is unknown; known are: .*aave_v3"):
        load_protocol(name)
