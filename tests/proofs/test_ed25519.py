"""ed25519 taken strictly: one signature has one form, and no key signs what it did not."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_core_ed25519_add
from solders.keypair import Keypair

from proofs import ed25519
from proofs.signing.ed25519 import Ed25519Signer
from proofs.signing.signer import KeystoreError

SIGNER = Ed25519Signer(b"\x07" * 32)
ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19
TORSION = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
"""A point of order eight: anything signed by it verifies where nobody looks."""
DIGESTS = st.binary(min_size=32, max_size=32)
WEAK = {
    "the neutral point": (1).to_bytes(32, "little"),
    "order two": (FIELD - 1).to_bytes(32, "little"),
    "order four": bytes(32),
    "order four, the other sign": bytes(31) + b"\x80",
    "order eight": TORSION,
    "the neutral point, not canonical": (FIELD + 1).to_bytes(32, "little"),
    "the neutral point with a sign": b"\x01" + bytes(30) + b"\x80",
    "order four, not canonical": FIELD.to_bytes(32, "little"),
    "not canonical": (FIELD + 3).to_bytes(32, "little"),
    "all ones": b"\xff" * 32,
    "a key moved by eighth of a turn": crypto_core_ed25519_add(SIGNER.public, TORSION),
    "off the curve": (2).to_bytes(32, "little"),
    "too short": SIGNER.public[:-1],
    "too long": SIGNER.public + b"\x00",
    "empty": b"",
}


@given(digest=DIGESTS)
def test_what_the_holder_signed_is_taken_and_solana_signs_the_same(digest: bytes) -> None:
    signature = SIGNER.sign(digest)
    assert ed25519.verify_signature(SIGNER.public, digest, signature)
    assert signature == bytes(Keypair.from_seed(b"\x07" * 32).sign_message(digest))


@given(digest=DIGESTS, place=st.integers(0, 511))
def test_no_changed_bit_is_taken(digest: bytes, place: int) -> None:
    raw = bytearray(SIGNER.sign(digest))
    raw[place // 8] ^= 1 << place % 8
    assert not ed25519.verify_signature(SIGNER.public, digest, bytes(raw))


@pytest.mark.parametrize("key", WEAK.values(), ids=WEAK.keys())
def test_a_weak_key_is_no_key_and_signs_nothing(key: bytes) -> None:
    assert not ed25519.is_key(key)
    digest = b"\x55" * 32
    for signature in (key[:32].ljust(32, b"\x00") + bytes(32), SIGNER.sign(digest), bytes(64)):
        assert not ed25519.verify_signature(key, digest, signature)


@given(digest=DIGESTS)
def test_an_s_above_the_order_is_refused(digest: bytes) -> None:
    raw = SIGNER.sign(digest)
    s = int.from_bytes(raw[32:], "little") + ORDER
    assert not ed25519.verify_signature(SIGNER.public, digest, raw[:32] + s.to_bytes(32, "little"))


@given(digest=DIGESTS, weak=st.sampled_from([key for key in WEAK.values() if len(key) == 32]))
def test_an_r_that_is_weak_or_moved_is_refused(digest: bytes, weak: bytes) -> None:
    raw = SIGNER.sign(digest)
    moved = crypto_core_ed25519_add(raw[:32], TORSION)
    for r in (weak, moved):
        assert not ed25519.verify_signature(SIGNER.public, digest, r + raw[32:])


@given(key=st.binary(max_size=40), digest=DIGESTS, raw=st.binary(max_size=70))
def test_no_bytes_crash_or_are_taken(key: bytes, digest: bytes, raw: bytes) -> None:
    assert not ed25519.verify_signature(SIGNER.public, digest, raw)
    assert not ed25519.verify_signature(key, digest, SIGNER.sign(digest))


def test_a_keypair_file_is_opened_and_a_wrong_one_named(tmp_path: Path) -> None:
    path = tmp_path / "member.json"
    path.write_text(json.dumps([*(b"\x07" * 32), *SIGNER.public]))
    path.chmod(0o600)
    assert Ed25519Signer.open(path).public == SIGNER.public
    assert repr(SIGNER) == f"Ed25519Signer(0x{SIGNER.public.hex()})"
    path.write_text(json.dumps([*(b"\x08" * 32), *SIGNER.public]))
    with pytest.raises(KeystoreError, match="public half"):
        Ed25519Signer.open(path)
    path.write_text("[]")
    with pytest.raises(KeystoreError, match="no keypair"):
        Ed25519Signer.open(path)
    path.chmod(0o644)
    with pytest.raises(KeystoreError, match="loose"):
        Ed25519Signer.open(path)
    with pytest.raises(KeystoreError, match="32 bytes"):
        Ed25519Signer(b"\x07" * 31)
