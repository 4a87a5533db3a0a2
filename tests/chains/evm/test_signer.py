"""Keys come from files that nobody else may read, and are never shown."""

from pathlib import Path

import orjson
import pytest
from eth_account import Account

from chains.evm.signer import LocalSigner, recover_sender
from chains.keyfiles import SignerError

KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
ADDRESS = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
PASSWORD = "correct horse battery staple"


class Files:
    """A keystore and its password file, as an operator would have made them."""

    def __init__(self, folder: Path) -> None:
        self.keystore = folder / "keystore.json"
        self.password = folder / "password"
        self.content = Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=2)
        self.write()
        self.password.write_text(PASSWORD + "\n")
        self.password.chmod(0o600)

    def write(self) -> None:
        self.keystore.write_bytes(orjson.dumps(self.content))
        self.keystore.chmod(0o600)

    def open(self) -> LocalSigner:
        return LocalSigner.open(self.keystore, self.password)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_keystore_gives_the_signer_of_its_address(files: Files) -> None:
    signer = files.open()
    assert signer.address == ADDRESS
    raw = signer.sign_transaction(
        {
            "type": 2,
            "chainId": 31337,
            "nonce": 0,
            "to": bytes(20),
            "value": 0,
            "data": b"",
            "gas": 21_000,
            "maxFeePerGas": 2,
            "maxPriorityFeePerGas": 1,
        }
    )
    assert recover_sender(raw) == ADDRESS


def test_a_keystore_without_an_address_is_taken_at_its_key(files: Files) -> None:
    del files.content["address"]
    files.write()
    assert files.open().address == ADDRESS


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o777])
@pytest.mark.parametrize("which", ["keystore", "password"])
def test_loose_permissions_are_refused_in_one_line(files: Files, which: str, mode: int) -> None:
    path = files.keystore if which == "keystore" else files.password
    path.chmod(mode)
    with pytest.raises(SignerError, match=f"permissions {mode:04o} are loose; chmod 600") as caught:
        files.open()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_tight_permissions_are_accepted(files: Files, mode: int) -> None:
    files.keystore.chmod(mode)
    assert files.open().address == ADDRESS


def test_a_wrong_password_or_no_keystore_is_refused(files: Files) -> None:
    files.password.write_text("wrong")
    with pytest.raises(SignerError, match="password is wrong"):
        files.open()
    files.keystore.write_bytes(b"{}")
    with pytest.raises(SignerError, match="not a version 3 keystore"):
        files.open()
    files.keystore.unlink()
    with pytest.raises(SignerError, match="No such file"):
        files.open()


def test_a_keystore_that_names_another_address_is_refused(files: Files) -> None:
    files.content["address"] = "11" * 20
    files.write()
    with pytest.raises(SignerError, match=f"but its key is of {ADDRESS}"):
        files.open()


def test_nothing_shows_the_key_or_the_password(files: Files) -> None:
    signer = files.open()
    shown = f"{signer!r} {signer} {signer.__class__.__slots__}"
    assert KEY.hex() not in shown
    assert PASSWORD not in shown
    files.password.write_text("wrong but secret")
    with pytest.raises(SignerError) as caught:
        files.open()
    assert "secret" not in str(caught.value)
