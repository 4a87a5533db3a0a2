"""What vouches for the hashes of a statement's EVM blocks, beside whoever signed it.

Each kind is graded by itself: one's own endpoint that has the block in its chain, or the chain's
contract of block hashes (EIP-2935), whose words any node proves and contracts read. A slot of
Solana has no anchor but the committee.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import aiohttp

from chains.evm.decode import decode_data, decode_quantity, expect_object, to_hex
from chains.evm.proofs import HISTORY
from chains.evm.rpc import EvmEndpoint
from chains.model.ids import ChainId
from chains.rpc.endpoint import EndpointError, Json, RpcError
from proofs.statement import BlockKind, BlockRef, Statement

TIMEOUT_S: Final = 10.0
_WORD: Final = 32
_UNKNOWN: Final = ChainId.evm(0)
"""The chain of an endpoint that was not asked yet."""


class AnchorKind(StrEnum):
    """What an anchor rests on."""

    COMMITTEE = "committee"
    RPC = "rpc"
    HISTORY = "eip-2935"


@dataclass(slots=True, kw_only=True)
class Anchoring:
    """The anchors found, by chain; hashes that differ, and endpoints that could not be asked."""

    kinds: dict[str, list[AnchorKind]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


async def find_anchors(statement: Statement, urls: Mapping[AnchorKind, Sequence[str]]) -> Anchoring:
    """Ask every endpoint, of whichever of the statement's chains it is, for its block's hash."""
    found = Anchoring()
    blocks = [block for block in statement.leaves.blocks if block.kind == BlockKind.EVM]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        for kind, listed in urls.items():
            for url in listed:
                await _ask(found, kind, session, url, blocks)
    return found


async def _ask(
    found: Anchoring,
    kind: AnchorKind,
    session: aiohttp.ClientSession,
    url: str,
    blocks: Sequence[BlockRef],
) -> None:
    endpoint = EvmEndpoint(session, _UNKNOWN, url)
    try:
        asked = await endpoint.request("eth_chainId", [], timeout_s=TIMEOUT_S)
        chain = str(ChainId.evm(decode_quantity(asked)))
        block = next((block for block in blocks if block.caip2 == chain), None)
        if block is None:
            found.unreadable.append(f"{endpoint.label} is of {chain}, which was not read")
            return
        held = await _read_hash(endpoint, kind, block.height)
    except (EndpointError, RpcError, ValueError) as error:
        found.unreadable.append(f"{endpoint.label}: {error}")
        return
    if held == block.block_hash:
        found.kinds.setdefault(block.caip2, []).append(kind)
        return
    stated, other = "0x" + block.block_hash.hex(), "0x" + held.hex()
    found.differences.append(f"blocks[{block.index}].blockHash is {stated}, {kind} has {other}")


async def _read_hash(endpoint: EvmEndpoint, kind: AnchorKind, height: int) -> bytes:
    """Give the hash of the block at a height, empty where it is not known."""
    params: list[Json] = [hex(height), False]
    if kind is AnchorKind.RPC:
        block = await endpoint.request("eth_getBlockByNumber", params, timeout_s=TIMEOUT_S)
        return decode_data(expect_object(block).get("hash"))
    params = [{"to": HISTORY, "data": to_hex(height.to_bytes(_WORD, "big"))}, "latest"]
    return decode_data(await endpoint.request("eth_call", params, timeout_s=TIMEOUT_S))
