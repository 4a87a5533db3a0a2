"""Receipts with their logs: as the pool answers, or as each endpoint alone does.

A receipt carries its own logs, so that what a transaction did is judged on one answer and never on
a log index that lags behind. Where an answer would stop something for good, every endpoint is
asked by itself: one that is behind, or lost its index, proves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chains.errors import ChainError, DecodeError, Unreachable
from chains.evm.client import EvmClient
from chains.evm.decode import Log, decode_log, decode_receipt, expect_list, expect_object, to_hex
from chains.model.action import Receipt
from chains.model.ids import ChainId
from chains.rpc.endpoint import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class FullReceipt:
    """A receipt and the logs of its transaction."""

    receipt: Receipt
    logs: tuple[Log, ...]


class ReceiptReader:
    """Reads the receipts of one chain; `endpoints` are the URLs of the client's pool."""

    def __init__(self, client: EvmClient, endpoints: Sequence[str]) -> None:
        self.chain: Final = client.chain
        self._client = client
        self._endpoints = tuple(endpoints)

    async def read(self, tx_hash: bytes) -> FullReceipt | None:
        """Give what the pool says of a transaction, None while it is not included."""
        return await _read(self._client, tx_hash)

    async def read_everywhere(self, tx_hashes: Sequence[bytes]) -> tuple[FullReceipt, ...]:
        """Give what each endpoint by itself says of any of these transactions.

        Endpoints that do not answer are left out; ChainError where none does.
        """
        found: list[FullReceipt] = []
        silent: list[str] = []
        for url in self._endpoints:
            try:
                found += await self._read_alone(url, tx_hashes)
            except ChainError as error:
                silent.append(error.reason)
        if len(silent) == len(self._endpoints):
            raise Unreachable(self.chain, "; ".join(silent))
        return tuple(found)

    async def _read_alone(self, url: str, tx_hashes: Sequence[bytes]) -> list[FullReceipt]:
        async with EvmClient(chain=self.chain, endpoints=[url]) as alone:
            answers = [await _read(alone, tx_hash) for tx_hash in tx_hashes]
        return [answer for answer in answers if answer is not None]


async def _read(client: EvmClient, tx_hash: bytes) -> FullReceipt | None:
    answer = await client.request("eth_getTransactionReceipt", [to_hex(tx_hash)])
    if answer is None:
        return None
    try:
        found = _decode(client.chain, answer)
    except ValueError as error:
        raise DecodeError(client.chain, f"eth_getTransactionReceipt: {error}") from error
    if found.receipt.tx_hash != tx_hash:
        raise DecodeError(client.chain, "asked for one receipt, answered another")
    return found


def _decode(chain: ChainId, answer: Json) -> FullReceipt:
    fields = expect_object(answer)
    return FullReceipt(
        receipt=decode_receipt(chain, fields),
        logs=tuple(decode_log(log) for log in expect_list(fields.get("logs"))),
    )
