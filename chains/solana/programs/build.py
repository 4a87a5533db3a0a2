"""Builds the programs of this folder: clang to a BPF object, our linker to the shared object.

The built `.so` files are committed with `SHA256SUMS` and `COMPILER`, so that nobody needs clang
to run them; who has the recorded version gets the same bytes.
Run: `python -m chains.solana.programs.build`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from chains.solana.programs.linker import link

FOLDER: Final = Path(__file__).resolve().parent
PROGRAMS: Final = ("lending", "oracle", "probe", "rescue", "swap")
SUMS: Final = "SHA256SUMS"
COMPILER: Final = "COMPILER"
FLAGS: Final = (
    "-target", "bpf", "-mcpu=v2", "-std=c11", "-O2", "-ffreestanding", "-fno-builtin",
    "-fno-ident", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
)  # fmt: skip
_VERSION: Final = re.compile(r"clang version (\d+\.\d+\.\d+)")
_TIMEOUT_S: Final = 120


class BuildError(RuntimeError):
    """A program cannot be built here; the message says why."""


def find_clang() -> str:
    """Give the path of clang; BuildError where there is none."""
    if (found := shutil.which("clang")) is None:
        raise BuildError("clang is not installed (Debian: apt install clang)")
    return found


def read_clang_version(clang: str) -> str:
    """Give a clang's version, such as 14.0.6."""
    answer = _run([clang, "--version"])
    if not (match := _VERSION.search(answer)):
        raise BuildError(f"{clang} does not say its version: {answer[:80]!r}")
    return match[1]


def build_program(name: str, clang: str) -> bytes:
    """Compile and link one program; BuildError with the compiler's words, LinkError of ours."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "program.o"
        _run([clang, *FLAGS, "-c", f"{name}.c", "-o", str(out)])
        return link(out.read_bytes())


def read_program(name: str) -> bytes:
    """Give a committed program; BuildError where its bytes are not those of the recorded hash."""
    data = (FOLDER / f"{name}.so").read_bytes()
    if sha256(data).hexdigest() != read_sums()[name]:
        raise BuildError(f"{name}.so is not the file that {SUMS} names: build it again")
    return data


def read_sums() -> Mapping[str, str]:
    """Give the recorded hashes, by program."""
    lines = (FOLDER / SUMS).read_text().splitlines()
    return {name.removesuffix(".so"): digest for digest, name in (line.split() for line in lines)}


def read_compiler() -> str:
    """Give the recorded version of clang."""
    return (FOLDER / COMPILER).read_text().strip()


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 (clang by absolute path, on our own sources)
            command, cwd=FOLDER, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except subprocess.CalledProcessError as error:
        raise BuildError(f"{command[0]} failed: {error.stderr.strip()}") from error
    return done.stdout


def main() -> None:
    """Build all programs and write them, their hashes and the compiler's version."""
    clang = find_clang()
    built = {name: build_program(name, clang) for name in PROGRAMS}
    for name, data in built.items():
        (FOLDER / f"{name}.so").write_bytes(data)
    sums = [f"{sha256(data).hexdigest()}  {name}.so\n" for name, data in built.items()]
    (FOLDER / SUMS).write_text("".join(sums))
    (FOLDER / COMPILER).write_text(f"{read_clang_version(clang)}\n")
    sys.stdout.writelines(sums)


if __name__ == "__main__":
    main()
