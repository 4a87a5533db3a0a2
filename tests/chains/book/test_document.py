"""A book is taken exactly as its format says, or refused by the name of the field."""

import json
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from chains.book.document import MOST_BYTES, hash_book, judge_book, parse_book
from chains.book.errors import BookError
from chains.model.derivatives import OptionKind
from chains.model.position import Position, Side
from chains.model.units import USD, WAD
from tests.support import books as b
from tests.support.values import NOW


def positions(*parts: dict[str, Any]) -> tuple[Position, ...]:
    return parse_book(b.encode(b.document(*parts)), b.terms()).book.positions


def refusal(raw: bytes) -> str:
    with pytest.raises(BookError) as caught:
        parse_book(raw, b.terms())
    return str(caught.value)


def spoiled(row: dict[str, Any], name: str, **changes: object) -> str:
    """Give the refusal of a book whose only row of a kind is changed; None drops a field."""
    changed = {key: value for key, value in (row | changes).items() if value is not None}
    return refusal(b.encode(b.document(b.part() | {name: [changed]})))


def test_figures_are_held_exactly_as_they_are_written() -> None:
    [found] = positions(
        b.part(
            "2000.00000001",
            subaccount="main",
            spot=[b.spot("1.5")],
            debts=[b.spot("100", "USDC", "1.0001")],
            perps=[b.perp(funding_usd="-3.5")],
            options=[b.option("-0.25", "put")],
        )
    )
    assert (found.margin, found.subaccount, found.isolated) == (2000 * USD + 1, "main", False)
    [held], [owed] = found.collaterals, found.debts
    assert (held.symbol, held.units, held.price.usd) == ("WETH", 15 * WAD // 10, 2000 * USD)
    assert (held.ltv, held.liquidation_threshold) == (8_000, 8_500)
    assert (owed.side, owed.price.usd) == (Side.DEBT, 100_010_000)
    [perp], [option] = found.perps, found.options
    assert (perp.underlying, perp.size, perp.funding) == ("WETH", -10 * WAD, -350_000_000)
    assert (perp.initial_bps, perp.maintenance_bps) == (500, 200)
    assert (option.kind, option.size) == (OptionKind.PUT, -WAD // 4)
    assert (option.mark_vol, option.forward) == (65 * 10**16, 200_550_000_000)


def test_a_book_may_give_thresholds_of_its_own() -> None:
    [found] = positions(b.part(spot=[b.spot("1", ltv_bps=5_000, liquidation_threshold_bps=6_000)]))
    assert [(leg.ltv, leg.liquidation_threshold) for leg in found.legs] == [(5_000, 6_000)]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("size", float("nan"), "is nan"),
        ("size", 1.5, "is 1.5"),
        ("size", "NaN", "is 'NaN'"),
        ("size", "1e3", "is '1e3'"),
        ("size", "0", "is zero"),
        ("size", "1" * 16, "at most 15 digits"),
        ("mark_usd", "-1", "negative"),
        ("mark_usd", "0", "is zero"),
        ("mark_usd", "1.123456789", "8 behind it"),
        ("entry_usd", None, "is missing"),
        ("underlying", "DOGE", "'DOGE' is no underlying that is known here"),
        ("initial_bps", 100, "write a whole number, 200 to"),
        ("maintenance_bps", True, "is True"),
        ("leverage", "10", "is not known here"),
    ],
)
def test_a_wrong_perp_is_refused_by_its_field(field: str, value: object, said: str) -> None:
    found = spoiled(b.perp(), "perps", **{field: value})
    assert found.startswith(f"parts[0].perps[0].{field}: ")
    assert said in found


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("mark_vol", None, "is missing"),
        ("mark_vol", "0", "is zero"),
        ("kind", "straddle", "write call or put"),
        ("expiry", NOW, "lies before the book's own time"),
        ("expiry", str(NOW), "write a whole number"),
        ("strike_usd", "0", "is zero"),
    ],
)
def test_a_wrong_option_is_refused_by_its_field(field: str, value: object, said: str) -> None:
    found = spoiled(b.option(), "options", **{field: value})
    assert found.startswith(f"parts[0].options[0].{field}: ")
    assert said in found


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is not JSON"),
        (b"[]", "write an object"),
        (b'{"time": 1, "time": 2}', "time: stands twice in one object"),
        (b" " * (MOST_BYTES + 1), "at most"),
        (b.encode(b.document() | {"venue": "binance"}), "account: is venue:binance:12345, not"),
        (b.encode(b.document() | {"format": "plimsoll-book-2"}), "format: is 'plimsoll-book-2'"),
        (b.encode(b.document() | {"time": -1}), "time: is -1"),
        (b.encode(b.document() | {"parts": {}}), "parts: is no list"),
        (b.encode(b.document() | {"signature": "0x00"}), "signature: is no text of 0x and 130"),
        (b.encode(b.document(b.part("-1"))), "parts[0].margin_usd: is '-1', which is negative"),
        (b.encode(b.document(b.part(), b.part())), "parts[1].subaccount: None stands twice"),
        (b.encode(b.document(b.part(isolated="no"))), "parts[0].isolated: is 'no'"),
        (b.encode({k: v for k, v in b.document().items() if k != "parts"}), "parts: is missing"),
    ],
)
def test_a_file_that_is_no_book_is_refused_in_one_line(raw: bytes, said: str) -> None:
    found = refusal(raw)
    assert said in found
    assert "\n" not in found


def test_isolated_parts_may_share_a_subaccount() -> None:
    parts = [b.part("10", isolated=True, subaccount="main") for _ in range(2)]
    found = positions(b.part(subaccount="main"), *parts)
    assert [part.isolated for part in found] == [False, True, True]


def test_the_digest_is_the_one_that_wallets_sign() -> None:
    book = b.document(b.part("1", perps=[b.perp()]))
    content = json.dumps(book["parts"], sort_keys=True, separators=(",", ":")).encode()
    message = encode_typed_data(
        {"name": "Plimsoll book", "version": "1"},
        {
            "Book": [
                {"name": "venue", "type": "string"},
                {"name": "account", "type": "string"},
                {"name": "time", "type": "uint64"},
                {"name": "parts", "type": "bytes32"},
            ]
        },
        {
            "venue": "deribit",
            "account": "12345",
            "time": NOW,
            "parts": keccak(content),
        },
    )
    assert hash_book(book) == keccak(b"\x19" + message.version + message.header + message.body)


def test_the_digest_does_not_hang_on_how_the_file_is_written() -> None:
    book = b.document(b.part("1", perps=[b.perp()]))
    spread = json.dumps(dict(reversed(book.items())), indent=4).encode()
    digests = {parse_book(raw, b.terms()).book.digest for raw in (b.encode(book), spread)}
    assert digests == {hash_book(book)}
    assert hash_book(book | {"time": NOW + 1}) not in digests


def test_a_book_is_believed_for_its_time_and_until_an_option_expires() -> None:
    expiring = b.option(expiry=NOW + 60)
    book = parse_book(b.encode(b.document(b.part(options=[expiring]))), b.terms()).book
    assert judge_book(book, NOW + 59) is None
    assert judge_book(book, NOW + 60) == "parts[0].options[0].expiry: it has expired"
    assert judge_book(book, NOW + 121) == "it was published 121 s ago, 120 s are allowed"
    assert judge_book(book, NOW - 16) is not None
    assert judge_book(book, NOW - 15) is None
