"""What a liquidation earned after fees, in dollars at the protocol's prices."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from chains.model.ids import SOLANA, ChainId
from chains.model.units import USD, WAD
from daemon.demo.cast import open_rpc
from daemon.demo.wallets import running_solana
from daemon.devnet import control
from daemon.devnet.folder import DevnetState, Folder
from daemon.devnet.rpc import Rpc

PAID_IN: Final = "USDC"
LAMPORTS: Final = 10**9


def realised_profit(folder: Folder, state: DevnetState, action: Mapping[str, Any]) -> Decimal:
    """Give what an action paid out less what it cost the key, as its chain tells."""
    chain, status = ChainId.parse(action["chain"]), control.read_status(folder)
    prices = {
        symbol: Decimal(price.protocol) / USD
        for found in status.chains
        if found.caip2 == str(chain)
        for symbol, price in found.prices.items()
    }
    on_solana = chain.namespace == SOLANA
    spent = _spent_on_solana(state, action) if on_solana else _spent_on_evm(state, chain, action)
    native, decimals = ("SOL" if on_solana else "WETH"), _decimals(state, chain)
    earned = Decimal(str(action["effect"]["profit_units"])) / 10**decimals
    profit: Decimal = earned * prices[PAID_IN] - spent * prices[native]
    return profit


def _decimals(state: DevnetState, chain: ChainId) -> int:
    if chain.namespace == SOLANA:
        return running_solana(state).deployment.find_token(PAID_IN).decimals
    [found] = [c for c in state.chains if c.deployment.number == chain.evm_number]
    return found.deployment.tokens[PAID_IN].decimals


def _spent_on_evm(state: DevnetState, chain: ChainId, action: Mapping[str, Any]) -> Decimal:
    [found] = [c for c in state.chains if c.deployment.number == chain.evm_number]
    receipt = open_rpc(found).request("eth_getTransactionReceipt", action["tx_hash"])
    wei = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    return Decimal(wei) / WAD


def _spent_on_solana(state: DevnetState, action: Mapping[str, Any]) -> Decimal:
    """Give what a transaction took from its payer: the fee, and rent of accounts it made."""
    rpc = Rpc(int(running_solana(state).rpc_url.rpartition(":")[2]))
    config = {
        "commitment": "confirmed",
        "encoding": "base64",
        "maxSupportedTransactionVersion": 0,
    }
    meta = rpc.request("getTransaction", action["tx_hash"], config)["meta"]
    return Decimal(meta["preBalances"][0] - meta["postBalances"][0]) / LAMPORTS
