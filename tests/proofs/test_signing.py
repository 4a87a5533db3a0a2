"""Keys from keystore files, signatures, recovery and the envelope."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_keyfile.keyfile import create_keyfile_json
from hypothesis import given
from hypothesis import strategies as st

from proofs.envelope import BadEnvelope, Envelope, decode_envelope, encode_envelope
from proofs.recover import ORDER, BadSignatureError, recover_address
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.signing.signer import KeystoreError
from tests.proofs import samples

KEY = b"\x07" * 32
DIGESTS = st.binary(min_size=32, max_size=32)


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.json"
    made = create_keyfile_json(KEY, b"secret", kdf="pbkdf2", iterations=2)
    path.write_text(json.dumps(made))
    return path


def test_a_key_is_read_from_its_keystore(keystore: Path) -> None:
    signer = Secp256k1Signer.from_keystore(keystore, "secret")
    assert signer.address == Account.from_key(KEY).address.lower()


def test_a_key_is_never_printed(keystore: Path) -> None:
    signer = Secp256k1Signer.from_keystore(keystore, "secret")
    assert repr(signer) == f"Secp256k1Signer({signer.address})"


def test_a_keystore_that_does_not_open_says_which_and_why(keystore: Path, tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="password"):
        Secp256k1Signer.from_keystore(keystore, "guess")
    with pytest.raises(KeystoreError, match="cannot be read"):
        Secp256k1Signer.from_keystore(tmp_path / "none.json", "secret")
    for number, text in enumerate(("", "{}", "[]", '{"version": 9}')):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        with pytest.raises(KeystoreError, match="no keystore-v3 file"):
            Secp256k1Signer.from_keystore(path, "secret")


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, b"\x01" * 31])
def test_a_key_that_is_none_is_refused(key: bytes) -> None:
    with pytest.raises(KeystoreError):
        Secp256k1Signer(key)


@given(digest=DIGESTS)
def test_signatures_are_canonical_and_name_their_signer(digest: bytes) -> None:
    signer = Secp256k1Signer(KEY)
    signature = signer.sign(digest)
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert recover_address(digest, signature) == signer.address
    assert signature == bytes(Account.unsafe_sign_hash(digest, KEY).signature)


@given(digest=DIGESTS, raw=st.binary(min_size=60, max_size=70))
def test_bytes_that_are_no_signature_recover_nobody_known(digest: bytes, raw: bytes) -> None:
    try:
        recovered = recover_address(digest, raw)
    except BadSignatureError:
        return
    assert recovered != Secp256k1Signer(KEY).address


def test_only_digests_are_signed() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Secp256k1Signer(KEY).sign(b"hello")


@given(
    size=st.integers(1, 40),
    indices=st.sets(st.integers(0, 39), max_size=10),
    filling=st.binary(min_size=65, max_size=65),
)
def test_the_envelope_round_trips(size: int, indices: set[int], filling: bytes) -> None:
    envelope = Envelope(
        header=samples.statement().header,
        committee_size=size,
        signatures=tuple((i, filling) for i in sorted(indices) if i < size),
    )
    raw = encode_envelope(envelope)
    assert raw[:4] == b"PLMS"
    assert decode_envelope(raw) == envelope
    assert envelope.bitmap.bit_count() * 65 == len(envelope.proof)


@pytest.fixture
def envelope() -> Envelope:
    made = samples.statement(samples.terms_of(7, 5))
    return Envelope(
        header=made.header,
        committee_size=7,
        signatures=samples.sign(made, (0, 1, 2, 3, 6), 7),
    )


def test_an_envelope_with_a_byte_too_many_or_too_few_is_refused(envelope: Envelope) -> None:
    raw = encode_envelope(envelope)
    for changed in (raw + b"\x00", raw[:-1], raw[:20], b""):
        with pytest.raises(BadEnvelope):
            decode_envelope(changed)


def test_any_changed_byte_before_the_signatures_is_refused(envelope: Envelope) -> None:
    raw = encode_envelope(envelope)
    for place in range(41):
        with pytest.raises(BadEnvelope):
            decode_envelope(raw[:place] + bytes([raw[place] ^ 0x80]) + raw[place + 1 :])


def test_a_header_word_beyond_its_type_is_refused(envelope: Envelope) -> None:
    raw = bytearray(encode_envelope(envelope))
    raw[-21 * 32] = 1
    with pytest.raises(BadEnvelope, match="schemaVersion"):
        decode_envelope(bytes(raw))


def test_signers_out_of_order_are_not_enveloped(envelope: Envelope) -> None:
    first, second, *rest = envelope.signatures
    for signatures in (
        (second, first, *rest),
        (first, first, *rest),
        (first, (7, second[1])),
        ((0, first[1][:-1]),),
    ):
        with pytest.raises(BadEnvelope):
            encode_envelope(replace(envelope, signatures=tuple(signatures)))
