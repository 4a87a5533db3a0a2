"""A chain whose CAIP-2 id is of Solana is read as one, and a mistake in it is one clear line."""

from pathlib import Path

import pytest

from chains.model.ids import AccountId, ChainId
from chains.model.units import USD
from config.errors import ConfigError
from config.layers import lay_networks
from config.load import load
from config.settings import Settings
from tests.config.samples import ACCOUNT, DOLLARS, GOOD, MINT, OTHER, SOLANA_CHAIN, write

BOTH = GOOD + SOLANA_CHAIN


def accept(folder: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    return load([write(folder, text)], environment or {})


def test_the_namespace_of_a_chain_says_what_its_table_is(tmp_path: Path) -> None:
    settings = accept(tmp_path, BOTH)
    assert settings.evm.keys() == {"cheap"}
    assert settings.solana.keys() == {"sol"}
    chain = settings.solana["sol"]
    assert chain.caip2 == ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
    assert chain.native_token == MINT
    assert chain.markets[0].reserves == (ACCOUNT, OTHER)
    assert chain.pools[0].mints == (MINT, DOLLARS)
    assert chain.programs.rescue == ACCOUNT
    assert chain.tokens["SOL"].feed_id == bytes.fromhex("ab" * 32)
    assert chain.tokens["SOL"].minimum == USD


def test_what_is_left_out_is_what_solana_is_like(tmp_path: Path) -> None:
    chain = accept(tmp_path, BOTH).solana["sol"]
    assert (chain.commitment, chain.slot_ms, chain.stale_after_s) == ("confirmed", 400, 20)
    assert (chain.native_symbol, chain.price_percentile, chain.bundles) == ("SOL", 75, None)
    assert chain.max_fee_lamports == 10**7


@pytest.mark.parametrize(("slot_ms", "seconds"), [(1, 1), (400, 1), (1_000, 1), (1_001, 2)])
def test_a_slots_time_is_at_least_a_second(tmp_path: Path, slot_ms: int, seconds: int) -> None:
    text = BOTH.replace("[chains.sol]", f"[chains.sol]\nslot_ms = {slot_ms}")
    assert accept(tmp_path, text).solana["sol"].block_time_s == seconds


def test_a_wallet_on_solana_may_be_a_member(tmp_path: Path) -> None:
    member = f"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:{OTHER}"
    text = BOTH.replace("members = [", f'members = ["{member}", ')
    (account,) = accept(tmp_path, text).accounts
    assert account.members[0] == AccountId.parse(member)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            f'address = "{MINT}"',
            f'address = "0{MINT[1:]}"',
            f"chains.sol.tokens.SOL.address: '0{MINT[1:]}' is not a Solana address",
        ),
        (
            'protocol = "save"',
            'protocol = "aave_v3"',
            "chains.sol.markets[0].protocol: input should be 'save', 'klend' or 'marginfi'",
        ),
        (
            f'reserves = ["{ACCOUNT}", "{OTHER}"]\n',
            "",
            "chains.sol.markets[0].reserves: is missing; write a list of the reserves'",
        ),
        (
            f'reserves = ["{ACCOUNT}", "{OTHER}"]',
            "reserves = []",
            "chains.sol.markets[0].reserves: tuple should have at least 1 item",
        ),
        (
            f'reserves = ["{ACCOUNT}", "{OTHER}"]',
            f'reserves = ["{ACCOUNT}", "{ACCOUNT}"]',
            "chains.sol.markets[0].reserves: names an address twice; write each once",
        ),
        (
            f'mints = ["{MINT}", "{DOLLARS}"]',
            f'mints = ["{MINT}", "{OTHER}"]',
            f"chains.sol.pools[0].mints[1]: {OTHER} is no token of this chain; write",
        ),
        (
            f'vaults = ["{ACCOUNT}", "{OTHER}"]',
            f'vaults = ["{ACCOUNT}"]',
            "chains.sol.pools[0].vaults[1]: is missing; write",
        ),
        (
            "[chains.sol]",
            '[chains.sol]\nmax_fee_gwei = "500"',
            "chains.sol.max_fee_gwei: is not known here; write one of network, caip2",
        ),
        (
            "[chains.sol]",
            '[chains.sol]\ncommitment = "processed"',
            "chains.sol.commitment: input should be 'confirmed' or 'finalized'; write",
        ),
        (
            "[chains.sol]",
            "[chains.sol]\nmax_fee_lamports = 0",
            "chains.sol.max_fee_lamports: input should be greater than 0; write",
        ),
        (
            'feed_id = "ab',
            'feed_id = "0x',
            "chains.sol.tokens.SOL.feed_id: is '0x",
        ),
        (
            "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            "5eykt4UsFv8P8NJdTREpY1vzqKqZKvd",
            "chains.sol.caip2: is 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvd'; write solana: and the",
        ),
        ("tokens.USDC]", "tokens.DOGE]", "chains.sol.tokens.DOGE: DOGE has no weights; write"),
        (
            "tokens.SOL]",
            "tokens.WETH]",
            "chains.sol.native_symbol: SOL is no token of this chain; write one of WETH, USDC",
        ),
        (
            "programs = { rescue",
            "programs = { rescuer",
            "chains.sol.programs.rescuer: is not known here; write rescue",
        ),
    ],
)
def test_one_mistake_is_one_line_naming_the_field(
    tmp_path: Path, old: str, new: str, line: str
) -> None:
    assert old in BOTH
    with pytest.raises(ConfigError) as caught:
        accept(tmp_path, BOTH.replace(old, new))
    (problem,) = caught.value.problems
    assert problem.startswith(line), problem
    assert "write" in problem


def test_a_chain_of_another_namespace_is_told_what_there_is(tmp_path: Path) -> None:
    text = GOOD.replace('caip2 = "eip155:31337"', 'caip2 = "cosmos:hub"')
    with pytest.raises(ConfigError) as caught:
        accept(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.startswith("chains.cheap.caip2: is 'cosmos:hub'; write eip155: and a number")


def test_urls_with_keys_come_from_a_file_and_are_not_printed(tmp_path: Path) -> None:
    secret = write(tmp_path, "https://rpc.example/?api-key=s3cret\n", "rpc")
    text = BOTH.replace('rpc = ["http://127.0.0.1:8899"]', f'rpc_file = "{secret}"')
    settings = accept(tmp_path, text)
    assert settings.solana["sol"].rpc == ("https://rpc.example/?api-key=s3cret",)
    assert "s3cret" not in settings.model_dump_json()
    assert "s3cret" not in repr(settings)


def test_the_keypair_is_taken_from_systemds_credentials(tmp_path: Path) -> None:
    write(tmp_path, "[]", "solana_keypair")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    keys = accept(tmp_path, BOTH, environment).keys
    assert keys.solana_keypair == tmp_path / "solana_keypair"
    own = accept(tmp_path, BOTH + '[keys]\nsolana_keypair = "id.json"\n', environment).keys
    assert own.solana_keypair == Path("id.json")


def test_a_network_may_be_a_solana_table() -> None:
    networks = {"solana": {"caip2": "solana:x", "slot_ms": 400, "tokens": {"SOL": {"decimals": 9}}}}
    chain = {"network": "solana", "rpc": ["http://127.0.0.1:1"], "tokens": {"SOL": {"feed": "x"}}}
    laid = lay_networks({"chains": {"sol": chain}}, networks)["chains"]["sol"]
    assert laid == {
        "network": "solana",
        "caip2": "solana:x",
        "slot_ms": 400,
        "rpc": ["http://127.0.0.1:1"],
        "tokens": {"SOL": {"decimals": 9, "feed": "x"}},
    }
