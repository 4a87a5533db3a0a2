"""A story on one EVM chain and a Solana chain of its own, both moved by hand.

A slot is confirmed when the next one opens, and has the time at which it opened itself: each step
opens two, so that the daemon sees what was done and a slot that is new.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from solders.signature import Signature

from chains.model.ids import AccountId
from chains.solana.rescue import Rescued
from tests.support.daemon import JournalEntry
from tests.support.proxy import FaultProxy
from tests.support.solana_stage import Position, SolanaStage, open_solana
from tests.support.stage import Stage
from tests.support.story import Story

SOLANA: Final = "solana"
POLL_MS: Final = 100
"""What the daemon takes for the time between slots: how often it polls without a socket."""


class SolanaStory(Story):
    """The stage's one EVM chain and the Solana chain, and one daemon over both."""

    def __init__(
        self, stage: Stage, solana: SolanaStage, folder: Path, proxies: dict[str, FaultProxy]
    ) -> None:
        super().__init__(stage, folder, proxies, run_file=solana.folder.run_file)
        self.solana = solana
        self._idle_at_first = solana.count_idle()
        self._landed_at_first = len(solana.list_landed(solana.keeper))
        self.settings |= {
            "chains.solana.slot_ms": POLL_MS,
            "keeper.liquidate": False,
            "underlyings.SOL.divergence_hold_s": 2,
        }

    @property
    def members(self) -> tuple[AccountId, ...]:
        """Alice's accounts in the order that is attested."""
        return self.solana.members

    @property
    def evm(self) -> str:
        """The EVM chain's label."""
        return self.solana.evm

    @property
    def proxy(self) -> FaultProxy:
        """The proxy before the Solana node."""
        return self.proxies[SOLANA]

    def height(self, name: str) -> int:
        """Give a chain's newest height that can be read: on Solana the newest confirmed slot."""
        return self.solana.read_slot() if name == SOLANA else super().height(name)

    def mine_one(self, name: str, blocks: int) -> None:
        """Mine blocks, or let twice as many slots pass."""
        if name == SOLANA:
            self.solana.chain.mine(2 * blocks)
        else:
            super().mine_one(name, blocks)

    async def shock(
        self, symbol: str, percent: int, *, protocol_only: bool = False, **faults: object
    ) -> None:
        """Move a price on every chain that has the asset; the EVM chain's is seen first.

        From then on the Solana node has these faults.
        """
        evm, solana = self.stage.chain(self.evm), self.solana.chain
        change = Decimal(percent)
        if symbol in solana.deployment.tokens:
            solana.shock(symbol, change, protocol_only=protocol_only)
        self.solana.set_faults(**faults)
        if symbol in evm.deployment.tokens:
            evm.shock(symbol, change, protocol_only=protocol_only)
            await self.seen(self.evm)
        self.mine(SOLANA)

    def solana_rescues(self) -> list[Rescued]:
        """Give the rescues on Solana, the oldest first."""
        return self.solana.find_rescues()

    def paid_on_solana(self) -> int:
        """Give what Alice holds less of her idle USDC on Solana than when the story began."""
        return self._idle_at_first - self.solana.count_idle()

    def landed(self) -> list[tuple[str, object]]:
        """Give the keeper's transactions on Solana since the story began, with their errors."""
        return self.solana.list_landed(self.solana.keeper)[self._landed_at_first :]

    async def native_on_solana(self) -> Decimal:
        """Give the native health of Alice's position in Save."""
        found: list[dict[str, Any]] = (await self.daemon.health())["positions"]
        [position] = [p for p in found if p["chain"] == str(self.solana.chain_id)]
        return Decimal(position["native"]["health_factor"])


def list_signatures(entry: JournalEntry) -> list[str]:
    """Give the signatures of a journal's entry as Solana writes them, the oldest first."""
    return [str(Signature.from_bytes(bytes.fromhex(found[2:]))) for found in entry.hashes]


@asynccontextmanager
async def telling_across(
    stage: Stage, folder: Path, *, evm: str, position: Position
) -> AsyncIterator[SolanaStory]:
    """Put a Solana chain and the proxies up; afterwards all is gone and the stage as before."""
    with (
        stage.net.reverting(),
        open_solana(stage, folder / "solana", evm=evm, position=position) as solana,
    ):
        for chain in stage.net.chains:
            chain.set_automine(on=False)
        async with AsyncExitStack() as stack:
            proxies = {
                evm: await stack.enter_async_context(FaultProxy(stage.chain(evm).url)),
                SOLANA: await stack.enter_async_context(FaultProxy(solana.chain.rpc.url)),
            }
            story = SolanaStory(stage, solana, folder, proxies)
            await stack.enter_async_context(story.daemon)
            yield story
