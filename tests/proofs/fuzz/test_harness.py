"""The search led by coverage finds nothing: a minute for each reader in `make deep`."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DONE = re.compile(r"^Done (\d+) runs in \d+ second", re.MULTILINE)
pytestmark = pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is made for Linux on x86-64 only"
)


def fuzz(target: str, seconds: int, folder: Path) -> int:
    """Give how many inputs were tried; the input that did harm lies in the folder."""
    command = [sys.executable, "-m", "tests.proofs.fuzz", target]
    command += ["--seconds", str(seconds), "--folder", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 -- ourselves
    assert run.returncode == 0, run.stderr[-3000:]
    assert not list(folder.glob("crash-*"))
    (found,) = DONE.findall(run.stderr)
    return int(found)


def test_it_starts_from_the_sound_inputs_and_ends_in_time(tmp_path: Path) -> None:
    assert fuzz("envelope", 1, tmp_path) > 100
    assert len(list((tmp_path / "corpus").iterdir())) >= 18


@pytest.mark.deep
@pytest.mark.parametrize("target", ["envelope", "document", "bundle", "unpacked"])
def test_a_minute_finds_no_harm(target: str, tmp_path: Path) -> None:
    assert fuzz(target, 60, tmp_path) > 1_000
