"""`run.toml`: the configuration of one start, laid over `config/devnet.toml`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from daemon.devnet.deployment import FEED_DECIMALS
from daemon.devnet.folder import (
    DevnetState,
    Folder,
    RunningChain,
    RunningSolana,
    RunningVaults,
)
from daemon.devnet.solana.deployment import NAME
from daemon.devnet.solana.hosting import SLOT_MS
from daemon.devnet.vaults import VAULT_ASSETS

_HEARTBEAT_S: Final = 3_600
"""Feeds are refreshed every 60 s; this leaves room to stop them and see them grow stale."""
_PYTH_HEARTBEAT_S: Final = 120
"""The age at which the lending program itself refuses a price."""
VAULT_FINALITY: Final = 3
"""How many blocks bury a final one for the vaults: anvil's own finality is 16 blocks back."""
_MAX_FEE_LAMPORTS: Final = 20_000_000
_MINIMUM_USD: Final = "0.01"
_MAXIMUM_USD: Final = "10000000"


def format_run_file(state: DevnetState, folder: Folder) -> str:
    """Write the file's text; paths are absolute, so it works from any directory."""
    tables: list[tuple[str, Mapping[str, Any]]] = [
        ("", {"deployment": state.deployment, "state_dir": str(folder.daemon_state)})
    ]
    if keys := _list_keys(folder):
        tables.append(("[keys]", keys))
    for chain in state.chains:
        tables += _list_tables(chain)
    if state.solana is not None:
        tables += _list_solana_tables(state.solana)
    text = "\n".join(_format_table(header, table) for header, table in tables)
    return f"# Written by `plimsoll devnet up` for this start; gone when it goes.\n{text}"


def _list_keys(folder: Folder) -> Mapping[str, str]:
    """Name the throw-away keys that were made."""
    files = {
        "keystore": folder.keystore,
        "password_file": folder.password_file,
        "attestation_keystore": folder.attestation_keystore,
        "attestation_password_file": folder.attestation_password_file,
        "solana_keypair": folder.solana_keypair,
    }
    return {name: str(file) for name, file in files.items() if file.exists()}


def _list_tables(chain: RunningChain) -> Iterator[tuple[str, Mapping[str, Any]]]:
    deployment, contracts = chain.deployment, chain.contracts
    name = f"chains.{deployment.name}"
    yield (
        f"[{name}]",
        {
            "caip2": f"eip155:{deployment.number}",
            "rpc": [chain.rpc_url],
            "ws": [chain.ws_url],
            "multicall3": deployment.multicall3,
            "confirmations": 2,
            "block_time_s": 1,
            "stale_after_s": 10,
            "max_fee_gwei": "500",
            "priority_fee_gwei": "1",
            "native_symbol": "WETH",
        },
    )
    yield (
        f"[{name}.contracts]",
        {
            "rescue": contracts.rescue,
            "liquidator": contracts.liquidator,
            "verifier": contracts.verifier,
        },
    )
    if chain.vaults is not None:
        yield f"[{name}.vault]", _list_vault(chain.vaults)
    uniswap = deployment.uniswap
    exchange = {"quoter": uniswap.quoter, "router": uniswap.router, "fee": uniswap.fee}
    yield f"[{name}.uniswap_v3]", exchange
    market = {"protocol": "aave_v3", "pool": deployment.aave.pool, "start_block": 0}
    yield f"[[{name}.markets]]", market
    for symbol, token in deployment.tokens.items():
        yield (
            f"[{name}.tokens.{symbol}]",
            {
                "address": token.address,
                "decimals": token.decimals,
                "feed": token.feed,
                "feed_decimals": FEED_DECIMALS,
                "heartbeat_s": _HEARTBEAT_S,
                "minimum": _MINIMUM_USD,
                "maximum": _MAXIMUM_USD,
                "reference_feed": token.reference_feed,
                "reference_heartbeat_s": _HEARTBEAT_S,
            },
        )


def _list_vault(vaults: RunningVaults) -> Mapping[str, Any]:
    contracts = vaults.contracts
    return {
        "vault": contracts.ledger.vault,
        "seizure": contracts.seizure,
        "notary": contracts.notary,
        "start_block": vaults.start_block,
        "finality": VAULT_FINALITY,
        "assets": list(VAULT_ASSETS),
    }


def _list_solana_tables(running: RunningSolana) -> Iterator[tuple[str, Mapping[str, Any]]]:
    made, name = running.deployment, f"chains.{NAME}"
    bundles = {"bundles": running.bundles_url} if running.bundles_url else {}
    yield (
        f"[{name}]",
        {
            "caip2": str(made.chain),
            "rpc": [running.rpc_url],
            "ws": [running.ws_url],
            "commitment": "confirmed",
            "slot_ms": SLOT_MS,
            "stale_after_s": 20,
            "max_fee_lamports": _MAX_FEE_LAMPORTS,
            "price_percentile": 75,
            "native_symbol": "SOL",
            **bundles,
        },
    )
    yield f"[{name}.programs]", {"rescue": made.rescue, "committee": made.committee}
    reserves = [token.reserve for token in made.tokens.values()]
    yield (
        f"[[{name}.markets]]",
        {"protocol": "save", "market": made.market, "program": made.lending, "reserves": reserves},
    )
    for pool in made.pools:
        yield (
            f"[[{name}.pools]]",
            {
                "program": made.swap,
                "account": pool.account,
                "vaults": pool.vaults,
                "mints": [made.tokens[symbol].mint for symbol in (pool.token0, pool.token1)],
            },
        )
    for symbol, token in made.tokens.items():
        yield (
            f"[{name}.tokens.{symbol}]",
            {
                "address": token.mint,
                "decimals": token.decimals,
                "feed": token.feed,
                "feed_id": bytes(token.accounts.mint).hex(),
                "heartbeat_s": _PYTH_HEARTBEAT_S,
                "minimum": _MINIMUM_USD,
                "maximum": _MAXIMUM_USD,
                "reference_feed": token.reference_feed,
                "reference_heartbeat_s": _PYTH_HEARTBEAT_S,
            },
        )


def _format_table(header: str, table: Mapping[str, Any]) -> str:
    """Write one table; strings, numbers and lists of ASCII text look alike in JSON and TOML."""
    lines = [header] if header else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"
