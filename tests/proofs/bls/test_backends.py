"""Both BLS back ends against each other, the official cases, and bytes that are no good points."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_ecc.bls.ciphersuites import G2ProofOfPossession
from py_ecc.optimized_bls12_381.optimized_curve import curve_order

from proofs.bls import BadPoint, BlsBackend
from proofs.bls.arkworks import Arkworks
from proofs.bls.reference import PyEcc
from proofs.signing.bls import ORDER, BlsSigner
from tests.proofs.bls import official
from tests.proofs.bls.official import Case
from tests.proofs.bls.points import (
    MESSAGE,
    OTHER,
    SIGNATURE_INFINITY,
    SIGNER,
    bad_keys,
    bad_signatures,
    negate_key,
    negate_signature,
)

FAST, REFERENCE = Arkworks(), PyEcc()
EXCERPT = official.read_excerpt()
INSTALLED = official.read_installed()
both = pytest.mark.parametrize("backend", [FAST, REFERENCE], ids=["arkworks", "py_ecc"])
needs_vectors = pytest.mark.skipif(
    not INSTALLED, reason="the official vectors are not here: python -m tests.proofs.bls.fetch"
)


def expected(case: Case) -> official.Value:
    return False if case.name == official.REVERSED else case.output


@both
@pytest.mark.parametrize("case", EXCERPT, ids=[case.name for case in EXCERPT])
def test_the_official_answer_is_given(case: Case, backend: BlsBackend) -> None:
    assert official.answer(case, backend) == expected(case)


@needs_vectors
def test_every_official_case_is_answered_by_the_fast_back_end() -> None:
    assert [c.name for c in INSTALLED if official.answer(c, FAST) != expected(c)] == []
    assert len(INSTALLED) == 52
    assert all(case in INSTALLED for case in EXCERPT)


@needs_vectors
@pytest.mark.deep
def test_every_official_case_is_answered_by_the_reference() -> None:
    assert [c.name for c in INSTALLED if official.answer(c, REFERENCE) != expected(c)] == []


def test_the_signer_makes_the_bytes_of_the_reference() -> None:
    scalar = int.from_bytes(b"\x07" * 32, "big")
    assert curve_order == ORDER
    assert SIGNER.public == G2ProofOfPossession.SkToPk(scalar)
    assert SIGNER.sign(MESSAGE) == G2ProofOfPossession.Sign(scalar, MESSAGE)
    assert SIGNER.prove_possession() == G2ProofOfPossession.PopProve(scalar)


@both
def test_signers_of_one_message_add_up(backend: BlsBackend) -> None:
    joined = backend.aggregate([SIGNER.sign(MESSAGE), OTHER.sign(MESSAGE)])
    assert joined == FAST.aggregate([OTHER.sign(MESSAGE), SIGNER.sign(MESSAGE)])
    assert backend.verify_aggregate([SIGNER.public, OTHER.public], MESSAGE, joined)
    assert not backend.verify_aggregate([SIGNER.public], MESSAGE, joined)


@both
def test_a_proof_is_of_its_key_and_no_signature(backend: BlsBackend) -> None:
    assert backend.verify_possession(SIGNER.public, SIGNER.prove_possession())
    assert not backend.verify_possession(OTHER.public, SIGNER.prove_possession())
    digest = SIGNER.public[:32]
    assert not backend.verify_possession(SIGNER.public, SIGNER.sign(digest))


@both
@pytest.mark.parametrize("key", bad_keys().values(), ids=bad_keys().keys())
def test_a_bad_key_is_refused_everywhere(key: bytes, backend: BlsBackend) -> None:
    assert not backend.verify_possession(key, SIGNER.prove_possession())
    assert not backend.verify_possession(key, SIGNATURE_INFINITY)
    assert not backend.verify_aggregate([key], MESSAGE, SIGNER.sign(MESSAGE))
    assert not backend.verify_aggregate([key, key], MESSAGE, SIGNATURE_INFINITY)


@both
@pytest.mark.parametrize("signature", bad_signatures().values(), ids=bad_signatures().keys())
def test_a_bad_signature_is_refused_everywhere(signature: bytes, backend: BlsBackend) -> None:
    assert not backend.verify_aggregate([SIGNER.public], MESSAGE, signature)
    assert not backend.verify_possession(SIGNER.public, signature)


@both
def test_no_point_that_is_none_is_added_up(backend: BlsBackend) -> None:
    good = SIGNER.sign(MESSAGE)
    for name, signature in bad_signatures().items():
        if name != "the other sign":
            with pytest.raises(BadPoint):
                backend.aggregate([good, signature])
    for listed in ([], [good, negate_signature(good)]):
        with pytest.raises(BadPoint):
            backend.aggregate(listed)


@both
def test_keys_that_cancel_each_other_out_sign_nothing(backend: BlsBackend) -> None:
    keys = [SIGNER.public, negate_key(SIGNER.public)]
    for signature in (SIGNATURE_INFINITY, SIGNER.sign(MESSAGE)):
        assert not backend.verify_aggregate(keys, MESSAGE, signature)


@both
def test_nobody_signs_nothing(backend: BlsBackend) -> None:
    for signature in (SIGNATURE_INFINITY, SIGNER.sign(MESSAGE), b""):
        assert not backend.verify_aggregate([], MESSAGE, signature)


CALLS: tuple[Callable[[BlsBackend, bytes], bool], ...] = (
    lambda backend, raw: backend.verify_aggregate([SIGNER.public], MESSAGE, raw),
    lambda backend, raw: backend.verify_aggregate([raw], MESSAGE, SIGNER.sign(MESSAGE)),
    lambda backend, raw: backend.verify_possession(raw, SIGNER.prove_possession()),
    lambda backend, raw: backend.verify_possession(SIGNER.public, raw),
)


@given(raw=st.binary(max_size=100), call=st.sampled_from(CALLS))
def test_no_bytes_make_the_fast_back_end_crash_or_accept(
    raw: bytes, call: Callable[[BlsBackend, bytes], bool]
) -> None:
    assert not call(FAST, raw)


@given(place=st.integers(0, 95), bit=st.integers(0, 7), message=st.binary(min_size=32, max_size=32))
def test_no_changed_bit_of_a_signature_is_taken(place: int, bit: int, message: bytes) -> None:
    raw = bytearray(SIGNER.sign(message))
    assert FAST.verify_aggregate([SIGNER.public], message, bytes(raw))
    raw[place] ^= 1 << bit
    assert not FAST.verify_aggregate([SIGNER.public], message, bytes(raw))


@given(scalar=st.integers(1, ORDER - 1), message=st.binary(min_size=32, max_size=32))
def test_every_key_signs_what_the_fast_back_end_takes(scalar: int, message: bytes) -> None:
    signer = BlsSigner(scalar.to_bytes(32, "big"))
    assert FAST.verify_aggregate([signer.public], message, signer.sign(message))
    assert FAST.verify_possession(signer.public, signer.prove_possession())
