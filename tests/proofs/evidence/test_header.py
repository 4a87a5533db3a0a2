"""Headers as the chains give them, and headers changed in any way."""

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.header import Header, decode_header, verify_header
from proofs.evidence.rlp import Encoded, encode_int, encode_list

FIELDS = [
    *(b"\x01" * 32, b"\x02" * 32, b"\x03" * 20, b"\x04" * 32, b"\x05" * 32, b"\x06" * 32),
    *(b"\x00" * 256, b"", encode_int(19_000_000), encode_int(30_000_000), b"\x01"),
    *(encode_int(1_700_000_000), b"extra", b"\x07" * 32, b"\x00" * 8),
]
LATER = [encode_int(7), b"\x08" * 32, b"", b"", b"\x09" * 32, b"\x0a" * 32]


@pytest.mark.parametrize("added", range(len(LATER) + 1))
def test_headers_of_every_fork_give_their_state_root_and_time(added: int) -> None:
    raw = encode_list([*FIELDS, *LATER[:added]])
    assert verify_header(raw, keccak(raw)) == Header(
        hash=keccak(raw),
        parent_hash=b"\x01" * 32,
        state_root=b"\x04" * 32,
        height=19_000_000,
        time=1_700_000_000,
    )


@given(st.integers(0, len(FIELDS) - 1), st.binary(min_size=1, max_size=300))
def test_a_changed_field_makes_it_another_blocks_header_or_none(place: int, value: bytes) -> None:
    raw = encode_list(FIELDS)
    changed = encode_list([*FIELDS[:place], value, *FIELDS[place + 1 :]])
    if changed == raw:
        return
    with pytest.raises(EvidenceRefused) as refused:
        verify_header(changed, keccak(raw))
    assert refused.value.flaw in (Flaw.BLOCK_HASH, Flaw.HEADER)


@pytest.mark.parametrize("place", [3, 8, 11])
def test_another_root_height_or_time_of_right_form_is_another_block(place: int) -> None:
    other = [*FIELDS]
    other[place] = other[place][:-1] + b"\x55"
    with pytest.raises(EvidenceRefused, match="the header is that of") as refused:
        verify_header(encode_list(other), keccak(encode_list(FIELDS)))
    assert refused.value.flaw is Flaw.BLOCK_HASH


@given(st.binary(max_size=700))
def test_no_bytes_pass_for_a_header_of_a_block(raw: bytes) -> None:
    with pytest.raises(EvidenceRefused):
        verify_header(raw, keccak(encode_list(FIELDS)))


@pytest.mark.parametrize(
    "fields",
    [
        FIELDS[:14],
        [*FIELDS, *[b""] * 18],
        [*FIELDS[:3], b"\x04" * 31, *FIELDS[4:]],
        [*FIELDS[:8], b"\x00\x01", *FIELDS[9:]],
        [*FIELDS[:11], b"\x01" * 9, *FIELDS[12:]],
        [*FIELDS[:12], Encoded(b"\xc0"), *FIELDS[13:]],
        [*FIELDS[:12], b"\xee" * 4096, *FIELDS[13:]],
    ],
)
def test_what_no_header_can_be_is_refused_whatever_it_hashes_to(fields: list[bytes]) -> None:
    with pytest.raises(EvidenceRefused) as refused:
        decode_header(encode_list(fields))
    assert refused.value.flaw is Flaw.HEADER
