"""Transactions of one key on our node: simulated, priced, sent, lost, expired, signed anew."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import (
    CreateLookupTableParams,
    DeactivateLookupTableParams,
    ExtendLookupTableParams,
    create_lookup_table,
    deactivate_lookup_table,
    extend_lookup_table,
)

from chains.errors import (
    DecodeError,
    FeeTooHigh,
    InvariantError,
    NotIncluded,
    SimulationReverted,
    SubmitRefused,
)
from chains.solana.accounts import read
from chains.solana.client import SolanaClient
from chains.solana.decode import Landing
from chains.solana.fees import Budget
from chains.solana.signer import LocalSigner
from chains.solana.tables import plan_tables
from chains.solana.transactions import Lane, Order, SignedTransaction, TransactionTooLarge
from chains.solana.watch import Stage
from daemon.devnet.solana.blocks import BLOCKHASH_LIFE
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from tests.support.solnode import (
    SOL,
    balance,
    make_key,
    make_ledger,
    make_wallet,
    pay,
    serving,
    sign,
)

pytestmark = pytest.mark.net
TO = make_key(1)
SEED = (1).to_bytes(32, "big")
PLENTY = 1_000_000
BUDGET = Budget(unit_limit=1_000, unit_price=1_000)


class Rig:
    """A funded lane on a node whose slots pass when told to."""

    def __init__(self, client: SolanaClient, node: SolanaNode) -> None:
        self.client = client
        self.node = node
        self.ledger: Ledger = node.ledger
        self.wallet = make_wallet(self.ledger)
        self.ledger.tick()
        self.lane = Lane(client, LocalSigner(SEED))

    def order(self, lamports: int = SOL) -> Order:
        return Order(instructions=(pay(self.wallet, TO, lamports),))

    async def signed(self, budget: Budget = BUDGET) -> SignedTransaction:
        blockhash = await self.lane.read_blockhash()
        return self.lane.sign(self.order(), budget=budget, blockhash=blockhash)

    async def confirm_while_slots_pass(
        self, signed: SignedTransaction, *, deadline_s: float = 30, cap_lamports: int = PLENTY
    ) -> Landing:
        """Confirm, with a block every few milliseconds beside it."""
        async with asyncio.TaskGroup() as group:
            slots = group.create_task(self._pass_slots())
            try:
                return await self.lane.confirm(
                    signed, cap_lamports=cap_lamports, deadline_s=deadline_s, poll_s=0.002
                )
            finally:
                slots.cancel()

    async def _pass_slots(self) -> None:
        while True:
            self.ledger.tick()
            await asyncio.sleep(0.002)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with serving(make_ledger()) as (client, [node]):
        yield Rig(client, node)


async def test_an_order_is_simulated_priced_signed_sent_and_confirmed(rig: Rig) -> None:
    order = rig.order()
    simulated = await rig.lane.simulate(order)
    budget = await rig.lane.plan_budget(order, units=simulated.units, cap_lamports=PLENTY)
    assert budget == Budget(unit_limit=518, unit_price=1)
    signed = rig.lane.sign(order, budget=budget, blockhash=await rig.lane.read_blockhash())
    assert signed.fee == 5_001
    await rig.lane.submit(signed)
    landing = await rig.confirm_while_slots_pass(signed)
    assert (landing.error, landing.fee, landing.units) == (None, 5_001, 450)
    assert balance(rig.ledger, TO) == SOL
    assert balance(rig.ledger, rig.lane.sender) == 9 * SOL - 5_001


async def test_the_price_follows_what_recent_slots_paid_for_the_same_accounts(rig: Rig) -> None:
    rival = make_wallet(rig.ledger, 2)
    offer = [set_compute_unit_limit(1_000), set_compute_unit_price(700_000)]
    for _ in range(150):
        rig.ledger.send(sign(rig.ledger, rival, [*offer, pay(rival, rig.wallet.pubkey(), 1)]))
        rig.ledger.tick()
    at_sender = Order(instructions=(_touch(rig.wallet.pubkey()),))
    budget = await rig.lane.plan_budget(at_sender, units=100_000, cap_lamports=PLENTY)
    assert budget.unit_price == 700_000
    elsewhere = Order(instructions=(_touch(make_key(5)),))
    assert (await rig.lane.plan_budget(elsewhere, units=1, cap_lamports=PLENTY)).unit_price == 1
    capped = await rig.lane.plan_budget(at_sender, units=100_000, cap_lamports=15_000)
    assert 14_999 <= capped.fee() <= 15_000
    with pytest.raises(FeeTooHigh, match="4999 allowed"):
        await rig.lane.plan_budget(at_sender, units=100_000, cap_lamports=4_999)


def _touch(key: Pubkey) -> Instruction:
    return Instruction(make_key(99), b"", [AccountMeta(key, is_signer=False, is_writable=True)])


async def test_an_order_that_would_fail_is_told_by_simulation(rig: Rig) -> None:
    with pytest.raises(SimulationReverted, match="instruction 2 failed with error 1 "):
        await rig.lane.simulate(rig.order(99 * SOL))
    assert "sendTransaction" not in rig.node.counts


async def test_a_simulation_gives_accounts_as_they_would_be(rig: Rig) -> None:
    simulated = await rig.lane.simulate(rig.order(), min_slot=1_000, accounts=[TO])
    [account] = simulated.accounts
    assert account is not None
    assert account.lamports == SOL


async def test_an_order_with_another_signer_is_refused(rig: Rig) -> None:
    other = Keypair.from_seed(bytes(32))
    with pytest.raises(InvariantError, match="signatures beside"):
        await rig.lane.simulate(Order(instructions=(pay(other, TO),)))


async def test_a_signature_of_another_key_is_refused(rig: Rig) -> None:
    rig.lane._signer = LocalSigner(bytes(32))
    with pytest.raises(InvariantError, match="another key signed"):
        await rig.signed()


def test_a_signer_does_not_show_its_key() -> None:
    signer = LocalSigner(SEED)
    assert repr(signer) == f"LocalSigner({signer.pubkey})"
    with pytest.raises(ValueError, match=r"\d"):
        LocalSigner(SEED[1:])


async def test_what_a_node_refuses_is_refused_with_its_words(rig: Rig) -> None:
    signed = await rig.signed()
    rig.node._handlers = {
        key: value for key, value in rig.node._handlers.items() if "send" not in key
    }
    with pytest.raises(SubmitRefused, match="Method not found"):
        await rig.lane.submit(signed)
    await rig.lane.rebroadcast(signed)


# Size and lookup tables.


def many(rig: Rig, count: int) -> Order:
    keys = [make_key(100 + number) for number in range(count)]
    return Order(instructions=tuple(pay(rig.wallet, key, SOL // 100) for key in keys))


async def make_table(rig: Rig, keys: list[Pubkey]) -> Pubkey:
    """Create a lookup table with these keys, in two transactions of one slot."""
    payer = rig.wallet.pubkey()
    create, table = create_lookup_table(
        CreateLookupTableParams(
            authority_address=payer, payer_address=payer, recent_slot=rig.ledger.blocks.tip.parent
        )
    )
    extend = extend_lookup_table(
        ExtendLookupTableParams(
            payer_address=payer,
            lookup_table_address=table,
            authority_address=payer,
            new_addresses=keys,
        )
    )
    rig.ledger.send(sign(rig.ledger, rig.wallet, [create]))
    rig.ledger.send(sign(rig.ledger, rig.wallet, [extend]))
    return table


async def test_what_does_not_fit_into_a_packet_is_refused_and_fits_with_a_table(rig: Rig) -> None:
    order = many(rig, 28)
    with pytest.raises(TransactionTooLarge, match="1232 fit: use a lookup table"):
        await rig.lane.simulate(order)
    assert "simulateTransaction" not in rig.node.counts
    table = await make_table(rig, [make_key(100 + number) for number in range(25)])
    rig.ledger.tick()
    rig.ledger.tick()
    _, tables = await read(rig.client, plan_tables([table]), min_slot=0)
    short = Order(instructions=order.instructions, tables=tables)
    simulated = await rig.lane.simulate(short)
    budget = Budget(unit_limit=simulated.units, unit_price=0)
    signed = rig.lane.sign(short, budget=budget, blockhash=await rig.lane.read_blockhash())
    await rig.lane.submit(signed)
    assert (await rig.confirm_while_slots_pass(signed)).error is None
    assert balance(rig.ledger, make_key(120)) == SOL // 100


async def test_more_accounts_than_a_message_can_name_are_refused(rig: Rig) -> None:
    keys = [make_key(number) for number in range(300)]
    wide = Order(instructions=tuple(_touch(key) for key in keys))
    with pytest.raises(TransactionTooLarge, match="account index overflowed"):
        await rig.lane.simulate(wide)


async def test_entries_of_the_slot_being_read_do_not_serve_yet(rig: Rig) -> None:
    table = await make_table(rig, [TO])
    plan = plan_tables([table])
    rig.ledger.tick()
    _, [fresh] = await read(rig.client, plan, min_slot=0)
    rig.ledger.tick()
    _, [served] = await read(rig.client, plan, min_slot=0)
    assert (fresh.addresses, served.addresses) == ([], [TO])


async def test_a_table_that_is_none_or_on_its_way_out_is_not_used(rig: Rig) -> None:
    with pytest.raises(DecodeError, match="is no address lookup table"):
        await read(rig.client, plan_tables([TO]), min_slot=0)
    table = await make_table(rig, [TO])
    rig.ledger.tick()
    key = rig.wallet.pubkey()
    leave = deactivate_lookup_table(
        DeactivateLookupTableParams(lookup_table_address=table, authority_address=key)
    )
    rig.ledger.send(sign(rig.ledger, rig.wallet, [leave]))
    rig.ledger.tick()
    with pytest.raises(DecodeError, match="is being deactivated"):
        await read(rig.client, plan_tables([table]), min_slot=0)


# Lost, late and dropped transactions; fault 47.


async def test_a_transaction_lost_on_its_way_is_sent_again_as_it_is(rig: Rig) -> None:
    rig.node.faults.dropped_transactions = 3
    signed = await rig.signed()
    await rig.lane.submit(signed)
    landing = await rig.confirm_while_slots_pass(signed)
    assert landing.signature == signed.signature
    assert rig.node.counts["sendTransaction"] >= 4


async def test_a_transaction_whose_block_is_dropped_is_sent_again_as_it_is(rig: Rig) -> None:
    signed = await rig.signed()
    rig.ledger.tick()
    await rig.lane.submit(signed)
    watch = await rig.lane.step(rig.lane.watch(signed))
    assert watch.stage is Stage.SEEN
    rig.ledger.drop()
    watch = await rig.lane.step(watch)
    assert (watch.stage, watch.drops, watch.may_resign) == (Stage.PENDING, 1, False)
    landing = await rig.confirm_while_slots_pass(signed)
    assert landing.signature == signed.signature
    assert balance(rig.ledger, TO) == SOL


async def test_late_confirmations_are_waited_for(rig: Rig) -> None:
    rig.ledger.blocks.confirm = 20
    signed = await rig.signed()
    await rig.lane.submit(signed)
    stages = []
    watch = rig.lane.watch(signed)
    for _ in range(21):
        watch = await rig.lane.step(watch)
        stages.append(watch.stage)
        rig.ledger.tick()
    assert stages == [Stage.SEEN] * 20 + [Stage.CONFIRMED]


async def test_an_expired_transaction_is_signed_anew_only_past_its_last_height(rig: Rig) -> None:
    rig.node.faults.dropped_transactions = 1
    signed = await rig.signed()
    await rig.lane.submit(signed)
    watch = rig.lane.watch(signed)
    stages = []
    for _ in range(BLOCKHASH_LIFE + 3):
        watch = await rig.lane.step(watch)
        stages.append(watch.stage)
        rig.ledger.tick(skip=1)  # half the slots stay empty: heights count, not slots
    confirmed = rig.ledger.blocks.tip.height - 2
    assert stages == [Stage.PENDING] * (BLOCKHASH_LIFE + 1) + [Stage.EXPIRED] * 2
    assert confirmed == signed.blockhash.last_valid_height + 2
    assert not rig.ledger.blocks.is_valid(signed.blockhash.hash)


async def test_after_expiry_one_new_signature_at_a_higher_price_lands_once(rig: Rig) -> None:
    signed = await rig.signed()
    rig.node.faults.dropped_transactions = 10**6

    async def heal_after_expiry() -> None:
        while rig.ledger.blocks.is_valid(signed.blockhash.hash):  # noqa: ASYNC110 -- slots pass beside
            await asyncio.sleep(0.001)
        rig.node.faults.heal()

    async with asyncio.TaskGroup() as group:
        group.create_task(heal_after_expiry())
        await rig.lane.submit(signed)
        landing = await rig.confirm_while_slots_pass(signed)
    assert landing.signature != signed.signature
    assert landing.fee == 5_000 + 2  # 1,500 micro-lamports for each of 1,000 units
    assert balance(rig.ledger, TO) == SOL
    await rig.lane.rebroadcast(signed)
    rig.ledger.tick()
    assert balance(rig.ledger, TO) == SOL


async def test_past_the_deadline_it_is_given_up_only_when_it_can_no_longer_land(rig: Rig) -> None:
    signed = await rig.signed()
    rig.node.faults.dropped_transactions = 10**6
    with pytest.raises(NotIncluded, match="not in 0 s"):
        await _flat(rig.confirm_while_slots_pass(signed, deadline_s=0))
    rig.node.faults.heal()
    assert not rig.ledger.blocks.is_valid(signed.blockhash.hash)
    await rig.lane.rebroadcast(signed)
    assert balance(rig.ledger, TO) == 0


async def test_what_no_node_remembers_is_never_signed_anew(rig: Rig) -> None:
    signed = await rig.signed()
    rig.node.faults.dropped_transactions = 10**6
    rig.node._handlers = {**rig.node._handlers, "getFirstAvailableBlock": lambda _: 1_100}
    with pytest.raises(NotIncluded, match="no node remembers"):
        await _flat(rig.confirm_while_slots_pass(signed))


async def test_a_transaction_that_fails_on_chain_is_confirmed_as_failed(rig: Rig) -> None:
    order = rig.order(9 * SOL)
    rig.ledger.send(sign(rig.ledger, rig.wallet, [pay(rig.wallet, make_key(2), 5 * SOL)]))
    blockhash = await rig.lane.read_blockhash()
    signed = rig.lane.sign(order, budget=BUDGET, blockhash=blockhash)
    await rig.lane.submit(signed)
    landing = await rig.confirm_while_slots_pass(signed)
    assert landing.error == "instruction 2 failed with error 1 (0x1)"
    assert landing.fee == signed.fee


async def test_one_endpoints_word_is_not_mixed_with_anothers() -> None:
    """A height from one endpoint and no status from a lagging one must not mean expiry."""
    ledger = make_ledger()
    async with serving(ledger, ledger) as (client, [first, second]):
        rig = Rig(client, first)
        signed = await rig.signed()
        await rig.lane.submit(signed)
        for _ in range(BLOCKHASH_LIFE + 3):
            ledger.tick()
        first.faults.silent = True
        second.faults.lag = 30
        watch = await rig.lane.step(rig.lane.watch(signed))
        assert watch.stage is Stage.CONFIRMED
        assert Hash.default() != signed.blockhash.hash


async def _flat(work: Awaitable[Landing]) -> Landing:
    """Take the one error out of the group it was raised in."""
    try:
        return await work
    except* NotIncluded as errors:
        failure = errors.exceptions[0]
    raise failure
