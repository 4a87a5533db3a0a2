"""The house's values as people and wallets write them."""

from solders.signature import Signature

from chains.model.ids import ChainId
from daemon.api.texts import render_transaction


def test_a_transaction_is_named_as_its_own_explorers_name_it() -> None:
    signature = bytes(range(64))
    solana = ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
    assert render_transaction(solana, signature) == str(Signature(signature))
    assert render_transaction(ChainId.evm(1), b"\x01" * 32) == "0x" + "01" * 32
