"""The file: it round-trips, and what is not exactly its form is refused by name."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from proofs.document import (
    MAX_BYTES,
    Document,
    decode_document,
    encode_document,
)
from proofs.refusal import Refusal, Refused
from tests.proofs import samples

View = dict[str, Any]


def document() -> Document:
    made = samples.statement(samples.terms_of(7, 5))
    return Document(statement=made, signatures=samples.sign(made, (0, 1, 2, 5, 6), 7))


def refused(raw: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        decode_document(raw)
    return caught.value


def after(change: Callable[[View], object]) -> Refused:
    view: View = json.loads(encode_document(document()))
    change(view)
    return refused(json.dumps(view, sort_keys=True, separators=(",", ":")).encode())


def test_what_is_written_is_read_back() -> None:
    raw = encode_document(document())
    assert decode_document(raw) == document()
    assert decode_document(raw + b"\n") == document()


def test_every_value_is_a_text_and_no_leaf_repeats_its_index() -> None:
    view = json.loads(encode_document(document()), parse_int=pytest.fail)
    assert set(view["accounts"][0]) == {"caip10", "salt"}
    assert view["positions"][0]["amountRaw"] == "10000000000000000001"
    assert view["header"]["netEquityE8"] == str(document().statement.header.net_equity_e8)


@pytest.mark.parametrize(
    ("change", "reason", "named"),
    [
        (lambda v: v.update(note="hello"), Refusal.UNKNOWN_FIELD, "'note'"),
        (lambda v: v["header"].update(x="1"), Refusal.UNKNOWN_FIELD, "header.'x'"),
        (lambda v: v["accounts"][1].update(index="1"), Refusal.UNKNOWN_FIELD, "accounts[1]"),
        (lambda v: v["committee"].update(keysRoot="1"), Refusal.UNKNOWN_FIELD, "committee"),
        (lambda v: v.pop("prices"), Refusal.MISSING_FIELD, "prices"),
        (lambda v: v["header"].pop("epoch"), Refusal.MISSING_FIELD, "header.epoch"),
        (lambda v: v["prices"][2].pop("asset"), Refusal.MISSING_FIELD, "prices[2].asset"),
        (lambda v: v["signatures"][0].pop("member"), Refusal.MISSING_FIELD, "signatures[0]"),
        (lambda v: v.update(format="plimsoll/2"), Refusal.SCHEMA, "format"),
        (lambda v: v.update(header=[]), Refusal.BAD_TYPE, "header"),
        (lambda v: v.update(accounts={}), Refusal.BAD_TYPE, "accounts"),
        (lambda v: v.update(deployment="Plimsoll…"), Refusal.BAD_TYPE, "deployment"),
        (lambda v: v.update(deployment=""), Refusal.BAD_TYPE, "deployment"),
        (lambda v: v["header"].update(epoch=0), Refusal.BAD_TYPE, "header.epoch"),
        (lambda v: v["header"].update(epoch=1.5), Refusal.BAD_TYPE, "header.epoch"),
        (lambda v: v["header"].update(epoch=None), Refusal.BAD_TYPE, "header.epoch"),
        (lambda v: v["header"].update(epoch="00"), Refusal.BAD_TYPE, "header.epoch"),
        (lambda v: v["header"].update(epoch="+1"), Refusal.BAD_TYPE, "header.epoch"),
        (lambda v: v["header"].update(epoch="-1"), Refusal.BAD_TYPE, "header.epoch"),
        (lambda v: v["header"].update(epoch="1" * 999), Refusal.BAD_TYPE, "header.epoch"),
        (lambda v: v["header"].update(status="256"), Refusal.BAD_TYPE, "header.status"),
        (lambda v: v["header"].update(netEquityE8="-0"), Refusal.BAD_TYPE, "netEquityE8"),
        (lambda v: v["header"].update(audience="0x00"), Refusal.BAD_TYPE, "audience"),
        (lambda v: v["header"].update(audience="0x" + "AA" * 32), Refusal.BAD_TYPE, "audience"),
        (lambda v: v["header"].update(audience="zz" * 33), Refusal.BAD_TYPE, "audience"),
        (lambda v: v["committee"].update(epoch=True), Refusal.BAD_TYPE, "committee.epoch"),
        (lambda v: v["committee"]["members"].append("0x1"), Refusal.BAD_TYPE, "members[7]"),
        (lambda v: v["committee"]["members"].reverse(), Refusal.COMMITTEE_RULES, "ascend"),
        (lambda v: v["committee"]["members"].clear(), Refusal.COMMITTEE_RULES, "members"),
        (lambda v: v["committee"].update(epoch=str(2**64)), Refusal.COMMITTEE_RULES, "epoch"),
        (lambda v: v["committee"].update(validFrom=str(2**64)), Refusal.COMMITTEE_RULES, "valid"),
        (lambda v: v["signatures"][0].update(signature="0x"), Refusal.BAD_TYPE, "signatures[0]"),
    ],
)
def test_a_field_that_is_not_as_it_must_be_is_named(
    change: Callable[[View], object], reason: Refusal, named: str
) -> None:
    error = after(change)
    assert error.refusal is reason
    assert named in error.detail


def test_a_field_that_stands_twice_is_named() -> None:
    raw = encode_document(document()).replace(b'"epoch":"0"', b'"epoch":"0","epoch":"0"')
    error = refused(raw)
    assert error.refusal is Refusal.DUPLICATED_FIELD
    assert "epoch" in error.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b" " * (MAX_BYTES + 1),
        b'"' + b'\\"' * 500_000,
    ],
)
def test_what_is_not_json_is_malformed(raw: bytes) -> None:
    assert refused(raw).refusal is Refusal.MALFORMED


def test_a_file_that_is_no_object_is_refused() -> None:
    for raw in (b"[]", b"1", b'"x"', b"NaN", b"null"):
        assert refused(raw).refusal is Refusal.BAD_TYPE


def test_only_the_canonical_bytes_are_taken() -> None:
    raw = encode_document(document())
    view = json.loads(raw)
    for other in (
        json.dumps(view).encode(),
        json.dumps(view, indent=2, sort_keys=True).encode(),
        json.dumps(dict(reversed(view.items())), separators=(",", ":")).encode(),
        raw + b" ",
        raw + b"\n\n",
        raw.replace(b"plimsoll-test", b"\\u0070limsoll-test"),
    ):
        assert refused(other).refusal is Refusal.NOT_CANONICAL
