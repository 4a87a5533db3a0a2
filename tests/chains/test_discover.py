"""A protocol is found by its kind of chain and its folder's name."""

from importlib import import_module

import pytest

from chains.discover import (
    EvmMarket,
    SolanaMarket,
    UnknownProtocol,
    find_protocols,
    load_protocol,
)
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.model.ids import EIP155, SOLANA
from chains.solana.protocols.klend.adapter import KlendMarket
from chains.solana.protocols.marginfi.adapter import MarginfiMarket
from chains.solana.protocols.save.adapter import SaveMarket


def test_every_folder_with_an_adapter_is_a_protocol() -> None:
    assert find_protocols(EIP155) == ("aave_v3", "plimsoll_vault")
    assert find_protocols(SOLANA) == ("klend", "marginfi", "save")


@pytest.mark.parametrize(
    "market",
    [
        *(load_protocol(EIP155, name) for name in find_protocols(EIP155)),
        *(load_protocol(SOLANA, name) for name in find_protocols(SOLANA)),
    ],
)
def test_a_protocol_says_its_name_and_keeps_its_arithmetic_apart(
    market: type[EvmMarket] | type[SolanaMarket],
) -> None:
    assert market.protocol == market.__module__.split(".")[-2]
    arithmetic = import_module(market.__module__.replace(".adapter", ".math"))
    assert not {"asyncio", "aiohttp", "time"} & vars(arithmetic).keys()


def test_a_name_gives_its_market_class() -> None:
    expected: type[EvmMarket] = AaveV3Market
    assert load_protocol(EIP155, "aave_v3") is expected
    others: list[type[SolanaMarket]] = [KlendMarket, MarginfiMarket, SaveMarket]
    assert [load_protocol(SOLANA, name) for name in ("klend", "marginfi", "save")] == others


@pytest.mark.parametrize("name", ["aave_v4", "", "aave_v3.adapter", "../aave_v3", "save"])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownProtocol, match=r"is unknown; known are: .*aave_v3"):
        load_protocol(EIP155, name)
