"""A book as its publisher writes it: parsed strictly, hashed, and judged by its age.

What is signed is EIP-712 typed data in the domain {name: "Plimsoll book", version: "1"}:
Book(string venue,string account,uint64 time,bytes32 parts), where `parts` is the keccak256 of
that member as JSON with sorted keys and nothing between tokens (RFC 8785 of ASCII texts).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_hash.auto import keccak

from chains.book.errors import BookError
from chains.book.fields import MOST_TIME, Table
from chains.book.parts import VERSION, BookTerms, PartReader
from chains.model.anchor import BlockAnchor
from chains.model.ids import VENUE, AccountId, ChainId
from chains.model.position import Position
from chains.model.snapshot import PublishedBook

FORMAT: Final = "plimsoll-book-1"
MOST_BYTES: Final = 1 << 20
MAX_AHEAD_S: Final = 15
"""How far a publisher's clock may run ahead of ours."""
SIGNATURE_BYTES: Final = 65
_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(string name,string version)")
_BOOK_TYPE: Final = keccak(b"Book(string venue,string account,uint64 time,bytes32 parts)")
_DOMAIN: Final = keccak(_DOMAIN_TYPE + keccak(b"Plimsoll book") + keccak(VERSION.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBook:
    """A book, the digest that it is signed by, and the signature (r‖s‖v), None without one."""

    book: PublishedBook
    signature: bytes | None


def load_book(raw: bytes) -> Mapping[str, Any]:
    """Give the file's JSON object; BookError where it is none or a name stands twice."""
    if len(raw) > MOST_BYTES:
        raise BookError("", f"is {len(raw)} bytes long, at most {MOST_BYTES} are read")
    try:
        found = json.loads(raw, object_pairs_hook=_refuse_twice)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BookError("", f"is not JSON: {error}") from error
    return Table.of(found, "").values


def _refuse_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        name = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise BookError(name, "stands twice in one object")
    return found


def hash_book(document: Mapping[str, Any]) -> bytes:
    """Give the 32 bytes that a publisher signs; BookError names a field that is not as it must."""
    table = Table.of(document, "")
    venue, account = table.text("venue"), table.text("account")
    time = table.whole("time", 1, MOST_TIME)
    parts = json.dumps(table.take("parts"), sort_keys=True, separators=(",", ":"))
    struct = (
        _BOOK_TYPE
        + keccak(venue.encode())
        + keccak(account.encode())
        + time.to_bytes(32, "big")
        + keccak(parts.encode())
    )
    return bytes(keccak(b"\x19\x01" + _DOMAIN + keccak(struct)))


def parse_book(raw: bytes, terms: BookTerms) -> SignedBook:
    """Read a book's bytes; BookError names the first field that is wrong.

    Whose signature it bears, and whether it is too old, are other questions.
    """
    document = load_book(raw)
    table = Table.of(document, "")
    table.choice("format", {FORMAT: FORMAT})
    venue, number = table.text("venue"), table.text("account")
    account = AccountId(ChainId(VENUE, venue), number)
    if account != terms.account:
        raise BookError("account", f"is {account}, not {terms.account}")
    time = table.whole("time", 1, MOST_TIME)
    anchor = BlockAnchor(chain=account.chain, height=time, hash=hash_book(document), time=time)
    reader = PartReader(terms=terms, anchor=anchor)
    positions = table.rows("parts", reader.read_part)
    signature = _read_signature(table)
    table.finish()
    _refuse_shared(positions)
    book = PublishedBook(
        account=account,
        publisher=terms.publisher,
        published_at=time,
        max_age_s=terms.max_age_s,
        digest=anchor.hash,
        positions=positions,
        gain_weight=terms.gain_weight,
        haircut=terms.haircut,
    )
    return SignedBook(book=book, signature=signature)


def _read_signature(table: Table) -> bytes | None:
    if "signature" not in table.values:
        return None
    value = table.take("signature")
    try:
        found = bytes.fromhex(str(value).removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != SIGNATURE_BYTES:
        raise BookError("signature", f"is no text of 0x and {2 * SIGNATURE_BYTES} hex digits")
    return found


def _refuse_shared(positions: tuple[Position, ...]) -> None:
    """Refuse a sub-account that stands twice; isolated positions may share one's name."""
    seen: set[str | None] = set()
    for index, position in enumerate(positions):
        if not position.isolated and position.subaccount in seen:
            name = f"parts[{index}].subaccount"
            raise BookError(name, f"{position.subaccount!r} stands twice; write each part once")
        if not position.isolated:
            seen.add(position.subaccount)


def judge_book(book: PublishedBook, now: int) -> str | None:
    """Say why a book cannot be relied on at `now` (seconds), None where it can."""
    age = now - book.published_at
    if age > book.max_age_s:
        return f"it was published {age} s ago, {book.max_age_s} s are allowed"
    if -age > MAX_AHEAD_S:
        return f"it was published {-age} s in the future: check both clocks"
    for part, position in enumerate(book.positions):
        for index, option in enumerate(position.options):
            if option.expiry <= now:
                return f"parts[{part}].options[{index}].expiry: it has expired"
    return None
