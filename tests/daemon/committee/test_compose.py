"""Which configurations make a member, and what is said of the others."""

from pathlib import Path

import pytest

from chains.evm.signer import LocalSigner
from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from daemon.committee.compose import build_membership
from daemon.compose import Key
from daemon.service import open_house
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.succession import CommitteeChain, encode_chain
from tests.config.samples import GOOD, write
from tests.daemon.committee.test_rotation import hand_over
from tests.support.council import DEPLOYMENT, SIGNERS, SPARES, found_committee


def configure(folder: Path, *, how: str = "threshold = 3") -> Settings:
    tables = "".join(
        f'[[committee.members]]\naddress = "{signer.address}"\nurl = "http://10.0.0.{i}:9001"\n'
        for i, signer in enumerate(SIGNERS, 1)
    )
    text = GOOD.replace('deployment = "test"', f'deployment = "{DEPLOYMENT}"')
    top = f'state_dir = "{folder / "state"}"\n'
    committee = f'[committee]\n{how}\nlisten = "127.0.0.1:0"\n'
    return load([write(folder, top + text + committee + tables)], {})


def key_of(signer: Secp256k1Signer) -> Key:
    return Key(transactions=LocalSigner(bytes([1]) * 32), attestations=signer)


def refuse(settings: Settings, signer: Secp256k1Signer = SIGNERS[0]) -> str:
    assert settings.committee is not None
    with pytest.raises(ConfigError) as refused:
        build_membership(settings, settings.committee, key_of(signer))
    [problem] = refused.value.problems
    return problem


def test_the_members_configured_are_the_first_committee(tmp_path: Path) -> None:
    settings = configure(tmp_path)
    assert settings.committee is not None
    membership = build_membership(settings, settings.committee, key_of(SIGNERS[2]))
    assert membership.current(1) == found_committee()
    assert membership.place(found_committee()) == 2
    others = [signer.address for i, signer in enumerate(SIGNERS) if i != 2]
    assert list(membership.others(found_committee())) == others


def test_whoever_is_no_member_cannot_attest_here(tmp_path: Path) -> None:
    problem = refuse(configure(tmp_path), SPARES[0])
    assert problem.startswith(f"committee.members: {SPARES[0].address}, which attests here")


def test_a_history_says_who_signs_when(tmp_path: Path) -> None:
    (tmp_path / "chain.json").write_bytes(encode_chain(hand_over(1_000)))
    settings = configure(tmp_path, how=f'history = "{tmp_path / "chain.json"}"')
    assert settings.committee is not None
    membership = build_membership(settings, settings.committee, key_of(SIGNERS[0]))
    after = membership.current(1_000)
    assert after is not None
    assert (after.epoch, after.threshold, len(after.members)) == (1, 4, 5)


def test_a_history_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chain.json"
    how = f'history = "{path}"'
    assert "cannot be read" in refuse(configure(tmp_path, how=how))
    path.write_bytes(b"{}")
    assert refuse(configure(tmp_path, how=how)).startswith("committee.history: ")
    path.write_bytes(encode_chain(hand_over(1_000, signers=2)))
    assert "2 of the 3 signatures needed" in refuse(configure(tmp_path, how=how))
    other = CommitteeChain(deployment="another", root=found_committee())
    path.write_bytes(encode_chain(other))
    assert "another" in refuse(configure(tmp_path, how=how))


async def test_a_member_takes_a_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a member takes a key"):
        async with open_house(configure(tmp_path)):
            raise AssertionError("it opened")
