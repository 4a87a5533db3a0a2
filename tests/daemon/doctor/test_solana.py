"""What the doctor says of a Solana chain: one line for each thing that is wrong, and what to do."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from solders.pubkey import Pubkey

from chains.model.snapshot import MandateKind
from chains.model.units import WAD, Wad
from chains.rpc.endpoint import Json
from chains.solana.rescue import Debt, MandateTerms, build_approve, build_set_mandate
from config.solana import SolanaSettings
from daemon.devnet.rpc import Rpc
from daemon.devnet.solana.actors import Actors
from daemon.devnet.solana.wire import Params, RpcFailure
from daemon.doctor.report import Finding, Level
from daemon.doctor.solana.endpoints import examine_rpc
from daemon.keys import write_keypair
from tests.daemon.doctor.conftest import Patient
from tests.support.solnode import make_ledger, serving

pytestmark = [pytest.mark.net, pytest.mark.timeout(180)]

NOBODY = str(Pubkey(b"nobody" + bytes(26)))


def over(**changes: object) -> dict[str, Any]:
    return {"chains": {"solana": changes}}


def table(patient: Patient) -> dict[str, Any]:
    found: dict[str, Any] = patient.table["chains"]["solana"]
    return found


def of(findings: tuple[Finding, ...], where: str) -> list[str]:
    return [str(found) for found in findings if found.where == where]


async def test_what_is_right_is_said_line_by_line(patient: Patient) -> None:
    findings = [f for f in await patient.findings({}) if f.where.startswith("chains.solana")]
    assert {found.level for found in findings} == {Level.OK}
    said = {found.where.removeprefix("chains.solana."): found.what for found in findings}
    assert said["markets[0]"] == "is save with 3 reserve(s)"
    assert said["pools[0]"] == "sells SOL and USDC, for 5 bps"
    assert said["programs.rescue"] == "is a program"
    assert said["programs.committee"] == "is of this deployment, 1 signature(s) needed"
    assert said["ws[0]"] == "takes subscriptions"
    assert "to liquidate with" in said["inventory"]
    assert "answers, published" in said["tokens.SOL.feed"]


async def test_an_endpoint_of_another_cluster_is_one_line(patient: Patient) -> None:
    other = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
    (line,) = await patient.failures(over(caip2=other))
    assert line.startswith("fail chains.solana.rpc[0]: answers for solana:")
    assert line.endswith(f", not {other}, write a URL of {other}, or correct caip2")


async def test_an_endpoint_that_is_no_solana_node_is_one_line(patient: Patient) -> None:
    url = patient.table["chains"]["cheap"]["rpc"][0]
    (line,) = await patient.failures(over(rpc=[url]))
    assert line.startswith("fail chains.solana.rpc[0]: does not answer: ")


async def test_a_dead_endpoint_does_not_hide_behind_a_living_one(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    dead = [f"http://127.0.0.1:{port}", *table(patient)["rpc"]]
    (line,) = await patient.failures(over(rpc=dead))
    assert line.startswith("fail chains.solana.rpc[0]: does not answer: cannot connect")
    (line,) = await patient.failures(over(ws=[f"ws://127.0.0.1:{port}"]))
    assert line.startswith("fail chains.solana.ws[0]: is no WebSocket: ")


async def test_an_endpoint_without_a_history_of_transactions_is_told_of(patient: Patient) -> None:
    def refuse(_: Params) -> Json:
        raise RpcFailure(-32011, "Transaction history is not available from this node")

    ledger = make_ledger()
    ledger.tick()
    known = patient.settings({}).chains["solana"]
    assert isinstance(known, SolanaSettings)
    async with serving(ledger, ledger) as (client, nodes), aiohttp.ClientSession() as session:
        forgetful = nodes[1]
        refused = {"getTransaction": refuse, "getSignatureStatuses": refuse}
        forgetful._handlers = {**forgetful._handlers, **refused}
        urls = [node.url for node in nodes]
        chain = known.model_copy(update={"caip2": client.chain, "rpc": urls})
        usable, findings = await examine_rpc(session, "here", chain)
    assert usable == urls
    assert [f.where for f in findings if f.level is Level.FAIL] == ["here.rpc[1]"] * 2
    assert str(findings[-1]) == (
        "fail here.rpc[1]: refuses getTransaction with its history: Transaction history is not "
        "available from this node, what was sent cannot be followed there: use a node that keeps "
        "transactions"
    )


async def test_a_market_that_is_none_is_one_line(patient: Patient) -> None:
    market = table(patient)["markets"][0]
    mint = table(patient)["tokens"]["SOL"]["address"]
    (line,) = await patient.failures(over(markets=[{**market, "market": mint}]))
    assert line.startswith(
        f"fail chains.solana.markets[0]: is no save market we can read: Save lending market {mint} "
    )
    assert line.endswith("write market, program and reserves of one market")
    reserves = [market["reserves"][0], NOBODY]
    (line,) = await patient.failures(over(markets=[{**market, "reserves": reserves}]))
    assert f"Save reserve {NOBODY} does not exist" in line


async def test_a_reserve_of_a_token_that_is_not_configured_is_told_of(patient: Patient) -> None:
    tokens = dict(table(patient)["tokens"])
    mint = tokens.pop("WETH")["address"]
    spoilt = {**patient.table, "chains": dict(patient.table["chains"])}
    spoilt["chains"]["solana"] = {**table(patient), "tokens": tokens, "pools": []}
    findings = await Patient(patient.folder, patient.state, spoilt).findings({})
    assert of(findings, "chains.solana.markets[0].reserves") == [
        (
            f"warn chains.solana.markets[0].reserves: lends {mint}, which is no token here: it "
            "counts nothing, write its table under tokens"
        )
    ]


async def test_a_token_with_other_decimals_or_none_is_one_line(patient: Patient) -> None:
    (line,) = await patient.failures(over(tokens={"SOL": {"decimals": 8}}))
    assert line == (
        "fail chains.solana.tokens.SOL.decimals: has 9 decimals, 8 written, "
        "correct address or decimals"
    )
    lines = await patient.failures(over(tokens={"SOL": {"address": NOBODY}}, pools=[]))
    assert lines[0] == (
        f"fail chains.solana.tokens.SOL.address: mint {NOBODY} does not exist, "
        "write the token's mint"
    )


async def test_a_feed_that_is_another_or_none_is_one_line(patient: Patient) -> None:
    (line,) = await patient.failures(over(tokens={"SOL": {"reference_feed": NOBODY}}))
    assert line == (
        "fail chains.solana.tokens.SOL.reference_feed: is no Pyth price account, "
        "write the price account's address"
    )
    lines = await patient.failures(over(tokens={"SOL": {"feed_id": "ab" * 32}}))
    assert lines[0].startswith("fail chains.solana.tokens.SOL.feed: is of the Pyth feed ")
    lines = await patient.failures(over(tokens={"SOL": {"maximum": "100"}}))
    assert lines[0].startswith(
        "fail chains.solana.tokens.SOL.feed: answers outside minimum and maximum"
    )


async def test_a_feed_that_no_market_reads_is_told_of(patient: Patient) -> None:
    reference = table(patient)["tokens"]["SOL"]["reference_feed"]
    findings = await patient.findings(over(tokens={"SOL": {"feed": reference}}))
    assert (
        "warn chains.solana.tokens.SOL.feed: is read by no market here, "
        "see that it follows what the markets read"
    ) in of(findings, "chains.solana.tokens.SOL.feed")


async def test_a_pool_with_swapped_vaults_is_one_line(patient: Patient) -> None:
    first, *others = table(patient)["pools"]
    swapped = {**first, "vaults": list(reversed(first["vaults"]))}
    (line,) = await patient.failures(over(pools=[swapped, *others]))
    assert line.startswith("fail chains.solana.pools[0]: swap pool ")
    assert "has other vaults than configured" in line


async def test_a_program_that_is_none_and_a_table_that_is_none_are_one_line(
    patient: Patient,
) -> None:
    (line,) = await patient.failures(over(programs={"rescue": NOBODY, "committee": None}))
    assert line == (
        f"fail chains.solana.programs.rescue: there is nothing at {NOBODY}, "
        "write the address the program was deployed at"
    )
    (line,) = await patient.failures(over(lookup_tables=[NOBODY]))
    assert line == (
        f"fail chains.solana.lookup_tables[0]: unexpected account: {NOBODY} is no address lookup "
        "table, write an active table, or leave it out"
    )


async def test_a_committee_that_is_none_is_one_line(patient: Patient) -> None:
    (line,) = await patient.failures(over(programs={"committee": NOBODY}))
    assert line == (
        f"fail chains.solana.programs.committee: committee {NOBODY} does not exist, "
        "write the address of the program's committee"
    )


async def test_a_key_without_lamports_and_tokens_is_told_of(
    patient: Patient, tmp_path: Path
) -> None:
    path = tmp_path / "id.json"
    address = write_keypair(path)
    keys = {"keys": {"solana_keypair": str(path)}}
    (line,) = await patient.failures(keys)
    assert line == (
        f"fail chains.solana.balance: {address} has 0 SOL for fees, too little for a single "
        "transaction at max_fee_lamports, send it at least 0.4 SOL"
    )
    findings = await patient.findings(keys | {"mode": "dry-run"})
    assert [found for found in findings if found.level is Level.FAIL] == []
    (line,) = of(findings, "chains.solana.inventory")
    assert line.startswith(f"warn chains.solana.inventory: {address} holds none of the tokens")


async def test_a_keypair_that_is_none_or_missing_is_one_line(
    patient: Patient, tmp_path: Path
) -> None:
    path = tmp_path / "id.json"
    path.write_text(json.dumps([1] * 64))
    path.chmod(0o600)
    (line,) = await patient.failures({"keys": {"solana_keypair": str(path)}})
    assert line == (
        f"fail keys: {path}: its public half does not follow from its seed, "
        "see plimsoll keys --help"
    )
    findings = await patient.findings({"keys": {"solana_keypair": None}})
    assert of(findings, "keys.solana_keypair") == [
        (
            "warn keys.solana_keypair: is not set: nothing is sent on Solana, "
            "run plimsoll keys new --solana-keypair and name the file under [keys]"
        )
    ]


async def test_a_member_who_owes_is_told_what_his_rescue_still_needs(patient: Patient) -> None:
    assert patient.state.solana is not None
    made = patient.state.solana.deployment
    assert made.rescue is not None
    rescue = Pubkey.from_string(made.rescue)
    actors = Actors.open(patient.state.solana, patient.folder)
    key = actors.make_wallet(b"debtor".ljust(32))
    obligation = actors.open_position(
        key, deposits={"SOL": 10 * 10**9}, borrows={"USDC": 100 * 10**6}
    )
    member = f"{made.chain}:{key.pubkey()}"
    where = f"accounts[0].members {member}"

    async def told() -> list[str]:
        accounts = {"accounts": [{"id": "alice", "members": [member]}]}
        return of(await patient.findings(accounts), where)

    assert await told() == [f"warn {where}: has given no mandate: no rescue here, let him set one"]
    usdc = made.find_token("USDC").accounts
    debt = Debt(
        owner=key.pubkey(),
        obligation=obligation,
        lending=Pubkey.from_string(made.lending),
        market=made.setup.market,
        reserve=usdc.reserve,
        supply=usdc.supply,
        mint=usdc.mint,
    )
    terms = MandateTerms(
        kind=MandateKind.NATIVE,
        keeper=key.pubkey(),
        trigger=Wad(11 * WAD // 10),
        target=Wad(12 * WAD // 10),
        per_action=10**8,
        per_day=10**8,
        deadline=int(time.time()) + 86_400,
    )
    actors.owner.confirm(actors.send(key, build_set_mandate(rescue, debt, terms)))
    assert await told() == [
        f"warn {where}: allows the rescue program no USDC, let him approve the program's delegate"
    ]
    actors.owner.confirm(actors.send(key, build_approve(rescue, key.pubkey(), usdc.mint, 10**8)))
    assert await told() == [f"ok   {where}: has given 1 mandate(s), allowed and funded"]
    actors.rpc.close()


async def test_a_member_who_cannot_be_searched_for_is_one_line(patient: Patient) -> None:
    url = table(patient)["rpc"][0]
    member = f"{table(patient)['caip2']}:{NOBODY}"
    rpc = Rpc(int(url.rpartition(":")[2]))
    rpc.request("node_setFaults", {"scans_refused": True})
    try:
        accounts = {"accounts": [{"id": "alice", "members": [member]}]}
        (line,) = await patient.failures(accounts)
    finally:
        rpc.request("node_setFaults", {"scans_refused": False})
        rpc.close()
    assert line.startswith(
        f"fail accounts[0].members {member}: cannot be valued: save: its obligations were not found"
    )
    assert line.endswith("add the missing reserve, or an endpoint that serves getProgramAccounts")
