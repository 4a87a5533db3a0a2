from pathlib import Path

import pytest

from config.layers import read_table
from config.load import NETWORKS, RISK, load
from tests.config.samples import write

NAMES = ("ethereum", "arbitrum", "base", "optimism", "polygon")


@pytest.mark.parametrize("name", NAMES)
def test_a_network_needs_nothing_but_an_endpoint(tmp_path: Path, name: str) -> None:
    text = f'deployment = "x"\n[chains.x]\nnetwork = "{name}"\nrpc = ["https://rpc.example"]\n'
    chain = load([write(tmp_path, text)], {}).evm["x"]
    assert chain.native_token is not None
    assert chain.uniswap_v3 is not None
    assert [market.protocol for market in chain.markets] == ["aave_v3"]
    assert all(market.provider and market.start_block for market in chain.markets)
    assert all(token.minimum < token.maximum for token in chain.tokens.values())


def test_rollups_have_a_sequencer_feed_and_others_none() -> None:
    networks = read_table(NETWORKS)["networks"]
    assert set(networks) == set(NAMES)
    rollups = {name for name, network in networks.items() if "sequencer_feed" in network}
    assert rollups == {"arbitrum", "base", "optimism"}


def test_rollups_that_charge_for_publishing_have_their_oracle() -> None:
    networks = read_table(NETWORKS)["networks"]
    charging = {name for name, network in networks.items() if "l1_fee_oracle" in network}
    assert charging == {"base", "optimism"}


def test_every_address_carries_its_checksum() -> None:
    text = NETWORKS.read_text(encoding="utf-8")
    assert text.count('"0x') > 60
    lowered = [word for word in text.split('"') if word.startswith("0x") and word == word.lower()]
    assert lowered == ["0x4200000000000000000000000000000000000006"] * 2


def test_the_risk_table_stands_alone() -> None:
    underlyings = read_table(RISK)["underlyings"]
    assert {"WETH", "WBTC", "USDC", "USDT", "DAI", "wstETH", "cbBTC"} <= set(underlyings)
    assert all(table["debt_weight_bps"] >= 10_000 for table in underlyings.values())


def test_the_devnets_base_needs_only_what_a_start_writes(tmp_path: Path) -> None:
    run = (
        '[chains.cheap]\ncaip2 = "eip155:31337"\nrpc = ["http://127.0.0.1:1"]\n'
        'max_fee_gwei = "500"\npriority_fee_gwei = "1"\n'
        '[chains.cheap.tokens.WETH]\naddress = "0x' + "11" * 20 + '"\ndecimals = 18\n'
        'feed = "0x' + "22" * 20 + '"\nheartbeat_s = 3600\n'
    )
    base = NETWORKS.parent / "devnet.toml"
    settings = load([base, write(tmp_path, run, "run.toml")], {})
    assert not settings.live
    assert settings.attestation.period_s == 1
