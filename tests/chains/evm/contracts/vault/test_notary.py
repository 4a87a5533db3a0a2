"""notary.vy: which statements count on a chain, from whom, since when, and with which proofs."""

from typing import Any, Final

import pytest
from eth_hash.auto import keccak

from chains.model.ids import Address
from daemon.devnet.own import deploy_verifier
from daemon.devnet.vaults import compile_vault
from proofs.committee import Committee
from proofs.contract import describe_members, describe_terms
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.typed import domain_separator
from proofs.vaults import DOMAIN_NAME
from tests.support.rescue import compile_helper, refused
from tests.support.vaults import (
    DEPLOYMENT,
    MEMBERS,
    OWNER,
    STRANGER,
    TERMS,
    Ground,
    VaultChain,
    found_committee,
    sign,
)

pytestmark = pytest.mark.net
KEY: Final = bytes(keccak(b"some fact"))
CHECK: Final = "check_fact(uint64,bool,bytes32,uint256,uint64,uint256,bytes,bytes)"
ROTATE: Final = (
    "rotate((uint64,uint32,uint64,uint64,bytes32),(address,bytes32,bytes32)[],uint8,uint256,bytes)"
)
SECOND: Final = tuple(
    sorted(
        (Secp256k1Signer(bytes(keccak(b"second %d" % n))) for n in range(4)),
        key=lambda signer: int(signer.address, 16),
    )
)
_LOSS: Final = bytes(keccak(b"VaultChainLost(bytes32 committeeId,uint64 chainId,uint64 issuedAt)"))


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def digest_fact(
    committee: bytes, chain: int, source: Address, value: int, height: int = 5
) -> bytes:
    kind = keccak(
        b"VaultFact(bytes32 committeeId,uint64 chainId,address source,bytes32 key,"
        b"uint256 value,uint64 height)"
    )
    words = (committee, word(chain), word(int(source, 16)), KEY, word(value), word(height))
    return join(bytes(keccak(kind + b"".join(words))))


def join(struct_hash: bytes) -> bytes:
    return bytes(keccak(b"\x19\x01" + domain_separator(TERMS.salt, DOMAIN_NAME) + struct_hash))


def sign_by(signers: tuple[Secp256k1Signer, ...], digest: bytes) -> tuple[int, bytes]:
    return 0b111, b"".join(signer.sign(digest) for signer in signers[:3])


def check(
    here: VaultChain,
    chain: int,
    source: Address,
    *,
    by: tuple[Secp256k1Signer, ...] = MEMBERS,
    committee: Committee | None = None,
    of_seizure: bool = False,
    storage_proof: bytes = b"",
    value: int = 7,
    height: int = 5,
) -> bool:
    digest = digest_fact((committee or found_committee()).id, chain, source, value, height)
    arguments = (chain, of_seizure, KEY, value, height, *sign_by(by, digest), storage_proof)
    return bool(here.do(here.notary, CHECK, *arguments))


def rotate(here: VaultChain, *, delay: int = 1) -> Committee:
    first = found_committee()
    members = [signer.address for signer in SECOND]
    second = first.build_next(members, 3, valid_from=here.now + delay)
    bitmap, proof = sign(second.digest(TERMS.salt))
    listed = describe_members(second)
    here.do(here.verifier, ROTATE, describe_terms(second), listed, 1, bitmap, proof)
    return second


def as_owner(here: VaultChain, signature: str, *args: object) -> None:
    here.do(here.notary, signature, *args, sender=here.ledger.timelock)


def test_a_fact_of_the_peers_vault_or_seizure_is_accepted(vaults: Ground) -> None:
    a, b = vaults.chains
    assert check(a, b.number, b.vault)
    assert check(a, b.number, b.seizure, of_seizure=True)


def test_a_fact_of_anything_else_is_refused(vaults: Ground) -> None:
    a, b = vaults.chains
    assert refused(check, a, b.number, b.seizure) == "signer"
    assert refused(check, a, b.number, b.vault, of_seizure=True) == "signer"
    assert refused(check, a, a.number, a.vault) == "peer"
    assert refused(check, a, 99, b.vault) == "peer"
    assert refused(check, a, b.number, b.vault, by=SECOND) == "signer"


def test_a_successor_counts_after_the_delay_and_not_before(vaults: Ground) -> None:
    a, b = vaults.chains
    second = rotate(a)
    a.advance(5)
    a.do(a.notary, "note_committee()", sender=STRANGER)
    assert refused(check, a, b.number, b.vault, by=SECOND, committee=second) == "signer"
    assert check(a, b.number, b.vault)
    a.advance(TERMS.rotation_delay_s)
    assert check(a, b.number, b.vault, by=SECOND, committee=second)
    assert refused(check, a, b.number, b.vault) == "signer"
    a.do(a.notary, "note_committee()", sender=STRANGER)
    assert a.ask(a.notary, "committee()", returns="(bytes32)") == second.id


def test_a_rotation_that_nobody_noted_does_not_count(vaults: Ground) -> None:
    a, b = vaults.chains
    second = rotate(a)
    a.advance(10 * TERMS.rotation_delay_s)
    assert check(a, b.number, b.vault)
    assert refused(check, a, b.number, b.vault, by=SECOND, committee=second) == "signer"


def test_noting_again_does_not_delay_a_successor(vaults: Ground) -> None:
    a = vaults.a
    rotate(a)
    a.do(a.notary, "note_committee()")
    first = int(a.ask(a.notary, "coming_at()"))
    a.advance(TERMS.rotation_delay_s // 2)
    a.do(a.notary, "note_committee()")
    assert int(a.ask(a.notary, "coming_at()")) == first


def test_another_verifier_waits_for_its_own_delay(vaults: Ground) -> None:
    a, b = vaults.chains
    committee = Committee.first(DEPLOYMENT, [s.address for s in SECOND], 3)
    other = deploy_verifier(a.chain, deployment=DEPLOYMENT, committee=committee)
    propose = "propose_verifier(address)"
    assert refused(a.do, a.notary, propose, other, sender=STRANGER) == "owner"
    as_owner(a, propose, other)
    assert refused(a.do, a.notary, "take_verifier()") == "verifier"
    a.advance(TERMS.successor_delay_s)
    a.do(a.notary, "take_verifier()", sender=STRANGER)
    assert check(a, b.number, b.vault, by=SECOND, committee=committee)
    assert refused(check, a, b.number, b.vault) == "signer"


def test_a_withdrawn_verifier_is_not_taken(vaults: Ground) -> None:
    a = vaults.a
    as_owner(a, "propose_verifier(address)", a.verifier)
    as_owner(a, "propose_verifier(address)", "0x" + "00" * 20)
    a.advance(TERMS.successor_delay_s)
    assert refused(a.do, a.notary, "take_verifier()") == "verifier"


def announce(here: VaultChain, chain: int, issued_at: int) -> None:
    struct = keccak(_LOSS + found_committee().id + word(chain) + word(issued_at))
    bitmap, proof = sign(join(bytes(struct)))
    signature = "announce_lost(uint64,uint64,uint256,bytes)"
    here.do(here.notary, signature, chain, issued_at, bitmap, proof, sender=STRANGER)


def test_a_lost_chain_is_announced_and_may_be_taken_back(vaults: Ground) -> None:
    a, b = vaults.chains
    issued = a.now
    lost = "is_lost(uint64)"
    announce(a, b.number, issued)
    assert not a.ask(a.notary, lost, b.number, returns="(bool)")
    a.advance(TERMS.lost_delay_s)
    assert a.ask(a.notary, lost, b.number, returns="(bool)")
    assert refused(announce, a, b.number, issued) == "issued"
    assert refused(announce, a, b.number, a.now + 1_000) == "future"
    as_owner(a, "withdraw_loss(uint64)", b.number)
    assert not a.ask(a.notary, lost, b.number, returns="(bool)")
    assert refused(announce, a, b.number, issued + 1) == "issued"


def test_where_an_anchor_is_a_storage_proof_is_demanded(vaults: Ground) -> None:
    a, b = vaults.chains
    anchor = a.chain.deploy(compile_helper("fixed_anchor"))
    prover = a.chain.deploy(compile_vault("prover"))
    box = b.chain.deploy(compile_helper("facts_box"))
    arguments = (TERMS.salt, a.verifier, prover, 60, 60, 60)
    notary = a.chain.deploy(compile_vault("notary"), *arguments)
    seal = "seal(address,address,address,(uint64,address,address)[])"
    peers = [(b.number, box, box)]
    a.do(notary, seal, OWNER, a.vault, a.seizure, peers, sender=a.chain.owner.sender)
    a.do(notary, "set_anchor(uint64,address)", b.number, anchor)
    here = _with_notary(a, notary)
    b.do(box, "set(bytes32[],uint256)", [KEY], 7)
    height, root, proof = prove(b, box)
    named: dict[str, Any] = {"height": height, "storage_proof": proof}
    assert refused(check, here, b.number, box, **named) == "anchor"
    a.do(anchor, "tell(uint64,bytes32)", height, root)
    assert check(here, b.number, box, **named)
    assert refused(check, here, b.number, box, value=8, **named) == "fact"
    assert refused(check, here, b.number, box, height=height) == "proof"


def prove(there: VaultChain, contract: Address) -> tuple[int, bytes, bytes]:
    """Give height, state root and the proof of the fact in a chain's newest block."""
    rpc = there.chain.rpc
    block = rpc.request("eth_getBlockByNumber", *("latest", False))
    slot = "0x" + bytes(keccak(bytes(32) + KEY)).hex()
    found = rpc.request("eth_getProof", contract, [slot], block["number"])
    nodes = [*found["accountProof"], *found["storageProof"][0]["proof"]]
    joined = b"".join(bytes.fromhex(node[2:]) for node in nodes)
    return int(block["number"], 16), bytes.fromhex(block["stateRoot"][2:]), joined


def _with_notary(place: VaultChain, notary: Address) -> VaultChain:
    return VaultChain(
        chain=place.chain,
        ledger=place.ledger,
        notary=notary,
        seizure=place.seizure,
        judge=place.judge,
        verifier=place.verifier,
    )
