"""One suite for both nodes of the devnet, through the daemon's own client, heads and lane.

What they are known to differ in is listed in `differences.py`, and each entry is tried here, so
that one that has gone is noticed.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import (
    CreateLookupTableParams,
    ExtendLookupTableParams,
    TransferParams,
    create_lookup_table,
    extend_lookup_table,
    transfer,
)
from solders.transaction import VersionedTransaction
from websockets.asyncio.client import connect

from chains.errors import SimulationReverted
from chains.model.anchor import Finality
from chains.model.ids import Address
from chains.model.units import WAD, value_down
from chains.rpc.endpoint import Json
from chains.solana.accounts import CLOCK, AccountPlan, read
from chains.solana.client import BytesFilter, SizeFilter, SolanaClient
from chains.solana.decode import Landing, RecentBlockhash
from chains.solana.fees import Budget
from chains.solana.heads import SlotHead, SlotStream
from chains.solana.programs.instructions import OBLIGATION_BYTES
from chains.solana.protocols.save.layout import PROGRAM
from chains.solana.rpc import BEHIND
from chains.solana.signer import LocalSigner
from chains.solana.tables import plan_tables
from chains.solana.transactions import Lane, Order
from chains.solana.watch import Stage
from daemon.devnet.artifacts import ROOT
from daemon.devnet.committee import found_committee
from daemon.devnet.rpc import RpcFailure
from daemon.devnet.solana.actors import SOL
from daemon.devnet.solana.chain import LiveSolana
from daemon.devnet.solana.deployment import POOL_USD, NodeKind, SolanaPool
from daemon.devnet.solana.hosting import SolanaHost
from daemon.devnet.solana.installing import install, name_key
from daemon.devnet.solana.sending import TransactionRefused, read_accounts
from tests.daemon.devnet.solana.differences import DIFFERENCES, Difference

pytestmark = pytest.mark.net

SLOT_MS = 50
SEED = b"c" * 32
BUDGET = Budget(unit_limit=2_000, unit_price=1_000_000)
PLENTY = 1_000_000
OBLIGATION_OWNER_AT = 42
START_OF_2020 = 1_577_836_800
ATTESTER = Address("0x" + "ab" * 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A node with the market on it, and a wallet with money."""

    chain: LiveSolana
    wallet: Keypair
    early: RecentBlockhash

    @property
    def kind(self) -> NodeKind:
        return self.chain.host.kind

    def differs(self, difference: Difference) -> bool:
        return difference in DIFFERENCES[self.kind]

    def pay(self, to: Pubkey, lamports: int) -> Order:
        sender = self.wallet.pubkey()
        parameters = TransferParams(from_pubkey=sender, to_pubkey=to, lamports=lamports)
        return Order(instructions=(transfer(parameters),))


@pytest.fixture(scope="module", params=list(NodeKind))
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory() as folder,
        SolanaHost.start(request.param, Path(folder) / "node", slot_ms=SLOT_MS) as host,
    ):
        owner = Keypair()
        made = install(
            host.rpc,
            owner,
            deployment="conformance",
            committee=found_committee("conformance", [ATTESTER]),
        )
        chain = LiveSolana(host, made, owner)
        wallet = chain.actors.make_wallet(SEED)
        latest = host.rpc.request("getLatestBlockhash", {"commitment": "confirmed"})
        value = latest["value"]
        early = RecentBlockhash(
            hash=Hash.from_string(value["blockhash"]),
            last_valid_height=value["lastValidBlockHeight"],
            slot=latest["context"]["slot"],
        )
        yield Bench(chain=chain, wallet=wallet, early=early)


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[SolanaClient]:
    async with SolanaClient(chain=bench.chain.chain_id, endpoints=[bench.chain.rpc.url]) as opened:
        yield opened


@pytest.fixture
def lane(client: SolanaClient) -> Lane:
    return Lane(client, LocalSigner(SEED))


async def land(lane: Lane, order: Order) -> Landing:
    """Sign, send and confirm an order."""
    signed = lane.sign(order, budget=BUDGET, blockhash=await lane.read_blockhash())
    await lane.submit(signed)
    return await lane.confirm(signed, cap_lamports=PLENTY, deadline_s=20, poll_s=0.02)


async def take_heads(stream: SlotStream, count: int) -> list[SlotHead]:
    """Take the next heads of a stream."""
    taken: list[SlotHead] = []
    async with asyncio.timeout(20), aclosing(stream.heads()) as heads:
        async for head in heads:
            taken.append(head)
            if len(taken) == count:
                return taken
    raise AssertionError


# What both do.


def test_the_genesis_hash_is_another_at_each_start(bench: Bench, tmp_path: Path) -> None:
    time.sleep(1)  # Surfpool's follows from the second it starts in
    with SolanaHost.start(bench.kind, tmp_path / "other") as other:
        assert other.rpc.request("getGenesisHash") != bench.chain.deployment.genesis


async def test_heads_ascend_over_the_socket_at_wall_time(
    bench: Bench, client: SolanaClient
) -> None:
    stream = SlotStream(client, [bench.chain.host.ws_url])
    heads = await take_heads(stream, 6)
    slots = [head.anchor.height for head in heads]
    assert slots == sorted(set(slots))
    assert not stream.is_polling
    assert all(abs(head.anchor.time - time.time()) < 3 for head in heads)


async def test_heads_come_by_polling_too(bench: Bench, client: SolanaClient) -> None:
    assert bench.chain.chain_id == client.chain
    heads = await take_heads(SlotStream(client, poll_s=0.02), 3)
    assert [head.anchor.finality for head in heads] == [Finality.SAFE] * 3


async def test_a_watched_account_is_told_of_when_it_changes(
    bench: Bench, client: SolanaClient, lane: Lane
) -> None:
    key = Keypair().pubkey()
    stream = SlotStream(client, [bench.chain.host.ws_url], watched=[key])
    changed: set[Pubkey] = set()
    async with asyncio.timeout(20), aclosing(stream.heads()) as heads:
        await anext(heads)
        await anext(heads)
        await land(lane, bench.pay(key, SOL))
        while not changed:
            changed |= (await anext(heads)).changed
    assert changed == {key}


async def test_a_read_is_anchored_in_the_slot_of_its_clock(
    bench: Bench, client: SolanaClient
) -> None:
    market = bench.chain.deployment.setup.market
    plan = AccountPlan(keys=(market,), decode=lambda found: found)
    for _ in range(20):
        anchor, found = await read(client, plan, min_slot=0)
        account, clock = found[market], found[CLOCK]
        assert account is not None
        assert clock is not None
        assert account.owner == PROGRAM
        assert int.from_bytes(clock.data[:8], "little") == anchor.height
        await asyncio.sleep(SLOT_MS / 5_000)


async def test_an_order_is_simulated_priced_and_confirmed(
    bench: Bench, client: SolanaClient, lane: Lane
) -> None:
    receiver = Keypair().pubkey()
    order = bench.pay(receiver, SOL)
    simulated = await lane.simulate(order)
    budget = await lane.plan_budget(order, units=simulated.units, cap_lamports=PLENTY)
    signed = lane.sign(order, budget=budget, blockhash=await lane.read_blockhash())
    await lane.submit(signed)
    landing = await lane.confirm(signed, cap_lamports=PLENTY, deadline_s=20, poll_s=0.02)
    assert (landing.error, landing.paid) == (None, SOL + signed.fee)
    assert await client.read_balance(receiver) == SOL
    await lane.submit(signed)
    assert await client.read_balance(receiver) == SOL


async def test_a_failing_order_is_told_by_simulation_and_lands_failed_when_sent_anyway(
    bench: Bench, lane: Lane
) -> None:
    order = bench.pay(Keypair().pubkey(), 10**6 * SOL)
    with pytest.raises(SimulationReverted, match="instruction 2 failed with error 1 "):
        await lane.simulate(order)
    landing = await land(lane, order)
    assert landing.error is not None
    assert "instruction 2 failed with error 1 " in landing.error
    assert landing.paid == BUDGET.fee()


async def test_a_transaction_of_an_unknown_blockhash_never_lands(
    bench: Bench, client: SolanaClient, lane: Lane
) -> None:
    receiver = Keypair().pubkey()
    known = await lane.read_blockhash()
    unknown = replace(known, hash=Hash(bytes(Keypair().pubkey())))
    signed = lane.sign(bench.pay(receiver, SOL), budget=BUDGET, blockhash=unknown)
    await lane.submit(signed)
    await take_heads(SlotStream(client, poll_s=0.02), 3)
    assert (await lane.step(lane.watch(signed))).stage is Stage.PENDING
    assert await client.read_balance(receiver) == 0


async def test_accounts_are_found_by_size_and_bytes(bench: Bench, client: SolanaClient) -> None:
    actors, wallet = bench.chain.actors, bench.chain.actors.make_wallet()
    obligation = actors.open_position(wallet, deposits={"SOL": 10 * SOL}, borrows={})
    mine = BytesFilter(offset=OBLIGATION_OWNER_AT, data=bytes(wallet.pubkey()))
    found = await client.scan(PROGRAM, filters=[SizeFilter(size=OBLIGATION_BYTES), mine])
    assert [account.key for account in found.accounts if account] == [obligation]


async def test_a_lookup_table_shortens_a_transaction(
    bench: Bench, client: SolanaClient, lane: Lane
) -> None:
    keys, payer = [Keypair().pubkey() for _ in range(25)], bench.wallet.pubkey()
    slot = bench.chain.rpc.request("getSlot", {"commitment": "finalized"})
    create, table = create_lookup_table(
        CreateLookupTableParams(authority_address=payer, payer_address=payer, recent_slot=slot)
    )
    extend = extend_lookup_table(
        ExtendLookupTableParams(
            payer_address=payer,
            lookup_table_address=table,
            authority_address=payer,
            new_addresses=keys,
        )
    )
    bench.chain.actors.send(bench.wallet, create)
    bench.chain.actors.send(bench.wallet, extend)
    await take_heads(SlotStream(client, poll_s=0.02), 3)
    _, tables = await read(client, plan_tables([table]), min_slot=0)
    payments = tuple(pay for key in keys for pay in bench.pay(key, SOL // 100).instructions)
    short = Order(instructions=payments, tables=tables)
    signed = lane.sign(
        short,
        budget=Budget(unit_limit=50_000, unit_price=0),
        blockhash=await lane.read_blockhash(),
    )
    await lane.submit(signed)
    landing = await lane.confirm(signed, cap_lamports=PLENTY, deadline_s=20, poll_s=0.02)
    assert landing.error is None
    assert await client.read_balance(keys[-1]) == SOL // 100


def test_the_market_lends_and_refuses_in_its_programs_words(bench: Bench) -> None:
    actors = bench.chain.actors
    wallet = actors.make_wallet()
    actors.open_position(wallet, deposits={"SOL": 10 * SOL}, borrows={"USDC": 900 * 10**6})
    assert actors.read_units(wallet.pubkey(), "USDC") == 900 * 10**6
    [debt] = actors.read_obligation(wallet.pubkey()).borrows
    assert debt.amount == 900 * 10**6 * WAD
    with pytest.raises(TransactionRefused, match="custom program error: 0x1a"):
        actors.post_borrow(wallet, "USDC", 10**9)


def test_a_shock_moves_prices_and_pools_in_one_transaction(bench: Bench) -> None:
    chain = bench.chain
    before = chain.read_prices()
    after = chain.shock("SOL", Decimal("-12.5"), protocol_only=False)
    assert after.protocol == after.reference == before["SOL"].protocol * 7 // 8
    assert chain.read_prices() == {**before, "SOL": after}
    for pool in chain.deployment.pools:
        assert worth_apart(chain, pool) < POOL_USD // 10**6
    parted = chain.shock("SOL", Decimal(10), protocol_only=True)
    assert parted.protocol == after.protocol * 11 // 10
    assert parted.reference == after.reference


def test_a_set_unit_price_is_what_the_markets_accounts_cost(bench: Bench) -> None:
    chain = bench.chain
    accounts = [chain.deployment.tokens["WETH"].reserve, str(Keypair().pubkey())]
    try:
        chain.set_fee(Decimal(70_000))
        for _ in range(3):
            chain.tend()
            time.sleep(2 * SLOT_MS / 1_000)
        paid = chain.rpc.request("getRecentPrioritizationFees", accounts)
    finally:
        chain.set_fee(Decimal(0))
    prices = sorted(slot["prioritizationFee"] for slot in paid)
    assert prices[len(prices) * 3 // 4] == 70_000


def test_the_programs_of_mandates_and_their_committee_are_there(bench: Bench) -> None:
    made = bench.chain.deployment
    assert made.rescue is not None
    assert made.committee is not None
    keys = [Pubkey.from_string(made.rescue), Pubkey.from_string(made.committee)]
    program, committee = read_accounts(bench.chain.rpc, keys)
    assert program is not None
    assert committee is not None
    assert committee.owner == program.key


# What they are known to differ in.


def test_every_known_difference_is_in_the_documentation() -> None:
    page = " ".join((ROOT / "docs" / "solana.md").read_text().split())
    for difference in Difference:
        assert difference.value in page


async def post(url: str, body: Json) -> Json:
    """Send any JSON."""
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        decoded: Json = await answer.json()
        return decoded


async def test_batches(bench: Bench) -> None:
    batch: list[Json] = [
        {"jsonrpc": "2.0", "id": number, "method": "getHealth"} for number in (1, 2)
    ]
    answer = await post(bench.chain.rpc.url, batch)
    assert isinstance(answer, dict) == bench.differs(Difference.BATCHES)


async def test_the_clock_over_the_socket(bench: Bench) -> None:
    heard = 0
    async with connect(bench.chain.host.ws_url) as socket:
        request: list[Json] = [str(CLOCK), {"commitment": "confirmed", "encoding": "base64"}]
        await socket.send(to_json("accountSubscribe", request))
        await socket.recv()
        with suppress(TimeoutError):
            async with asyncio.timeout(5 * SLOT_MS / 1_000):
                await socket.recv()
                heard += 1
    assert (heard == 0) == bench.differs(Difference.CLOCK)


def test_commitments_and_the_least_slot(bench: Bench) -> None:
    rpc, config = bench.chain.rpc, {"encoding": "base64", "commitment": "finalized"}
    final = rpc.request("getAccountInfo", str(CLOCK), config)["context"]["slot"]
    newest = rpc.request("getSlot", {"commitment": "processed"})
    assert (final > newest - 10) == bench.differs(Difference.COMMITMENT)
    code = None
    try:
        rpc.request("getAccountInfo", str(CLOCK), {**config, "minContextSlot": 10**9})
    except RpcFailure as failure:
        code = failure.code
    assert code == (None if bench.differs(Difference.LEAST_SLOT) else BEHIND)


async def test_fees_as_told_and_as_charged(bench: Bench, client: SolanaClient, lane: Lane) -> None:
    order = bench.pay(Keypair().pubkey(), SOL)
    signed = lane.sign(order, budget=BUDGET, blockhash=await lane.read_blockhash())
    quoted = await client.read_fee(VersionedTransaction.from_bytes(signed.raw).message)
    await lane.submit(signed)
    landing = await lane.confirm(signed, cap_lamports=PLENTY, deadline_s=20, poll_s=0.02)
    told = 5_000 if bench.differs(Difference.PRIORITY_FEE) else signed.fee
    assert (quoted, landing.fee, landing.paid) == (told, told, SOL + signed.fee)


async def test_blocks(bench: Bench, lane: Lane) -> None:
    landing = await land(lane, bench.pay(Keypair().pubkey(), SOL))
    rpc = bench.chain.rpc
    bare = {"commitment": "confirmed", "transactionDetails": "none", "rewards": False}
    block = rpc.request("getBlock", landing.slot, bare)
    assert (block["parentSlot"] == landing.slot) == bench.differs(Difference.PARENT)
    assert (block["blockTime"] < START_OF_2020) == bench.differs(Difference.BLOCK_TIME)
    whole = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    try:
        rpc.request("getBlock", landing.slot, whole)
    except RpcFailure:
        assert bench.differs(Difference.BARE_BLOCKS)
    else:
        assert not bench.differs(Difference.BARE_BLOCKS)


def test_empty_blocks_among_recent_fees(bench: Bench) -> None:
    time.sleep(3 * SLOT_MS / 1_000)
    recent = bench.chain.rpc.request("getRecentPrioritizationFees", [str(name_key("nobody"))])
    assert (recent == []) == bench.differs(Difference.EMPTY_BLOCKS)


def test_slots_before_their_time(bench: Bench) -> None:
    before = bench.chain.read_head().height
    bench.chain.mine(100)
    passed = bench.chain.read_head().height - before
    assert (passed < 100) == bench.differs(Difference.UNHURRIED)


def test_ports(bench: Bench) -> None:
    host = bench.chain.host
    same = host.ws_url.rpartition(":")[2] == str(host.rpc.port)
    assert same == bench.differs(Difference.ONE_PORT)


async def test_a_transaction_whose_blockhash_is_expired_never_lands(
    bench: Bench, client: SolanaClient, lane: Lane
) -> None:
    async with asyncio.timeout(30):
        while (await client.read_point()).height <= bench.early.last_valid_height:
            bench.chain.mine(10)
            await asyncio.sleep(SLOT_MS / 1_000)
    receiver = Keypair().pubkey()
    signed = lane.sign(bench.pay(receiver, SOL), budget=BUDGET, blockhash=bench.early)
    await lane.submit(signed)
    await take_heads(SlotStream(client, poll_s=0.02), 3)
    assert (await lane.step(lane.watch(signed))).stage is Stage.EXPIRED
    assert await client.read_balance(receiver) == 0


def worth_apart(chain: LiveSolana, pool: SolanaPool) -> int:
    """Give by how much a pool's two sides differ in value at the market's prices."""
    state, prices = chain.read_pool(pool), chain.read_prices()
    first, second = (
        value_down(held, prices[symbol].reference, chain.find_token(symbol).decimals)
        for held, symbol in zip(state.held, (pool.token0, pool.token1), strict=True)
    )
    return abs(first - second)


def to_json(method: str, params: list[Json]) -> str:
    """Write a request."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
