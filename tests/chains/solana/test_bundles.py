"""Bundles at our node's block engine: they land whole, in order, with a tip, or not at all."""

from collections.abc import AsyncIterator

import pytest

from chains.errors import SubmitRefused, Unreachable
from chains.solana.bundles import (
    BundleLane,
    BundleStage,
    build_tip,
    choose_tip_account,
)
from chains.solana.client import SolanaClient
from chains.solana.fees import MIN_TIP, Budget
from chains.solana.signer import LocalSigner
from chains.solana.transactions import Lane, Order, SignedTransaction
from chains.solana.watch import Stage
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from tests.support.solnode import (
    SOL,
    balance,
    chain_of,
    make_key,
    make_ledger,
    make_wallet,
    pay,
    serving,
)

pytestmark = pytest.mark.net
TO = make_key(1)
BUDGET = Budget(unit_limit=1_000, unit_price=0)


class Rig:
    """A funded lane, and a bundle lane beside it."""

    def __init__(self, client: SolanaClient, node: SolanaNode, bundles: BundleLane) -> None:
        self.node = node
        self.ledger: Ledger = node.ledger
        self.bundles = bundles
        self.wallet = make_wallet(self.ledger)
        self.ledger.tick()
        self.lane = Lane(client, LocalSigner((1).to_bytes(32, "big")))

    async def signed(self, lamports: int, *, tip: int = 0) -> SignedTransaction:
        instructions = [pay(self.wallet, TO, lamports)]
        if tip:
            accounts = await self.bundles.read_tip_accounts()
            account = choose_tip_account(accounts, b"intent 7")
            instructions.append(build_tip(self.wallet.pubkey(), account, tip))
        order = Order(instructions=tuple(instructions))
        return self.lane.sign(order, budget=BUDGET, blockhash=await self.lane.read_blockhash())

    async def send(self, *signed: SignedTransaction) -> str:
        return await self.bundles.submit([each.raw for each in signed])


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    ledger = make_ledger()
    async with (
        serving(ledger) as (client, [node]),
        BundleLane(chain=chain_of(ledger), url=node.bundles_url, timeout_s=0.5) as bundles,
    ):
        yield Rig(client, node, bundles)


async def test_a_bundle_with_a_tip_lands_whole_and_in_order(rig: Rig) -> None:
    first, second = await rig.signed(SOL), await rig.signed(2 * SOL, tip=MIN_TIP)
    bundle = await rig.send(first, second)
    assert (await rig.bundles.read_status(bundle)).stage is BundleStage.PENDING
    assert balance(rig.ledger, TO) == 0
    rig.ledger.tick()
    status = await rig.bundles.read_status(bundle)
    assert (status.stage, status.slot) == (BundleStage.LANDED, rig.ledger.blocks.tip.slot)
    assert balance(rig.ledger, TO) == 3 * SOL
    rig.ledger.tick()
    for signed in (first, second):
        assert (await rig.lane.step(rig.lane.watch(signed))).stage is Stage.CONFIRMED


async def test_a_bundle_with_one_failure_leaves_nothing_and_costs_nothing(rig: Rig) -> None:
    bundle = await rig.send(await rig.signed(SOL, tip=MIN_TIP), await rig.signed(99 * SOL))
    rig.ledger.tick()
    assert (await rig.bundles.read_status(bundle)).stage is BundleStage.FAILED
    assert balance(rig.ledger, TO) == 0
    assert balance(rig.ledger, rig.wallet.pubkey()) == 10 * SOL


async def test_without_a_tip_a_bundle_does_not_land(rig: Rig) -> None:
    bundle = await rig.send(await rig.signed(SOL))
    rig.ledger.tick()
    assert (await rig.bundles.read_status(bundle)).stage is BundleStage.FAILED
    assert balance(rig.ledger, TO) == 0


async def test_an_engine_that_takes_bundles_and_never_lands_them_leaves_the_chain_to_tell(
    rig: Rig,
) -> None:
    rig.node.engine.refuses_all = True
    signed = await rig.signed(SOL, tip=MIN_TIP)
    bundle = await rig.send(signed)
    watch = rig.lane.watch(signed)
    for _ in range(155):
        rig.ledger.tick()
    assert (await rig.bundles.read_status(bundle)).stage is BundleStage.PENDING
    watch = await rig.lane.step(watch)
    assert (watch.stage, watch.may_resign) == (Stage.EXPIRED, True)


async def test_a_bundle_of_a_dropped_block_is_failed_and_gone(rig: Rig) -> None:
    bundle = await rig.send(await rig.signed(SOL, tip=MIN_TIP))
    rig.ledger.tick()
    assert (await rig.bundles.read_status(bundle)).stage is BundleStage.LANDED
    rig.ledger.drop()
    assert (await rig.bundles.read_status(bundle)).stage is BundleStage.FAILED
    assert balance(rig.ledger, TO) == 0


async def test_too_many_transactions_are_refused_and_an_unknown_bundle_is_invalid(
    rig: Rig,
) -> None:
    signed = await rig.signed(SOL)
    with pytest.raises(SubmitRefused, match="6 transactions, 1 to 5 fit"):
        await rig.send(*[signed] * 6)
    assert (await rig.bundles.read_status("0" * 64)).stage is BundleStage.INVALID


async def test_an_engine_that_does_not_answer_is_unreachable(rig: Rig) -> None:
    signed = await rig.signed(SOL)
    rig.node.faults.rate_limited = 1
    with pytest.raises(Unreachable, match=r"block engine .*429"):
        await rig.send(signed)


def test_a_tip_below_the_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match="999 lamports, 1000 is the least"):
        build_tip(TO, TO, MIN_TIP - 1)


def test_tips_are_spread_over_the_accounts_and_repeatable() -> None:
    accounts = [make_key(number) for number in range(8)]
    chosen = {choose_tip_account(accounts, bytes([n])) for n in range(100)}
    assert chosen == set(accounts)
    assert choose_tip_account(accounts, b"x") == choose_tip_account(accounts, b"x")
