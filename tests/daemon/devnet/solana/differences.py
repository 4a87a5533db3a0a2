"""What the devnet's two nodes do otherwise than a validator, in the words of docs/solana.md."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from daemon.devnet.solana.deployment import NodeKind


class Difference(StrEnum):
    """One thing that is otherwise."""

    BATCHES = "refuses JSON-RPC batches"
    CLOCK = "publishes no Clock over WebSocket: heads are read at each announced slot"
    COMMITMENT = "reads accounts at the newest slot, whatever commitment is asked for"
    LEAST_SLOT = "ignores `minContextSlot`"
    PRIORITY_FEE = "leaves the priority fee out of quotes and `meta.fee`, and charges it"
    BLOCK_TIME = "gives block times a thousand times too small"
    PARENT = "names a block as its own parent"
    EMPTY_BLOCKS = "tells recent fees of blocks with transactions only"
    UNHURRIED = "lets no slot pass before its time"
    ONE_PORT = "takes requests and subscriptions on one port"
    BARE_BLOCKS = "gives blocks without transactions"


DIFFERENCES: Final[Mapping[NodeKind, frozenset[Difference]]] = {
    NodeKind.SURFPOOL: frozenset(Difference) - {Difference.ONE_PORT, Difference.BARE_BLOCKS},
    NodeKind.OWN: frozenset({Difference.ONE_PORT, Difference.BARE_BLOCKS}),
}
