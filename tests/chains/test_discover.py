"""A protocol is found by its folder's name."""

import pytest

from chains.discover import EvmMarket, UnknownProtocol, find_protocols, load_protocol
from chains.evm.protocols.aave_v3.adapter import AaveV3Market


def test_every_folder_with_an_adapter_is_a_protocol() -> None:
    assert "aave_v3" in find_protocols()


def test_a_name_gives_its_market_class() -> None:
    expected: type[EvmMarket] = AaveV3Market
    assert load_protocol("aave_v3") is expected


@pytest.mark.parametrize("name", ["aave_v4", "", "aave_v3.adapter", "../aave_v3"])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownProtocol, match=r"is unknown; known are: .*aave_v3"):
        load_protocol(name)
