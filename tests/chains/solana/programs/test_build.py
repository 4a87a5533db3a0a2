"""The committed programs are what their sources build to."""

import shutil
from hashlib import sha256

import pytest

from chains.solana.programs import build
from chains.solana.programs.build import (
    FOLDER,
    PROGRAMS,
    BuildError,
    build_program,
    find_clang,
    read_clang_version,
    read_compiler,
    read_program,
    read_sums,
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_committed_program_has_its_recorded_hash(name: str) -> None:
    assert sha256(read_program(name)).hexdigest() == read_sums()[name]


def test_every_program_is_recorded_and_nothing_else() -> None:
    assert set(read_sums()) == set(PROGRAMS) == {path.stem for path in FOLDER.glob("*.so")}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_recorded_compiler_builds_the_same_bytes(name: str) -> None:
    if (clang := shutil.which("clang")) is None:
        pytest.skip("clang is not installed")
    if (version := read_clang_version(clang)) != read_compiler():
        pytest.skip(f"clang is {version}, the programs were built with {read_compiler()}")
    assert sha256(build_program(name, clang)).hexdigest() == read_sums()[name]


def test_a_program_of_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "read_sums", lambda: {"swap": "00"})
    with pytest.raises(BuildError, match=r"swap\.so is not the file"):
        read_program("swap")


def test_the_lack_of_a_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BuildError, match="clang is not installed"):
        find_clang()


def test_a_source_that_does_not_compile_is_said() -> None:
    if (clang := shutil.which("clang")) is None:
        pytest.skip("clang is not installed")
    with pytest.raises(BuildError, match="no_such_source"):
        build_program("no_such_source", clang)
