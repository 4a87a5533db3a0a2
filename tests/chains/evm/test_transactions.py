"""Transactions of one key on a real node: sent, stuck, replaced, reorged out, taken over."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from chains.errors import (
    DecodeError,
    FeeTooHigh,
    InvariantError,
    NonceTooLow,
    SubmitRefused,
    Unreachable,
)
from chains.evm.client import EvmClient
from chains.evm.fees import Fees
from chains.evm.l1_fees import ENVELOPE_BYTES, L1FeeOracle
from chains.evm.signer import LocalSigner, TransactionFields
from chains.evm.transactions import Lane, SignedTransaction
from chains.evm.watch import Stage, TransactionWatch
from chains.model.action import Call
from chains.model.ids import Address
from daemon.devnet.anvil import Anvil
from tests.support.nodes import GWEI, mine, proxied, running_anvil
from tests.support.proxy import FaultProxy

pytestmark = pytest.mark.net

KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
OTHER_KEY = bytes.fromhex("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
SINK = Address("0x" + "dd" * 20)
PAY = Call(target=SINK, data=b"", value=1)
FEES = Fees(max_fee_wei=3 * GWEI, priority_fee_wei=GWEI)


@dataclass
class Scene:
    """A lane on a node that mines when told to, behind a proxy."""

    anvil: Anvil
    client: EvmClient
    proxy: FaultProxy
    lane: Lane

    async def sign(self, fees: Fees = FEES) -> SignedTransaction:
        nonce = await self.lane.next_nonce()
        return self.lane.sign(PAY, nonce=nonce, gas_limit=21_000, fees=fees)

    async def sent(self, fees: Fees = FEES) -> SignedTransaction:
        signed = await self.sign(fees)
        await self.lane.submit(signed)
        return signed

    def height(self) -> int:
        return int(self.anvil.rpc.request("eth_blockNumber"), 16)

    def received(self) -> int:
        return int(self.anvil.rpc.request("eth_getBalance", SINK, "latest"), 16)

    async def step(self, watch: TransactionWatch) -> TransactionWatch:
        return await self.lane.step(watch, height=self.height())


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        mine(node, 5)
        yield node


@pytest.fixture
async def scene(anvil: Anvil) -> AsyncIterator[Scene]:
    async with proxied(anvil) as (client, [proxy]):
        lane = Lane(client, LocalSigner(KEY), fee_cap_wei=10 * GWEI, priority_fee_wei=GWEI)
        yield Scene(anvil, client, proxy, lane)


def watch_of(signed: SignedTransaction, depth: int = 2) -> TransactionWatch:
    return TransactionWatch(nonce=signed.nonce, tx_hashes=(signed.tx_hash,), depth=depth)


async def test_a_sent_transaction_is_followed_to_its_depth(scene: Scene) -> None:
    signed = await scene.sent()
    watch = await scene.step(watch_of(signed))
    assert watch.stage is Stage.PENDING
    mine(scene.anvil)
    watch = await scene.step(watch)
    assert watch.stage is Stage.INCLUDED
    assert watch.receipt is not None
    assert watch.receipt.success
    assert watch.receipt.gas_used == 21_000
    mine(scene.anvil)
    assert (await scene.step(watch)).stage is Stage.CONFIRMED
    assert scene.received() == 1


async def test_nonces_are_local_after_the_first(scene: Scene) -> None:
    assert [await scene.lane.next_nonce() for _ in range(3)] == [0, 1, 2]
    scene.lane.release_nonce(1)
    assert [await scene.lane.next_nonce() for _ in range(2)] == [1, 3]
    assert scene.proxy.counts["eth_getTransactionCount"] == 1


async def test_nonces_the_journal_holds_are_not_given(scene: Scene) -> None:
    lane = Lane(
        scene.client, LocalSigner(KEY), fee_cap_wei=GWEI, priority_fee_wei=1, held=(0, 1, 3)
    )
    assert [await lane.next_nonce() for _ in range(2)] == [2, 4]


async def test_sending_twice_is_no_error_and_has_one_effect(scene: Scene) -> None:
    signed = await scene.sent()
    await scene.lane.submit(signed)
    mine(scene.anvil)
    await scene.lane.submit(signed)
    assert scene.received() == 1


async def test_a_lost_answer_leaves_it_open_and_sending_again_is_safe(scene: Scene) -> None:
    signed = await scene.sign()
    scene.proxy.drop_reply("eth_sendRawTransaction")
    with pytest.raises(Unreachable):
        await scene.lane.submit(signed)
    scene.proxy.heal()
    mine(scene.anvil)
    await scene.lane.submit(signed)
    assert (await scene.step(watch_of(signed))).stage is Stage.INCLUDED
    assert scene.received() == 1


async def test_a_stuck_transaction_is_replaced_by_an_eighth_more(scene: Scene) -> None:
    signed = await scene.sent()
    newer = scene.lane.sign_replacement(signed, base_fee_wei=GWEI)
    assert newer is not None
    assert newer.nonce == signed.nonce
    assert newer.fees.max_fee_wei * 1000 >= signed.fees.max_fee_wei * 1125
    assert newer.fees.priority_fee_wei * 1000 >= signed.fees.priority_fee_wei * 1125
    await scene.lane.submit(newer)
    mine(scene.anvil)
    watch = await scene.step(watch_of(signed, depth=1).with_version(newer.tx_hash))
    assert watch.stage is Stage.CONFIRMED
    assert watch.receipt is not None
    assert watch.receipt.tx_hash == newer.tx_hash
    assert scene.received() == 1


async def test_replacing_ends_at_the_cap(scene: Scene) -> None:
    signed: SignedTransaction | None = await scene.sign()
    offers = []
    while signed is not None:
        offers.append(signed.fees.max_fee_wei)
        signed = scene.lane.sign_replacement(signed, base_fee_wei=GWEI)
    assert offers == sorted(set(offers))
    assert max(offers) <= 10 * GWEI < max(offers) * 1125 // 1000 + 1


async def test_a_fee_above_the_cap_is_not_signed(scene: Scene) -> None:
    assert scene.lane.plan_fees(GWEI).max_fee_wei == 3 * GWEI
    with pytest.raises(FeeTooHigh, match="above the cap"):
        scene.lane.plan_fees(10 * GWEI)


async def test_an_offer_below_the_base_fee_is_too_low(scene: Scene) -> None:
    scene.anvil.mine(50 * GWEI)
    signed = await scene.sign()
    with pytest.raises(FeeTooHigh, match="base fee"):
        await scene.lane.submit(signed)


async def test_a_nonce_used_elsewhere_is_found_and_the_lane_moves_on(scene: Scene) -> None:
    signed = await scene.sign()
    elsewhere = Lane(scene.client, LocalSigner(KEY), fee_cap_wei=GWEI, priority_fee_wei=1)
    for nonce in (0, 1):
        foreign = elsewhere.sign(
            Call(target=SINK, data=b"", value=5), nonce=nonce, gas_limit=21_000, fees=FEES
        )
        await elsewhere.submit(foreign)
    mine(scene.anvil)
    with pytest.raises(NonceTooLow, match="nonce 0 is used"):
        await scene.lane.submit(signed)
    assert await scene.lane.next_nonce() == 2
    watch = watch_of(signed, depth=1)
    watch = await scene.step(watch)
    mine(scene.anvil)
    assert (await scene.step(watch)).stage is Stage.NONCE_TAKEN


async def test_a_transaction_reorged_out_is_sent_again_and_happens_once(scene: Scene) -> None:
    signed = await scene.sent()
    mine(scene.anvil, 3)
    watch = await scene.step(watch_of(signed, depth=9))
    assert watch.stage is Stage.INCLUDED
    scene.anvil.rpc.request("anvil_reorg", 3, [])
    watch = await scene.step(watch)
    assert (watch.stage, watch.reorgs) == (Stage.REORGED_OUT, 1)
    assert scene.received() == 0
    await scene.lane.submit(signed)
    await scene.lane.submit(signed)
    mine(scene.anvil)
    assert (await scene.step(watch)).stage is Stage.INCLUDED
    assert scene.received() == 1


async def test_any_other_refusal_says_why(scene: Scene) -> None:
    poor = Lane(scene.client, LocalSigner(b"\x11" * 32), fee_cap_wei=GWEI, priority_fee_wei=GWEI)
    signed = poor.sign(PAY, nonce=0, gas_limit=21_000, fees=FEES)
    with pytest.raises(SubmitRefused, match=r"(?i)insufficient"):
        await poor.submit(signed)


async def test_a_signature_of_another_key_is_never_sent(scene: Scene) -> None:
    class Impostor:
        address = LocalSigner(KEY).address

        def sign_transaction(self, fields: TransactionFields) -> bytes:
            return LocalSigner(OTHER_KEY).sign_transaction(fields)

    lane = Lane(scene.client, Impostor(), fee_cap_wei=GWEI, priority_fee_wei=GWEI)
    with pytest.raises(InvariantError, match="signed for"):
        lane.sign(PAY, nonce=0, gas_limit=21_000, fees=FEES)


async def test_concurrent_callers_get_different_nonces(scene: Scene) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(scene.lane.next_nonce()) for _ in range(10)]
    assert sorted(task.result() for task in tasks) == list(range(10))


async def test_publishing_costs_what_the_rollups_oracle_says(scene: Scene) -> None:
    address = Address("0x420000000000000000000000000000000000000f")
    oracle = L1FeeOracle(scene.client, address)
    lane = Lane(
        scene.client, LocalSigner(KEY), fee_cap_wei=GWEI, priority_fee_wei=1, l1_fees=oracle
    )
    call = Call(target=address, data=b"\x01" * 100)
    with pytest.raises(DecodeError, match="L1 fee oracle"):
        await lane.read_l1_fee(call)
    gives_its_argument = "0x60043560005260206000f3"
    scene.anvil.rpc.request("anvil_setCode", address, gives_its_argument)
    assert await lane.read_l1_fee(call) == 100 + ENVELOPE_BYTES
    assert await scene.lane.read_l1_fee(call) == 0


async def test_no_transaction_is_larger_than_what_its_publishing_is_asked_for(
    scene: Scene,
) -> None:
    call = Call(target=Address("0x" + "ff" * 20), data=b"\x01" * 5_000, value=2**128)
    fees = Fees(max_fee_wei=2**64, priority_fee_wei=2**64)
    signed = scene.lane.sign(call, nonce=2**32, gas_limit=2**32, fees=fees)
    signature_bytes = 1 + 2 * 33
    assert len(signed.raw) - signature_bytes <= len(call.data) + ENVELOPE_BYTES
