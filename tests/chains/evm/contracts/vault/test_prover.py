"""prover.vy reads what a real node proves, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chains.model.ids import Address, parse_address
from daemon.devnet.anvil import Anvil
from daemon.devnet.deploy import Deployer
from daemon.devnet.rpc import RpcFailure
from daemon.devnet.vyper_build import VAULTS, compile_vyper
from proofs.evidence.flaws import EvidenceRefused
from proofs.evidence.state import ProvedState, Slot
from tests.support.nodes import GWEI, running_anvil
from tests.support.rescue import compile_helper

pytestmark = pytest.mark.net
KEYS: Final = [bytes(keccak(b"fact %d" % number)) for number in range(200)]
WORD: Final = 2**255 + 77
SMALL: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A node's proof of one word: the account's nodes and the word's."""

    root: bytes
    contract: Address
    slot: bytes
    nodes: tuple[bytes, ...]

    @property
    def proof(self) -> bytes:
        return b"".join(self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A node with a prover and contracts that hold facts."""

    anvil: Anvil
    deployer: Deployer
    prover: Address
    box: Address
    bare: Address

    def prove(self, contract: Address, slot: bytes) -> Proved:
        """Ask the node for a proof of its newest block."""
        rpc = self.anvil.rpc
        block = rpc.request("eth_getBlockByNumber", *("latest", False))
        found = rpc.request("eth_getProof", contract, ["0x" + slot.hex()], block["number"])
        nodes = [*found["accountProof"], *found["storageProof"][0]["proof"]]
        return Proved(
            root=bytes.fromhex(block["stateRoot"][2:]),
            contract=contract,
            slot=slot,
            # An empty trie has no node; some nodes write its encoding all the same.
            nodes=tuple(bytes.fromhex(node[2:]) for node in nodes if node != "0x80"),
        )

    def read(self, proved: Proved, proof: bytes | None = None) -> int:
        """Let the contract read."""
        arguments = (proved.root, proved.contract, proved.slot)
        (word,) = self.deployer.call(
            self.prover,
            "read_word(bytes32,address,bytes32,bytes)",
            *(*arguments, proved.proof if proof is None else proof),
            returns="(uint256)",
        )
        return int(word)

    def refuses(self, proved: Proved, proof: bytes) -> bool:
        """Say whether the contract refuses with its one reason."""
        try:
            self.read(proved, proof)
        except RpcFailure as failure:
            return str(failure).startswith("eth_call: execution reverted")
        return False


def slot_of(key: bytes) -> bytes:
    return bytes(keccak(bytes(32) + key))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with running_anvil(automine=True) as anvil:
        deployer = Deployer(anvil.rpc, parse_address(anvil.rpc.request("eth_accounts")[0]))
        prover = deployer.deploy(compile_vyper(VAULTS / "prover.vy"))
        box = deployer.deploy(compile_helper("facts_box"))
        bare = deployer.deploy(compile_helper("facts_box"))
        deployer.send(box, "set(bytes32[],uint256)", KEYS, WORD)
        deployer.send(box, "set(bytes32[],uint256)", KEYS[:50], SMALL)
        for number in range(40):
            anvil.rpc.request("anvil_setBalance", f"0x{number + 99:040x}", "0x1")
        anvil.mine(GWEI, 1)
        yield Stage(anvil=anvil, deployer=deployer, prover=prover, box=box, bare=bare)


def test_words_are_read_as_the_node_proves_them(stage: Stage) -> None:
    for key in KEYS[::20]:
        proved = stage.prove(stage.box, slot_of(key))
        expected = SMALL if key in KEYS[:50] else WORD
        assert stage.read(proved) == expected


def test_what_is_not_there_is_proved_to_be_zero(stage: Stage) -> None:
    nowhere = Address("0x" + "ee" * 20)
    for contract, slot in (
        (stage.box, slot_of(b"\1" * 32)),
        (stage.box, bytes(32)),
        (stage.bare, slot_of(KEYS[0])),
        (nowhere, slot_of(KEYS[0])),
    ):
        assert stage.read(stage.prove(contract, slot)) == 0


def test_a_proof_of_another_word_contract_or_state_is_refused(stage: Stage) -> None:
    one, other = (stage.prove(stage.box, slot_of(key)) for key in (KEYS[0], KEYS[-1]))
    assert stage.refuses(one, other.proof)
    bare = stage.prove(stage.bare, one.slot)
    assert stage.refuses(one, bare.proof)
    assert stage.refuses(
        Proved(root=bytes(32), contract=one.contract, slot=one.slot, nodes=()), b""
    )
    moved = Proved(root=b"\1" * 32, contract=one.contract, slot=one.slot, nodes=one.nodes)
    assert stage.refuses(moved, one.proof)


def test_no_node_may_be_cut_left_out_repeated_or_added(stage: Stage) -> None:
    proved = stage.prove(stage.box, slot_of(KEYS[0]))
    nodes = proved.nodes
    assert len(nodes) > 3
    for place in range(len(nodes)):
        assert stage.refuses(proved, b"".join((*nodes[:place], *nodes[place + 1 :])))
        assert stage.refuses(proved, b"".join((*nodes[:place], nodes[place], *nodes[place:])))
    for size in (1, 31, 32, 33, 500):
        assert stage.refuses(proved, proved.proof[:-size])
    assert stage.refuses(proved, proved.proof + b"\x80")
    assert stage.refuses(proved, b"")


@given(data=st.data())
def test_no_changed_byte_is_believed(stage: Stage, data: st.DataObject) -> None:
    proved = stage.prove(stage.box, slot_of(KEYS[data.draw(st.integers(0, 199))]))
    place = data.draw(st.integers(0, len(proved.proof) - 1))
    changed = bytearray(proved.proof)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert stage.refuses(proved, bytes(changed))


@given(data=st.data())
def test_it_agrees_with_our_own_verifier_on_nodes_that_nobody_hashed(
    stage: Stage, data: st.DataObject
) -> None:
    """A state root over any bytes: a one-node trie whose node is drawn, well formed or not."""
    key = bytes(keccak(bytes.fromhex(stage.box[2:])))
    node = data.draw(st.one_of(st.binary(max_size=120), _leaves(key), _branches()))
    root = bytes(keccak(node))
    proved = Proved(root=root, contract=stage.box, slot=bytes(32), nodes=(node,))
    try:
        expected: int | None = ProvedState(root, nodes=[node]).word(Slot(stage.box, 0))
    except EvidenceRefused:
        expected = None
    if expected is None:
        assert stage.refuses(proved, node)
    else:
        assert stage.read(proved) == expected


def _item(data: bytes) -> bytes:
    if len(data) == 1 and data[0] < 128:
        return data
    return (bytes([128 + len(data)]) if len(data) < 56 else bytes([184, len(data)])) + data


def _list(*items: bytes) -> bytes:
    body = b"".join(items)
    size = len(body)
    if size < 56:
        return bytes([192 + size]) + body
    return (bytes([248, size]) if size < 256 else bytes([249, size >> 8, size & 255])) + body


def _leaves(key: bytes) -> st.SearchStrategy[bytes]:
    empty = bytes(keccak(b"\x80"))
    account = _list(b"\x01", b"\x80", _item(empty), _item(empty))
    paths = st.sampled_from([b"\x20" + key, b"\x20" + key[::-1], b"\x21" + key, b"\x00" + key, b""])
    values = st.sampled_from([account, b"", _list(b"\x01"), _list(*[b"\x80"] * 4), b"\x05"])
    return st.builds(lambda path, value: _list(_item(path), _item(value)), paths, values)


def _branches() -> st.SearchStrategy[bytes]:
    children = st.sampled_from([b"\x80", _item(b"\7" * 32), b"\x05", _list(b"\x20", b"\x01")])
    lists = st.lists(children, min_size=15, max_size=18)
    return st.builds(lambda items: _list(*items), lists)


def test_reading_costs_what_the_page_says(stage: Stage) -> None:
    proved = stage.prove(stage.box, slot_of(KEYS[0]))
    signature = "read_word(bytes32,address,bytes32,bytes)"
    arguments: tuple[Any, ...] = (proved.root, proved.contract, proved.slot, proved.proof)
    receipt = stage.deployer.send(stage.prover, signature, *arguments)
    assert int(receipt["gasUsed"], 16) < 300_000
