"""Contracts as ABI and creation code, found in npm packages and linked.

Hardhat writes `bytecode` as a hex string with placeholders and `linkReferences` (byte offsets);
solc's standard output has the same references. Nothing third-party is kept in this repository:
`make setup` puts the packages of package-lock.json into `node_modules`.
"""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

from eth_abi.abi import encode
from eth_utils.abi import get_abi_input_types

from chains.model.ids import Address
from daemon.devnet.errors import DevnetError

ROOT: Final = Path(__file__).resolve().parents[2]
_PACKAGES: Final = ROOT / "node_modules"
_MULTICALL3: Final = re.compile(r"multicall3Bytecode = '(0x[0-9a-f]+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A contract that can be deployed.

    `code` is creation code in hex, without 0x and not yet linked; `links` gives, for each library
    it needs, the byte offsets where the library's address belongs.
    """

    name: str
    abi: list[dict[str, Any]]
    code: str
    links: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, name: str, raw: Mapping[str, Any]) -> Self:
        """Read Hardhat's, solc's or this module's JSON form of an artifact."""
        links: dict[str, tuple[int, ...]] = {}
        for libraries in raw.get("linkReferences", {}).values():
            for library, places in libraries.items():
                links[library] = tuple(int(place["start"]) for place in places)
        return cls(name=name, abi=raw["abi"], code=raw["bytecode"].removeprefix("0x"), links=links)

    def creation_data(self, libraries: Mapping[str, Address], *args: object) -> bytes:
        """Link the code and append the encoded constructor arguments."""
        code = bytearray.fromhex(self._blank(self.code))
        for library, offsets in self.links.items():
            for offset in offsets:
                code[offset : offset + 20] = bytes.fromhex(libraries[library][2:])
        return bytes(code) + encode(self._constructor_types(), args)

    def _blank(self, code: str) -> str:
        return re.sub(r"__\$[0-9a-f]{34}\$__", "0" * 40, code)

    def _constructor_types(self) -> list[str]:
        for item in self.abi:
            if item["type"] == "constructor":
                return get_abi_input_types(item)  # type: ignore[arg-type] # JSON read from a file
        return []


def find_packages() -> Path:
    """Give the folder of npm packages; DevnetError when `make setup` has not been run."""
    if not (_PACKAGES / "@aave" / "core-v3").is_dir():
        raise DevnetError(f"no npm packages in {_PACKAGES}: run `make setup` in {ROOT}")
    return _PACKAGES


def find_node() -> str:
    """Give the path of Node: this environment's own, else the system's."""
    own = Path(sys.executable).parent / "node"
    found = str(own) if own.exists() else shutil.which("node")
    if found is None:
        raise DevnetError(f"Node is not installed: run `make setup` in {ROOT}")
    return found


@lru_cache(maxsize=128)
def load_artifact(path: str) -> Artifact:
    """Read a Hardhat artifact, its path given below `node_modules`, `.json` left out."""
    file = find_packages() / f"{path}.json"
    try:
        raw = json.loads(file.read_text())
    except FileNotFoundError as error:
        raise DevnetError(f"{file} is missing: run `make setup` in {ROOT}") from error
    return Artifact.from_json(file.stem, raw)


def load_multicall3() -> Artifact:
    """Give Multicall3's creation code, as viem 2.40.0 carries it."""
    file = find_packages() / "viem" / "_cjs" / "constants" / "contracts.js"
    found = _MULTICALL3.search(file.read_text())
    if found is None:
        raise DevnetError(f"{file} does not hold multicall3Bytecode: viem must be 2.40.0")
    return Artifact(name="Multicall3", abi=[], code=found[1].removeprefix("0x"))
