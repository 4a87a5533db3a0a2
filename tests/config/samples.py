"""A small configuration that is right, for tests to spoil."""

from pathlib import Path

GOOD = """
deployment = "test"
[chains.cheap]
caip2 = "eip155:31337"
rpc = ["http://127.0.0.1:8545"]
max_fee_gwei = "500"
priority_fee_gwei = "1"
[chains.cheap.tokens.WETH]
address = "0x1111111111111111111111111111111111111111"
decimals = 18
feed = "0x2222222222222222222222222222222222222222"
heartbeat_s = 3600
[[accounts]]
id = "alice"
members = ["eip155:31337:0x3333333333333333333333333333333333333333"]
[accounts.policy]
unified = { trigger = "1.50", target = "1.60" }
native = { trigger = "1.10", target = "1.20" }
min_size_usd = "10"
max_cost_usd = "50"
cooldown_s = 30
deadline_s = 120
"""
SECOND_CHAIN = """
[chains.dear]
caip2 = "eip155:31338"
rpc = ["http://127.0.0.1:8546"]
max_fee_gwei = "500"
priority_fee_gwei = "1"
[chains.dear.tokens.WETH]
address = "0x1111111111111111111111111111111111111111"
decimals = 18
feed = "0x2222222222222222222222222222222222222222"
heartbeat_s = 3600
"""


def write(folder: Path, text: str, name: str = "plimsoll.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


MINT = "So11111111111111111111111111111111111111112"
DOLLARS = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
ACCOUNT = "SysvarC1ock11111111111111111111111111111111"
OTHER = "Vote111111111111111111111111111111111111111"
SOLANA_CHAIN = f"""
[chains.sol]
caip2 = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
rpc = ["http://127.0.0.1:8899"]
programs = {{ rescue = "{ACCOUNT}" }}
[[chains.sol.markets]]
protocol = "save"
market = "{ACCOUNT}"
reserves = ["{ACCOUNT}", "{OTHER}"]
[[chains.sol.pools]]
program = "{ACCOUNT}"
account = "{OTHER}"
vaults = ["{ACCOUNT}", "{OTHER}"]
mints = ["{MINT}", "{DOLLARS}"]
[chains.sol.tokens.SOL]
address = "{MINT}"
decimals = 9
feed = "{ACCOUNT}"
feed_id = "{"ab" * 32}"
minimum = "1"
[chains.sol.tokens.USDC]
address = "{DOLLARS}"
decimals = 6
feed = "{OTHER}"
"""
