"""The client over endpoints that fail, lag, lie and belong to another chain."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.sysvar import CLOCK
from solders.transaction import VersionedTransaction

from chains.errors import DecodeError, MissingBlock, Stale, Unreachable, WrongChain
from chains.model.anchor import Finality
from chains.model.ids import ChainId
from chains.rpc.endpoint import Json, RpcError
from chains.rpc.policy import Cause, EndpointState
from chains.solana.accounts import AccountPlan, RawAccount, read
from chains.solana.client import BytesFilter, DataSlice, SizeFilter, SolanaClient
from chains.solana.decode import describe_error
from chains.solana.rpc import Commitment
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from daemon.devnet.solana.wire import Params, RpcFailure
from tests.support.solnode import (
    SOL,
    START_TIME,
    balance,
    chain_of,
    make_key,
    make_ledger,
    make_wallet,
    pay,
    put,
    serving,
    sign,
)

pytestmark = pytest.mark.net
OWNER, TO = make_key(9), make_key(1)
NOTHING: AccountPlan[None] = AccountPlan(keys=(), decode=lambda _: None)


@pytest.fixture
def ledger() -> Ledger:
    ledger = make_ledger()
    for number in range(3):
        put(ledger, make_key(20 + number), bytes([number]) * 8, owner=OWNER)
        ledger.tick()
    return ledger


@pytest.fixture
async def pair(ledger: Ledger) -> AsyncIterator[tuple[SolanaClient, list[SolanaNode]]]:
    """Give a client with two endpoints of one chain."""
    async with serving(ledger, ledger) as served:
        yield served


Served = tuple[SolanaClient, list[SolanaNode]]


def causes(client: SolanaClient) -> list[Cause | None]:
    return [state.aside.cause if state.aside else None for state in client.endpoint_states]


async def test_a_plan_is_read_at_the_confirmed_slot_with_its_time(ledger: Ledger) -> None:
    key = make_key(21)
    plan: AccountPlan[RawAccount | None] = AccountPlan(keys=(key,), decode=lambda f: f[key])
    async with serving(ledger) as (client, [node]):
        anchor, found = await read(client, plan, min_slot=1_001)
        assert found == RawAccount(key=key, owner=OWNER, lamports=1, data=b"\1" * 8)
        assert (anchor.height, anchor.finality) == (1_002, Finality.SAFE)
        assert anchor.time == START_TIME + 0
        assert node.counts == {"getGenesisHash": 1, "getMultipleAccounts": 1}


async def test_finalized_reads_see_only_what_is_finalized(ledger: Ledger) -> None:
    async with serving(ledger, commitment=Commitment.FINALIZED) as (client, _):
        seen = await client.read_accounts([make_key(20), make_key(21)])
        assert (seen.slot, seen.finality) == (1_000, Finality.FINALIZED)
        assert [each and each.data for each in seen.accounts] == [bytes(8), None]


async def test_two_endpoints_that_saw_the_same_mint_the_same_anchor(pair: Served) -> None:
    client, [first, _] = pair
    ours, _ = await read(client, NOTHING, min_slot=0)
    first.faults.silent = True
    theirs, _ = await read(client, NOTHING, min_slot=0)
    assert ours == theirs


async def test_scans_filter_slice_and_name_their_slot(ledger: Ledger) -> None:
    put(ledger, make_key(30), b"another size", owner=OWNER)
    ledger.tick()
    async with serving(ledger) as (client, _):
        everything = await client.scan(OWNER)
        assert (everything.slot, len(everything.accounts)) == (1_003, 4)
        found = await client.scan(
            OWNER,
            filters=[SizeFilter(size=8), BytesFilter(offset=2, data=b"\2\2")],
            part=DataSlice(offset=1, length=3),
        )
        assert [(each and each.key, each and each.data) for each in found.accounts] == [
            (make_key(22), b"\2\2\2")
        ]


async def test_any_number_of_accounts_is_read_in_hundreds(ledger: Ledger) -> None:
    keys = [Pubkey(number.to_bytes(32, "big")) for number in range(1, 251)]
    for key in keys:
        put(ledger, key, bytes(key)[-2:], owner=OWNER)
    ledger.tick()
    async with serving(ledger) as (client, [node]):
        seen = await client.read_many(keys, part=DataSlice(offset=1, length=1))
        assert [each and each.data for each in seen.accounts] == [bytes(k)[-1:] for k in keys]
        assert (seen.slot, node.counts["getMultipleAccounts"]) == (1_003, 3)
        assert (await client.read_many([])).accounts == ()
        with pytest.raises(ValueError, match="101 accounts in one call, 100 at most"):
            await client.read_accounts(keys[:101])
        with pytest.raises(Stale):
            await client.read_many(keys, min_slot=2_000)


async def test_points_blockhashes_fees_and_balances_are_read(ledger: Ledger) -> None:
    wallet = make_wallet(ledger)
    ledger.tick(skip=4)
    async with serving(ledger) as (client, _):
        point = await client.read_point()
        assert (point.slot, point.height) == (1_003, 3)
        recent = await client.read_blockhash()
        assert (recent.slot, recent.last_valid_height) == (1_003, 153)
        budget = [set_compute_unit_limit(10_000), set_compute_unit_price(1_000_000)]
        payment = sign(ledger, wallet, [*budget, pay(wallet, TO)])
        assert await client.read_fee(payment.message) == 15_000
        await client.submit(bytes(payment))
        assert max(await client.read_recent_fees([TO, wallet.pubkey()])) == 1_000_000
        assert set(await client.read_recent_fees([make_key(77)])) == {0}
        ledger.tick()
        assert await client.read_balance(TO) == SOL
        assert await client.read_rent(0) == 890_880


# Failover, and fault 49.


@pytest.mark.parametrize("fault", ["silent", "rate_limited"])
async def test_an_endpoint_that_fails_is_left_and_let_back_in(pair: Served, fault: str) -> None:
    client, [first, second] = pair
    heard: list[EndpointState] = []
    client._pool._listener = heard.append
    first.faults.set({fault: True} if fault == "silent" else {fault: 2})
    assert (await client.read_point()).slot == 1_002
    assert causes(client) == [Cause.FAILED, None]
    assert second.counts["getEpochInfo"] == 1
    if fault == "rate_limited":
        first.faults.heal()
        await client.check_endpoints()
        assert causes(client) == [None, None]
        assert [state.aside is None for state in heard] == [False, True]


async def test_the_wait_a_rate_limit_asks_for_is_kept(ledger: Ledger) -> None:
    async with serving(ledger) as (client, [node]):
        node.faults.set({"rate_limited": 1, "retry_after_s": 30})
        with pytest.raises(Unreachable, match="429"):
            await client.read_point()
        [state] = client.endpoint_states
        assert state.aside is not None
        assert state.aside.retry_at - asyncio.get_running_loop().time() > 25


async def test_an_unmet_min_context_slot_is_tried_elsewhere_at_once(pair: Served) -> None:
    client, [first, second] = pair
    first.faults.lag = 2
    seen = await client.read_accounts([CLOCK], min_slot=1_002)
    assert seen.slot == 1_002
    assert (first.counts["getMultipleAccounts"], second.counts["getMultipleAccounts"]) == (1, 1)
    assert causes(client) == [None, None]


async def test_a_slot_nobody_has_yet_is_asked_for_again_and_then_stale(pair: Served) -> None:
    client, [first, second] = pair
    first.faults.unmet_slots = second.faults.unmet_slots = 1
    assert (await client.read_accounts([CLOCK], min_slot=1_002)).slot == 1_002
    with pytest.raises(Stale, match="no endpoint has the block"):
        await client.read_accounts([CLOCK], min_slot=1_003)
    assert causes(client) == [None, None]


async def test_an_endpoint_that_ignores_the_slot_asked_for_is_not_believed(pair: Served) -> None:
    client, [first, second] = pair
    first.faults.lag, first.faults.slots_ignored = 2, True
    payment = sign(first.ledger, make_wallet(first.ledger), [])
    assert (await client.read_accounts([CLOCK], min_slot=1_002)).slot == 1_002
    assert (await client.scan(OWNER, min_slot=1_002)).slot == 1_002
    assert (await client.read_blockhash(min_slot=1_002)).slot == 1_002
    assert (await client.simulate(payment, min_slot=1_002)).slot == 1_002
    second.faults.lag, second.faults.slots_ignored = 2, True
    with pytest.raises(MissingBlock, match="answered at slot 1000, asked for 1002"):
        await client.read_accounts([CLOCK], min_slot=1_002)
    with pytest.raises(MissingBlock):
        await client.simulate(payment, min_slot=1_002)
    assert causes(client) == [None, None]


async def test_old_accounts_under_a_new_slot_are_never_believed(ledger: Ledger) -> None:
    async with serving(ledger) as (client, [node]):
        node.faults.stale_accounts = 1
        with pytest.raises(Stale, match="accounts of slot 1001 answered as slot 1002"):
            await read(client, NOTHING, min_slot=0)


# Chains, lag and disagreement.


async def test_an_endpoint_of_another_chain_is_never_asked(ledger: Ledger) -> None:
    other = make_ledger(b"other")
    async with serving(other, ledger, chain=chain_of(ledger)) as (client, [wrong, _]):
        assert (await client.read_accounts([make_key(20)])).accounts[0] is not None
        assert causes(client) == [Cause.WRONG_CHAIN, None]
        await client.check_endpoints()
        assert causes(client) == [Cause.WRONG_CHAIN, None]
        assert set(wrong.counts) == {"getGenesisHash"}


async def test_with_only_another_chain_behind_it_the_client_says_so(ledger: Ledger) -> None:
    chain = ChainId.parse("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
    async with serving(ledger, chain=chain) as (client, _):
        with pytest.raises(WrongChain, match=chain_of(ledger).reference):
            await client.read_point()


@pytest.mark.parametrize("chain", ["eip155:1", "solana:short"])
def test_a_chain_that_is_not_solana_is_refused(chain: str) -> None:
    with pytest.raises(ValueError, match="genesis hash"):
        SolanaClient(chain=ChainId.parse(chain), endpoints=["http://127.0.0.1:1"])


async def test_an_endpoint_far_behind_is_set_aside_until_it_caught_up(pair: Served) -> None:
    client, [first, _] = pair
    for _ in range(10):
        first.ledger.tick()
    first.faults.lag = 8
    await client.check_endpoints()
    assert causes(client) == [Cause.LAGGING, None]
    first.faults.lag = 0
    await client.check_endpoints()
    assert causes(client) == [Cause.LAGGING, None]
    await client.check_endpoints()
    assert causes(client) == [None, None]


async def test_the_one_of_three_that_names_another_block_is_set_aside(ledger: Ledger) -> None:
    async with serving(ledger, ledger, ledger) as (client, nodes):
        nodes[1].faults.other_hashes = True
        nodes[2].faults.lag = 1
        await client.check_endpoints()
        assert causes(client) == [None, Cause.DISAGREES, None]
        nodes[1].faults.heal()
        await client.check_endpoints()
        await client.check_endpoints()
        assert causes(client) == [None, None, None]


async def test_two_that_disagree_stop_the_chain_until_they_agree(pair: Served) -> None:
    client, [first, _] = pair
    first.faults.other_hashes = True
    await client.check_endpoints()
    with pytest.raises(Stale, match="endpoints disagree"):
        await client.read_point()
    first.faults.heal()
    await client.check_endpoints()
    assert (await client.read_point()).slot == 1_002


async def test_a_skipped_slot_is_no_disagreement(pair: Served) -> None:
    client, [first, second] = pair
    first.ledger.tick(skip=3)
    first.ledger.tick()
    second.faults.lag = 1
    await client.check_endpoints()
    assert causes(client) == [None, None]


async def test_an_endpoint_that_serves_no_blocks_is_neither_blamed_nor_a_voter(
    ledger: Ledger,
) -> None:
    async with serving(ledger, ledger, ledger) as (client, nodes):
        handlers = nodes[0]._handlers
        nodes[0]._handlers = {key: handlers[key] for key in handlers if key != "getBlock"}
        await client.check_endpoints()
        assert causes(client) == [None, None, None]
        nodes[1].faults.other_hashes = True
        await client.check_endpoints()
        with pytest.raises(Stale, match="endpoints disagree"):
            await client.read_point()


# Transactions.


async def test_a_simulation_needs_no_signature_and_gives_units_and_accounts(
    ledger: Ledger,
) -> None:
    wallet = make_wallet(ledger)
    message = MessageV0.try_compile(wallet.pubkey(), [pay(wallet, TO)], [], ledger.blocks.tip.hash)
    unsigned = VersionedTransaction.populate(message, [Signature.default()])
    async with serving(ledger) as (client, _):
        simulated = await client.simulate(unsigned, accounts=[TO])
        assert (simulated.units, simulated.error) == (150, None)
        [account] = simulated.accounts
        assert account is not None
        assert account.lamports == SOL


async def test_a_simulation_that_fails_says_which_instruction_and_why(ledger: Ledger) -> None:
    wallet = make_wallet(ledger)
    payment = sign(ledger, wallet, [pay(wallet, TO), pay(wallet, TO, 99 * SOL)])
    async with serving(ledger) as (client, _):
        simulated = await client.simulate(payment)
        assert simulated.error is not None
        assert simulated.error.startswith("instruction 1 failed with error 1 (0x1): ")
        assert simulated.units == 300


async def test_a_transaction_is_sent_and_followed_and_sent_again_without_harm(
    pair: Served,
) -> None:
    client, [first, _] = pair
    ledger = first.ledger
    wallet = make_wallet(ledger)
    payment = sign(ledger, wallet, [pay(wallet, TO)])
    signature = await client.submit(bytes(payment))
    assert await client.submit(bytes(payment)) == signature == payment.signatures[0]
    known = await client.read_statuses([signature, Signature.default()])
    assert [each and each.finality for each in known.statuses] == [Finality.LATEST, None]
    assert await client.read_landing(signature) is None
    ledger.tick()
    landing = await client.read_landing(signature)
    assert landing is not None
    assert (landing.slot, landing.fee, landing.units, landing.error) == (1_003, 5_000, 150, None)


@pytest.mark.parametrize(
    "failure",
    [
        RpcFailure(-32002, "Transaction simulation failed", {"err": "AlreadyProcessed"}),
        RpcFailure(-32002, "This transaction has already been processed"),
    ],
)
async def test_a_transaction_refused_because_it_is_in_a_block_is_taken_as_sent(
    ledger: Ledger, failure: RpcFailure
) -> None:
    def refuse(_: Params) -> Json:
        raise failure

    payment = sign(ledger, make_wallet(ledger), [])
    async with serving(ledger) as (client, [node]):
        node._handlers = {**node._handlers, "sendTransaction": refuse}
        assert await client.submit(bytes(payment)) == payment.signatures[0]


async def test_a_forged_transaction_is_refused_by_name(pair: Served) -> None:
    client, [first, second] = pair
    payment = sign(first.ledger, make_wallet(first.ledger), [])
    forged = VersionedTransaction.populate(payment.message, [Signature(b"\7" * 64)])
    with pytest.raises(RpcError, match="signature verification failure"):
        await client.submit(bytes(forged))
    assert "sendTransaction" not in second.counts


async def test_of_all_endpoints_in_use_one_that_takes_it_is_enough(
    pair: Served, ledger: Ledger
) -> None:
    client, [well, bad] = pair
    wallet = make_wallet(ledger)
    payment = sign(ledger, wallet, [pay(wallet, TO)])
    bad.faults.rate_limited = well.faults.dropped_transactions = 1
    assert await client.submit(bytes(payment), everywhere=True) == payment.signatures[0]
    assert "sendTransaction" not in bad.counts
    await client.check_endpoints()
    await client.submit(bytes(payment), everywhere=True)
    assert [n.counts["sendTransaction"] for n in (well, bad)] == [2, 1]
    well.faults.rate_limited = bad.faults.rate_limited = 1
    with pytest.raises(Unreachable):
        await client.submit(bytes(payment), everywhere=True)
    await client.submit(bytes(payment), everywhere=True)
    assert balance(ledger, TO) == SOL


async def test_an_endpoint_that_answers_nonsense_is_a_decode_error(ledger: Ledger) -> None:
    async with serving(ledger) as (client, [node]):
        node._handlers = {**node._handlers, "getEpochInfo": lambda _: {"absoluteSlot": "x"}}
        with pytest.raises(DecodeError, match="getEpochInfo: 'x' is no count"):
            await client.read_point()
        node._handlers = {**node._handlers, "getMultipleAccounts": lambda _: {"context": []}}
        with pytest.raises(DecodeError, match=r"getMultipleAccounts: .* is no object"):
            await client.read_accounts([CLOCK], min_slot=1_002)


@pytest.mark.parametrize(
    ("error", "logs", "words"),
    [
        ("BlockhashNotFound", [], "BlockhashNotFound"),
        (
            {"InstructionError": [2, {"Custom": 6009}]},
            ["Program log: AnchorError: stale", "Program x consumed"],
            "instruction 2 failed with error 6009 (0x1779): AnchorError: stale",
        ),
        (
            {"InstructionError": [0, "ComputationalBudgetExceeded"]},
            [],
            "instruction 0 failed: ComputationalBudgetExceeded",
        ),
        ({"InsufficientFundsForRent": {"account_index": 1}}, [], "{'InsufficientFundsForRent'"),
    ],
)
def test_transaction_errors_read_as_words(error: Json, logs: list[str], words: str) -> None:
    assert describe_error(error, logs).startswith(words)
