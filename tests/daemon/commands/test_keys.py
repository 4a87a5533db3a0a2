import json
import stat
from pathlib import Path

import pytest

from chains.evm.signer import LocalSigner
from chains.model.ids import checksummed
from chains.solana.signer import LocalSigner as SolanaSigner
from daemon import keys
from proofs.signing.secp256k1 import Secp256k1Signer
from tests.daemon.commands.conftest import Run

SECRET = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


@pytest.fixture(autouse=True)
def _light_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive keys lightly: the work factor is not what these tests are about."""
    monkeypatch.setattr(keys, "SCRYPT_WORK", 2)


def files(folder: Path) -> list[object]:
    return ["--keystore", folder / "k" / "keystore", "--password-file", folder / "k" / "password"]


def test_a_new_key_is_kept_for_its_user_alone(plimsoll: Run, tmp_path: Path) -> None:
    made = plimsoll("keys", "new", *files(tmp_path), "--json")
    assert made.code == 0
    described = json.loads(made.out)
    for name in ("keystore", "password_file"):
        assert stat.S_IMODE(Path(described[name]).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o700


def test_both_signers_open_what_was_made(plimsoll: Run, tmp_path: Path) -> None:
    made = json.loads(plimsoll("keys", "new", *files(tmp_path), "--json").out)
    store, password = Path(made["keystore"]), Path(made["password_file"])
    signer = LocalSigner.open(store, password)
    other = Secp256k1Signer.from_keystore(store, password.read_text(encoding="utf-8").strip())
    assert checksummed(signer.address) == checksummed(other.address) == made["address"]
    assert json.loads(plimsoll("keys", "show", *files(tmp_path), "--json").out) == made


def test_a_key_is_never_written_over(plimsoll: Run, tmp_path: Path) -> None:
    first = plimsoll("keys", "new", *files(tmp_path))
    again = plimsoll("keys", "new", *files(tmp_path))
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert "exists" in again.err
    assert plimsoll("keys", "show", *files(tmp_path)).out == first.out


@pytest.mark.parametrize("form", [SECRET, "0x" + SECRET, SECRET.upper() + "\n"])
def test_an_imported_key_has_its_address_and_is_not_printed(
    plimsoll: Run, tmp_path: Path, form: str
) -> None:
    source = tmp_path / "source"
    source.write_text(form, encoding="utf-8")
    taken = plimsoll("keys", "import", source, *files(tmp_path))
    assert taken.code == 0, taken.err
    assert ADDRESS in taken.out
    password = (tmp_path / "k" / "password").read_text(encoding="utf-8").strip()
    store = (tmp_path / "k" / "keystore").read_text(encoding="utf-8")
    for said in (taken.out, taken.err, store):
        assert SECRET not in said.lower()
        assert password not in said


@pytest.mark.parametrize("wrong", ["", "12", SECRET + "00", "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused_without_repeating_it(
    plimsoll: Run, tmp_path: Path, wrong: str
) -> None:
    source = tmp_path / "source"
    source.write_text(wrong, encoding="utf-8")
    refused = plimsoll("keys", "import", source, *files(tmp_path))
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert not wrong or wrong not in refused.err
    assert not (tmp_path / "k").exists()


def test_a_loose_keystore_is_not_shown(plimsoll: Run, tmp_path: Path) -> None:
    plimsoll("keys", "new", *files(tmp_path))
    (tmp_path / "k" / "keystore").chmod(0o644)
    refused = plimsoll("keys", "show", *files(tmp_path))
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "chmod 600" in refused.err


def test_drawn_keys_differ_and_are_valid() -> None:
    drawn = {keys.draw_key() for _ in range(20)}
    assert len(drawn) == 20
    assert all(keys.parse_key(key.hex()) == key for key in drawn)


def test_a_solana_key_is_made_for_its_user_alone_and_shown(plimsoll: Run, tmp_path: Path) -> None:
    path = tmp_path / "k" / "id.json"
    made = plimsoll("keys", "new", "--solana-keypair", path, "--json")
    described = json.loads(made.out)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert described["address"] == str(SolanaSigner.open(path).pubkey)
    shown = plimsoll("keys", "show", "--solana-keypair", path)
    assert shown.out.split() == [
        "address",
        described["address"],
        "solana",
        "keypair",
        str(path),
    ]
    secret = json.loads(path.read_text(encoding="utf-8"))
    assert len(secret) == 64
    assert str(secret[:4])[1:-1] not in made.out + shown.out
    again = plimsoll("keys", "new", "--solana-keypair", path)
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert json.loads(path.read_text(encoding="utf-8")) == secret


def test_a_solana_keypair_that_cannot_be_used_is_one_line(plimsoll: Run, tmp_path: Path) -> None:
    path = tmp_path / "id.json"
    path.write_text("[]")
    path.chmod(0o600)
    refused = plimsoll("keys", "show", "--solana-keypair", path)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "is no keypair" in refused.err
