"""A Solana key comes from solana-keygen's file, which nobody else may read, and is never shown."""

import json
from pathlib import Path

import pytest
from solders.keypair import Keypair

from chains.keyfiles import SignerError
from chains.solana.signer import LocalSigner

KEYPAIR = Keypair.from_seed(bytes(range(1, 33)))
NUMBERS = list(bytes(KEYPAIR))


def write(folder: Path, content: object, *, mode: int = 0o600) -> Path:
    path = folder / "id.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def test_a_keypair_file_gives_the_signer_of_its_address(tmp_path: Path) -> None:
    signer = LocalSigner.open(write(tmp_path, NUMBERS))
    assert signer.pubkey == KEYPAIR.pubkey()
    assert signer.sign_message(b"m") == KEYPAIR.sign_message(b"m")
    assert repr(signer) == f"LocalSigner({KEYPAIR.pubkey()})"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o777])
def test_loose_permissions_are_refused_in_one_line(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, NUMBERS, mode=mode)
    with pytest.raises(SignerError, match=f"permissions {mode:04o} are loose; chmod 600") as caught:
        LocalSigner.open(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1, 2",
        NUMBERS[:63],
        [*NUMBERS, 1],
        [*NUMBERS[:63], 256],
        [*NUMBERS[:63], -1],
        [*NUMBERS[:63], True],
        [*NUMBERS[:63], 1.0],
        str(KEYPAIR),
    ],
)
def test_what_is_no_keypair_is_refused_without_repeating_it(
    tmp_path: Path, content: object
) -> None:
    with pytest.raises(SignerError, match="is no keypair: 64 numbers") as caught:
        LocalSigner.open(write(tmp_path, content))
    said = str(caught.value)
    assert "\n" not in said
    assert str(NUMBERS[5:8])[1:-1] not in said
    assert str(KEYPAIR) not in said


def test_a_public_half_that_is_not_the_seeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignerError, match="public half does not follow from its seed"):
        LocalSigner.open(write(tmp_path, [*NUMBERS[:63], NUMBERS[63] ^ 1]))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SignerError, match=r"keypair .*: No such file"):
        LocalSigner.open(tmp_path / "nowhere")
