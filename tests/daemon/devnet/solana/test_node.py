"""The node's RPC as an independent client (solana-py) and plain JSON see it."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import MemcmpOpts, TokenAccountOpts, TxOpts
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.token import ID as TOKEN_PROGRAM
from solders.token.state import Mint, TokenAccount, TokenAccountState
from solders.transaction_status import TransactionConfirmationStatus

from chains.rpc.endpoint import Json
from daemon.devnet.solana.ledger import Ledger
from daemon.devnet.solana.node import SolanaNode
from tests.support.solnode import SOL, make_key, make_ledger, make_wallet, pay, put, sign

pytestmark = pytest.mark.net
TO = make_key(1)


class Rig:
    """A node, solana-py in front of it, and plain requests."""

    def __init__(self, node: SolanaNode, client: AsyncClient, http: aiohttp.ClientSession) -> None:
        self.node = node
        self.ledger = node.ledger
        self.client = client
        self.http = http

    async def ask(self, method: str, *params: Json) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        async with self.http.post(self.node.url, json=body) as response:
            reply = await response.json()
        assert isinstance(reply, dict)
        return reply

    async def refused(self, method: str, *params: Json) -> tuple[int, str]:
        error = (await self.ask(method, *params))["error"]
        return error["code"], error["message"]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    ledger = make_ledger()
    ledger.tick()
    async with SolanaNode(ledger) as node, aiohttp.ClientSession() as http:
        client = AsyncClient(node.url, commitment=Confirmed)
        yield Rig(node, client, http)
        await client.close()


async def test_solana_py_reads_the_chain(rig: Rig) -> None:
    for _ in range(40):
        rig.ledger.tick(skip=1)
    client, tip = rig.client, rig.ledger.blocks.tip
    assert await client.is_connected()
    assert (await client.get_genesis_hash()).value == rig.ledger.genesis
    assert (await client.get_slot(Processed)).value == tip.slot
    assert (await client.get_slot()).value == tip.parent
    assert (await client.get_block_height()).value == tip.height - 1
    info = (await client.get_epoch_info()).value
    assert (info.absolute_slot, info.block_height) == (tip.parent, tip.height - 1)
    assert (await client.get_block_time(tip.slot)).value == tip.time
    found = (await client.get_latest_blockhash()).value
    assert found.last_valid_block_height == tip.height - 1 + 150
    assert (await client.get_blocks(1_000, 1_005)).value == [1_000, 1_001, 1_003, 1_005]
    assert (await client.get_minimum_balance_for_rent_exemption(165)).value == 2_039_280


async def test_solana_py_reads_accounts(rig: Rig) -> None:
    owner = make_key(9)
    for number in range(3):
        put(rig.ledger, make_key(20 + number), bytes([number, 1, 2, 3]), owner=owner)
    put(rig.ledger, make_key(30), b"longer than four", owner=owner)
    rig.ledger.tick()
    client = rig.client
    one = (await client.get_account_info(make_key(21))).value
    assert one is not None
    assert (one.data, one.owner) == (bytes([1, 1, 2, 3]), owner)
    found = (await client.get_multiple_accounts([make_key(20), TO])).value
    assert [each and each.data for each in found] == [bytes([0, 1, 2, 3]), None]
    scanned = await client.get_program_accounts(
        owner, filters=[4, MemcmpOpts(offset=0, bytes="2")], encoding="base64"
    )
    assert [(each.pubkey, each.account.data) for each in scanned.value] == [
        (make_key(21), bytes([1, 1, 2, 3]))
    ]


async def test_solana_py_reads_tokens(rig: Rig) -> None:
    mint, account, owner = make_key(40), make_key(41), make_key(42)
    minted = Mint(None, 1_500_000, 6, is_initialized=True, freeze_authority=None)
    held = TokenAccount(mint, owner, 1_500_000, None, TokenAccountState.Initialized, None, 0)
    put(rig.ledger, mint, bytes(minted), owner=TOKEN_PROGRAM)
    put(rig.ledger, account, bytes(held), owner=TOKEN_PROGRAM)
    rig.ledger.tick()
    amount = (await rig.client.get_token_account_balance(account)).value
    assert (amount.amount, amount.decimals, amount.ui_amount_string) == ("1500000", 6, "1.5")
    owned = await rig.client.get_token_accounts_by_owner(owner, TokenAccountOpts(mint=mint))
    assert [each.pubkey for each in owned.value] == [account]


async def test_solana_py_sends_and_follows_a_transaction(rig: Rig) -> None:
    client, wallet = rig.client, Keypair.from_seed(bytes(32))
    await client.request_airdrop(wallet.pubkey(), 5 * SOL)
    budget = [set_compute_unit_limit(100_000), set_compute_unit_price(50_000)]
    payment = sign(rig.ledger, wallet, [*budget, pay(wallet, TO)])
    assert isinstance(payment.message, MessageV0)
    quoted = (await client.get_fee_for_message(payment.message)).value
    simulated = (await client.simulate_transaction(payment)).value
    assert (quoted, simulated.err, simulated.units_consumed) == (10_000, None, 450)
    signature = (await client.send_transaction(payment)).value
    levels = []
    for _ in range(33):
        [status] = (await client.get_signature_statuses([signature])).value
        assert status is not None
        levels.append(status.confirmation_status)
        rig.ledger.tick()
    known = TransactionConfirmationStatus
    assert levels[0] == known.Processed
    assert levels[1] == levels[31] == known.Confirmed
    assert levels[32] == known.Finalized
    landed = (
        await client.get_transaction(
            signature, encoding="base64", max_supported_transaction_version=0
        )
    ).value
    assert landed is not None
    assert landed.transaction.meta is not None
    assert landed.transaction.meta.fee == 10_000
    named = (await client.get_signatures_for_address(TO)).value
    assert [each.signature for each in named] == [signature]
    fees = (await client.get_recent_prioritization_fees([TO])).value
    assert max(each.prioritization_fee for each in fees) == 50_000
    elsewhere = (await client.get_recent_prioritization_fees([make_key(2)])).value
    assert {each.prioritization_fee for each in elsewhere} == {0}


async def test_preflight_refuses_what_would_fail_and_says_why(rig: Rig) -> None:
    wallet = make_wallet(rig.ledger)
    rig.ledger.tick()
    with pytest.raises(RPCException, match="custom program error"):
        await rig.client.send_transaction(sign(rig.ledger, wallet, [pay(wallet, TO, 99 * SOL)]))
    old = sign(rig.ledger, wallet, [pay(wallet, TO)])
    for _ in range(151):
        rig.ledger.tick()
    with pytest.raises(RPCException, match="Blockhash not found"):
        await rig.client.send_transaction(old)
    unseen = (await rig.client.send_transaction(old, opts=TxOpts(skip_preflight=True))).value
    assert (await rig.client.get_signature_statuses([unseen])).value == [None]
    fresh = sign(rig.ledger, wallet, [pay(wallet, TO)])
    await rig.client.send_transaction(fresh)
    with pytest.raises(RPCException, match="already been processed"):
        await rig.client.send_transaction(fresh)


async def test_bad_requests_are_refused_with_the_codes_of_a_real_node(rig: Rig) -> None:
    wallet = make_wallet(rig.ledger)
    payment = sign(rig.ledger, wallet, [pay(wallet, TO)])
    forged = bytes([payment.message.header.num_required_signatures]) + bytes(64)
    forged += bytes(payment)[65:]
    huge = base64.b64encode(bytes(1_233)).decode()
    base64_only: Json = {"encoding": "base64"}
    tip = rig.ledger.blocks.tip
    rig.ledger.tick(skip=2)
    cases: list[tuple[int, str, str, list[Json]]] = [
        (-32601, "Method not found", "getNothing", []),
        (-32602, "no public key", "getBalance", ["nonsense"]),
        (-32602, "a key is no text", "getBalance", []),
        (-32602, "max 100", "getMultipleAccounts", [[str(TO)] * 101]),
        (-32602, "too large: 1233 bytes", "sendTransaction", [huge, base64_only]),
        (-32602, "deserialize", "sendTransaction", ["AAAA", base64_only]),
        (
            -32003,
            "signature verification failure",
            "sendTransaction",
            [base64.b64encode(forged).decode(), base64_only],
        ),
        (-32016, "Minimum context slot", "getSlot", [{"minContextSlot": 10**6}]),
        (-32007, "was skipped", "getBlockTime", [tip.slot + 1]),
        (-32004, "not available", "getBlockTime", [tip.slot + 9]),
        (-32602, "no hash", "isBlockhashValid", ["nonsense"]),
        (-32602, "no message", "getFeeForMessage", ["AAAA"]),
        (-32602, "is no fault", "node_setFaults", [{"nonsense": 1}]),
        (-32602, "confirmed", "node_drop", [9]),
        (-32602, "not a program", "surfnet_writeProgram", [str(TO), "00"]),
    ]
    for code, words, method, params in cases:
        found_code, message = await rig.refused(method, *params)
        assert found_code == code, (method, message)
        assert words in message


async def test_a_batch_is_answered_in_order_and_garbage_is_refused(rig: Rig) -> None:
    async with rig.http.post(
        rig.node.url, json=[{"id": 1, "method": "getHealth"}, {"id": 2, "method": "getSlot"}]
    ) as response:
        replies = await response.json()
    assert [(each["id"], each["result"]) for each in replies] == [(1, "ok"), (2, 1_000)]
    async with rig.http.post(rig.node.url, data=b"{") as response:
        assert (await response.json())["error"]["code"] == -32700


async def test_cheats_with_surfpools_names_write_accounts_and_move_the_clock(rig: Rig) -> None:
    await rig.ask("surfnet_setAccount", str(TO), {"lamports": 7, "data": "0aff"})
    await rig.ask("surfnet_setAccount", str(TO), {"owner": str(make_key(9))})
    held = rig.ledger.machine.read(TO)
    assert held is not None
    assert (held.lamports, held.data, held.owner) == (7, b"\x0a\xff", make_key(9))
    now = rig.ledger.blocks.tip.time
    moved = await rig.ask("surfnet_timeTravel", {"absoluteTimestamp": (now + 3_600) * 1_000})
    assert moved["result"]["unixTimestamp"] == now + 3_600
    paused = []
    for method in ("surfnet_pauseClock", "surfnet_resumeClock"):
        await rig.ask(method)
        paused.append(rig.ledger.paused)
    assert paused == [True, False]
    moved = await rig.ask("node_tick", 3, 1)
    assert moved["result"]["absoluteSlot"] == 1_002 + 6


class Listener:
    """A WebSocket with subscriptions of its own."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []

    async def ask(self, method: str, *params: Json) -> Json:
        await self.socket.send_json({"id": 1, "method": method, "params": list(params)})
        while True:
            message = await self.socket.receive_json(timeout=3)
            if "id" in message:
                result: Json = message.get("result", message.get("error"))
                return result
            self.told.append(message)

    async def hear(self) -> list[dict[str, Any]]:
        """Give all that was told so far."""
        await self.ask("slotUnsubscribe", 0)
        told, self.told = self.told, []
        return told


async def test_subscriptions_tell_what_reached_their_commitment(rig: Rig) -> None:
    wallet = make_wallet(rig.ledger)
    rig.ledger.tick()
    confirmed: Json = {"commitment": "confirmed", "encoding": "base64"}
    async with rig.http.ws_connect(rig.node.ws_url) as socket:
        listener = Listener(socket)
        payment = sign(rig.ledger, wallet, [pay(wallet, TO)])
        await listener.ask("slotSubscribe")
        await listener.ask("accountSubscribe", str(TO), confirmed)
        await listener.ask("programSubscribe", str(Pubkey.default()), confirmed)
        await listener.ask("logsSubscribe", {"mentions": [str(TO)]}, confirmed)
        await listener.ask("signatureSubscribe", str(payment.signatures[0]), confirmed)
        rig.ledger.send(payment)
        assert await listener.hear() == []
        slot = rig.ledger.blocks.tip.slot
        rig.ledger.tick()
        told = {each["method"]: each["params"]["result"] for each in await listener.hear()}
        assert told["slotNotification"] == {"slot": slot + 1, "parent": slot, "root": 1_000}
        account = told["accountNotification"]
        assert (account["context"]["slot"], account["value"]["lamports"]) == (slot, SOL)
        assert told["programNotification"]["value"]["pubkey"] in {str(TO), str(wallet.pubkey())}
        assert told["logsNotification"]["value"]["signature"] == str(payment.signatures[0])
        assert told["signatureNotification"]["value"] == {"err": None}
        rig.ledger.tick()
        again = [each["method"] for each in await listener.hear()]
        assert again == ["slotNotification"]


async def test_sockets_close_fall_silent_and_are_refused_on_command(rig: Rig) -> None:
    async with rig.http.ws_connect(rig.node.ws_url) as socket:
        listener = Listener(socket)
        await listener.ask("slotSubscribe")
        rig.node.faults.sockets_muted = True
        rig.ledger.tick()
        assert await listener.hear() == []
        await rig.node.close_sockets()
        assert (await socket.receive(timeout=3)).type is aiohttp.WSMsgType.CLOSE
    rig.node.faults.sockets_refused = True
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await rig.http.ws_connect(rig.node.ws_url)


async def test_the_node_runs_as_a_process_whose_slots_pass() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "daemon.devnet.solana",
        '{"seed": "a", "slot_ms": 20}',
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(20):
        where = orjson.loads(await process.stdout.readline())
        client = AsyncClient(where["rpc"], commitment=Processed)
        while (await client.get_slot()).value < 1_003:  # noqa: ASYNC110 -- another process's slots
            await asyncio.sleep(0.02)
        assert str((await client.get_genesis_hash()).value) == where["genesis"]
        assert where["genesis"] == str(Ledger(seed=b"a").genesis)
        await client.close()
        process.stdin.close()
        assert await process.wait() == 0


def test_airdrop_signatures_never_repeat() -> None:
    ledger = make_ledger()
    signatures = {ledger.airdrop(TO, SOL) for _ in range(5)}
    assert len(signatures) == 5
    assert all(isinstance(Signature.from_string(each), Signature) for each in signatures)
