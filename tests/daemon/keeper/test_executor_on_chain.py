"""The executor with a real lane on a real node: stuck, reorged out, emptied, taken over."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chains.evm.client import EvmClient
from chains.evm.fees import Fees
from chains.evm.receipts import ReceiptReader
from chains.evm.signer import LocalSigner
from chains.evm.transactions import Lane
from chains.model.action import Call
from chains.model.ids import Address
from daemon.devnet.anvil import Anvil
from daemon.keeper.execute import Executor, LaneTerms
from daemon.keeper.intent import Draft, Intent, IntentState
from daemon.keeper.journal import Journal
from daemon.storage.database import open_database
from tests.daemon.keeper.fakes import draft, gas
from tests.support import values as v
from tests.support.nodes import GWEI, mine, proxied, running_anvil
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.net

KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
SINK = Address("0x" + "dd" * 20)
PAY = Call(target=SINK, data=b"", value=1)
SEND = "eth_sendRawTransaction"
TERMS = LaneTerms(confirmations=2, block_time_s=1, stuck_blocks=2, lost_after_s=0)


@dataclass(slots=True)
class Scene:
    """An executor on a node that mines when told to, behind a proxy."""

    anvil: Anvil
    client: EvmClient
    proxy: FaultProxy
    executor: Executor
    journal: Journal
    now: int = v.NOW

    async def pay(self, *, deadline: int = v.NOW + 1_000) -> Intent:
        """Send one wei to the sink."""
        return await self.executor.execute(payment(deadline), gas(GWEI), now=self.now)

    async def see(self) -> tuple[Intent, ...]:
        """Show the executor the newest head."""
        return await self.executor.on_head(await self.client.read_head("latest"), now=self.now)

    async def mine(self, blocks: int = 1) -> tuple[Intent, ...]:
        """Mine and show every head; gives what was settled."""
        settled: tuple[Intent, ...] = ()
        for _ in range(blocks):
            mine(self.anvil)
            settled += await self.see()
        return settled

    def received(self) -> int:
        """Give what arrived at the sink."""
        return int(self.anvil.rpc.request("eth_getBalance", SINK, "latest"), 16)


def payment(deadline: int) -> Draft:
    found = draft(1, deadline=deadline)
    return replace(found, action=replace(found.action, call=PAY), gas_limit=21_000)


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        mine(node, 5)
        yield node


@asynccontextmanager
async def life(anvil: Anvil, directory: Path, *, now: int = v.NOW) -> AsyncIterator[Scene]:
    """Run one life of the process on the node."""
    async with proxied(anvil) as (client, [proxy]), open_database(directory, live=True) as db:
        journal, signer = Journal(db), LocalSigner(KEY)
        held = await journal.read_held_nonces(client.chain, signer.address)
        lane = Lane(client, signer, fee_cap_wei=100 * GWEI, priority_fee_wei=GWEI, held=held)
        receipts = ReceiptReader(client, [proxy.url])
        scene = Scene(anvil, client, proxy, Executor(lane, journal, TERMS, receipts), journal, now)
        await scene.see()
        yield scene


@pytest.fixture
async def scene(anvil: Anvil, tmp_path: Path) -> AsyncIterator[Scene]:
    async with life(anvil, tmp_path) as started:
        yield started


async def test_a_payment_is_confirmed_and_its_gas_known(scene: Scene) -> None:
    intent = await scene.pay()
    assert intent.state is IntentState.SENT
    (settled,) = await scene.mine(2)
    assert settled.state is IntentState.CONFIRMED
    assert settled.receipt is not None
    assert settled.receipt.gas_used == 21_000
    assert scene.received() == 1


async def test_what_the_base_fee_left_behind_is_replaced_and_happens_once(scene: Scene) -> None:
    intent = await scene.pay()
    for _ in range(3):
        scene.anvil.mine(20 * GWEI)
        await scene.see()
    (waiting,) = scene.executor.in_flight
    assert [a.evm.nonce for a in waiting.attempts] == [intent.nonce] * 2
    assert waiting.last.evm.fees.max_fee_wei >= 20 * GWEI
    scene.anvil.mine(20 * GWEI)
    await scene.see()
    scene.anvil.mine(20 * GWEI)
    (settled,) = await scene.see()
    assert settled.state is IntentState.CONFIRMED
    assert settled.included == waiting.last
    assert scene.received() == 1


async def test_a_three_block_reorg_is_followed_by_the_same_bytes(scene: Scene) -> None:
    await scene.pay()
    (settled,) = await scene.mine(3)
    assert settled.state is IntentState.CONFIRMED
    scene.anvil.rpc.request("anvil_reorg", 3, [])
    scene.anvil.rpc.request("anvil_dropAllTransactions")
    assert scene.received() == 0
    await scene.mine()
    (again,) = await scene.mine(2)
    assert again.state is IntentState.CONFIRMED
    assert [a.signed for a in again.attempts] == [a.signed for a in settled.attempts]
    assert scene.received() == 1


async def test_an_intent_past_its_deadline_is_emptied_and_the_nonce_goes_on(
    anvil: Anvil, tmp_path: Path
) -> None:
    async with life(anvil, tmp_path) as first:
        first.proxy.hang(SEND)
        assert (await first.pay(deadline=v.NOW + 5)).state is IntentState.SIGNED
    async with life(anvil, tmp_path, now=v.NOW + 6) as second:
        (settled,) = await second.mine(3)
        assert settled.state is IntentState.SUPERSEDED
        assert second.received() == 0
        assert (await second.pay()).nonce == 1
        assert [i.state for i in await second.mine(2)] == [IntentState.CONFIRMED]
        assert second.received() == 1


async def test_another_user_of_the_key_stops_the_lane(scene: Scene) -> None:
    scene.proxy.hang(SEND)
    await scene.pay()
    elsewhere = LocalSigner(KEY)
    async with EvmClient(chain=scene.client.chain, endpoints=[scene.anvil.rpc.url]) as client:
        other = Lane(client, elsewhere, fee_cap_wei=GWEI, priority_fee_wei=1)
        fees = Fees(max_fee_wei=3 * GWEI, priority_fee_wei=GWEI)
        foreign = other.sign(replace(PAY, value=5), nonce=0, gas_limit=21_000, fees=fees)
        await other.submit(foreign)
    settled = await scene.mine(TERMS.confirmations + 1)
    assert [i.state for i in settled] == [IntentState.LOST]
    assert "not ours" in (scene.executor.stopped or "")
    assert scene.received() == 5
