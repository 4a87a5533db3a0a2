"""Follow the books that venues and operators publish, one loop for each: a bad one is a gap."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NoReturn

import structlog

from chains.book.errors import BookError
from chains.book.reader import BookReader
from chains.model.ids import AccountId
from chains.model.snapshot import BookGap
from config.settings import Settings
from daemon.board import Board
from daemon.translate import build_book_terms
from proofs.recover import recover_address

POLL_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class BookWatch:
    """Reads one book's file again and again and puts it, or a gap, on the board.

    `changed` is called where what is known of it has changed. `read_at` is when it was read last,
    seconds since the epoch.
    """

    account: AccountId
    reader: BookReader
    board: Board
    changed: Callable[[], None]
    poll_s: float = POLL_S
    read_at: float = field(default=0.0, init=False)

    async def run(self) -> NoReturn:
        """Follow the book for ever."""
        while True:
            await self.read()
            await asyncio.sleep(self.poll_s)

    async def read(self) -> None:
        """Read the book once."""
        known = self.board.books.get(self.account)
        try:
            book = await asyncio.to_thread(self.reader.read)
        except BookError as error:
            self.board.put_book_gap(self.account, str(error), int(time.time()))
            if not isinstance(known, BookGap) or known.reason != str(error):
                log.warning("book.lost", account=str(self.account), reason=str(error))
                self.changed()
        else:
            self.board.books[self.account] = book
            if isinstance(known, BookGap):
                log.info("book.recovered", account=str(self.account), time=book.published_at)
            if book != known:
                self.changed()
        self.read_at = time.time()


def build_books(
    settings: Settings, board: Board, wake: Callable[[str], None]
) -> tuple[BookWatch, ...]:
    """Give what follows each configured book; `wake` is told the margin account it is of."""
    return tuple(
        BookWatch(
            account=book.venue_account,
            reader=BookReader(
                path=book.path,
                terms=build_book_terms(settings, book),
                recover=recover_address,
            ),
            board=board,
            changed=partial(wake, book.account),
        )
        for book in settings.books
    )
