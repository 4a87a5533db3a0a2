"""Our own Vyper contracts, compiled once per source.

Vyper is a development dependency and takes about a second to import, so both the import and the
compilation are skipped while the cache holds the same sources and settings.
"""

import json
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from daemon.devnet.artifacts import ROOT, Artifact
from daemon.devnet.cache import find_cache, write_whole
from daemon.devnet.errors import DevnetError

CONTRACTS: Final = ROOT / "chains" / "evm" / "contracts"
VAULTS: Final = CONTRACTS / "vault"
VERIFIERS: Final = ROOT / "proofs" / "contracts"
_EVM_VERSION: Final = "prague"
_CHOOSES: Final = "# pragma optimize "


def compile_vyper(path: Path) -> Artifact:
    """Compile one contract; DevnetError with the compiler's words when it does not compile."""
    cached = find_cache() / "vyper" / f"{path.stem}-{_key(path)[:16]}.json"
    if cached.exists():
        return Artifact.from_json(path.stem, json.loads(cached.read_text()))
    raw = _compile(path)
    write_whole(cached, json.dumps(raw).encode())
    return Artifact.from_json(path.stem, raw)


def _key(path: Path) -> str:
    """Hash the compiler, the contract and all it may import from its own folder."""
    digest = sha256(f"{_vyper_version()} {_EVM_VERSION} {path.name}".encode())
    for source in sorted(path.parent.glob("*.vy*")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _vyper_version() -> str:
    try:
        return version("vyper")
    except PackageNotFoundError as error:
        raise DevnetError("vyper is not installed: run `make setup`") from error


def _compile(path: Path) -> dict[str, Any]:
    from vyper.compiler import compile_code  # noqa: PLC0415 # a second of import, rarely needed
    from vyper.compiler.input_bundle import FilesystemInputBundle  # noqa: PLC0415 # the same
    from vyper.compiler.settings import OptimizationLevel, Settings  # noqa: PLC0415 # the same
    from vyper.exceptions import VyperException  # noqa: PLC0415 # the same

    source = path.read_text()
    # A contract near the limit of EIP-170 says itself that it wants small code.
    optimize = None if _CHOOSES in source else OptimizationLevel.GAS
    try:
        output: dict[str, Any] = compile_code(
            source,
            contract_path=str(path),
            output_formats=["abi", "bytecode"],
            input_bundle=FilesystemInputBundle([path.parent]),
            settings=Settings(evm_version=_EVM_VERSION, optimize=optimize),
        )
    except VyperException as error:
        first = str(error).strip().partition("\n")[0]
        raise DevnetError(f"{path.name} does not compile: {first}") from error
    return {"abi": output["abi"], "bytecode": output["bytecode"]}
