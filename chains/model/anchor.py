"""The point at which a chain is read, and the heads that mint it."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from chains.model.ids import ChainId


class Finality(IntEnum):
    """How settled a block is; the numbers are signed in block references."""

    LATEST = 0
    SAFE = 1
    FINALIZED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAnchor:
    """One block of one chain: every read names one, there is no "latest"."""

    chain: ChainId
    height: int
    hash: bytes
    time: int
    state_root: bytes | None = None
    finality: Finality = Finality.LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A new block as a head source saw it; `reorg_depth` counts the blocks it replaced."""

    anchor: BlockAnchor
    parent_hash: bytes
    base_fee_wei: int
    reorg_depth: int = 0

    def after(self, passed: "Head | None") -> Self:
        """Give this head with what one that was passed over told: its reorg, if deeper."""
        depth = max(passed.reorg_depth if passed else 0, self.reorg_depth)
        return replace(self, reorg_depth=depth)
