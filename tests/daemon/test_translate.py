"""Settings become core values exactly, once."""

from pathlib import Path

import pytest

from chains.evm.ratios import RatioTerms
from chains.model.ids import AccountId, Address, AssetId
from chains.model.units import USD, WAD, Bps
from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from daemon.margin.risk import FormKind, Tier
from daemon.stating import default_salt
from daemon.translate import (
    build_members,
    build_policy,
    build_pools,
    build_risk,
    build_salts,
    build_solana_tokens,
    build_tokens,
    find_native,
)
from tests.config.samples import ACCOUNT, DOLLARS, GOOD, MINT, OTHER, SOLANA_CHAIN, write

TOKEN = "0x" + "11" * 20
FEED = "0x" + "22" * 20
REFERENCE = "0x" + "33" * 20
CONFIG = f"""
deployment = "test"
[chains.one]
caip2 = "eip155:1"
rpc = ["http://127.0.0.1:1"]
max_fee_gwei = "1"
priority_fee_gwei = "1"
sequencer_feed = "{FEED}"
sequencer_grace_s = 60
[chains.one.tokens.WETH]
address = "{TOKEN}"
decimals = 18
feed = "{FEED}"
feed_decimals = 6
heartbeat_s = 3600
minimum = "1"
maximum = "100000"
reference_feed = "{REFERENCE}"
reference_heartbeat_s = 60
[underlyings.WETH]
haircut_bps = 100
[[accounts]]
id = "alice"
members = ["eip155:1:{TOKEN}"]
[accounts.policy]
native = {{ trigger = "1.10", target = "1.20" }}
min_size_usd = "12.5"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "plimsoll.toml"
    file.write_text(CONFIG)
    return load([file], {})


def test_a_policy_keeps_its_bands_and_a_missing_band_never_triggers(settings: Settings) -> None:
    policy = build_policy(settings.accounts[0])
    assert policy.native is not None
    assert (policy.native.trigger, policy.native.target) == (11 * WAD // 10, 12 * WAD // 10)
    assert policy.unified is None
    assert policy.min_size == 125 * USD // 10


def test_risk_knows_the_configured_tokens_as_their_underlyings(settings: Settings) -> None:
    risk = build_risk(settings)
    asset = AssetId.parse(f"eip155:1/erc20:{TOKEN}")
    assert risk.underlying_of(asset).symbol == "WETH"
    assert risk.underlying_of(asset).haircut == Bps(100)


def test_feeds_carry_bounds_lateness_and_the_sequencer(settings: Settings) -> None:
    token = build_tokens(settings.evm["one"])["WETH"]
    assert (token.feed.feed, token.feed.decimals, token.feed.heartbeat_s) == (FEED, 6, 3600)
    assert (token.feed.minimum, token.feed.maximum) == (USD, 100_000 * USD)
    assert (token.feed.sequencer, token.feed.grace_s) == (FEED, 60)
    assert token.reference is not None
    assert (token.reference.feed, token.reference.heartbeat_s) == (REFERENCE, 60)


def test_members_and_salts_belong_to_their_account(settings: Settings) -> None:
    assert build_members(settings) == {AccountId.parse(f"eip155:1:{TOKEN}"): "alice"}
    assert build_salts(settings) == {"alice": default_salt("test", "alice")}


def test_gas_must_be_charged_at_a_configured_token(settings: Settings) -> None:
    chain = settings.evm["one"]
    tokens = build_tokens(chain)
    assert find_native("one", chain, tokens).symbol == "WETH"
    with pytest.raises(ConfigError, match=r"chains\.one\.native_symbol"):
        find_native("one", chain.model_copy(update={"native_symbol": "POL"}), tokens)


STAKED = f"""
[chains.one.tokens.wstETH]
address = "{REFERENCE}"
decimals = 18
feed = "{FEED}"
heartbeat_s = 3600
ratio = {{ contract = "{REFERENCE}", view = "stEthPerToken()" }}
"""


def test_forms_become_risk_and_their_ratios_views(tmp_path: Path) -> None:
    file = tmp_path / "plimsoll.toml"
    file.write_text(CONFIG.replace("[underlyings.WETH]", f"{STAKED}\n[underlyings.WETH]"))
    settings = load([file], {})
    risk = build_risk(settings)
    staked = AssetId.parse(f"eip155:1/erc20:{REFERENCE}")
    form = risk.form_of(staked)
    assert form is not None
    assert (form.symbol, form.kind, form.issuer) == ("wstETH", FormKind.STAKED, "Lido")
    assert risk.is_staked(staked)
    found = risk.underlying_of(staked)
    assert (found.symbol, found.tier, found.haircut, found.divergence) == (
        "WETH",
        Tier.MAJOR,
        200,
        300,
    )
    native = risk.form_of(AssetId.parse(f"eip155:1/erc20:{TOKEN}"))
    assert native is not None
    assert (native.kind, native.issuer) == (FormKind.WRAPPED, "WETH9")
    tokens = build_tokens(settings.evm["one"])
    assert tokens["wstETH"].ratio == RatioTerms(contract=Address(REFERENCE), view="stEthPerToken")
    assert tokens["WETH"].ratio is None


def test_solana_tokens_carry_feeds_bounds_and_ratios(tmp_path: Path) -> None:
    text = GOOD + SOLANA_CHAIN + '[forms.jSOL]\nunderlying = "SOL"\nkind = "staked"\n'
    text += 'issuer = "J"\nbacking = "staked SOL"\n'
    text += f'[chains.sol.tokens.jSOL]\naddress = "{OTHER}"\ndecimals = 9\nfeed = "{ACCOUNT}"\n'
    text += f'reference_feed = "{OTHER}"\nreference_heartbeat_s = 60\n'
    text += f'ratio = {{ stake_pool = "{ACCOUNT}" }}\n'
    chain = load([write(tmp_path, text)], {}).solana["sol"]
    tokens = build_solana_tokens(chain)
    sol, staked = tokens["SOL"], tokens["jSOL"]
    assert sol.asset == AssetId.parse(f"{chain.caip2}/token:{MINT}")
    assert (str(sol.feed.account), sol.feed.feed) == (ACCOUNT, bytes.fromhex("ab" * 32))
    assert (sol.feed.max_age_s, sol.feed.minimum) == (120, USD)
    assert sol.reference is None
    assert staked.reference is not None
    assert (str(staked.reference.account), staked.reference.max_age_s) == (OTHER, 60)
    assert staked.reference.feed is None
    assert staked.reference.memory is staked.terms.feeds is sol.feed.memory is not None
    assert staked.ratio is not None
    assert str(staked.ratio.account) == ACCOUNT
    assert find_native("sol", chain, tokens) is sol
    (pool,) = build_pools(chain)
    assert [str(mint) for mint in pool.mints] == [MINT, DOLLARS]


def test_risk_knows_tokens_of_solana_too(tmp_path: Path) -> None:
    settings = load([write(tmp_path, GOOD + SOLANA_CHAIN)], {})
    asset = AssetId.parse(f"{settings.solana['sol'].caip2}/token:{MINT}")
    assert build_risk(settings).underlying_of(asset).symbol == "SOL"
