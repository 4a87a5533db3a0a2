"""anchor.vy takes layer 1's state roots from real headers and the node's own history, no others."""

from dataclasses import replace
from typing import Any, Final

import pytest
import rlp
from eth_hash.auto import keccak

from chains.evm.vault_anchor import L1_BLOCK, WINDOW
from chains.model.ids import Address
from daemon.devnet.deploy import Reverted
from daemon.devnet.deployment import ZERO
from daemon.devnet.vaults import compile_vault
from proofs.vaults import FactKind
from tests.support.anchoring import (
    LATEST,
    OLDER,
    anchored_root,
    bring_latest,
    bring_older,
    header_of,
    prove_older,
    prove_word,
    put_anchor,
    root_of,
    set_anchor,
    tell_latest,
)
from tests.support.rescue import refused
from tests.support.vaults import WETH, Ground, VaultChain, line_key

pytestmark = pytest.mark.net
EIP_170: Final = 24_576
NOTHING: Final = bytes(32)
UNITS: Final = 10**18
STRIDE: Final = 37


@pytest.fixture
def anchor(vaults: Ground) -> Address:
    return put_anchor(vaults.a)


def mine(place: VaultChain, blocks: int) -> None:
    for _ in range(blocks):
        place.chain.mine()


def test_the_newest_block_is_taken_by_its_header(vaults: Ground, anchor: Address) -> None:
    a, b = vaults.chains
    height = bring_latest(a, b, anchor)
    assert anchored_root(a, anchor, height) == root_of(b, height)
    assert a.ask(anchor, "newest()", returns="(uint64)") == height
    assert anchored_root(a, anchor, height - 1) == NOTHING


def test_an_older_block_is_taken_by_its_header_and_a_proof_of_its_hash(
    vaults: Ground, anchor: Address
) -> None:
    a, b = vaults.chains
    mine(b, 5)
    known = bring_latest(a, b, anchor)
    for start, height in ((known, known - 1), (known, known - 5), (known - 5, known - 9)):
        bring_older(a, b, anchor, start, height)
        assert anchored_root(a, anchor, height) == root_of(b, height)
    bring_older(a, b, anchor, known, known - 9)
    assert a.ask(anchor, "newest()", returns="(uint64)") == known


def test_another_blocks_header_is_refused_as_the_newest(vaults: Ground, anchor: Address) -> None:
    a, b = vaults.chains
    height = tell_latest(a, b)
    assert refused(a.do, anchor, LATEST, header_of(b, height - 1)) == "hash"
    assert refused(a.do, anchor, LATEST, header_of(a)) == "hash"
    assert refused(a.do, anchor, LATEST, b"") == "hash"
    told = bytes(keccak(header_of(b, height - 1)))
    a.do(L1_BLOCK, "tell(uint64,bytes32)", height, told)
    assert refused(a.do, anchor, LATEST, header_of(b, height - 1)) == "number"


def test_a_header_changed_in_one_byte_or_cut_is_refused(vaults: Ground, anchor: Address) -> None:
    a, b = vaults.chains
    known = bring_latest(a, b, anchor)
    header, proof = header_of(b, known - 1), prove_older(b, known, known - 1)
    for place in (*range(0, len(header), STRIDE), len(header) - 1):
        changed = header[:place] + bytes([header[place] ^ 1]) + header[place + 1 :]
        for bad in (changed, header[:place], header + header[: place + 1]):
            with pytest.raises(Reverted):
                a.do(anchor, OLDER, known, bad, proof)
    assert anchored_root(a, anchor, known - 1) == NOTHING
    a.do(anchor, OLDER, known, header, proof)
    assert anchored_root(a, anchor, known - 1) == root_of(b, known - 1)


def test_an_older_block_is_refused_with_a_proof_of_another(vaults: Ground, anchor: Address) -> None:
    a, b = vaults.chains
    known = bring_latest(a, b, anchor)
    header, proof = header_of(b, known - 2), prove_older(b, known, known - 2)
    assert refused(a.do, anchor, OLDER, known, header, prove_older(b, known, known - 3)) == "proof"
    assert refused(a.do, anchor, OLDER, known, header, b"") == "proof"
    assert refused(a.do, anchor, OLDER, known, header, proof[:-1]) == "proof"
    assert refused(a.do, anchor, OLDER, known, header, proof + b"\0") == "proof"
    assert refused(a.do, anchor, OLDER, known - 1, header, proof) == "root"
    assert refused(a.do, anchor, OLDER, known, header_of(b, known), proof) == "window"
    assert refused(a.do, anchor, OLDER, known, header_of(a, known - 2), proof) == "hash"


def build_header(b: VaultChain, **fields: object) -> bytes:
    """Give a header that says something else, as good a list as the true one."""
    items = rlp.decode(header_of(b))
    for name, value in fields.items():
        items[int(name.removeprefix("at"))] = value
    return bytes(rlp.encode(items))


@pytest.mark.parametrize(
    "fields",
    [
        {"at3": b"\1" * 31},
        {"at3": b"\1" * 33},
        {"at2": b"\1" * 21},
        {"at6": b"\1" * 255},
        {"at8": b"\0\1"},
        {"at8": b"\1" * 9},
        {"at3": [b"\1" * 31]},
    ],
)
def test_a_header_of_another_shape_is_refused_even_with_its_hash(
    vaults: Ground, anchor: Address, fields: dict[str, Any]
) -> None:
    a, b = vaults.chains
    odd = build_header(b, **fields)
    a.do(L1_BLOCK, "tell(uint64,bytes32)", b.height, bytes(keccak(odd)))
    assert refused(a.do, anchor, LATEST, odd) == "proof"


def test_a_forged_header_in_the_future_or_too_far_back_is_refused(
    vaults: Ground, anchor: Address
) -> None:
    a, b = vaults.chains
    known = bring_latest(a, b, anchor)
    proof = prove_older(b, known, known - 1)
    for number in (known + 1, known + WINDOW - 1):
        forged = build_header(b, at8=number.to_bytes(4, "big").lstrip(b"\0"))
        assert refused(a.do, anchor, OLDER, known, forged, proof) == "window"
    forged = build_header(b, at3=b"\1" * 32, at8=(known - 1).to_bytes(4, "big").lstrip(b"\0"))
    assert refused(a.do, anchor, OLDER, known, forged, proof) == "hash"


def test_a_lying_quorum_is_refused_where_the_chain_knows_better(
    vaults: Ground, anchor: Address
) -> None:
    a, b = vaults.chains
    account = b.open()
    b.deposit(account, WETH, 2 * UNITS)
    b.raise_line(account, a, WETH, UNITS)
    set_anchor(a, b, anchor)
    key = line_key(FactKind.RAISED, account, b, a, WETH)
    slot = int.from_bytes(keccak(bytes(32) + key.hash), "big")
    honest = b.witness(key)
    proof = prove_word(b, b.vault, slot, honest.height)
    proved = replace(honest, storage_proof=proof)
    assert refused(a.take_raised, account, b, WETH, UNITS, proved) == "anchor"
    b.chain.mine()
    bring_older(a, b, anchor, bring_latest(a, b, anchor), honest.height)
    assert refused(a.take_raised, account, b, WETH, UNITS, honest) == "proof"
    wrong = replace(honest, storage_proof=prove_word(b, b.vault, slot + 1, honest.height))
    assert refused(a.take_raised, account, b, WETH, UNITS, wrong) == "proof"
    lie = replace(b.witness(key, word=2 * UNITS, height=honest.height), storage_proof=proof)
    assert refused(a.take_raised, account, b, WETH, 2 * UNITS, lie) == "fact"
    a.take_raised(account, b, WETH, UNITS, proved)
    assert a.line_in(account, b, WETH) == UNITS


def test_an_anchor_is_far_below_the_limit_and_needs_a_prover(vaults: Ground) -> None:
    a = vaults.a
    anchor = put_anchor(a)
    code = a.chain.rpc.request("eth_getCode", anchor, "latest")
    assert len(code) // 2 < EIP_170 // 4
    with pytest.raises(Reverted):
        a.chain.deploy(compile_vault("anchor"), ZERO)
