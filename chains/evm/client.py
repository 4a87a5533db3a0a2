"""One EVM chain: typed reads pinned to a block hash, simulation and submission.

State is read by EIP-1898 block hash, so that a reorg is an error and never a mixture of blocks.
Errors are ChainError (the chain is a gap) and, for transactions, ExecutionError.
"""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Literal, Self, TypeVar

from eth_utils.crypto import keccak

from chains.errors import DecodeError, SimulationReverted
from chains.evm.decode import (
    Log,
    decode_data,
    decode_head,
    decode_log,
    decode_quantity,
    decode_receipt,
    decode_word,
    expect_list,
    to_hex,
)
from chains.evm.multicall import MULTICALL3, ViewCall
from chains.evm.pool import EvmPool
from chains.evm.reverts import decode_revert
from chains.model.action import Call, Receipt
from chains.model.anchor import BlockAnchor, Finality, Head
from chains.model.ids import Address, ChainId
from chains.rpc.endpoint import Endpoint, Json, Observer, RpcError, RpcErrorKind
from chains.rpc.policy import EndpointState, Limits
from chains.rpc.pool import Listener

Tag = Literal["latest", "safe", "finalized"]
LOG_RANGE: Final = 10_000
HEDGE_S: Final = 0.25
_FINALITY: Final[Mapping[str, Finality]] = {
    "latest": Finality.LATEST,
    "safe": Finality.SAFE,
    "finalized": Finality.FINALIZED,
}

T = TypeVar("T")


class EvmClient:
    """A chain behind its endpoints; an async context manager.

    `timeout_s` bounds every call at every endpoint; `limits` and `listener` are the pool's.
    """

    def __init__(
        self,
        *,
        chain: ChainId,
        endpoints: Sequence[str],
        multicall: Address = MULTICALL3,
        timeout_s: float = 5.0,
        limits: Limits | None = None,
        listener: Listener | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.chain: Final = chain
        self.multicall: Final = multicall
        self._pool = EvmPool(
            chain=chain,
            urls=endpoints,
            timeout_s=timeout_s,
            limits=limits,
            listener=listener,
            observer=observer,
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    @property
    def endpoint_states(self) -> tuple[EndpointState, ...]:
        """What is known of each endpoint, in the configured order."""
        return self._pool.states

    async def check_endpoints(self) -> None:
        """Check the endpoints once: chain id, lag, hashes; sets aside and lets back in."""
        await self._pool.check()

    async def request(
        self, method: str, params: Sequence[Json], *, timeout_s: float | None = None
    ) -> Json:
        """Call any method with failover; RpcError (a ChainError) as the node's refusal."""
        limit = self._pool.timeout_s if timeout_s is None else timeout_s
        return await self._pool.ask(
            lambda endpoint: endpoint.request(method, params, timeout_s=limit), timeout_s=limit
        )

    async def call(self, call: ViewCall, anchor: BlockAnchor) -> bytes:
        """Call one view at the anchor; DecodeError with the reason when it reverts."""
        block: Json = {"blockHash": to_hex(anchor.hash), "requireCanonical": True}
        try:
            answer = await self.request(
                "eth_call", [{"to": call.target, "data": to_hex(call.data)}, block]
            )
        except RpcError as error:
            if error.kind is not RpcErrorKind.REVERTED:
                raise
            reason = decode_revert(error.data, error.reason)
            raise DecodeError(self.chain, f"view of {call.target} reverted: {reason}") from error
        return self._decode(decode_data, answer, "eth_call")

    async def read_head(self, block: Tag | bytes | int) -> Head:
        """Read a header by tag, hash or height; MissingBlock when no endpoint has it.

        An endpoint that is slow holds up nothing: after HEDGE_S the next one is asked as well.
        """
        method, key, finality = _name_block(block)
        limit = self._pool.timeout_s

        async def ask(endpoint: Endpoint) -> Json:
            answer = await endpoint.request(method, [key, False], timeout_s=limit)
            if answer is None:
                raise RpcError(self.chain, f"no block {key}", 0, kind=RpcErrorKind.MISSING_BLOCK)
            return answer

        answer = await self._pool.ask(ask, hedge_s=HEDGE_S)
        head = self._decode(lambda value: decode_head(self.chain, value, finality), answer, method)
        if not isinstance(block, str) and block not in (head.anchor.hash, head.anchor.height):
            raise DecodeError(self.chain, f"asked for block {key}, answered another")
        return head

    async def read_logs(
        self,
        *,
        addresses: Sequence[Address],
        topics: Sequence[bytes | Sequence[bytes] | None],
        from_height: int,
        to_height: int,
    ) -> tuple[Log, ...]:
        """Read logs of a closed range of heights, in order; halves ranges a node finds too wide.

        DecodeError when a log is not one of those asked for: callers decode by address and topic.
        """
        logs: list[Log] = []
        start, width = from_height, LOG_RANGE
        while start <= to_height:
            end = min(start + width - 1, to_height)
            try:
                logs += await self._read_log_range(addresses, topics, start, end)
            except RpcError as error:
                if error.kind is not RpcErrorKind.RANGE_TOO_WIDE or start == end:
                    raise
                width = max(1, (end - start + 1) // 2)
            else:
                start = end + 1
        return tuple(logs)

    async def _read_log_range(
        self,
        addresses: Sequence[Address],
        topics: Sequence[bytes | Sequence[bytes] | None],
        start: int,
        end: int,
    ) -> list[Log]:
        query: Json = {
            "address": list(addresses),
            "topics": [_topic(topic) for topic in topics],
            "fromBlock": hex(start),
            "toBlock": hex(end),
        }
        answer = await self.request("eth_getLogs", [query])
        logs = self._decode(
            lambda value: [decode_log(item) for item in expect_list(value)], answer, "eth_getLogs"
        )
        for log in logs:
            asked = not addresses or log.address in addresses
            if not (asked and start <= log.height <= end and _has_topics(log, topics)):
                raise DecodeError(
                    self.chain,
                    f"eth_getLogs: log {log.index} of block {log.height} was not asked for",
                )
        return logs

    async def simulate(self, call: Call, sender: Address) -> int:
        """Give the gas a call needs at the newest block; SimulationReverted with its reason."""
        transaction: Json = {
            "from": sender,
            "to": call.target,
            "data": to_hex(call.data),
            "value": hex(call.value),
        }
        try:
            answer = await self.request("eth_estimateGas", [transaction, "latest"])
        except RpcError as error:
            if error.kind not in (RpcErrorKind.REVERTED, RpcErrorKind.NO_FUNDS):
                raise
            raise SimulationReverted(self.chain, decode_revert(error.data, error.reason)) from error
        return self._decode(decode_quantity, answer, "eth_estimateGas")

    async def submit(self, raw: bytes) -> bytes:
        """Broadcast signed bytes and give their hash; "already known" is success.

        Unreachable leaves open whether a node took them: ask by hash. Any other refusal is an
        RpcError with its kind.
        """
        try:
            answer = await self.request("eth_sendRawTransaction", [to_hex(raw)])
        except RpcError as error:
            if error.kind is RpcErrorKind.ALREADY_KNOWN:
                return transaction_hash(raw)
            raise
        answered = self._decode(decode_word, answer, "eth_sendRawTransaction")
        if answered != (expected := transaction_hash(raw)):
            raise DecodeError(
                self.chain, f"sent 0x{expected.hex()}, endpoint took 0x{answered.hex()}"
            )
        return answered

    async def read_receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give the receipt, None while not included (or no longer).

        DecodeError when it is another transaction's.
        """
        method = "eth_getTransactionReceipt"
        answer = await self.request(method, [to_hex(tx_hash)])
        if answer is None:
            return None
        receipt = self._decode(lambda value: decode_receipt(self.chain, value), answer, method)
        if receipt.tx_hash != tx_hash:
            raise DecodeError(
                self.chain,
                f"{method}: asked for 0x{tx_hash.hex()}, answered 0x{receipt.tx_hash.hex()}",
            )
        return receipt

    async def read_nonce(self, sender: Address, block: Literal["latest", "pending"]) -> int:
        """Give the number of transactions sent, mined only or with the pending ones."""
        answer = await self.request("eth_getTransactionCount", [sender, block])
        return self._decode(decode_quantity, answer, "eth_getTransactionCount")

    async def read_balance(self, address: Address) -> int:
        """Give the balance in wei at the newest block."""
        answer = await self.request("eth_getBalance", [address, "latest"])
        return self._decode(decode_quantity, answer, "eth_getBalance")

    async def read_code(self, address: Address) -> bytes:
        """Give the code at the newest block; empty where there is no contract."""
        answer = await self.request("eth_getCode", [address, "latest"])
        return self._decode(decode_data, answer, "eth_getCode")

    def _decode(self, decode: Callable[[Json], T], answer: Json, what: str) -> T:
        try:
            return decode(answer)
        except ValueError as error:
            raise DecodeError(self.chain, f"{what}: {error}") from error


def transaction_hash(raw: bytes) -> bytes:
    """Give the hash by which the chain knows signed bytes."""
    return bytes(keccak(raw))


def _name_block(block: Tag | bytes | int) -> tuple[str, str, Finality]:
    match block:
        case bytes():
            return "eth_getBlockByHash", to_hex(block), Finality.LATEST
        case int():
            return "eth_getBlockByNumber", hex(block), Finality.LATEST
        case _:
            return "eth_getBlockByNumber", block, _FINALITY[block]


def _topic(topic: bytes | Sequence[bytes] | None) -> Json:
    if topic is None:
        return None
    return to_hex(topic) if isinstance(topic, bytes) else [to_hex(each) for each in topic]


def _has_topics(log: Log, asked: Sequence[bytes | Sequence[bytes] | None]) -> bool:
    """Say whether a log matches a filter: by position, None is any, several are alternatives."""
    if len(log.topics) < len(asked):
        return False
    for found, topic in zip(log.topics, asked, strict=False):
        alternatives = (topic,) if isinstance(topic, bytes) else topic
        if alternatives and found not in alternatives:
            return False
    return True
