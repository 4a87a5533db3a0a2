"""The file of evidence: one form per content, and nothing else is taken."""

from contextlib import suppress
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from proofs.evidence.bundle import (
    MAGIC,
    MOST_BYTES,
    MOST_PARTS,
    BlockEvidence,
    count_parts,
    decode_bundle,
    encode_bundle,
    hash_bundle,
)
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.rlp import Encoded, encode_list

PARTS = st.sets(st.binary(min_size=32, max_size=80), max_size=8).map(lambda s: tuple(sorted(s)))
BLOCKS = st.lists(
    st.builds(
        BlockEvidence,
        chain=st.from_regex(r"eip155:[1-9][0-9]{0,5}", fullmatch=True),
        header=st.binary(max_size=600),
        nodes=PARTS,
        codes=PARTS,
    ),
    max_size=4,
    unique_by=lambda block: block.chain,
)
BLOCK = BlockEvidence(
    chain="eip155:1", header=b"header", nodes=(b"a" * 32, b"b" * 32), codes=(b"c",)
)


def pack(payload: bytes) -> bytes:
    return MAGIC + zstandard.ZstdCompressor(write_checksum=True).compress(payload)


def refused(raw: bytes) -> str:
    with pytest.raises(EvidenceRefused) as found:
        decode_bundle(raw)
    assert found.value.flaw is Flaw.BUNDLE
    return found.value.detail


@given(BLOCKS)
def test_what_is_encoded_comes_back_in_order_of_its_chains(blocks: list[BlockEvidence]) -> None:
    ordered = tuple(sorted(blocks, key=lambda block: block.chain))
    assert decode_bundle(encode_bundle(blocks)) == ordered


@given(BLOCKS, st.randoms(use_true_random=False))
def test_order_and_repetition_make_no_other_file(
    blocks: list[BlockEvidence], dice: st.DataObject
) -> None:
    dice.shuffle(blocks)  # type: ignore[attr-defined] # a random.Random
    doubled = [replace(block, nodes=(*reversed(block.nodes), *block.nodes)) for block in blocks]
    assert encode_bundle(doubled) == encode_bundle(sorted(blocks, key=lambda b: b.chain))
    assert hash_bundle(doubled) == hash_bundle(blocks)


def test_two_blocks_of_one_chain_are_no_evidence() -> None:
    with pytest.raises(ValueError, match="one block of a chain"):
        encode_bundle([BLOCK, replace(BLOCK, header=b"another")])


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(raw: bytes) -> None:
    for damaged in (raw, MAGIC + raw, pack(raw)):
        with suppress(EvidenceRefused):
            blocks = decode_bundle(damaged)
            assert decode_bundle(encode_bundle(blocks)) == blocks


@given(st.data())
def test_a_file_changed_in_one_byte_is_refused_or_holds_the_same(
    data: st.DataObject,
) -> None:
    raw = bytearray(encode_bundle([BLOCK]))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with suppress(EvidenceRefused):
        assert decode_bundle(bytes(raw)) == (BLOCK,)


def test_nodes_that_do_not_ascend_are_refused() -> None:
    nodes = Encoded(encode_list([b"b", b"a"]))
    block = encode_list([b"eip155:1", b"header", nodes, Encoded(encode_list([]))])
    assert "nodes do not ascend" in refused(pack(encode_list([Encoded(block)])))


def test_a_chain_that_stands_twice_is_refused() -> None:
    block = Encoded(
        encode_list([b"eip155:1", b"", Encoded(encode_list([])), Encoded(encode_list([]))])
    )
    assert "blocks do not ascend" in refused(pack(encode_list([block, block])))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x80",
        encode_list([b"a block that is no list"]),
        encode_list([Encoded(encode_list([b"eip155:1", b"header"]))]),
        encode_list([Encoded(encode_list([b"eip155:1", b"header", b"", b""]))]),
        encode_list(
            [
                Encoded(
                    encode_list(
                        [b"\xff", b"header", Encoded(encode_list([])), Encoded(encode_list([]))]
                    )
                )
            ]
        ),
    ],
)
def test_other_contents_are_refused(payload: bytes) -> None:
    refused(pack(payload))


def test_a_frame_with_something_behind_it_or_cut_short_is_refused() -> None:
    raw = encode_bundle([BLOCK])
    assert "exactly one zstd frame" in refused(raw + b"\x00")
    refused(raw[:-1])
    refused(raw + raw[len(MAGIC) :])


def test_a_file_that_unpacks_to_more_than_allowed_is_refused_before_it_is() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(MOST_BYTES + 1))
    assert len(bomb) < 10_000
    assert "would unpack" in refused(MAGIC + bomb)


def test_a_frame_without_a_checksum_is_refused() -> None:
    plain = zstandard.ZstdCompressor().compress(encode_list([]))
    assert "no checksum" in refused(MAGIC + plain)


def test_a_frame_that_hides_its_size_is_refused() -> None:
    hidden = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000))
    assert "would unpack" in refused(MAGIC + hidden)


def test_a_node_so_small_that_it_stands_inside_another_is_refused() -> None:
    small = replace(BLOCK, nodes=(b"a" * 31, b"b" * 32))
    assert "a node of less than 32 bytes" in refused(encode_bundle([small]))


def test_no_more_nodes_and_codes_than_allowed_are_decoded_of_all_blocks_together() -> None:
    nodes = tuple(place.to_bytes(32, "big") for place in range(MOST_PARTS - 2))
    blocks = [replace(BLOCK, nodes=nodes), replace(BLOCK, chain="eip155:2", nodes=(), codes=())]
    most = replace(blocks[1], codes=(b"1",))
    assert count_parts(decode_bundle(encode_bundle([blocks[0], most]))) == MOST_PARTS
    for over in ({"codes": (b"1", b"2")}, {"nodes": (b"1" * 32, b"2" * 32)}):
        raw = encode_bundle([blocks[0], replace(blocks[1], **over)])  # type: ignore[arg-type] # either
        assert "more than 1 items" in refused(raw)


def test_a_file_of_countless_small_parts_is_refused_at_once() -> None:
    parts = Encoded(encode_list([bytes(3)] * 10**5))
    for payload in (
        encode_list([b"\x01"] * 10**5),
        encode_list([Encoded(encode_list([b"\x01"] * 10**5))]),
        encode_list([Encoded(encode_list([b"eip155:1", b"header", parts, parts]))]),
    ):
        assert "more than" in refused(pack(payload))
