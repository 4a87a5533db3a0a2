"""What the pool of endpoints asks an EVM node: chain id, newest block, the hash at a height."""

from collections.abc import Sequence
from typing import ClassVar, Final

import aiohttp

from chains.evm.decode import decode_quantity, decode_word, expect_object
from chains.evm.rpc import EvmEndpoint
from chains.model.ids import ChainId
from chains.rpc.endpoint import Json, Observer, RpcError, RpcErrorKind
from chains.rpc.policy import Limits, Sighting
from chains.rpc.pool import EndpointPool, Listener

MISSING_WAIT_S: Final = 0.15


class EvmPool(EndpointPool[EvmEndpoint]):
    """Several endpoints of one EVM chain, as one."""

    final: ClassVar = frozenset(
        {
            RpcErrorKind.BAD_PARAMS,
            RpcErrorKind.REVERTED,
            RpcErrorKind.RANGE_TOO_WIDE,
            RpcErrorKind.NONCE_TOO_LOW,
            RpcErrorKind.UNDERPRICED,
            RpcErrorKind.FEE_BELOW_BASE,
            RpcErrorKind.ALREADY_KNOWN,
            RpcErrorKind.NO_FUNDS,
        }
    )

    def __init__(
        self,
        *,
        chain: ChainId,
        urls: Sequence[str],
        timeout_s: float,
        limits: Limits | None = None,
        listener: Listener | None = None,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(
            chain=chain,
            reference=chain.evm_number,
            urls=urls,
            timeout_s=timeout_s,
            limits=limits or Limits(),
            missing_wait_s=MISSING_WAIT_S,
            listener=listener,
            observer=observer,
        )

    def _open(
        self, session: aiohttp.ClientSession, url: str, observer: Observer | None
    ) -> EvmEndpoint:
        return EvmEndpoint(session, self.chain, url, observer=observer)

    async def _identify(self, endpoint: EvmEndpoint, limit_s: float) -> int:
        return decode_quantity(await endpoint.request("eth_chainId", [], timeout_s=limit_s))

    async def _sight(self, endpoint: EvmEndpoint) -> Sighting:
        number, block = await endpoint.batch(
            [("eth_chainId", []), ("eth_getBlockByNumber", ["latest", False])],
            timeout_s=self.timeout_s,
        )
        header = expect_object(_unwrap(block))
        return Sighting(
            reference=decode_quantity(_unwrap(number)),
            height=decode_quantity(header.get("number")),
            hash=decode_word(header.get("hash")),
        )

    async def _read_hash(self, endpoint: EvmEndpoint, height: int, sighting: Sighting) -> bytes:
        if sighting.height <= height:
            return sighting.hash
        block = await endpoint.request(
            "eth_getBlockByNumber", [hex(height), False], timeout_s=self.timeout_s
        )
        return decode_word(expect_object(block).get("hash"))


def _unwrap(item: Json | RpcError) -> Json:
    if isinstance(item, RpcError):
        raise item
    return item
