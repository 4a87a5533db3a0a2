"""`plimsoll keys`: the keeper's key, in a keystore with its password beside it."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from chains.evm.signer import LocalSigner, SignerError
from chains.model.ids import Address, checksummed
from config.secrets import read_secret
from daemon import keys
from daemon.commands.common import CommandError, JsonOption, build_app, print_json

app = build_app("Make, show and import the keeper's key; secrets are never printed.")

_STORE: Final = Path("keystore.json")
_PASSWORD: Final = Path("password")
KeystoreOption = Annotated[Path, typer.Option("--keystore", help="The keystore file.")]
PasswordOption = Annotated[Path, typer.Option("--password-file", help="The password's file.")]


@app.command()
def new(
    keystore: KeystoreOption = _STORE,
    password_file: PasswordOption = _PASSWORD,
    *,
    as_json: JsonOption = False,
) -> None:
    """Draw a key; where the password's file does not exist a password is drawn too."""
    _keep(keys.draw_key(), keystore, password_file, as_json=as_json)


@app.command("import")
def import_key(
    source: Annotated[Path, typer.Argument(help="A file with 64 hex digits, or - for input.")],
    keystore: KeystoreOption = _STORE,
    password_file: PasswordOption = _PASSWORD,
    *,
    as_json: JsonOption = False,
) -> None:
    """Take a private key over into a keystore; remove the source yourself afterwards."""
    text = sys.stdin.read() if str(source) == "-" else read_secret(source).get_secret_value()
    try:
        key = keys.parse_key(text)
    except keys.KeyFileError as error:
        raise CommandError(str(error), 2) from error
    _keep(key, keystore, password_file, as_json=as_json)


@app.command()
def show(
    keystore: KeystoreOption = _STORE,
    password_file: PasswordOption = _PASSWORD,
    *,
    as_json: JsonOption = False,
) -> None:
    """Decrypt the keystore and print the address whose signature it makes."""
    try:
        address = LocalSigner.open(keystore, password_file).address
    except SignerError as error:
        raise CommandError(str(error)) from error
    _print(address, keystore, password_file, as_json=as_json)


def _keep(key: bytes, keystore: Path, password_file: Path, *, as_json: bool) -> None:
    if keystore.exists():
        raise CommandError(f"{keystore} exists; name another file, or move it away")
    try:
        if not password_file.exists():
            keys.write_private(password_file, keys.draw_password() + "\n")
        password = read_secret(password_file).get_secret_value()
        address = keys.write_keystore(keystore, key, password, work=keys.SCRYPT_WORK)
    except keys.KeyFileError as error:
        raise CommandError(str(error)) from error
    _print(address, keystore, password_file, as_json=as_json)


def _print(address: Address, keystore: Path, password_file: Path, *, as_json: bool) -> None:
    found = {
        "address": checksummed(address),
        "keystore": str(keystore),
        "password_file": str(password_file),
    }
    if as_json:
        print_json(found)
        return
    typer.echo(f"address        {found['address']}")
    typer.echo(f"keystore       {keystore}")
    typer.echo(f"password file  {password_file}")
