"""Members' messages: sealed, bounded, and never anything but a message or a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.committee.messages import (
    HEADER_BYTES,
    MAX_BODY,
    MAX_PARTS,
    MAX_REASON,
    BadMessage,
    Header,
    Kind,
    MemberMessage,
    TooLarge,
    check_header,
    decode_header,
    decode_reason,
    digest_message,
    encode_message,
    encode_reason,
    hash_body,
    join_parts,
    open_message,
    split_parts,
)
from proofs.statement import HealthAttestation
from proofs.typed import describe, hash_text
from tests.support.council import SIGNERS

SALT = hash_text("messages")
SENDER, RECIPIENT = SIGNERS[0], SIGNERS[1].address


def seal(body: bytes, kind: Kind = Kind.NEWEST, salt: bytes = SALT) -> bytes:
    hashed = hash_body(body)
    digest = digest_message(
        kind, SENDER.address, RECIPIENT, 1_000, bytes(32), body_hash=hashed, salt=salt
    )
    header = Header(
        kind=kind,
        sender=SENDER.address,
        recipient=RECIPIENT,
        sent_at=1_000,
        nonce=bytes(32),
        body_hash=hashed,
        signature=SENDER.sign(digest),
        length=len(body),
    )
    return encode_message(header, body)


def read(raw: bytes, salt: bytes = SALT) -> bytes:
    header = decode_header(raw[:HEADER_BYTES])
    return open_message(header, check_header(header, salt), raw[HEADER_BYTES:]).body


@given(body=st.binary(max_size=300), kind=st.sampled_from(Kind))
def test_what_is_sealed_is_read_as_it_was(body: bytes, kind: Kind) -> None:
    assert read(seal(body, kind)) == body


@given(at=st.integers(0, HEADER_BYTES + 9), bit=st.integers(0, 7))
def test_no_bit_of_a_message_can_be_changed(at: int, bit: int) -> None:
    raw = bytearray(seal(b"ten bytes!"))
    raw[at] ^= 1 << bit
    with pytest.raises(BadMessage):
        read(bytes(raw))


@given(raw=st.binary(max_size=2 * HEADER_BYTES))
def test_garbage_is_refused_and_nothing_worse(raw: bytes) -> None:
    with pytest.raises(BadMessage):
        read(raw)


def test_a_message_of_another_deployment_is_nobodys() -> None:
    with pytest.raises(BadMessage):
        read(seal(b"", salt=hash_text("another deployment")))


def test_a_message_never_passes_for_an_attestation() -> None:
    assert describe(MemberMessage).type_hash != describe(HealthAttestation).type_hash


@pytest.mark.parametrize("kind", Kind)
def test_a_body_above_its_kinds_size_is_refused_by_the_header_alone(kind: Kind) -> None:
    raw = bytearray(seal(b"", kind)[:HEADER_BYTES])
    raw[-4:] = (MAX_BODY[kind] + 1).to_bytes(4, "big")
    with pytest.raises(TooLarge):
        decode_header(bytes(raw))


@given(parts=st.lists(st.binary(max_size=40), max_size=8))
def test_parts_are_read_as_they_were_joined(parts: list[bytes]) -> None:
    assert split_parts(join_parts(parts)) == tuple(parts)


@given(raw=st.binary(max_size=60))
def test_parts_are_all_of_a_body_or_it_is_refused(raw: bytes) -> None:
    try:
        parts = split_parts(raw)
    except BadMessage:
        return
    assert join_parts(parts) == raw


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(BadMessage, match="more than"):
        split_parts(join_parts([b""] * (MAX_PARTS + 1)))


@given(raw=st.binary(max_size=1_000))
def test_anothers_reason_is_printable_and_short(raw: bytes) -> None:
    reason = decode_reason(raw)
    assert reason.isascii()
    assert reason.isprintable()
    assert len(reason) <= MAX_REASON


def test_a_reason_is_told_as_it_is() -> None:
    assert decode_reason(encode_reason("prices[0].priceE8 is 5")) == "prices[0].priceE8 is 5"
