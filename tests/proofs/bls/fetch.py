"""Fetch Ethereum's official BLS vectors: `python -m tests.proofs.bls.fetch`, 130 MB over the wire.

The package unpacks to 5.8 GB, so npm only downloads it (and fails afterwards, when it wants to list
the content: its buffers end at 4 GB); what counts is that the bytes are those of the lock file. Of
them only the BLS cases are unpacked, to where npm would have put them.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PACKAGE: Final = "@chainsafe/eth2-spec-tests"
CASES: Final = "tests/general/phase0/bls"
INSTALLED: Final = HERE / "node_modules" / PACKAGE / CASES


def main() -> None:
    """Download, compare with the lock file, unpack the cases; nothing where they are here."""
    if INSTALLED.is_dir():
        return
    locked = json.loads((HERE / "package-lock.json").read_text())
    entry = locked["packages"][f"node_modules/{PACKAGE}"]
    with tempfile.TemporaryDirectory() as folder:
        archive = _download(f"{PACKAGE}@{entry['version']}", Path(folder))
        found = "sha512-" + base64.b64encode(_hash(archive)).decode()
        if found != entry["integrity"]:
            raise SystemExit(f"{archive.name} is {found}, not what the lock file says")
        _unpack(archive, INSTALLED)


def _download(name: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is not installed")
    subprocess.run(  # noqa: S603 -- by absolute path, a package of our lock file
        [npm, "pack", "--ignore-scripts", "--silent", name],
        cwd=folder,
        check=False,
        capture_output=True,
    )
    archives = list(folder.glob("*.tgz"))
    if len(archives) != 1:
        raise SystemExit(f"npm did not download {name}")
    return archives[0]


def _hash(archive: Path) -> bytes:
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha512").digest()


def _unpack(archive: Path, target: Path) -> None:
    prefix = f"package/{CASES}/"
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and member.name.startswith(prefix):
                content = packed.extractfile(member)
                assert content is not None
                path = target / member.name.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())


if __name__ == "__main__":
    main()
