"""A story: the real daemon between faulty proxies and chains that are mined by hand.

Nothing waits for luck. A block is mined, the daemon is seen to have evaluated it, and only then
the story goes on; "it never happens" means that so many evaluated blocks went by without it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from chains.evm.liquidator import LIQUIDATED_TOPIC, Liquidated, decode_liquidated
from chains.evm.rescue import RESCUED_TOPIC, Rescued, decode_rescued
from chains.model.ids import AccountId, Address
from proofs.document import decode_document
from proofs.envelope import Envelope
from tests.support.daemon import ROOT, Daemon
from tests.support.devnet import DevChain
from tests.support.proxy import FaultProxy
from tests.support.rescue import read_logs
from tests.support.stage import ALICE, IDLE, Stage, format_accounts

CHAINS: Final = ("cheap", "dear")
SEEN_S: Final = 15.0
POLL_S: Final = 0.05
MAX_AHEAD_S: Final = 12
"""How far mining by hand may take the chains' clocks ahead of the wall's."""

Condition = Callable[[], Awaitable[bool]]


class Story:
    """The stage, a proxy before each chain by label, and one daemon with its folder.

    `run_file` describes the chains, where it is not the stage's own.
    """

    def __init__(
        self,
        stage: Stage,
        folder: Path,
        proxies: Mapping[str, FaultProxy],
        *,
        run_file: Path | None = None,
    ) -> None:
        self.stage = stage
        self.names = tuple(proxies)
        self.folder = folder
        self.proxies = proxies
        self.settings: dict[str, object] = {
            "mode": "live",
            "api.port": 0,
            "state_dir": str(folder / "state"),
            "attestation.refresh_s": 1,
            "underlyings.WETH.divergence_hold_s": 2,
        }
        for name, proxy in proxies.items():
            self.settings[f"chains.{name}.rpc"] = [proxy.url]
            self.settings[f"chains.{name}.ws"] = [proxy.ws_url]
        self.policy: dict[str, object] = {}
        self.config_file = folder / "story.toml"
        self.daemon = Daemon(
            files=(
                ROOT / "config/devnet.toml",
                run_file or stage.folder.run_file,
                self.config_file,
            ),
            log_file=folder / "daemon.log",
            state_dir=folder / "state",
        )
        evm = [name for name in CHAINS if name in proxies]
        self.idle_at_first = {(n, s): self.idle(n, s) for n in evm for s in IDLE}
        self._first = {chain.name: chain.read_head().height for chain in stage.net.chains}

    @property
    def cheap(self) -> DevChain:
        """The chain that is cheap at first."""
        return self.stage.net.cheap

    @property
    def dear(self) -> DevChain:
        """The other one."""
        return self.stage.net.dear

    @property
    def members(self) -> tuple[AccountId, ...]:
        """Alice's accounts in the order that is attested."""
        return self.stage.members

    def height(self, name: str) -> int:
        """Give a chain's newest height that can be read."""
        return self.stage.chain(name).read_head().height

    def configure(self, **changes: object) -> None:
        """Change settings (`a__b=1` is a.b = 1) and write the file the daemon reads."""
        self.settings |= {key.replace("__", "."): value for key, value in changes.items()}
        lines = [f"{key} = {json.dumps(value)}" for key, value in self.settings.items()]
        accounts = format_accounts(self.members, **self.policy)
        self.config_file.write_text("\n".join(lines) + "\n" + accounts)

    async def begin(self, **changes: object) -> Daemon:
        """Start the daemon and wait until all its chains were evaluated."""
        self.configure(**changes)
        await self.daemon.start()
        await self.step()
        return self.daemon

    def mine(self, *names: str, blocks: int = 1) -> None:
        """Mine on these chains, or on all."""
        for name in names or self.names:
            self.mine_one(name, blocks)

    def mine_one(self, name: str, blocks: int) -> None:
        """Mine on one chain."""
        self.stage.chain(name).mine(blocks)

    async def step(self, *names: str, blocks: int = 1) -> None:
        """Mine blocks one by one and wait each time until these chains were evaluated at it."""
        for _ in range(blocks):
            await self._pace()
            self.mine(*names)
            await self.seen(*names)

    async def seen(self, *names: str) -> None:
        """Wait until the newest blocks of these chains, or of all, were evaluated."""
        wanted = {name: self.height(name) for name in names or self.names}

        async def evaluated() -> bool:
            heights = await self.daemon.heights()
            return all(heights.get(name, -1) >= height for name, height in wanted.items())

        await self.wait(evaluated, f"blocks {wanted} are evaluated")

    async def wait(self, condition: Condition, what: str, timeout_s: float = SEEN_S) -> None:
        """Wait without mining; AssertionError with the daemon's last words when it takes long."""
        deadline = time.monotonic() + timeout_s
        while not await condition():
            if time.monotonic() > deadline or self.daemon.ended:
                raise AssertionError(f"not in {timeout_s:g} s: {what}\n{await self._explain()}")
            await asyncio.sleep(POLL_S)

    async def until(
        self, condition: Condition, what: str, *names: str, timeout_s: float = SEEN_S
    ) -> None:
        """Step until something holds; AssertionError when it takes long."""
        deadline = time.monotonic() + timeout_s
        while not await condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not in {timeout_s:g} s: {what}\n{await self._explain()}")
            await self.step(*names)
            await asyncio.sleep(POLL_S)

    async def until_settled(self, count: int = 1, *names: str) -> None:
        """Step until this many of the journal's intents are confirmed and judged."""

        async def settled() -> bool:
            entries = self.daemon.journal()
            done = [e for e in entries if e.state == "confirmed" and e.effect is not None]
            return len(done) >= count

        await self.until(settled, f"{count} intents are confirmed", *names)

    def carried(self) -> Envelope:
        """Give the attestation in the only intent's transaction; there may be newer ones."""
        [entry] = self.daemon.journal()
        signed = (decode_document(raw).envelope for raw in self.daemon.all_signed())
        return next(envelope for envelope in signed if envelope.proof in entry.data)

    async def unified(self) -> Decimal | None:
        """Give Alice's unified health; None where there is none."""
        found = (await self.daemon.health()).get("unified")
        return Decimal(found["health_factor"]) if found and found["health_factor"] else None

    async def until_recovered(self) -> None:
        """Step blindly until no chain is a gap any more."""

        async def recovered() -> bool:
            await self._pace()
            self.mine()
            await self.pause()
            return len(await self.daemon.heights()) == len(self.names)

        await self.wait(recovered, "all chains are read again")

    async def pause(self) -> None:
        """Let the daemon work for a moment where nothing shows that it did."""
        await asyncio.sleep(POLL_S)

    async def chain_state(self, name: str) -> dict[str, Any]:
        """Give what health says of a chain."""
        chains = (await self.daemon.health())["chains"]
        return next(chain for chain in chains if chain["label"] == name)

    async def gap_since(self, name: str) -> int:
        """Give the time (seconds) since which a chain is a gap."""
        since: str = (await self.chain_state(name))["gap"]["since"]
        return int(datetime.fromisoformat(since).timestamp())

    async def attested_at(self) -> int:
        """Give the time (seconds) that the newest attestation states; 0 before the first.

        It may be signed a while later: its proofs are gathered first.
        """
        found = await self.daemon.attestation()
        return int(found["header"]["issuedAt"]) if found else 0

    async def is_gap(self, name: str) -> bool:
        """Whether health shows a chain as a gap."""
        return bool((await self.chain_state(name))["status"] == "gap")

    async def shock(self, symbol: str, percent: int, *, protocol_only: bool = False) -> None:
        """Move a price on both chains, each in one block; the cheap one is seen first."""
        for chain in self.stage.net.chains:
            chain.shock(symbol, Decimal(percent), protocol_only=protocol_only)
            if chain is self.cheap:
                await self.seen(chain.name)

    def rescues(self, name: str) -> list[Rescued]:
        """Give the rescues in a chain's blocks since the story began."""
        rescue = self.stage.contracts[name].rescue
        return [decode_rescued(log) for log in self._events(name, rescue, RESCUED_TOPIC)]

    def all_rescues(self) -> list[tuple[str, Rescued]]:
        """Give the rescues on both chains with the chain's label."""
        return [(name, rescue) for name in CHAINS for rescue in self.rescues(name)]

    def liquidations(self, name: str) -> list[Liquidated]:
        """Give the liquidations in a chain's blocks since the story began."""
        liquidator = self.stage.contracts[name].liquidator
        return [decode_liquidated(log) for log in self._events(name, liquidator, LIQUIDATED_TOPIC)]

    def liquidation_heights(self, name: str) -> list[int]:
        """Give the blocks of a chain's liquidations since the story began."""
        liquidator = self.stage.contracts[name].liquidator
        return [log.height for log in self._events(name, liquidator, LIQUIDATED_TOPIC)]

    def idle(self, name: str, symbol: str) -> int:
        """Give what Alice holds idle of a token."""
        return self.stage.chain(name).balance(symbol, ALICE)

    def spent(self, name: str, symbol: str) -> int:
        """Give what Alice holds less of a token than when the story began."""
        return self.idle_at_first[name, symbol] - self.idle(name, symbol)

    def keeper_nonce(self, name: str) -> int:
        """Give how many of the keeper's transactions are in a chain's blocks."""
        rpc = self.stage.chain(name).rpc
        return int(rpc.request("eth_getTransactionCount", self.stage.keeper, "latest"), 16)

    def in_pool(self, name: str) -> list[str]:
        """Give the hashes of the keeper's transactions that wait for a block."""
        content = self.stage.chain(name).rpc.request("txpool_content")
        waiting = {**content["pending"], **content["queued"]}
        own = (slots for sender, slots in waiting.items() if sender.lower() == self.stage.keeper)
        return [found["hash"] for slots in own for found in slots.values()]

    def _events(self, name: str, contract: Address, topic: bytes) -> list[Any]:
        asked = {
            "address": contract,
            "topics": ["0x" + topic.hex()],
            "fromBlock": hex(self._first[name]),
            "toBlock": "latest",
        }
        return read_logs({"logs": self.stage.chain(name).rpc.request("eth_getLogs", asked)})

    async def _pace(self) -> None:
        """Wait while a chain's clock is too far ahead of the wall's."""
        newest = max(chain.read_head().time for chain in self.stage.net.chains)
        await asyncio.sleep(max(0.0, newest - MAX_AHEAD_S - time.time()))

    async def _explain(self) -> str:
        health = "" if self.daemon.ended else json.dumps(await self.daemon.health())
        return f"{self.daemon.last_words()}\n{health}\n{self.daemon.journal()}"


@asynccontextmanager
async def telling(stage: Stage, folder: Path) -> AsyncIterator[Story]:
    """Put the proxies up and mine by hand; afterwards all is gone and the stage as before."""
    with stage.net.reverting():
        for chain in stage.net.chains:
            chain.set_automine(on=False)
        async with AsyncExitStack() as stack:
            proxies = {
                chain.name: await stack.enter_async_context(FaultProxy(chain.url))
                for chain in stage.net.chains
            }
            story = Story(stage, folder, proxies)
            await stack.enter_async_context(story.daemon)
            yield story
