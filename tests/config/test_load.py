from pathlib import Path

import pytest

from chains.model.ids import AccountId, ChainId
from chains.model.units import USD, WAD
from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from tests.config.samples import GOOD, SECOND_CHAIN, write


def refuse(folder: Path, text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load([write(folder, text)], environment or {})
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


def accept(folder: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    return load([write(folder, text)], environment or {})


def test_amounts_and_ids_arrive_as_the_house_holds_them(tmp_path: Path) -> None:
    settings = accept(tmp_path, GOOD)
    chain = settings.evm["cheap"]
    assert chain.caip2 == ChainId.evm(31337)
    assert chain.max_fee_wei == 500 * 10**9
    assert chain.native_token == "0x1111111111111111111111111111111111111111"
    (account,) = settings.accounts
    assert account.members == (AccountId.parse("eip155:31337:0x" + "33" * 20),)
    assert account.policy.unified is not None
    assert account.policy.unified.trigger == 15 * WAD // 10
    assert account.policy.max_cost == 50 * USD
    assert settings.underlyings["WETH"].debt_weight == 10_000
    assert settings.labels == {ChainId.evm(31337): "cheap"}


def test_nothing_is_sent_unless_the_configuration_says_live(tmp_path: Path) -> None:
    assert not accept(tmp_path, GOOD).live
    assert accept(tmp_path, 'mode = "live"\n' + GOOD).live


def test_later_files_lie_over_earlier_ones(tmp_path: Path) -> None:
    first = write(tmp_path, GOOD)
    second = write(tmp_path, 'deployment = "other"\n[api]\nport = 1\n', "run.toml")
    settings = load([first, second], {})
    assert (settings.deployment, settings.api.port) == ("other", 1)
    assert settings.chains.keys() == {"cheap"}


def test_the_environment_lies_over_the_files(tmp_path: Path) -> None:
    settings = accept(tmp_path, GOOD, {"PLIMSOLL_API__PORT": "9000", "PLIMSOLL_MODE": "live"})
    assert settings.api.port == 9000
    assert settings.live


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = accept(tmp_path, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "mode", "live")  # noqa: B010 # a plain assignment is refused by mypy already


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"500"', "500.0", "chains.cheap.max_fee_gwei: is 500.0; write the amount in quotes"),
        ('"1.50"', "1.5", "accounts[0].policy.unified.trigger: is 1.5; write the amount in quotes"),
        ('"10"', '"ten"', "accounts[0].policy.min_size_usd: is 'ten'; write a decimal"),
        (
            "heartbeat_s",
            "heartbeat",
            "chains.cheap.tokens.WETH.heartbeat_s: is missing; write how many seconds",
        ),
        ('eip155:31337"', '31337"', "chains.cheap.caip2: '31337' is not a CAIP-2 chain id"),
        ("0x1111", "0x11", "chains.cheap.tokens.WETH.address: '0x11"),
        (
            "http://127.0.0.1:8545",
            "127.0.0.1:8545",
            "chains.cheap.rpc[0]: is not usable; write a URL",
        ),
        ('"1.60"', '"1.40"', "accounts[0].policy.unified.trigger: is not below target"),
        ("tokens.WETH", "tokens.DOGE", "chains.cheap.tokens.DOGE: DOGE has no weights"),
        (
            "eip155:31337:0x33",
            "eip155:1:0x33",
            "accounts[0].members[0]: eip155:1 is not configured",
        ),
        (
            'id = "alice"',
            'id = "alice"\nsalt = "0x12"',
            "accounts[0].salt: is '0x12'; write 0x and 64",
        ),
        (
            "[chains.cheap]",
            "[chains.cheap]\nblock_time_s = 0",
            "chains.cheap.block_time_s: input should be",
        ),
    ],
)
def test_one_mistake_is_one_line_naming_the_field(
    tmp_path: Path, old: str, new: str, line: str
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new)
    with pytest.raises(ConfigError) as caught:
        load([write(tmp_path, text)], {})
    assert caught.value.problems[0].startswith(line), caught.value.problems
    assert all("\n" not in problem and "write" in problem for problem in caught.value.problems)


def test_a_missing_field_says_what_belongs_there(tmp_path: Path) -> None:
    line = refuse(tmp_path, GOOD.replace("decimals = 18\n", ""))
    assert (
        line
        == "chains.cheap.tokens.WETH.decimals: is missing; write the token's decimals, such as 18"
    )


def test_several_mistakes_are_all_reported_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('"500"', "1.5").replace("decimals = 18", "decimals = 99")
    with pytest.raises(ConfigError) as caught:
        load([write(tmp_path, text)], {})
    assert len(caught.value.problems) == 2


def test_a_misspelt_variable_is_refused(tmp_path: Path) -> None:
    line = refuse(tmp_path, GOOD, {"PLIMSOLL_API__PROT": "1"})
    assert line == "api.prot: is not known here; write port"


def test_a_chain_is_configured_once(tmp_path: Path) -> None:
    line = refuse(tmp_path, GOOD + SECOND_CHAIN.replace("31338", "31337"))
    assert line.startswith("chains.dear.caip2: is eip155:31337, as is chains.cheap")


def test_a_member_belongs_to_one_account(tmp_path: Path) -> None:
    text = GOOD + '[[accounts]]\nid = "bob"\nmembers = ["eip155:31337:0x' + "33" * 20 + '"]\n'
    assert "already a member of 'alice'" in refuse(tmp_path, text)


def test_account_ids_are_unique(tmp_path: Path) -> None:
    text = GOOD + '[[accounts]]\nid = "alice"\nmembers = ["eip155:31337:0x' + "44" * 20 + '"]\n'
    assert refuse(tmp_path, text).startswith("accounts[1].id: 'alice' is taken")


def test_gas_needs_a_token_whose_price_it_is_charged_at(tmp_path: Path) -> None:
    text = GOOD.replace("[chains.cheap]", '[chains.cheap]\nnative_symbol = "WBTC"')
    assert refuse(tmp_path, text).startswith("chains.cheap.native_symbol: WBTC is no token")


def test_keys_in_urls_are_not_printed(tmp_path: Path) -> None:
    text = GOOD.replace(
        "http://127.0.0.1:8545", "https://user:s3cret@rpc.example/v3/s3cret?k=s3cret"
    )
    settings = accept(tmp_path, text)
    assert "s3cret" in settings.chains["cheap"].rpc[0]
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()
    assert "https://rpc.example/***" in settings.model_dump_json()


def test_urls_with_keys_come_from_a_file(tmp_path: Path) -> None:
    secret = write(tmp_path, "# one a line\nhttps://rpc.example/v3/key\n\n", "rpc")
    text = GOOD.replace('rpc = ["http://127.0.0.1:8545"]', f'rpc_file = "{secret}"')
    assert accept(tmp_path, text).chains["cheap"].rpc == ("https://rpc.example/v3/key",)


def test_a_file_of_urls_that_is_gone_is_named_with_its_field(tmp_path: Path) -> None:
    text = GOOD.replace('rpc = ["http://127.0.0.1:8545"]', 'rpc_file = "/nowhere/rpc"')
    assert refuse(tmp_path, text).startswith("chains.cheap.rpc_file: /nowhere/rpc: cannot be read")


def test_credentials_of_systemd_are_taken_where_no_path_is_given(tmp_path: Path) -> None:
    write(tmp_path, "{}", "keystore")
    write(tmp_path, "pw", "password")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    keys = accept(tmp_path, GOOD, environment).keys
    assert (keys.keystore, keys.password_file) == (tmp_path / "keystore", tmp_path / "password")
    own = accept(tmp_path, GOOD + '[keys]\nkeystore = "mine.json"\n', environment).keys
    assert own.keystore == Path("mine.json")
