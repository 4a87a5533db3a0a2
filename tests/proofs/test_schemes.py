"""Envelopes, files and keystores in every scheme: they round-trip, and nothing else is taken."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_keyfile.keyfile import create_keyfile_json
from hypothesis import given
from hypothesis import strategies as st

from proofs.document import decode_document, encode_document
from proofs.envelope import BadEnvelope, Envelope, decode_envelope, encode_envelope
from proofs.refusal import Refusal, Refused
from proofs.scheme import SCHEMES, Scheme
from proofs.signing.bls import BlsSigner
from proofs.signing.ed25519 import Ed25519Signer
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.signing.signer import KeystoreError, Signer
from proofs.verify import Expected, verify_file
from tests.proofs import keys
from tests.proofs.samples import NOW

FIXED = 40
HEADER = 21 * 32
schemes = pytest.mark.parametrize("scheme", list(Scheme), ids=[s.label for s in Scheme])
SIGNERS: tuple[Signer, ...] = (
    Secp256k1Signer(b"\x07" * 32),
    Ed25519Signer(b"\x07" * 32),
    BlsSigner(b"\x07" * 32),
)


def envelope(scheme: Scheme, indices: tuple[int, ...] = (0, 1, 3)) -> Envelope:
    return keys.document(scheme, indices).envelope


@schemes
def test_an_envelope_carries_the_signatures_or_their_sum(scheme: Scheme) -> None:
    made = envelope(scheme)
    raw = encode_envelope(made)
    assert decode_envelope(raw) == made
    written = 1 if scheme is Scheme.BLS12_381 else 3
    size = {Scheme.SECP256K1: 65, Scheme.ED25519: 64, Scheme.BLS12_381: 96}[scheme]
    assert len(raw) == FIXED + 1 + written * size + HEADER
    assert raw[5] == scheme
    assert raw[FIXED] == 0b1011
    assert raw[FIXED + 1 : -HEADER] == made.proof


@schemes
def test_an_envelope_that_nobody_signed_carries_no_signature(scheme: Scheme) -> None:
    made = replace(envelope(scheme), signatures=())
    raw = encode_envelope(made)
    assert len(raw) == FIXED + 1 + HEADER
    assert decode_envelope(raw) == made


@schemes
def test_a_byte_more_or_less_or_an_unused_bit_is_refused(scheme: Scheme) -> None:
    raw = encode_envelope(envelope(scheme))
    unused = raw[:FIXED] + bytes([raw[FIXED] | 0x10]) + raw[FIXED + 1 :]
    for changed in (raw + b"\x00", raw[:-1], raw[:FIXED], unused):
        with pytest.raises(BadEnvelope):
            decode_envelope(changed)


@pytest.mark.parametrize("number", [0, 4, 255])
def test_a_scheme_that_is_none_is_refused(number: int) -> None:
    raw = bytearray(encode_envelope(envelope(Scheme.SECP256K1)))
    raw[5] = number
    with pytest.raises(BadEnvelope, match=f"no signature scheme {number}"):
        decode_envelope(bytes(raw))


@pytest.mark.parametrize("used", list(Scheme))
@pytest.mark.parametrize("claimed", list(Scheme))
def test_no_envelope_is_of_two_schemes(used: Scheme, claimed: Scheme) -> None:
    if used is claimed:
        return
    raw = bytearray(encode_envelope(envelope(used)))
    raw[5] = claimed
    with pytest.raises(BadEnvelope):
        decode_envelope(bytes(raw))
    with pytest.raises(BadEnvelope, match="signature has"):
        encode_envelope(replace(envelope(used), scheme=claimed))


def test_signers_of_one_sum_have_one_signature() -> None:
    made = envelope(Scheme.BLS12_381)
    other = envelope(Scheme.BLS12_381, (0, 1, 2)).signatures
    with pytest.raises(BadEnvelope, match="one signature"):
        encode_envelope(replace(made, signatures=(*made.signatures[:2], (3, other[0][1]))))


def test_a_committee_that_does_not_fit_is_not_written() -> None:
    for size in (-1, 2**16):
        with pytest.raises(BadEnvelope, match="cannot be written"):
            encode_envelope(replace(envelope(Scheme.SECP256K1), committee_size=size))


@given(scheme=st.sampled_from(Scheme), place=st.integers(0, 10**4), byte=st.binary(max_size=2))
def test_a_changed_envelope_is_refused_or_read_as_written(
    scheme: Scheme, place: int, byte: bytes
) -> None:
    raw = encode_envelope(envelope(scheme))
    place %= len(raw)
    changed = raw[:place] + byte + raw[place + 1 :]
    try:
        read = decode_envelope(changed)
    except BadEnvelope:
        return
    assert encode_envelope(read) == changed


@given(raw=st.one_of(st.binary(max_size=900), st.binary(max_size=900).map(b"PLMS\x01".__add__)))
def test_no_bytes_crash_the_reader_of_envelopes(raw: bytes) -> None:
    try:
        assert encode_envelope(decode_envelope(raw)) == raw
    except BadEnvelope:
        return


@schemes
def test_a_file_names_its_scheme_and_is_verified_in_it(scheme: Scheme) -> None:
    document = keys.document(scheme)
    raw = encode_document(document)
    assert decode_document(raw) == document
    verdict = verify_file(raw, Expected(committee_id=keys.committee().id), now=NOW)
    assert (verdict.scheme, len(verdict.signers)) == (scheme, 3)
    view = json.loads(raw)
    assert view.get("scheme", "secp256k1") == scheme.label
    assert view["committee"]["blsProofs"][0] == "0x" + keys.committee().bls_proofs[0].hex()
    assert SCHEMES[scheme.label] is scheme


def test_a_sum_stands_once_in_a_file_with_all_its_signers() -> None:
    view = json.loads(encode_document(keys.document(Scheme.BLS12_381, (0, 2, 3))))
    (joined,) = view["signatures"]
    assert joined["members"] == ["0", "2", "3"]
    assert len(joined["signature"]) == 2 + 2 * 96


View = dict[str, Any]


def _sum(view: View) -> View:
    found: View = view["signatures"][0]
    return found


@pytest.mark.parametrize(
    ("scheme", "change", "reason"),
    [
        (Scheme.SECP256K1, lambda v: v.update(scheme="secp256k1"), Refusal.NOT_CANONICAL),
        (Scheme.SECP256K1, lambda v: v.update(scheme="SECP256K1"), Refusal.SCHEME),
        (Scheme.SECP256K1, lambda v: v.update(scheme="ed25519"), Refusal.BAD_TYPE),
        (Scheme.SECP256K1, lambda v: v.update(scheme=["ed25519"]), Refusal.BAD_TYPE),
        (Scheme.ED25519, lambda v: v.pop("scheme"), Refusal.BAD_TYPE),
        (Scheme.ED25519, lambda v: v.update(scheme="bls12-381"), Refusal.SIGNER_ORDER),
        (Scheme.BLS12_381, lambda v: v.pop("scheme"), Refusal.UNKNOWN_FIELD),
        (Scheme.BLS12_381, lambda v: _sum(v).pop("members"), Refusal.MISSING_FIELD),
        (Scheme.BLS12_381, lambda v: _sum(v).update(member="0"), Refusal.UNKNOWN_FIELD),
        (Scheme.BLS12_381, lambda v: _sum(v).update(members="0"), Refusal.BAD_TYPE),
        (Scheme.BLS12_381, lambda v: _sum(v)["members"].append("32"), Refusal.SIGNER_UNKNOWN),
        (Scheme.BLS12_381, lambda v: _sum(v)["members"].append("2"), Refusal.SIGNER_ORDER),
        (Scheme.BLS12_381, lambda v: _sum(v)["members"].reverse(), Refusal.SIGNER_ORDER),
        (Scheme.BLS12_381, lambda v: _sum(v)["members"].append("3"), Refusal.SIGNATURE),
        (Scheme.BLS12_381, lambda v: _sum(v)["members"].pop(), Refusal.QUORUM),
        (Scheme.BLS12_381, lambda v: _sum(v)["members"].clear(), Refusal.NOT_CANONICAL),
        (Scheme.BLS12_381, lambda v: v["signatures"].clear(), Refusal.QUORUM),
        (Scheme.BLS12_381, lambda v: v["signatures"].append(_sum(v)), Refusal.SIGNER_ORDER),
    ],
)
def test_no_other_form_of_signatures_is_taken(
    scheme: Scheme, change: Callable[[View], object], reason: Refusal
) -> None:
    view: View = json.loads(encode_document(keys.document(scheme)))
    change(view)
    raw = json.dumps(view, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(Refused) as caught:
        verify_file(raw, Expected(), now=NOW)
    assert caught.value.refusal is reason


@pytest.mark.parametrize("signer", SIGNERS, ids=[s.scheme.label for s in SIGNERS])
def test_every_signer_signs_digests_only_and_is_never_printed(signer: Signer) -> None:
    assert len(signer.sign(b"\x55" * 32)) == signer.scheme.signature_bytes
    assert signer.sign(b"\x55" * 32) == signer.sign(b"\x55" * 32)
    assert signer.public.hex() in repr(signer)
    assert "07" * 32 not in repr(signer)
    for message in (b"", b"\x55" * 31, b"\x55" * 33):
        with pytest.raises(ValueError, match="32 bytes"):
            signer.sign(message)


def test_a_bls_key_is_read_from_its_own_kind_of_keystore(tmp_path: Path) -> None:
    path = tmp_path / "bls.json"
    stored = create_keyfile_json(b"\x07" * 32, b"secret", version=4, kdf="pbkdf2", iterations=2)
    path.write_text(json.dumps(stored))
    assert BlsSigner.from_keystore(path, "secret").public == SIGNERS[2].public
    with pytest.raises(KeystoreError, match="password"):
        BlsSigner.from_keystore(path, "guess")
    with pytest.raises(KeystoreError, match="no keystore-v3 file"):
        Secp256k1Signer.from_keystore(path, "secret")


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, b"\x01" * 31, b"\x01" * 33])
def test_a_bls_key_that_is_none_is_refused(key: bytes) -> None:
    with pytest.raises(KeystoreError):
        BlsSigner(key)
