"""Read a book's file, and take it only from its publisher and never older than before."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chains.book.document import MOST_BYTES, SignedBook, parse_book
from chains.book.errors import BookError
from chains.book.parts import BookTerms
from chains.model.ids import Address
from chains.model.snapshot import PublishedBook

Recover = Callable[[bytes, bytes], Address]
"""Gives who signed a digest (r‖s‖v, low s); ValueError where nobody did."""


@dataclass(slots=True, kw_only=True)
class BookReader:
    """Reads one book; it remembers the newest, so that nobody puts an older one in its place."""

    path: Path
    terms: BookTerms
    recover: Recover
    _newest: PublishedBook | None = field(default=None, init=False)

    def read(self) -> PublishedBook:
        """Give the book as the file has it now; BookError says why it cannot be used. Blocks."""
        book = take_book(read_bytes(self.path), self.terms, self.recover)
        if self._newest and book.published_at < self._newest.published_at:
            behind = self._newest.published_at - book.published_at
            raise BookError("time", f"lies {behind} s before that of the book read last")
        self._newest = book
        return book


def read_bytes(path: Path) -> bytes:
    """Read a file up to a byte more than a book may have; BookError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BookError("", f"{path} cannot be read: {error.strerror}") from error


def take_book(raw: bytes, terms: BookTerms, recover: Recover) -> PublishedBook:
    """Parse a book and see that its publisher signed it, where it has one."""
    signed = parse_book(raw, terms)
    if terms.publisher is not None and (who := _find_signer(signed, recover)) != terms.publisher:
        raise BookError("signature", f"is of {who}, not of {terms.publisher}")
    return signed.book


def _find_signer(signed: SignedBook, recover: Recover) -> Address:
    if signed.signature is None:
        raise BookError("signature", "is missing")
    try:
        return recover(signed.book.digest, signed.signature)
    except ValueError as error:
        raise BookError("signature", f"is none: {error}") from error
