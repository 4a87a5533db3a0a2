"""Texts of the API, one writer per kind of value: pure and exact."""

from datetime import UTC, datetime
from typing import Final

from solders.signature import Signature

from chains.model.ids import EIP155, SOLANA, AccountId, Address, AssetId, ChainId, checksummed

USD_DECIMALS: Final = 8
FACTOR_DECIMALS: Final = 18
BPS_DECIMALS: Final = 4


def render_decimal(units: int, decimals: int) -> str:
    """Give `units` x 10^-decimals with exactly `decimals` decimals; exact."""
    whole, fraction = divmod(abs(units), 10**decimals)
    digits = f".{fraction:0{decimals}d}" if decimals else ""
    return f"{'-' if units < 0 else ''}{whole}{digits}"


def render_time(seconds: float) -> str:
    """Give RFC 3339 text in UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_account(account: AccountId) -> str:
    """Give the CAIP-10 text with an EIP-55 address."""
    if account.chain.namespace != EIP155:
        return str(account)
    return f"{account.chain}:{checksummed(account.evm_address)}"


def render_asset(asset: AssetId) -> str:
    """Give the CAIP-19 text with an EIP-55 address."""
    if asset.namespace != "erc20":
        return str(asset)
    return f"{asset.chain}/erc20:{checksummed(Address(asset.reference))}"


def render_transaction(chain: ChainId, tx_hash: bytes) -> str:
    """Give a transaction's hash as its chain's explorers write it: base58 on Solana, else hex."""
    if chain.namespace == SOLANA:
        return str(Signature(tx_hash))
    return "0x" + tx_hash.hex()
