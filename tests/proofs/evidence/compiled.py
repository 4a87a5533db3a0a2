"""What the compilers say of the contracts whose evidence is verified: codes and storage layouts.

`python -m tests.proofs.evidence.compiled` writes the table of codes anew, after a compiler or a
package was changed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from daemon.devnet import aave_v36, solc
from daemon.devnet.artifacts import find_packages
from daemon.devnet.vyper_build import CONTRACTS
from proofs.evidence import codes

TABLE = Path(codes.__file__).with_name("codes.json")
V3_0, V3_6 = "aave_v3@3.0", "aave_v3@3.6"
PROXY = "InitializableImmutableAdminUpgradeabilityProxy"
ROLES = {
    V3_0: {
        "Pool": "pool",
        "AToken": "supplied",
        "VariableDebtToken": "variable_debt",
        "StableDebtToken": "stable_debt",
        "PoolAddressesProvider": "provider",
        "AaveOracle": "oracle",
        PROXY: "proxy",
    },
    V3_6: {
        "PoolInstance": "pool",
        "ATokenInstance": "supplied",
        "VariableDebtTokenInstance": "variable_debt",
        "PoolAddressesProvider": "provider",
        "AaveOracle": "oracle",
        PROXY: "proxy",
    },
}
_OUTPUTS = (
    "storageLayout",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.linkReferences",
    "evm.deployedBytecode.immutableReferences",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A contract as its compiler gave it."""

    name: str
    code: Mapping[str, Any]
    storage: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The contracts of a release by name, and the names of immutables by the compiler's ids."""

    contracts: Mapping[str, Contract]
    immutables: Mapping[str, str]


@cache
def read_v30() -> Release:
    """Read the output of Aave's own build, which its npm package carries."""
    folder = find_packages() / "@aave/core-v3/artifacts/build-info"
    (file,) = folder.glob("*.json")
    return _read_output(json.loads(file.read_text())["output"])


@cache
def compile_v36() -> Release:
    """Compile the sources of the npm package as the devnet does; takes 10 to 20 s."""
    names = (*aave_v36._SOURCES, f"misc/aave-upgradeability/{PROXY}.sol")
    packages = find_packages()
    files = [f"@aave-dao/aave-v3-origin/src/contracts/{name}" for name in names]
    request = {
        "language": "Solidity",
        "sources": {name: {"content": (packages / name).read_text()} for name in files},
        "settings": {
            "remappings": list(aave_v36._REMAPPINGS),
            "optimizer": {"enabled": True, "runs": 200},
            "evmVersion": "cancun",
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "outputSelection": {"*": {"*": list(_OUTPUTS), "": ["ast"]}},
        },
    }
    return _read_output(solc._run_solc(packages, request))


def _read_output(output: Mapping[str, Any]) -> Release:
    contracts = {
        name: Contract(
            name=name,
            code=contract["evm"]["deployedBytecode"],
            storage=contract.get("storageLayout", {}),
        )
        for listed in output["contracts"].values()
        for name, contract in listed.items()
        if contract["evm"]["deployedBytecode"]["object"]
    }
    names = dict(
        found for source in output["sources"].values() for found in _find_names(source["ast"])
    )
    return Release(contracts=contracts, immutables=names)


def _find_names(node: object) -> Iterator[tuple[str, str]]:
    """Walk a syntax tree for the variables' ids and names."""
    if isinstance(node, dict):
        if node.get("nodeType") == "VariableDeclaration":
            yield str(node["id"]), node["name"]
        for child in node.values():
            yield from _find_names(child)
    elif isinstance(node, list):
        for child in node:
            yield from _find_names(child)


def describe_codes(label: str, release: Release) -> Iterator[dict[str, Any]]:
    """Give the table's entries of a release: its roles, and the libraries that they link."""
    waiting = dict(ROLES[label])
    done: set[str] = set()
    while waiting:
        name, role = waiting.popitem()
        done.add(name)
        entry = _describe(label, role, release.contracts[name], release.immutables)
        waiting |= {link: link for link in entry["links"] if link not in done and link != "self"}
        yield entry


def _describe(
    label: str, role: str, contract: Contract, names: Mapping[str, str]
) -> dict[str, Any]:
    links = {
        name: [place["start"] for place in places]
        for listed in contract.code["linkReferences"].values()
        for name, places in listed.items()
    }
    immutables = {
        names[number]: [place["start"] for place in places]
        for number, places in contract.code.get("immutableReferences", {}).items()
    }
    blank = bytes.fromhex(re.sub(r"__\$[0-9a-f]{34}\$__", "0" * 40, contract.code["object"]))
    if blank.startswith(b"\x73" + bytes(20) + b"\x30\x14"):  # a library knows its own address
        links["self"] = [1]
    return {
        "release": label,
        "role": role,
        "size": len(blank),
        "hash": keccak(blank).hex(),
        "immutables": dict(sorted(immutables.items())),
        "links": dict(sorted(links.items())),
    }


def describe_feed() -> dict[str, Any]:
    """Give the entry of our own feed: Vyper puts the immutables behind the code, in order."""
    from vyper.compiler import compile_code  # noqa: PLC0415 # a second of import, rarely needed
    from vyper.compiler.settings import OptimizationLevel, Settings  # noqa: PLC0415 # the same

    settings = Settings(evm_version="prague", optimize=OptimizationLevel.GAS)
    output = compile_code(
        (CONTRACTS / "feed.vy").read_text(),
        output_formats=["bytecode_runtime", "layout"],
        settings=settings,
    )
    code = bytes.fromhex(output["bytecode_runtime"][2:])
    places = {
        name: [len(code) + place["offset"]]
        for name, place in output["layout"]["code_layout"].items()
    }
    blank = code + bytes(32 * len(places))
    return {
        "release": "plimsoll",
        "role": "feed",
        "size": len(blank),
        "hash": keccak(blank).hex(),
        "immutables": dict(sorted(places.items())),
        "links": {},
    }


def build_table() -> list[dict[str, Any]]:
    """Give the whole table, in a fixed order."""
    entries = [
        *describe_codes(V3_0, read_v30()),
        *describe_codes(V3_6, compile_v36()),
        describe_feed(),
    ]
    return sorted(entries, key=lambda entry: (entry["release"], entry["role"]))


def format_table(entries: list[dict[str, Any]]) -> str:
    """Write the table, an entry on each line."""
    return "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n"


if __name__ == "__main__":
    TABLE.write_text(format_table(build_table()))
