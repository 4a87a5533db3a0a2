from pathlib import Path

import pytest
from solders.pubkey import Pubkey

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
    assert set(networks) == {*NAMES, "solana"}
    rollups = {name for name, network in networks.items() if "sequencer_feed" in network}
    assert rollups == {"arbitrum", "base", "optimism"}


def test_rollups_that_charge_for_publishing_have_their_oracle() -> None:
    networks = read_table(NETWORKS)["networks"]
    charging = {name for name, network in networks.items() if "l1_fee_oracle" in network}
    assert charging == {"base", "optimism"}


def test_solana_too_needs_nothing_but_an_endpoint(tmp_path: Path) -> None:
    text = 'deployment = "x"\n[chains.x]\nnetwork = "solana"\nrpc = ["https://rpc.example"]\n'
    chain = load([write(tmp_path, text)], {}).solana["x"]
    assert str(chain.caip2) == "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
    assert [market.protocol for market in chain.markets] == ["save", "klend", "marginfi"]
    assert chain.native_token == chain.tokens["SOL"].address
    assert chain.tokens["jitoSOL"].ratio is not None


def test_solanas_price_accounts_are_derived_from_their_feeds_ids() -> None:
    program = Pubkey.from_string("pythWSnswVUd12oZpeFP8e9CVaEqJg25g1Vtc2biRsT")
    tokens = read_table(NETWORKS)["networks"]["solana"]["tokens"]
    assert len(tokens) == 4
    for token in tokens.values():
        seeds = [bytes(2), bytes.fromhex(token["feed_id"])]
        assert str(Pubkey.find_program_address(seeds, program)[0]) == token["feed"]


def test_every_address_carries_its_checksum() -> None:
    text = NETWORKS.read_text(encoding="utf-8")
    assert text.count('"0x') > 60
    lowered = [word for word in text.split('"') if word.startswith("0x") and word == word.lower()]
    assert lowered == ["0x4200000000000000000000000000000000000006"] * 2


def test_the_risk_table_stands_alone() -> None:
    risk = read_table(RISK)
    underlyings, forms = risk["underlyings"], risk["forms"]
    assert {"WETH", "SOL", "WBTC", "USDC", "USDC.e", "USDT", "DAI", "cbBTC"} <= set(underlyings)
    assert all(table["debt_weight_bps"] >= 10_000 for table in underlyings.values())
    assert {form["underlying"] for form in forms.values()} <= set(underlyings)
    assert not set(forms) & set(underlyings)
    staked = {symbol for symbol, form in forms.items() if form["kind"] == "staked"}
    assert staked == {"wstETH", "rETH", "weETH", "cbETH", "jitoSOL"}


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
