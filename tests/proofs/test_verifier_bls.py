"""verifier.vy with BLS12-381: what is registered, what is a quorum, and why others are refused."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, G2Point

from chains.model.ids import Address
from proofs.bls.arkworks import Arkworks
from proofs.committee import Committee
from proofs.contract import Registration, build_registration, encode_key, encode_signature
from proofs.envelope import Envelope
from proofs.scheme import Scheme, Signatures
from proofs.signing.bls import ORDER, BlsSigner
from tests.proofs import keys
from tests.proofs.bls.points import stray_key, stray_signature, subtract_key
from tests.proofs.conftest import Chain, Verifier, describe
from tests.proofs.quorums import sign_envelope
from tests.support.nodes import running_anvil

pytestmark = pytest.mark.net

BLS: Final = Scheme.BLS12_381
COMMITTEE: Final = keys.committee(7, 5)
ATTACKER: Final = BlsSigner(b"\x11" * 32)
ALL: Final = tuple(range(7))


@pytest.fixture(scope="module")
def verifier(chain: Chain) -> Verifier:
    made = chain.deploy_for(COMMITTEE)
    made.register(COMMITTEE)
    return made


@pytest.fixture(scope="module")
def old_chain() -> Iterator[Chain]:
    with running_anvil(automine=True, hardfork="cancun") as anvil:
        yield Chain(anvil.rpc.url)


def signed(
    verifier: Verifier, indices: tuple[int, ...], scheme: Scheme = BLS, of: Committee = COMMITTEE
) -> Envelope:
    return sign_envelope(scheme, of, indices, now=verifier.time)


def digest_of(verifier: Verifier, envelope: Envelope) -> str:
    return "0x" + verifier.digest(envelope.header).hex()


def attempt(verifier: Verifier, registration: Registration) -> str:
    return verifier.attempt("register_key", *registration)


def with_key(key: bytes, proof: bytes) -> Committee:
    """Give a committee whose last member's record holds this key."""
    bls_keys, proofs = COMMITTEE.bls_keys[:6], COMMITTEE.bls_proofs[:6]
    return replace(COMMITTEE, bls_keys=(*bls_keys, key), bls_proofs=(*proofs, proof))


def words(point: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(point[i : i + 32], "big") for i in range(0, len(point), 32))


def padded(coordinates: bytes) -> bytes:
    return b"".join(
        coordinates[i : i + 48].rjust(64, b"\0") for i in range(0, len(coordinates), 48)
    )


def write_stray_key() -> bytes:
    return padded(G1Point.from_compressed_bytes_unchecked(stray_key()).to_xy_bytes_be())


def write_stray_signature() -> bytes:
    return padded(G2Point.from_compressed_bytes_unchecked(stray_signature()).to_xy_bytes_be())


@pytest.mark.parametrize(
    "indices", [(0, 1, 2, 3, 4), (2, 3, 4, 5, 6), (0, 2, 3, 4, 5, 6), ALL], ids=len
)
def test_any_quorum_is_accepted(verifier: Verifier, indices: tuple[int, ...]) -> None:
    made = signed(verifier, indices)
    assert verifier.check(made) == digest_of(verifier, made)


@pytest.mark.parametrize(("size", "threshold"), [(1, 1), (2, 2), (4, 3), (19, 13)])
def test_committees_of_every_size_sign(chain: Chain, size: int, threshold: int) -> None:
    committee = keys.committee(size, threshold)
    verifier = chain.deploy_for(committee)
    assert bytes(verifier.caller.committee_id()) == committee.id
    verifier.register(committee)
    made = signed(verifier, tuple(range(threshold)), of=committee)
    assert verifier.check(made) == digest_of(verifier, made)


def test_only_those_who_sign_need_registered_keys(chain: Chain) -> None:
    verifier = chain.deploy_for(COMMITTEE)
    for index in range(1, 7):
        verifier.send("register_key", *build_registration(COMMITTEE, index))
    assert verifier.caller.registered_keys(COMMITTEE.id) == 0b1111110
    for indices in ((1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6)):
        made = signed(verifier, indices)
        assert verifier.check(made) == digest_of(verifier, made)
    assert verifier.check(signed(verifier, (0, 1, 2, 3, 4))) == "unregistered"


def test_one_committee_signs_in_either_scheme(verifier: Verifier) -> None:
    made = signed(verifier, (0, 1, 2, 3, 4), Scheme.SECP256K1)
    assert verifier.check(made) == digest_of(verifier, made)
    assert verifier.verify(made) == verifier.digest(made.header)


@given(sequence=st.integers(0, 2**64 - 1), chosen=st.permutations(ALL))
def test_every_digest_is_hashed_to_the_point_that_was_signed(
    verifier: Verifier, sequence: int, chosen: list[int]
) -> None:
    made = keys.statement(
        COMMITTEE, sequence=sequence, issued_at=verifier.time, expires_at=verifier.time + 60
    )
    signatures = keys.sign(BLS, made.digest, sorted(chosen[:5]), 7)
    envelope = Envelope(header=made.header, committee_size=7, signatures=signatures, scheme=BLS)
    assert verifier.check(envelope) == "0x" + made.digest.hex()


@pytest.mark.parametrize("scheme", [0, 2, 4])
def test_another_scheme_is_refused(verifier: Verifier, scheme: int) -> None:
    _, *rest = describe(signed(verifier, ALL))
    nobody = "0x" + "00" * 20
    assert verifier.attempt("verify_scheme", scheme, *rest, nobody) == "scheme"


def test_a_sum_of_too_few_is_no_quorum(verifier: Verifier) -> None:
    assert verifier.check(signed(verifier, (0, 1, 2, 3))) == "quorum"


@pytest.mark.parametrize("scheme", [Scheme.SECP256K1, BLS])
def test_the_excluded_member_does_not_count(verifier: Verifier, scheme: Scheme) -> None:
    excluded = COMMITTEE.members[2]
    for others in ((0, 1, 3, 4, 5), (0, 1, 2, 3, 4, 5)):
        made = signed(verifier, others, scheme)
        assert verifier.check(made, excluded=excluded) == digest_of(verifier, made)
    with_it = signed(verifier, (0, 1, 2, 3, 4), scheme)
    assert verifier.check(with_it, excluded=excluded) == "excluded"
    stranger = Address("0x" + "0e" * 20)
    assert verifier.check(with_it, excluded=stranger) == digest_of(verifier, with_it)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((0, 1, 2, 3, 5), "signature"),
        ((0, 1, 2, 3, 4, 5), "signature"),
        ((0, 1, 2, 3, 4, 7), "bitmap"),
    ],
)
def test_the_bitmap_must_name_those_who_signed(
    verifier: Verifier, said: tuple[int, ...], reason: str
) -> None:
    made = signed(verifier, (0, 1, 2, 3, 4))
    joined = made.signatures[0][1]
    claimed: Signatures = tuple((index, joined) for index in said)
    assert verifier.check(replace(made, committee_size=8, signatures=claimed)) == reason


def test_a_sum_over_another_digest_is_refused(verifier: Verifier) -> None:
    made = signed(verifier, ALL)
    later = replace(made.header, sequence=made.header.sequence + 1)
    assert verifier.check(replace(made, header=later)) == "signature"


def test_a_bad_point_is_no_sum(verifier: Verifier) -> None:
    scheme, header, bitmap, proof = describe(signed(verifier, ALL))
    ask = partial(verifier.attempt, "verify_scheme", scheme, header, bitmap)
    nobody = "0x" + "00" * 20
    assert isinstance(proof, bytes)
    assert ask(bytes(256), nobody) == "infinity"
    assert ask(write_stray_signature(), nobody) == "point"
    assert ask(proof[:255] + bytes([proof[255] ^ 1]), nobody) == "point"
    assert ask(b"\x01" + proof[1:], nobody) == "point"
    assert ask(proof[:-1], nobody) == "proof length"
    assert ask(proof + b"\0", nobody) == "proof length"


def test_a_key_made_of_others_keys_cannot_be_registered(chain: Chain) -> None:
    victims = COMMITTEE.bls_keys[:4]
    rogue = ATTACKER.public
    for victim in victims:
        rogue = subtract_key(rogue, victim)
    committee = with_key(rogue, ATTACKER.prove_possession())
    verifier = chain.deploy_for(committee)
    for index in range(6):
        verifier.send("register_key", *build_registration(committee, index))
    assert attempt(verifier, build_registration(committee, 6)) == "possession"
    made = signed(verifier, (0, 1, 2, 3, 6), of=committee)
    digest = verifier.digest(made.header)
    forged = ATTACKER.sign(digest)
    assert Arkworks().verify_aggregate([*victims, rogue], digest, forged)
    claimed = tuple((index, forged) for index in (0, 1, 2, 3, 6))
    assert verifier.check(replace(made, signatures=claimed)) == "unregistered"


def test_a_proof_of_possession_is_of_the_key_and_under_its_own_tag(chain: Chain) -> None:
    signer = keys.members(7)[6].bls
    verifier = chain.deploy_for(COMMITTEE)
    good = build_registration(COMMITTEE, 6)
    for proof in (ATTACKER.prove_possession(), keys.members(7)[0].bls.prove_possession()):
        changed = replaced(good, 4, words(encode_signature(proof)))
        assert attempt(verifier, changed) == "possession"
    as_signature = words(encode_signature(signer.sign(keccak(signer.public))))
    assert attempt(verifier, replaced(good, 4, as_signature)) == "possession"
    assert attempt(verifier, replaced(good, 4, (0,) * 8)) == "possession"
    assert attempt(verifier, replaced(good, 4, words(write_stray_signature()))) == "point"


def replaced(registration: Registration, place: int, value: object) -> Registration:
    changed: list[object] = list(registration)
    changed[place] = value
    return tuple(changed)  # type: ignore[return-value] # one member of the same shape


def test_keys_outside_the_subgroup_and_infinity_cannot_be_registered(chain: Chain) -> None:
    proof = ATTACKER.prove_possession()
    committee = with_key(stray_key(), proof)
    good = build_registration(COMMITTEE, 6)
    verifier = chain.deploy_for(committee)
    stray: Registration = (
        *(committee.id, 6, committee.ed25519_keys[6], words(write_stray_key())),
        *(words(encode_signature(proof)), good[5]),
    )
    assert attempt(verifier, stray) == "point"
    endless = with_key(b"\xc0" + bytes(47), proof)
    nothing = replaced(replaced(good, 0, endless.id), 3, (0,) * 4)
    assert attempt(chain.deploy_for(endless), nothing) == "infinity"


def test_only_keys_of_the_record_are_registered_each_once(chain: Chain) -> None:
    verifier = chain.deploy_for(COMMITTEE)
    good = build_registration(COMMITTEE, 6)
    foreign = words(encode_key(ATTACKER.public))
    assert attempt(verifier, replaced(good, 3, foreign)) == "key"
    assert attempt(verifier, replaced(good, 1, 5)) == "key"
    assert attempt(verifier, replaced(good, 1, 7)) == "index"
    assert attempt(verifier, replaced(good, 2, bytes(32))) == "key"
    assert attempt(verifier, replaced(good, 5, good[5][:-1])) == "index"
    assert attempt(verifier, replaced(good, 0, bytes(32))) == "committee"
    assert attempt(verifier, replaced(good, 0, b"\x01" * 32)) == "committee"
    verifier.send("register_key", *good)
    assert attempt(verifier, good) == "registered"


def test_keys_that_cancel_each_other_out_sign_nothing(chain: Chain) -> None:
    one, other = BlsSigner((5).to_bytes(32, "big")), BlsSigner((ORDER - 5).to_bytes(32, "big"))
    plain = keys.committee(2, 2)
    committee = replace(
        plain,
        bls_keys=(one.public, other.public),
        bls_proofs=(one.prove_possession(), other.prove_possession()),
    )
    verifier = chain.deploy_for(committee)
    verifier.register(committee)
    made = signed(verifier, (0, 1), of=committee)
    assert verifier.check(made) == "infinity"


def test_a_chain_without_the_precompiles_says_so(old_chain: Chain, chain: Chain) -> None:
    verifier = old_chain.deploy_for(COMMITTEE)
    assert verifier.caller.supports_bls() is False
    assert attempt(verifier, build_registration(COMMITTEE, 0)) == "EIP-2537"
    assert verifier.check(signed(verifier, ALL)) == "EIP-2537"
    by_secp256k1 = signed(verifier, ALL, Scheme.SECP256K1)
    assert verifier.check(by_secp256k1) == digest_of(verifier, by_secp256k1)
    assert chain.deploy_for(COMMITTEE).caller.supports_bls() is True
