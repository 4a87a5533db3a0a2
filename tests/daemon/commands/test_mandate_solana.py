"""`plimsoll mandate` for a wallet on Solana: signed as printed, and then read by the daemon."""

import asyncio
import base64
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import VersionedTransaction

from chains.model.anchor import Head
from chains.model.ids import AccountId
from chains.model.snapshot import ChainSnapshot, Mandate, MandateKind
from chains.model.units import WAD
from chains.solana.accounts import CLOCK, mint_anchor
from chains.solana.client import SolanaClient
from chains.solana.programs.instructions import OBLIGATION_BYTES
from config.load import load
from daemon.compose import build_solana_reader
from daemon.devnet.artifacts import ROOT
from daemon.devnet.folder import Folder
from daemon.devnet.solana.actors import Actors
from daemon.devnet.solana.deployment import SolanaDeployment
from daemon.devnet.solana.sending import Sender
from tests.daemon.commands.conftest import Run

pytestmark = [pytest.mark.net, pytest.mark.timeout(180)]

SOL, USDC = 10**9, 10**6
NOBODY = str(Pubkey(b"nobody" + bytes(26)))
EVM_MEMBER = "eip155:31337:0x00000000000000000000000000000000000a11ce"
LIMITS = ("--per-action", "1000", "--per-day", "2000")
UNIFIED_ONLY = """
[[accounts]]
id = "alice"
members = ["{member}"]
[accounts.policy]
unified = {{ trigger = "1.50", target = "1.60" }}
"""
NOT_INDEBTED = """
[[accounts]]
id = "newcomer"
members = ["{member}"]
[accounts.policy]
native = {{ trigger = "1.10", target = "1.20" }}
"""
KLEND = """
[[chains.solana.markets]]
protocol = "klend"
market = "{key}"
reserves = ["{key}"]
"""
ACCOUNTS = """
[[accounts]]
id = "alice"
members = ["{member}", "{evm}"]
[accounts.policy]
unified = {{ trigger = "1.50", target = "1.60" }}
native = {{ trigger = "1.10", target = "1.20" }}
"""


@dataclass
class Stage:
    """A wallet on the devnet, and the command line with its configuration."""

    plimsoll: Run
    folder: Folder
    actors: Actors
    key: Keypair
    path: Path
    run_file: Path

    @property
    def made(self) -> SolanaDeployment:
        return self.actors.deployment

    @property
    def member(self) -> str:
        return f"{self.made.chain}:{self.key.pubkey()}"

    @property
    def files(self) -> list[Path]:
        return [ROOT / "config" / "devnet.toml", self.run_file, self.path]

    def run(self, *arguments: object, over: str = "") -> Any:  # noqa: ANN401 -- an outcome
        """Run `plimsoll mandate` with the configuration, changed by some lines of TOML."""
        changed = self.path.with_name("over.toml")
        changed.write_text(over, encoding="utf-8")
        config = [part for file in (*self.files, changed) for part in ("--config", file)]
        return self.plimsoll("mandate", *arguments, *config)

    def show(self, *arguments: object, over: str = "") -> Any:  # noqa: ANN401 -- a document
        """Run it and give what it prints as JSON."""
        printed = self.run(*arguments, "--json", over=over)
        assert printed.code == 0, printed.err
        return json.loads(printed.out)

    def sign(self, document: dict[str, Any], key: Keypair | None = None) -> None:
        """Do as a wallet would with the transaction that is printed, and wait for its block."""
        unsigned = VersionedTransaction.from_bytes(
            base64.b64decode(document["transaction"]["base64"])
        )
        assert unsigned.signatures == [Signature.default()]
        assert isinstance(unsigned.message, MessageV0)
        signed = VersionedTransaction(unsigned.message, [key or self.key])
        encoded = base64.b64encode(bytes(signed)).decode()
        sent = self.actors.rpc.request("sendTransaction", encoded, {"encoding": "base64"})
        self.actors.owner.confirm(sent)

    def read(self) -> ChainSnapshot:
        """Read the chain as the daemon does."""
        return asyncio.run(self._read())

    async def _read(self) -> ChainSnapshot:
        chain = load(self.files, {}).solana["solana"]
        async with SolanaClient(chain=chain.caip2, endpoints=chain.rpc) as client:
            reader = build_solana_reader("solana", chain, client)
            anchor = mint_anchor(chain.caip2, [CLOCK], await client.read_accounts([CLOCK]))
            head = Head(anchor=anchor, parent_hash=b"", base_fee_wei=0)
            return await reader.read(head, [AccountId.parse(self.member)])

    def mandates(self) -> dict[MandateKind, Mandate]:
        """Give what the daemon sees of the wallet's mandates."""
        return {found.kind: found for fund in self.read().funds for found in fund.mandates}

    def open_second(self) -> Pubkey:
        """Give the wallet another obligation, at an address of no convention."""
        place, setup, wallet = Keypair(), self.made.setup, self.key.pubkey()
        rent = self.actors.rpc.request("getMinimumBalanceForRentExemption", OBLIGATION_BYTES)
        create = create_account(
            CreateAccountParams(
                from_pubkey=wallet,
                to_pubkey=place.pubkey(),
                lamports=rent,
                space=OBLIGATION_BYTES,
                owner=setup.program,
            )
        )
        made = setup.init_obligation(place.pubkey(), wallet)
        Sender(self.actors.rpc, self.key).send([create, made], place)
        return place.pubkey()


@pytest.fixture
def stage(plimsoll: Run, shared_devnet: Folder, tmp_path: Path) -> Iterator[Stage]:
    """A new wallet that owes 100 USDC against 10 SOL, in an account of its own."""
    state = shared_devnet.read_state()
    assert state.solana is not None
    actors = Actors.open(state.solana, shared_devnet)
    key, path = actors.make_wallet(), tmp_path / "accounts.toml"
    actors.open_position(key, deposits={"SOL": 10 * SOL}, borrows={"USDC": 100 * USDC})
    made = Stage(plimsoll, shared_devnet, actors, key, path, shared_devnet.path / "run.toml")
    path.write_text(ACCOUNTS.format(member=made.member, evm=EVM_MEMBER), encoding="utf-8")
    yield made
    actors.rpc.close()


def test_what_an_owner_signs_is_what_the_daemon_sees(stage: Stage) -> None:
    assert stage.mandates() == {}
    for kind in MandateKind:
        given = stage.show("give", stage.member, "USDC", *LIMITS, "--kind", kind)
        assert (given["chain"], given["from"]) == (str(stage.made.chain), stage.member)
        assert given["warnings"] == []
        stage.sign(given)
    # The second mandate found the allowance of the first, so it needed no approval.
    assert len(given["steps"]) == 1
    seen = stage.mandates()
    assert set(seen) == set(MandateKind)
    assert {found.contract.address for found in seen.values()} == {stage.made.rescue}
    assert seen[MandateKind.NATIVE].target == 12 * WAD // 10
    assert seen[MandateKind.UNIFIED].verifier == stage.made.committee
    assert {found.available for found in seen.values()} == {100 * USDC}
    for command in ("pause", "resume"):
        stage.sign(stage.show(command, stage.member))
        paused = {found.available == 0 for found in stage.mandates().values()}
        assert paused == {command == "pause"}
    for left, kind in enumerate(reversed(MandateKind)):
        ended = stage.show("revoke", stage.member, "USDC", "--kind", kind)
        # The other still needs the allowance, until it ends as well.
        assert len(ended["steps"]) == 1 + left
        assert len(ended["warnings"]) == 1 - left
        stage.sign(ended)
    assert stage.mandates() == {}
    refused = stage.run("revoke", stage.member, "USDC")
    assert refused.err == (
        "plimsoll: MEMBER: has given no native mandate for this token and market\n"
    )


def test_people_read_what_a_wallet_is_told(stage: Stage) -> None:
    printed = stage.run("give", stage.member, "WETH", *LIMITS)
    lines = printed.out.splitlines()
    assert lines[0] == (
        f"on solana ({stage.made.chain}), from {stage.key.pubkey()}, in one transaction:"
    )
    assert [line[:3] for line in lines if line[:1].isdigit()] == ["1. ", "2. ", "3. "]
    assert f"   account {stage.key.pubkey()} signer writable" in lines
    obligation = stage.actors.obligation_of(stage.key.pubkey())
    assert (
        f"warning: obligation {obligation} owes no WETH now: the mandate waits until it does"
    ) in lines
    assert lines[-2].startswith("to sign and send within a minute (last at block height ")
    assert base64.b64decode(lines[-1], validate=True)


def test_of_several_obligations_one_is_named(stage: Stage) -> None:
    first, second = stage.actors.obligation_of(stage.key.pubkey()), stage.open_second()
    line = ("give", stage.member, "USDC", *LIMITS)
    named = ", ".join(sorted((str(first), str(second))))
    assert stage.run(*line).err == (
        f"plimsoll: --obligation: there are 2 obligations in this market; name one of {named}\n"
    )
    for obligation in (first, second):
        stage.sign(stage.show(*line, "--obligation", obligation))
    refused = stage.run("revoke", stage.member, "USDC")
    assert refused.err == (
        f"plimsoll: --obligation: there are 2 mandates in this market; name one of {named}\n"
    )
    stage.sign(stage.show("revoke", stage.member, "USDC", "--obligation", second))
    stage.sign(stage.show("revoke", stage.member, "USDC"))
    assert stage.mandates() == {}


def test_a_node_without_scans_leaves_the_obligation_to_be_named(stage: Stage) -> None:
    line = ("give", stage.member, "USDC", *LIMITS)
    stage.actors.rpc.request("node_setFaults", {"scans_refused": True})
    try:
        refused = stage.run(*line)
        obligation = stage.actors.obligation_of(stage.key.pubkey())
        given = stage.show(*line, "--obligation", obligation)
    finally:
        stage.actors.rpc.request("node_setFaults", {"scans_refused": False})
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert refused.err.startswith("plimsoll: chains.solana: his obligations cannot be searched for")
    assert refused.err.endswith("name one with --obligation\n")
    stage.sign(given)


def test_instructions_alone_need_no_blockhash_and_a_pause_no_chain(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    dead = f'[chains.solana]\nrpc = ["http://127.0.0.1:{port}"]\n'
    shown = stage.show("pause", stage.member, "--no-blockhash", over=dead)
    assert shown["transaction"] is None
    (step,) = shown["steps"]
    assert (step["program"], step["data"]) == (stage.made.rescue, "0201")
    flags = [(account["signer"], account["writable"]) for account in step["accounts"]]
    assert flags == [(True, True), (False, True), (False, False)]
    refused = stage.run("pause", stage.member, over=dead)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert refused.err.startswith("plimsoll: chains.solana: ")


def test_the_operator_makes_a_committee_once(stage: Stage) -> None:
    line = ("committee", "--max-ttl-s", "77", "--payer", stage.key.pubkey())
    made = stage.show(*line)
    assert made["committee"] != stage.made.committee
    assert made["from"] == stage.member
    stage.sign(made)
    again = stage.show(*line)
    assert (again["steps"], again["transaction"]) == ([], None)
    printed = stage.run(*line).out
    assert "nothing to sign" in printed
    assert (
        f"committee {made['committee']} is there already; write it under"
        f" chains.solana.programs.committee instead of {stage.made.committee}"
    ) in printed
    over = f'[chains.solana.programs]\ncommittee = "{made["committee"]}"\n'
    unified = ("give", stage.member, "USDC", *LIMITS, "--kind", "unified")
    stage.sign(stage.show(*unified, over=over))
    assert stage.mandates()[MandateKind.UNIFIED].verifier == made["committee"]


def test_bad_input_is_one_line_that_names_the_field(stage: Stage) -> None:
    member, stranger = stage.member, f"{stage.made.chain}:{NOBODY}"
    programs = "[chains.solana.programs]\n"
    unified = ("--kind", "unified")
    unified_only = UNIFIED_ONLY.format(member=member)
    alone = NOT_INDEBTED.format(member=stranger)
    other = stage.actors.make_wallet()
    stage.actors.open_position(other, deposits={"SOL": SOL}, borrows={})
    others = stage.actors.obligation_of(other.pubkey())
    klend = KLEND.format(key=NOBODY)
    for line, over, said in (
        (("give", stranger, "USDC", *LIMITS), "", "MEMBER: "),
        (("give", stranger, "USDC", *LIMITS), alone, "MEMBER: has no obligation in market "),
        (("give", member, "DOGE", *LIMITS), "", "SYMBOL: 'DOGE' is no token of chains.solana"),
        (("give", member, "USDC", "--per-action", "1e3", "--per-day", "2"), "", "--per-action: "),
        (("give", member, "USDC", "--per-action", "3", "--per-day", "2"), "", "per_day: "),
        (("give", member, "USDC", "--per-action", "0", "--per-day", "2"), "", "per_action: "),
        (("give", member, "USDC", *LIMITS, "--market", "7"), "", "--market: "),
        (("give", member, "USDC", *LIMITS), klend, "--market: chains.solana.markets[0] is klend"),
        (("give", member, "USDC", *LIMITS, "--keeper", "0x12"), "", "--keeper: "),
        (("give", member, "USDC", *LIMITS, "--instrument", "supply"), "", "--instrument: "),
        (("give", member, "USDC", *LIMITS, "--refund-cap", "1"), "", "--refund-cap: "),
        (("give", member, "USDC", *LIMITS, "--max-loss-bps", "1"), "", "--max-loss-bps: "),
        (("give", member, "USDC", *LIMITS, "--obligation", "0x12"), "", "--obligation: "),
        (("give", member, "USDC", *LIMITS, "--obligation", NOBODY), "", "--obligation: "),
        (("give", member, "USDC", *LIMITS, "--obligation", others), "", "--obligation: "),
        (("give", member, "USDC", *LIMITS), unified_only, "accounts alice: its policy has no"),
        (
            ("give", member, "USDC", *LIMITS, *unified),
            f'{programs}committee = "{NOBODY}"\n',
            f"chains.solana.programs.committee: committee {NOBODY} does not exist; make it,",
        ),
        (
            ("give", member, "USDC", *LIMITS, *unified),
            'deployment = "another"\n',
            "chains.solana.programs.committee: is not of deployment 'another'",
        ),
        (("give", EVM_MEMBER, "USDC", *LIMITS, "--obligation", NOBODY), "", "--obligation: "),
        (("revoke", EVM_MEMBER, "USDC", "--obligation", NOBODY), "", "--obligation: "),
        (("pause", EVM_MEMBER, "--no-blockhash"), "", "--no-blockhash: "),
        (("committee", "--chain", "cheap"), "", "--chain: "),
        (("committee", "--member", "0x12"), "", "--member: "),
        (("committee", "--threshold", "2"), "", "threshold: "),
        (("committee", "--payer", "0x12"), "", "--payer: "),
    ):
        refused = stage.run(*line, over=over)
        assert (refused.code, refused.err.count("\n")) == (2, 1), refused.err
        assert refused.err.startswith(f"plimsoll: {said}"), refused.err


def test_what_the_configuration_lacks_is_named(stage: Stage) -> None:
    text = stage.run_file.read_text(encoding="utf-8")
    stage.run_file = stage.path.with_name("run.toml")
    given = ("give", stage.member, "USDC", *LIMITS)
    for lost, line, said in (
        ("rescue", ("pause", stage.member), "chains.solana.programs.rescue: is not set"),
        ("committee", (*given, "--kind", "unified"), "chains.solana.programs.committee: is not"),
        ("solana_keypair", given, "--keeper: write an address; there is no solana_keypair"),
        ("keystore", ("committee",), "--member: write who attests; there is no key"),
    ):
        spoilt = re.sub(rf"(?m)^{lost} = .*\n", "", text)
        stage.run_file.write_text(spoilt, encoding="utf-8")
        refused = stage.run(*line)
        assert (refused.code, refused.err.count("\n")) == (2, 1), refused.err
        assert refused.err.startswith(f"plimsoll: {said}"), refused.err
