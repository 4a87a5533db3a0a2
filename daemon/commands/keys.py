"""`plimsoll keys`: the keeper's keys.

A keystore with its password beside it for EVM chains, a keypair file for Solana.
"""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from chains.evm.signer import LocalSigner
from chains.keyfiles import SignerError
from chains.model.ids import Address, checksummed
from chains.solana.signer import LocalSigner as SolanaSigner
from config.secrets import read_secret
from daemon import keys
from daemon.commands.common import CommandError, JsonOption, build_app, print_json

app = build_app("Make, show and import the keeper's keys; secrets are never printed.")

_STORE: Final = Path("keystore.json")
_PASSWORD: Final = Path("password")
KeystoreOption = Annotated[Path, typer.Option("--keystore", help="The keystore file.")]
PasswordOption = Annotated[Path, typer.Option("--password-file", help="The password's file.")]
KeypairOption = Annotated[
    Path | None,
    typer.Option("--solana-keypair", help="A Solana keypair file instead, as of solana-keygen."),
]


@app.command()
def new(
    keystore: KeystoreOption = _STORE,
    password_file: PasswordOption = _PASSWORD,
    solana_keypair: KeypairOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Draw a key; where the password's file does not exist a password is drawn too."""
    if solana_keypair is not None:
        try:
            address = keys.write_keypair(solana_keypair)
        except keys.KeyFileError as error:
            raise CommandError(str(error)) from error
        _print_keypair(address, solana_keypair, as_json=as_json)
        return
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
    solana_keypair: KeypairOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Decrypt the keystore and print the address whose signature it makes."""
    try:
        if solana_keypair is not None:
            public = SolanaSigner.open(solana_keypair).pubkey
            _print_keypair(Address(str(public)), solana_keypair, as_json=as_json)
            return
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
    _tell(found, as_json=as_json)


def _print_keypair(address: Address, keypair: Path, *, as_json: bool) -> None:
    _tell({"address": address, "solana_keypair": str(keypair)}, as_json=as_json)


def _tell(found: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name.replace('_', ' '):<13}  {value}")
