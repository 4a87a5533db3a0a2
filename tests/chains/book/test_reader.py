"""A book is taken from its publisher only, and never older than before."""

from pathlib import Path

import pytest

from chains.book.errors import BookError
from chains.book.reader import BookReader
from chains.model.ids import Address
from proofs.recover import recover_address
from proofs.signing.secp256k1 import Secp256k1Signer
from tests.support import books as b
from tests.support.values import NOW

BOOK = b.document(b.part("1"))


def reader(path: Path, publisher: Address | None = b.PUBLISHER.address) -> BookReader:
    return BookReader(path=path, terms=b.terms(publisher=publisher), recover=recover_address)


def refusal(path: Path, raw: bytes) -> str:
    path.write_bytes(raw)
    with pytest.raises(BookError) as caught:
        reader(path).read()
    return str(caught.value)


def test_only_the_publishers_own_signature_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    other = Secp256k1Signer(bytes([8] * 32))
    path.write_bytes(b.signed(BOOK))
    assert reader(path).read().publisher == b.PUBLISHER.address
    assert refusal(path, b.encode(BOOK)) == "signature: is missing"
    assert refusal(path, b.signed(BOOK, other)) == (
        f"signature: is of {other.address}, not of {b.PUBLISHER.address}"
    )
    forged = b.signed(BOOK).replace(b'"1"', b'"2"')
    assert refusal(path, forged).startswith("signature: is of ")
    assert refusal(path, b.encode(BOOK | {"signature": "0x" + "00" * 65})).startswith(
        "signature: is none: "
    )


def test_an_operators_own_book_needs_no_signature(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_bytes(b.encode(BOOK))
    assert reader(path, publisher=None).read().publisher is None


def test_an_older_book_does_not_take_the_place_of_a_newer_one(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    following = reader(path)
    b.publish(path, b.document(b.part("1"), time=NOW))
    following.read()
    b.publish(path, b.document(b.part("9"), time=NOW - 5))
    with pytest.raises(BookError, match="time: lies 5 s before that of the book read last"):
        following.read()
    b.publish(path, b.document(b.part("2"), time=NOW + 1))
    assert following.read().published_at == NOW + 1


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="cannot be read: No such file"):
        reader(tmp_path / "book.json").read()
