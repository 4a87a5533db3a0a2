"""Receipts with their logs, from the pool and from each endpoint by itself."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from chains.errors import DecodeError, Unreachable
from chains.evm.client import EvmClient
from chains.evm.receipts import ReceiptReader
from daemon.devnet.anvil import Anvil
from tests.support.nodes import mine, proxied, running_anvil
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.net

RECEIPT = "eth_getTransactionReceipt"
LOGGER = "6001600052602060002060206000a100"
"""Init code that logs one word under one topic and deploys nothing."""


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


def emit(anvil: Anvil) -> bytes:
    """Have a transaction with one log mined; gives its hash."""
    [sender, *_] = anvil.rpc.request("eth_accounts")
    sent = anvil.rpc.request("eth_sendTransaction", {"from": sender, "data": "0x" + LOGGER})
    mine(anvil)
    return bytes.fromhex(sent[2:])


@asynccontextmanager
async def reading(
    anvil: Anvil, endpoints: int
) -> AsyncIterator[tuple[ReceiptReader, list[FaultProxy], EvmClient]]:
    async with proxied(anvil, endpoints) as (client, proxies):
        yield ReceiptReader(client, [proxy.url for proxy in proxies]), proxies, client


async def test_a_receipt_comes_with_its_logs(anvil: Anvil) -> None:
    tx_hash = emit(anvil)
    async with reading(anvil, 1) as (reader, _, client):
        found = await reader.read(tx_hash)
        assert found is not None
        assert found.receipt == await client.read_receipt(tx_hash)
        assert [log.tx_hash for log in found.logs] == [tx_hash]
        assert await reader.read(bytes(32)) is None


async def test_every_endpoint_is_asked_by_itself(anvil: Anvil) -> None:
    tx_hash = emit(anvil)
    async with reading(anvil, 2) as (reader, [behind, good], _):
        behind.lie(RECEIPT, lambda _params, _answer: None)
        assert await reader.read(tx_hash) is None
        [found] = await reader.read_everywhere((bytes(32), tx_hash))
        assert found.receipt.tx_hash == tx_hash
        good.drop()
        assert await reader.read_everywhere((tx_hash,)) == ()
        behind.drop()
        with pytest.raises(Unreachable):
            await reader.read_everywhere((tx_hash,))


async def test_the_receipt_of_another_transaction_is_refused(anvil: Anvil) -> None:
    first, second = emit(anvil), emit(anvil)
    async with reading(anvil, 1) as (reader, [liar], client):
        other = await client.request(RECEIPT, ["0x" + second.hex()])
        liar.lie(RECEIPT, lambda _params, _answer: other)
        with pytest.raises(DecodeError, match="another"):
            await reader.read(first)
