"""Solidity sources of npm packages, compiled by the npm solc under Node.

The compiler is WebAssembly: Aave v3.6 takes 15–25 s, so the result is cached by `build.py`.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from daemon.devnet.artifacts import Artifact, find_node, find_packages
from daemon.devnet.errors import DevnetError

_SCRIPT: Final = Path(__file__).with_name("compile.cjs")
_TIMEOUT_S: Final = 300
_OUTPUTS: Final = ("abi", "evm.bytecode.object", "evm.bytecode.linkReferences")


def compile_solidity(
    files: Sequence[str], *, remappings: Sequence[str], evm_version: str, runs: int = 200
) -> dict[str, Artifact]:
    """Compile files named below `node_modules`; gives every contract that has code, by name.

    DevnetError carries the compiler's first error.
    """
    packages = find_packages()
    request = {
        "language": "Solidity",
        "sources": {name: {"content": (packages / name).read_text()} for name in files},
        "settings": {
            "remappings": list(remappings),
            "optimizer": {"enabled": True, "runs": runs},
            "evmVersion": evm_version,
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "outputSelection": {"*": {"*": list(_OUTPUTS)}},
        },
    }
    return _decode_output(_run_solc(packages, request))


def _run_solc(packages: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [find_node(), "--stack-size=8000", str(_SCRIPT), str(packages)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        raise DevnetError(f"node {_SCRIPT.name} failed ({done.returncode}): {last[0]}")
    output: dict[str, Any] = json.loads(done.stdout)
    return output


def _decode_output(output: Mapping[str, Any]) -> dict[str, Artifact]:
    for problem in output.get("errors", ()):
        if problem["severity"] == "error":
            first = problem["formattedMessage"].partition("\n")[0]
            raise DevnetError(f"solc: {first}")
    artifacts: dict[str, Artifact] = {}
    for contracts in output["contracts"].values():
        for name, contract in contracts.items():
            code = contract["evm"]["bytecode"]
            if code["object"]:
                artifacts[name] = Artifact.from_json(
                    name,
                    {
                        "abi": contract["abi"],
                        "bytecode": code["object"],
                        "linkReferences": code["linkReferences"],
                    },
                )
    return artifacts
