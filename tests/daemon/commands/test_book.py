"""`plimsoll book` signs what the daemon takes, and says what it would not take."""

import json
import time
from pathlib import Path

import pytest

from daemon import keys
from tests.config.samples import GOOD, write
from tests.daemon.commands.conftest import Run
from tests.support import books as b


@pytest.fixture(autouse=True)
def _light_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive keys lightly: the work factor is not what these tests are about."""
    monkeypatch.setattr(keys, "SCRYPT_WORK", 2)


class Desk:
    """A publisher's key and book, and an operator's configuration."""

    def __init__(self, plimsoll: Run, folder: Path) -> None:
        self.run = plimsoll
        self.book = folder / "book.json"
        self.key = ["--keystore", folder / "k", "--password-file", folder / "p"]
        made = plimsoll("keys", "new", *self.key, "--json")
        self.address = json.loads(made.out)["address"]
        self.config = write(folder, GOOD + _table(self.book, self.address))
        self.write(b.document(b.part("1000", perps=[b.perp()], options=[])))

    def write(self, book: object) -> None:
        self.book.write_text(json.dumps(book))


def _table(book: Path, publisher: str) -> str:
    return (
        '[[books]]\naccount = "alice"\nvenue_account = "venue:deribit:12345"\n'
        f'path = "{book}"\npublisher = "{publisher}"\nnames = {{ ETH = "WETH" }}\n'
    )


@pytest.fixture
def desk(plimsoll: Run, tmp_path: Path) -> Desk:
    return Desk(plimsoll, tmp_path)


def test_a_signed_book_is_good(desk: Desk) -> None:
    signed = desk.run("book", "sign", desk.book, *desk.key, "--now")
    assert (signed.code, signed.err) == (0, "")
    assert desk.address.lower() in signed.out
    shown = desk.run("book", "check", desk.book, "--config", desk.config)
    assert shown.code == 0, shown.err
    assert "1 parts, 1 perps, 0 options, 1,000.00 USD of margin: good" in shown.out
    said = json.loads(desk.run("book", "check", desk.book, "-c", desk.config, "--json").out)
    assert (said["account"], said["publisher"]) == ("alice", desk.address.lower())


def test_what_the_daemon_would_not_take_is_one_line(desk: Desk) -> None:
    def check() -> str:
        refused = desk.run("book", "check", desk.book, "--config", desk.config)
        assert (refused.code, refused.out) == (1, "")
        [line] = refused.err.splitlines()
        return line.removeprefix(f"plimsoll: {desk.book}: ")

    assert check() == "signature: is missing"
    desk.run("book", "sign", desk.book, *desk.key)
    assert "it was published " in check()
    desk.write(b.document(b.part("NaN"), time=int(time.time())))
    assert check().startswith("parts[0].margin_usd: is 'NaN'")
    desk.write(b.document() | {"account": "9"})
    assert check() == "account: no [[books]] table has venue_account = 'venue:deribit:9'"
    desk.book.write_text("{")
    assert check().startswith("is not JSON: ")


def test_a_book_that_cannot_be_signed_is_one_line(desk: Desk) -> None:
    desk.write({"venue": "deribit"})
    refused = desk.run("book", "sign", desk.book, *desk.key)
    assert (refused.code, refused.err) == (1, "plimsoll: account: is missing\n")
