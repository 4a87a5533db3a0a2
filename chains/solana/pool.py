"""What the pool of endpoints asks a Solana node: genesis hash, slot, a block's hash.

Heights are slots at our commitment. An endpoint belongs to the chain when its genesis hash begins
with the CAIP-2 reference. Requests are not batched: Surfpool and some providers refuse batches.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import aiohttp

from chains.model.ids import SOLANA, ChainId
from chains.rpc.endpoint import Json, Observer, RpcError, RpcErrorKind
from chains.rpc.policy import Limits, Sighting
from chains.rpc.pool import EndpointPool, Listener
from chains.solana.decode import decode_block_hash, decode_count, decode_text
from chains.solana.rpc import MAX_REPLY_BYTES, Commitment, SolanaEndpoint

LIMITS: Final = Limits(max_lag=20)
"""Eight seconds of slots: providers that are well differ by a few."""
REFERENCE_LENGTH: Final = 32
"""Characters of the genesis hash in a CAIP-2 id."""


class SolanaPool(EndpointPool[SolanaEndpoint]):
    """Several endpoints of one Solana chain, as one."""

    final: ClassVar = frozenset({RpcErrorKind.BAD_PARAMS, RpcErrorKind.REVERTED})

    def __init__(
        self,
        *,
        chain: ChainId,
        urls: Sequence[str],
        commitment: Commitment,
        timeout_s: float,
        limits: Limits = LIMITS,
        behind_wait_s: float = 0.4,
        listener: Listener | None = None,
        observer: Observer | None = None,
    ) -> None:
        if chain.namespace != SOLANA or len(chain.reference) != REFERENCE_LENGTH:
            raise ValueError(f"{chain}: not solana: and the first 32 letters of a genesis hash")
        super().__init__(
            chain=chain,
            reference=chain.reference,
            urls=urls,
            timeout_s=timeout_s,
            limits=limits,
            missing_wait_s=behind_wait_s,
            listener=listener,
            observer=observer,
        )
        self._config: Final[dict[str, Json]] = {"commitment": commitment.value}

    def _open(
        self, session: aiohttp.ClientSession, url: str, observer: Observer | None
    ) -> SolanaEndpoint:
        return SolanaEndpoint(
            session, self.chain, url, max_bytes=MAX_REPLY_BYTES, observer=observer
        )

    async def _identify(self, endpoint: SolanaEndpoint, limit_s: float) -> str:
        genesis = decode_text(await endpoint.request("getGenesisHash", [], timeout_s=limit_s))
        return genesis[:REFERENCE_LENGTH]

    async def _sight(self, endpoint: SolanaEndpoint) -> Sighting:
        reference = await self._identify(endpoint, self.timeout_s)
        if reference != self.chain.reference:
            return Sighting(reference=reference, height=0, hash=b"")
        slot = await endpoint.request("getSlot", [self._config], timeout_s=self.timeout_s)
        return Sighting(reference=reference, height=decode_count(slot), hash=b"")

    async def _read_hash(
        self, endpoint: SolanaEndpoint, height: int, sighting: Sighting
    ) -> bytes | None:
        if sighting.height < height:
            return b""  # it lags, and has no vote
        config: Json = self._config | {
            "transactionDetails": "none",
            "rewards": False,
            "maxSupportedTransactionVersion": 0,
        }
        try:
            block = await endpoint.request("getBlock", [height, config], timeout_s=self.timeout_s)
        except RpcError:
            return None  # the slot is empty, not there yet, or the node serves no blocks
        return decode_block_hash(block)
