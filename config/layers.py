"""Tables laid over each other: files in their order, networks beneath chains, environment on top.

Pure but for `read_table`. Tables merge key by key; everything else, arrays too, is replaced.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from config.errors import ConfigError

Table = dict[str, Any]
PREFIX: Final = "PLIMSOLL_"
NESTING: Final = "__"
RESERVED: Final = frozenset({"PLIMSOLL_CACHE"})
"""Names that are not settings."""


def read_table(path: Path) -> Table:
    """Read a TOML file; ConfigError names the file and what is wrong with it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; write a readable file's path"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text; save it as such"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from error


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Table:
    """Lay `over` over `under`; neither is changed."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def lay_networks(table: Table, networks: Mapping[str, Any]) -> Table:
    """Lay every chain that names a network over that network's table."""
    chains = table.get("chains")
    if not isinstance(chains, Mapping):
        return table
    laid: Table = {}
    for label, chain in chains.items():
        name = chain.get("network") if isinstance(chain, Mapping) else None
        if name is None:
            laid[label] = chain
        elif isinstance(name, str) and name in networks:
            laid[label] = merge(networks[name], chain)
        else:
            known = ", ".join(networks)
            raise ConfigError([f"chains.{label}.network: {name!r} is not known; write {known}"])
    return {**table, "chains": laid}


def lay_environment(table: Table, environment: Mapping[str, str]) -> Table:
    """Lay `PLIMSOLL_A__B=value` over table `a`, key `b`; names are matched whatever their case.

    Values that begin with `[` or `{` are JSON. A dash is written as an underscore.
    """
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX) and name not in RESERVED:
            path = name.removeprefix(PREFIX).split(NESTING)
            table = merge(table, _nest(table, path, _value(name, value)))
    return table


def _value(name: str, text: str) -> object:
    if not text.startswith(("[", "{")):
        return text
    try:
        value: object = json.loads(text, parse_float=str)
    except ValueError as error:
        raise ConfigError([f"{name}: is not JSON: {error}; write a JSON list or table"]) from error
    return value


def _nest(table: object, path: list[str], value: object) -> Table:
    known = list(table) if isinstance(table, Mapping) else []
    key = next((k for k in known if _plain(k) == _plain(path[0])), path[0].lower())
    if len(path) == 1:
        return {key: value}
    below = table.get(key) if isinstance(table, Mapping) else None
    return {key: _nest(below, path[1:], value)}


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
