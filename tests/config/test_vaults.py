"""Vaults in the configuration: where they are, how assets are numbered, which account has one."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from tests.config.samples import GOOD, SECOND_CHAIN, write

VAULT = "0x" + "aa" * 20
ID = "0x" + "0e" * 32
USDC = """
[chains.{label}.tokens.USDC]
address = "0x4444444444444444444444444444444444444444"
decimals = 6
feed = "0x5555555555555555555555555555555555555555"
heartbeat_s = 3600
"""


def table(label: str, assets: str) -> str:
    return f"""{USDC.format(label=label)}
[chains.{label}.vault]
vault = "{VAULT}"
seizure = "0x{"bb" * 20}"
notary = "0x{"cc" * 20}"
start_block = 7
assets = {assets}
"""


THERE = '"eip155:31338:0x3333333333333333333333333333333333333333"'
NAMED = GOOD.replace('id = "alice"', f'id = "alice"\nvault = "{ID}"').replace(
    "members = [", f"members = [{THERE}, "
)
TEXT = NAMED + SECOND_CHAIN + table("cheap", '["WETH", "USDC"]') + table("dear", '["-", "USDC"]')


def accept(folder: Path, text: str) -> Settings:
    return load([write(folder, text)], {})


def refuse(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        accept(folder, text)
    return str(refused.value)


def test_a_chain_may_have_a_vault_and_an_account_may_name_its_own_in_it(tmp_path: Path) -> None:
    settings = accept(tmp_path, TEXT)
    vault = settings.evm["cheap"].vault
    assert vault is not None
    assert (vault.vault, vault.start_block, vault.finality) == (VAULT, 7, "finalized")
    assert vault.numbers == {"WETH": 0, "USDC": 1}
    assert settings.accounts[0].vault == bytes.fromhex(ID[2:])


def test_an_asset_without_a_token_keeps_its_number(tmp_path: Path) -> None:
    vault = accept(tmp_path, TEXT).evm["dear"].vault
    assert vault is not None
    assert vault.numbers == {"USDC": 1}


def test_finality_may_be_a_number_of_blocks(tmp_path: Path) -> None:
    text = TEXT.replace("start_block = 7", "start_block = 7\nfinality = 64")
    vault = accept(tmp_path, text).evm["cheap"].vault
    assert vault is not None
    assert vault.finality == 64


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            '["WETH", "USDC"]',
            '["WETH", "WBTC"]',
            "chains.cheap.vault.assets[1]: WBTC is no token of this chain; write one of its tokens",
        ),
        (
            '["WETH", "USDC"]',
            '["WETH", "WETH"]',
            "chains.cheap.vault.assets[1]: WETH has a number already; write each asset once",
        ),
        (
            '["-", "USDC"]',
            '["USDC"]',
            (
                "chains.dear.vault.assets[0]: is USDC, but asset 0 is WETH in chains.cheap; "
                "write the same asset at a number on every chain"
            ),
        ),
        (
            "start_block = 7",
            'start_block = 7\nfinality = "soon"',
            'write "finalized", or how many blocks bury a final one',
        ),
        (
            f'vault = "{VAULT}"\n',
            "",
            "chains.cheap.vault.vault: is missing; write the address of the vault",
        ),
        (
            f'vault = "{ID}"',
            'vault = "0x0e"',
            "accounts[0].vault: is '0x0e'; write 0x and 64 hex digits",
        ),
        (
            '["WETH", "USDC"]',
            "[]",
            "chains.cheap.vault.assets: tuple should have at least 1 item",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in TEXT
    assert line in refuse(tmp_path, TEXT.replace(old, new))


def test_a_vault_account_needs_a_vault(tmp_path: Path) -> None:
    assert (
        "accounts[0].vault: no chain has a vault; write a table [chains.….vault] for each that has"
        in refuse(tmp_path, NAMED + SECOND_CHAIN)
    )


def test_a_vault_account_names_its_owner_on_every_chain_with_a_vault(tmp_path: Path) -> None:
    assert (
        "accounts[0].members: chains.dear has a vault and the account nobody there; "
        "write who owns the vault account on eip155:31338"
    ) in refuse(tmp_path, TEXT.replace(f"{THERE}, ", ""))


def test_two_accounts_may_not_count_one_vault_account(tmp_path: Path) -> None:
    second = f"""
[[accounts]]
id = "bob"
vault = "{ID}"
members = ["eip155:31338:0x4444444444444444444444444444444444444444"]
"""
    assert "accounts[1].vault: is that of 'alice' already" in refuse(tmp_path, TEXT + second)
