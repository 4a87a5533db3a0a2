"""Contracts' codes that are known, by what their compilers wrote.

A code is its compiler's output with holes: immutables, and the addresses of linked libraries. The
table `codes.json` names, per release and role, the size of the code, where its holes are and the
hash of the code with its holes zeroed; so one entry knows the code in every deployment, and what
stands in the holes (such as the addresses provider of a pool) is known with it. How the table was
found: `tests/proofs/evidence/compiled.py` writes it from the compilers' own outputs. A code built
with other settings has another hash and is not known; name it by its hash (`known`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from eth_hash.auto import keccak

from chains.model.ids import Address

_ADDRESS_SIZE: Final = 20
_WORD: Final = 32
NOTHING: Final[Mapping[str, int]] = MappingProxyType({})
NO_LINKS: Final[Mapping[str, Address]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code that is known: which role in which release, and what stands in its holes."""

    release: str
    role: str
    immutables: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    links: Mapping[str, Address] = field(default_factory=lambda: NO_LINKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A code's holes (offsets by name) and its hash without them."""

    release: str
    role: str
    size: int
    immutables: Mapping[str, tuple[int, ...]]
    links: Mapping[str, tuple[int, ...]]
    hash: bytes


def parse_word_address(word: int) -> Address:
    """Give the address in a word; ValueError when the word is larger than one."""
    if word >> (8 * _ADDRESS_SIZE):
        raise ValueError(f"0x{word:x} is no address")
    return Address(f"0x{word.to_bytes(_ADDRESS_SIZE, 'big').hex()}")


def recognise_code(code: bytes) -> Code | None:
    """Give what is known of a code, None when no template fits."""
    for template in _load_templates().get(len(code), ()):
        if (found := match_template(template, code)) is not None:
            return found
    return None


def match_template(template: Template, code: bytes) -> Code | None:
    """Give the code as an instance of a template, None when it is not one."""
    blank = bytearray(code)
    immutables = {
        name: _take(blank, code, places, _WORD) for name, places in template.immutables.items()
    }
    links = {
        name: _take(blank, code, places, _ADDRESS_SIZE) for name, places in template.links.items()
    }
    if None in immutables.values() or None in links.values() or keccak(blank) != template.hash:
        return None
    return Code(
        release=template.release,
        role=template.role,
        immutables={name: value for name, value in immutables.items() if value is not None},
        links={
            name: parse_word_address(value) for name, value in links.items() if value is not None
        },
    )


def _take(blank: bytearray, code: bytes, places: tuple[int, ...], size: int) -> int | None:
    """Give what stands in a hole, zeroing it; None where its places differ."""
    values = {code[place : place + size] for place in places}
    for place in places:
        blank[place : place + size] = bytes(size)
    return int.from_bytes(values.pop(), "big") if len(values) == 1 else None


@cache
def _load_templates() -> Mapping[int, tuple[Template, ...]]:
    """Give the table's templates by the size of their code."""
    by_size: dict[int, tuple[Template, ...]] = {}
    for entry in json.loads(files("proofs.evidence").joinpath("codes.json").read_text()):
        template = decode_template(entry)
        by_size[template.size] = (*by_size.get(template.size, ()), template)
    return by_size


def decode_template(entry: dict[str, Any]) -> Template:
    """Decode an entry of the table."""
    return Template(
        release=entry["release"],
        role=entry["role"],
        size=entry["size"],
        immutables={name: tuple(places) for name, places in entry["immutables"].items()},
        links={name: tuple(places) for name, places in entry["links"].items()},
        hash=bytes.fromhex(entry["hash"]),
    )
