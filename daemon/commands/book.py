"""`plimsoll book`: sign a book of venue positions, and check one as the daemon would take it."""

import json
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from chains.book.document import hash_book, judge_book, load_book
from chains.book.errors import BookError
from chains.book.reader import read_bytes, take_book
from chains.model.snapshot import PublishedBook
from config.books import BookSettings
from config.load import load
from config.secrets import read_secret
from config.settings import Settings
from daemon.api.texts import USD_DECIMALS, render_decimal, render_time
from daemon.commands.common import (
    CommandError,
    ConfigOption,
    JsonOption,
    build_app,
    choose_config,
    print_json,
)
from daemon.commands.texts import format_usd
from daemon.translate import build_book_terms
from proofs.recover import recover_address
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.signing.signer import KeystoreError

app = build_app("Sign a book of positions at a venue, or check one; docs/margin.md has the format.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The book's JSON file.")]
_STORE: Final = Path("keystore.json")
_PASSWORD: Final = Path("password")


@app.command()
def sign(
    file: FileArgument,
    keystore: Annotated[Path, typer.Option(help="The publisher's keystore file.")] = _STORE,
    password_file: Annotated[Path, typer.Option(help="The password's file.")] = _PASSWORD,
    *,
    now: Annotated[bool, typer.Option("--now", help="Set the book's time to now first.")] = False,
) -> None:
    """Sign a book in its place, the whole file at once; its publisher's address is printed."""
    try:
        signer = Secp256k1Signer.from_keystore(
            keystore, read_secret(password_file).get_secret_value()
        )
        document = dict(load_book(read_bytes(file)))
        if now:
            document["time"] = int(time.time())
        document["signature"] = "0x" + signer.sign(hash_book(document)).hex()
        write_book(file, json.dumps(document, indent=2) + "\n")
    except (BookError, KeystoreError) as error:
        raise CommandError(str(error)) from error
    typer.echo(f"{file} is signed by {signer.address}")


@app.command()
def check(file: FileArgument, config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Read a book as the daemon would, by the [[books]] table of its account at the venue."""
    settings = load(choose_config(config))
    try:
        found, book = _take(settings, read_bytes(file), int(time.time()))
    except BookError as error:
        raise CommandError(f"{file}: {error}") from error
    held = book.positions
    said = {
        "account": found.account,
        "venue_account": str(book.account),
        "publisher": book.publisher,
        "published": render_time(book.published_at),
        "digest": "0x" + book.digest.hex(),
        "parts": len(held),
        "perps": sum(len(part.perps) for part in held),
        "options": sum(len(part.options) for part in held),
        "margin_usd": render_decimal(sum(part.margin for part in held), USD_DECIMALS),
    }
    if as_json:
        print_json(said)
        return
    signed = f"signed by {book.publisher}" if book.publisher else "signed by nobody: not attested"
    typer.echo(f"{book.account} of {said['published']}, {signed}")
    typer.echo(
        f"  {said['parts']} parts, {said['perps']} perps, {said['options']} options, "
        f"{format_usd(str(said['margin_usd']))} USD of margin: good"
    )


def write_book(file: Path, text: str) -> None:
    """Replace a file as a whole, so that no reader sees half of a book; BookError where not."""
    beside = file.with_name(f"{file.name}.new")
    try:
        beside.write_text(text, encoding="ascii")
        beside.replace(file)
    except OSError as error:
        raise BookError("", f"{file} cannot be written: {error.strerror}") from error


def _take(settings: Settings, raw: bytes, now: int) -> tuple[BookSettings, PublishedBook]:
    document = load_book(raw)
    named = f"venue:{document.get('venue')}:{document.get('account')}"
    found = next((book for book in settings.books if str(book.venue_account) == named), None)
    if found is None:
        raise BookError("account", f"no [[books]] table has venue_account = {named!r}")
    book = take_book(raw, build_book_terms(settings, found), recover_address)
    if reason := judge_book(book, now):
        raise BookError("time", reason)
    return found, book
