"""A lending program that does not do what it was asked takes nothing with it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from chains.model.snapshot import MandateKind
from chains.solana.programs.build import FLAGS, FOLDER
from chains.solana.programs.linker import link
from chains.solana.protocols.save.layout import PROGRAM as LENDING
from tests.chains.solana.programs.rescue_scene import USDC, RescueScene, open_scene, refusal
from tests.chains.solana.programs.test_linker import EXIT, Name, Part, make_object, mov

IDLE = link(make_object([Part(".text", mov(0, 0) + EXIT, 6)], [Name("entrypoint", 1)]))
SOURCE = Path(__file__).parent / "thief.c"


def build_thief(folder: Path, extra: int) -> bytes:
    clang = shutil.which("clang")
    if clang is None:
        pytest.skip("clang is not installed")
    out = folder / "thief.o"
    command = [clang, *FLAGS, f"-I{FOLDER}", f"-DEXTRA={extra}", "-c", str(SOURCE), "-o", str(out)]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 -- clang by absolute path
    return link(out.read_bytes())


def become(scene: RescueScene, program: bytes) -> None:
    """Put another program in the lending program's place, the obligation being fresh."""
    scene.market.refresh(scene.owner)
    scene.lab.svm.add_program(LENDING, program)


@pytest.mark.parametrize("kind", MandateKind)
def test_a_program_that_does_nothing_is_found_out(kind: MandateKind) -> None:
    scene = open_scene()
    scene.crash(130)
    scene.set_mandate(scene.terms(kind))
    rescue = scene.native() if kind is MandateKind.NATIVE else scene.unified(USDC)
    become(scene, IDLE)
    assert refusal(scene.lab, rescue, by=(scene.keeper,)) == "WRONG_AMOUNT"


@pytest.mark.parametrize("extra", [0, 1, -1])
def test_a_program_that_takes_and_settles_nothing_takes_nothing(tmp_path: Path, extra: int) -> None:
    scene = open_scene()
    scene.crash(130)
    scene.set_mandate(scene.terms())
    rescue = scene.native()
    become(scene, build_thief(tmp_path, extra))
    assert refusal(scene.lab, rescue, by=(scene.keeper,)) == "WRONG_AMOUNT"
    assert scene.lab.amount(scene.source) == 50_000 * USDC
