"""Runs the node as a process of its own: prints where it serves, ends when its input closes.

The one argument is a JSON object: `seed` (text; left out, a random one), `port`, `slot_ms`.
"""

import asyncio
import os
import sys
from contextlib import suppress

import orjson

from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode, run_slots


async def serve(seed: bytes, *, port: int, slot_ms: int) -> None:
    """Serve a fresh ledger until standard input closes."""
    ledger = Ledger(seed=seed, slot_ms=slot_ms)
    async with SolanaNode(ledger, port=port) as node, asyncio.TaskGroup() as group:
        slots = group.create_task(run_slots(ledger))
        where = {"rpc": node.url, "ws": node.ws_url, "bundles": node.bundles_url}
        where["genesis"] = str(ledger.genesis)
        print(orjson.dumps(where).decode(), flush=True)  # noqa: T201 -- its starter reads this
        await _until_input_closes()
        slots.cancel()


async def _until_input_closes() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def main() -> None:
    """Read the argument and serve."""
    options = orjson.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")
    seed = str(options["seed"]).encode() if "seed" in options else os.urandom(16)
    with suppress(KeyboardInterrupt):
        asyncio.run(
            serve(seed, port=int(options.get("port", 0)), slot_ms=int(options.get("slot_ms", 400)))
        )


if __name__ == "__main__":
    main()
