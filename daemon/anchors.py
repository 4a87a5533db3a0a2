"""What vouches for the hashes of a statement's EVM blocks, beside whoever signed it.

Each kind is graded by itself: one's own endpoint that has the block in its chain, or the chain's
contract of block hashes (EIP-2935), whose words any node proves and contracts read. A slot of
Solana has no anchor but the committee.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chains.errors import ChainError, WrongChain
from chains.evm.client import EvmClient
from chains.evm.decode import decode_data, to_hex
from chains.model.ids import Address, ChainId
from proofs.statement import BlockKind, BlockRef, Statement

HISTORY: Final = Address("0x0000f90827f1c53a10cb7a02335b175320002935")
"""The contract of block hashes. Source: EIP-2935."""
TIMEOUT_S: Final = 10.0
_WORD: Final = 32


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
    """Ask every endpoint, of whichever of the statement's chains it is, for the blocks' hashes."""
    found = Anchoring()
    blocks = [block for block in statement.leaves.blocks if block.kind == BlockKind.EVM]
    for kind, listed in urls.items():
        for url in listed:
            await _ask(found, kind, url, blocks)
    return found


async def _ask(found: Anchoring, kind: AnchorKind, url: str, blocks: Sequence[BlockRef]) -> None:
    for block in blocks:
        chain = ChainId.parse(block.caip2)
        try:
            async with EvmClient(chain=chain, endpoints=[url], timeout_s=TIMEOUT_S) as client:
                held = await _read_hash(client, kind, block.height)
        except WrongChain:
            continue
        except ChainError as error:
            found.unreadable.append(f"blocks[{block.index}]: {error}")
            return
        if held != block.block_hash:
            stated, other = "0x" + block.block_hash.hex(), "0x" + held.hex()
            detail = f"blocks[{block.index}].blockHash is {stated}, {kind} has {other}"
            found.differences.append(detail)
        else:
            found.kinds.setdefault(block.caip2, []).append(kind)
        return
    found.unreadable.append(f"{url} is of no EVM chain of the statement")


async def _read_hash(client: EvmClient, kind: AnchorKind, height: int) -> bytes:
    """Give the hash of the block at a height, empty where it is not known."""
    if kind is AnchorKind.RPC:
        return (await client.read_head(height)).anchor.hash
    call = {"to": HISTORY, "data": to_hex(height.to_bytes(_WORD, "big"))}
    return decode_data(await client.request("eth_call", [dict(call), "latest"]))
