"""A committee in the configuration: what is right is read, a mistake is one clear line."""

from pathlib import Path

import pytest

from chains.model.ids import Address
from config.committee import CommitteeSettings
from config.errors import ConfigError
from config.load import load
from tests.config.samples import GOOD, write

MEMBERS = [f"0x{number:040x}" for number in range(1, 5)]


def describe(
    *, threshold: str = "threshold = 3", listen: str = "127.0.0.1:9001", more: str = ""
) -> str:
    tables = "".join(
        f'[[committee.members]]\naddress = "{address}"\nurl = "http://10.0.0.{i}:9001"\n'
        for i, address in enumerate(MEMBERS, 1)
    )
    return f'{GOOD}[committee]\n{threshold}\nlisten = "{listen}"\n{tables}{more}'


def accept(folder: Path, text: str) -> CommitteeSettings:
    settings = load([write(folder, text)], {})
    assert settings.committee is not None
    return settings.committee


def refuse(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load([write(folder, text)], {})
    return list(refused.value.problems)


def test_left_out_the_keeper_attests_alone(tmp_path: Path) -> None:
    assert load([write(tmp_path, GOOD)], {}).committee is None


def test_members_are_reached_at_their_urls(tmp_path: Path) -> None:
    committee = accept(tmp_path, describe())
    assert (committee.threshold, committee.listen) == (3, ("127.0.0.1", 9001))
    assert [member.address for member in committee.members] == [Address(m) for m in MEMBERS]
    assert committee.members[1].url == "http://10.0.0.2:9001"


def test_an_address_of_version_6_may_be_listened_at(tmp_path: Path) -> None:
    assert accept(tmp_path, describe(listen="[::1]:9001")).listen == ("::1", 9001)


def test_with_a_history_it_says_how_many_must_sign(tmp_path: Path) -> None:
    committee = accept(tmp_path, describe(threshold='history = "chain.json"'))
    assert (committee.threshold, committee.history) == (None, Path("chain.json"))
    both = describe(threshold='threshold = 3\nhistory = "chain.json"')
    assert "not both" in refuse(tmp_path, both)[0]
    assert "write a threshold" in refuse(tmp_path, describe(threshold=""))[0]


@pytest.mark.parametrize("threshold", [1, 2, 5])
def test_no_more_than_two_thirds_is_no_quorum(tmp_path: Path, threshold: int) -> None:
    [problem] = refuse(tmp_path, describe(threshold=f"threshold = {threshold}"))
    assert problem.startswith(f"committee: threshold {threshold} of 4 is not more than two thirds")


@pytest.mark.parametrize("listen", ["9001", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536"])
def test_a_listener_is_an_address_and_a_port(tmp_path: Path, listen: str) -> None:
    [problem] = refuse(tmp_path, describe(listen=listen))
    assert problem.startswith("committee.listen: ")
    assert "127.0.0.1:9001" in problem


def test_a_member_stands_once(tmp_path: Path) -> None:
    again = f'[[committee.members]]\naddress = "{MEMBERS[0]}"\nurl = "http://10.0.0.9:1"\n'
    assert "is a member twice" in refuse(tmp_path, describe(more=again))[0]


def test_keys_of_a_scheme_are_everybodys_or_nobodys(tmp_path: Path) -> None:
    one = describe(more=f'ed25519 = "{"11" * 32}"\n')
    assert "some members have no ed25519 key" in refuse(tmp_path, one)[0]
    unproved = describe(more=f'bls = "{"11" * 48}"\n')
    assert "a bls key goes with its bls_proof" in refuse(tmp_path, unproved)[0]
    short = describe(more='ed25519 = "11"\n')
    assert "committee.members[3].ed25519" in refuse(tmp_path, short)[0]


def test_an_attestation_key_is_taken_from_the_credentials_directory(tmp_path: Path) -> None:
    for name in ("attestation_keystore", "attestation_password"):
        (tmp_path / name).write_text("x")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    keys = load([write(tmp_path, GOOD)], environment).keys
    assert keys.attestation_keystore == tmp_path / "attestation_keystore"
    assert keys.attestation_password_file == tmp_path / "attestation_password"
