"""Secrets come from files only, and never print."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from config.errors import ConfigError

_CREDENTIALS: Final = {
    "keystore": "keystore",
    "password_file": "password",
    "attestation_keystore": "attestation_keystore",
    "attestation_password_file": "attestation_password",
    "solana_keypair": "solana_keypair",
}


def read_secret(path: Path) -> SecretStr:
    """Read a secret's file without its last line break; ConfigError where it cannot be read."""
    return SecretStr(_read(path).rstrip("\r\n"))


def read_lines(path: Path) -> list[str]:
    """Read the lines of a file that are neither empty nor a remark."""
    lines = (line.strip() for line in _read(path).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read as text: {error}"]) from error


def lay_credentials(table: Mapping[str, Any], directory: str | None) -> dict[str, Any]:
    """Take keys and password from the credentials directory where the table names none."""
    keys = table.get("keys", {})
    if not directory or not isinstance(keys, Mapping):
        return dict(table)
    found = {
        field: str(path)
        for field, name in _CREDENTIALS.items()
        if (path := Path(directory) / name).is_file()
    }
    return {**table, "keys": {**found, **keys}}


def lay_endpoint_files(table: Mapping[str, Any]) -> dict[str, Any]:
    """Add the URLs of every chain's `rpc_file` and `ws_file` to its lists."""
    chains = table.get("chains")
    if not isinstance(chains, Mapping):
        return dict(table)
    laid = {label: _with_files(label, chain) for label, chain in chains.items()}
    return {**table, "chains": laid}


def _with_files(label: str, chain: object) -> object:
    if not isinstance(chain, Mapping):
        return chain
    laid = dict(chain)
    for field in ("rpc", "ws"):
        path = chain.get(f"{field}_file")
        listed = chain.get(field, [])
        if isinstance(path, str) and isinstance(listed, list):
            try:
                laid[field] = [*listed, *read_lines(Path(path).expanduser())]
            except ConfigError as error:
                raise ConfigError([f"chains.{label}.{field}_file: {error}"]) from error
    return laid
