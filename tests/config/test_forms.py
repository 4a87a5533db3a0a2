"""Forms of underlyings: what a token's symbol may name, and what a staked form needs."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from tests.config.samples import ACCOUNT, GOOD, OTHER, SOLANA_CHAIN, write

LIDO = "0x" + "7f" * 20
STAKED = f"""
[chains.cheap.tokens.wstETH]
address = "{LIDO}"
decimals = 18
feed = "{LIDO}"
heartbeat_s = 3600
ratio = {{ contract = "{LIDO}", view = "stEthPerToken()" }}
"""
JITO = f"""
[chains.sol.tokens.jitoSOL]
address = "{ACCOUNT}"
decimals = 9
feed = "{OTHER}"
ratio = {{ stake_pool = "{ACCOUNT}" }}
"""
FORM = """
[forms."WETH.hop"]
underlying = "WETH"
kind = "bridged"
issuer = "Hop"
backing = "WETH locked on Ethereum"
"""
TEXT = GOOD + STAKED + SOLANA_CHAIN + JITO + FORM


def accept(folder: Path, text: str) -> Settings:
    return load([write(folder, text)], {})


def test_a_symbol_may_name_a_form(tmp_path: Path) -> None:
    settings = accept(
        tmp_path,
        TEXT.replace("cheap.tokens.WETH]", 'cheap.tokens."WETH.hop"]\n').replace(
            "[chains.cheap]", '[chains.cheap]\nnative_symbol = "WETH.hop"'
        ),
    )
    assert settings.forms["WETH.hop"].underlying == "WETH"
    assert settings.forms["WETH.hop"].haircut == 0
    assert settings.forms["wstETH"].divergence == 300


def test_a_staked_form_says_where_its_ratio_is_read(tmp_path: Path) -> None:
    settings = accept(tmp_path, TEXT)
    view = settings.evm["cheap"].tokens["wstETH"].ratio
    pool = settings.solana["sol"].tokens["jitoSOL"].ratio
    assert view is not None
    assert pool is not None
    assert (view.contract, view.view) == (LIDO, "stEthPerToken()")
    assert (pool.stake_pool, pool.program) == (ACCOUNT, None)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            f'ratio = {{ contract = "{LIDO}", view = "stEthPerToken()" }}',
            "",
            "chains.cheap.tokens.wstETH.ratio: is missing; write where wstETH's ratio is read",
        ),
        (
            "cheap.tokens.wstETH]",
            "cheap.tokens.cbBTC]",
            "chains.cheap.tokens.cbBTC.ratio: cbBTC is no staked form; write none",
        ),
        (
            "stEthPerToken()",
            "getRate(uint256)",
            "chains.cheap.tokens.wstETH.ratio.view: string should match",
        ),
        (
            f'stake_pool = "{ACCOUNT}"',
            'stake_pool = "jito"',
            "chains.sol.tokens.jitoSOL.ratio.stake_pool: 'jito' is not a Solana address",
        ),
        (
            'issuer = "Hop"\n',
            "",
            "forms.WETH.hop: is bridged; write its issuer and its backing",
        ),
        (
            'underlying = "WETH"',
            'underlying = "DOGE"',
            "forms.WETH.hop.underlying: DOGE has no weights; write a table [underlyings.DOGE]",
        ),
        (
            '[forms."WETH.hop"]',
            "[forms.DAI]",
            "forms.DAI: is an underlying too; write one table",
        ),
    ],
)
def test_one_mistake_is_one_line_naming_the_field(
    tmp_path: Path, old: str, new: str, line: str
) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError) as caught:
        accept(tmp_path, TEXT.replace(old, new))
    (problem,) = caught.value.problems
    assert problem.startswith(line), problem
    assert "write" in problem
