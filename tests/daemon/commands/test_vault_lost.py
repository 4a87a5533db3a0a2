"""`plimsoll vault lost`: operators sign on their own machines, and a real notary takes a quorum."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.commands.conftest import Outcome, Run
from tests.support.vault_operators import write_operator, write_owner
from tests.support.vaults import DEPLOYMENT, TERMS, Ground

pytestmark = pytest.mark.net


@dataclass(frozen=True, slots=True)
class Operators:
    """Four machines over the ground; `moment` is what they declare the loss at."""

    ground: Ground
    folder: Path
    configs: Sequence[Path]
    plimsoll: Run
    moment: int

    def sign(self, member: int, chain: str = "b", moment: int | None = None) -> Path:
        path = self.folder / f"{chain}-{member}-{moment}.json"
        options = ("--config", self.configs[member], "--out", path)
        told = ("--issued-at", self.moment if moment is None else moment)
        done = self.plimsoll("vault", "lost", "sign", chain, *options, *told)
        assert done.code == 0, done.err
        return path

    def send(self, *files: Path, options: Sequence[str]) -> Outcome:
        config = ("--config", self.configs[0])
        return self.plimsoll("vault", "lost", "send", *files, *config, "--json", *options)


@pytest.fixture
def operators(vaults: Ground, tmp_path: Path, plimsoll: Run) -> Operators:
    configs = [write_operator(vaults, tmp_path, member) for member in range(4)]
    moment = min(vaults.a.now, int(time.time()))
    return Operators(vaults, tmp_path, configs, plimsoll, moment)


def test_a_quorums_files_let_the_notary_count_the_chain_as_lost_after_its_delay(
    operators: Operators,
) -> None:
    a, b = operators.ground.chains
    files = [operators.sign(member) for member in (3, 0, 2)]
    done = operators.send(*files, options=write_owner(operators.folder))
    assert done.code == 0, done.err
    told: list[dict[str, Any]] = json.loads(done.out)
    assert [one["chain"] for one in told] == [f"eip155:{a.number}"]
    assert told[0]["counts_at"] == int(a.ask(a.notary, "lost_at(uint64)", b.number)) > 0
    lost = "is_lost(uint64)"
    assert not a.ask(a.notary, lost, b.number, returns="(bool)")
    a.advance(TERMS.lost_delay_s)
    assert a.ask(a.notary, lost, b.number, returns="(bool)")
    assert not b.ask(b.notary, lost, a.number, returns="(bool)")


def test_the_printed_transaction_is_what_anybody_may_send(operators: Operators) -> None:
    a, b = operators.ground.chains
    done = operators.send(*map(operators.sign, range(3)), options=["--print", "--on", "a"])
    [printed] = json.loads(done.out)
    assert (printed["chain"], printed["to"]) == (f"eip155:{a.number}", a.notary)
    sent = a.chain.owner.post(a.notary, bytes.fromhex(printed["data"][2:]))
    a.chain.include([sent])
    assert int(a.ask(a.notary, "lost_at(uint64)", b.number)) > 0


def test_fewer_than_a_quorum_are_refused_before_anything_is_sent(operators: Operators) -> None:
    two = [operators.sign(member) for member in (0, 1)]
    done = operators.send(*two, two[0], options=["--print"])
    assert (done.code, done.out) == (2, "")
    assert "2 of the 3 signatures needed" in done.err


def test_files_of_another_moment_or_chain_are_not_joined(operators: Operators) -> None:
    files = [operators.sign(0), operators.sign(1)]
    for other in (operators.sign(2, moment=operators.moment - 1), operators.sign(2, chain="a")):
        done = operators.send(*files, other, options=["--print"])
        assert done.code == 2
        assert "the files differ" in done.err


def test_a_changed_file_is_refused(operators: Operators) -> None:
    files = [operators.sign(member) for member in range(3)]
    text = files[1].read_text()
    for old, new in (
        (str(operators.moment), str(operators.moment - 1)),
        (DEPLOYMENT, "another"),
        ('"member":"1"', '"member":"3"'),
        ("{", "{ "),
    ):
        files[1].write_text(text.replace(old, new, 1))
        done = operators.send(*files, options=["--print"])
        assert done.code == 2
        assert done.err.startswith("plimsoll: FILES: ")


def test_what_cannot_be_declared_is_one_line(operators: Operators) -> None:
    config = ("--config", operators.configs[0])
    sign = ("vault", "lost", "sign")
    unknown = operators.plimsoll(*sign, "nowhere", *config)
    assert (unknown.code, unknown.err.startswith("plimsoll: CHAIN: ")) == (2, True)
    late = operators.plimsoll(*sign, "b", *config, "--issued-at", int(time.time()) + 1_000)
    assert (late.code, late.err.startswith("plimsoll: --issued-at: ")) == (2, True)
    files = [operators.sign(member) for member in range(3)]
    same = operators.send(*files, options=["--print", "--on", "b"])
    assert (same.code, same.err.startswith("plimsoll: --on: ")) == (2, True)


def test_a_declaration_is_taken_once(operators: Operators) -> None:
    files = [operators.sign(member) for member in range(3)]
    key = write_owner(operators.folder)
    assert operators.send(*files, options=key).code == 0
    again = operators.send(*files, options=key)
    assert again.code == 1
    assert "was announced there already" in again.err


def test_a_declaration_of_a_committee_that_does_not_count_there_is_not_sent(
    operators: Operators,
) -> None:
    for config in operators.configs:
        config.write_text(config.read_text().replace("threshold = 3", "threshold = 4"))
    files = [operators.sign(member) for member in range(4)]
    done = operators.send(*files, options=write_owner(operators.folder))
    assert (done.code, done.out) == (1, "")
    assert "counts there" in done.err
