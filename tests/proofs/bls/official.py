"""Ethereum's official BLS cases: all of them where they were fetched, an excerpt always.

Each asks one function: sign, verify, aggregate or fast_aggregate_verify. The fifth, whose messages
differ, is left out: nothing here signs that way. excerpt.json is taken from the package
@chainsafe/eth2-spec-tests 0.12.3, MIT License, by ChainSafe.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.bls import BadPoint, BlsBackend
from proofs.signing.bls import BlsSigner
from proofs.signing.signer import KeystoreError
from tests.proofs.bls.fetch import INSTALLED

EXCERPT: Final = Path(__file__).with_name("excerpt.json")
KINDS: Final = ("sign", "verify", "aggregate", "fast_aggregate_verify")
REVERSED: Final = "verify_infinity_pubkey_and_infinity_signature"
"""Asks for acceptance of the point at infinity, which later specifications refuse, as we do."""
Value = str | bool | None | Sequence[str]
_HEX: Final = re.compile(r"'(0x[0-9a-f]*)'")
_FIELD: Final = re.compile(r"(\w+): ?(?:'(0x[0-9a-f]*)'|\[([^]]*)\])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a function is asked, by field, and what it must answer; None: it must refuse."""

    kind: str
    name: str
    asked: dict[str, str | list[str]]
    output: Value

    def text(self, field: str) -> bytes:
        value = self.asked[field]
        assert isinstance(value, str)
        return bytes.fromhex(value[2:])

    def texts(self, field: str) -> list[bytes]:
        return [bytes.fromhex(value[2:]) for value in self.asked[field]]


def read_excerpt() -> list[Case]:
    return [Case(**case) for case in json.loads(EXCERPT.read_text())["cases"]]


def read_installed() -> list[Case]:
    """Give the fetched cases, none where they were not fetched."""
    return [
        _read_case(kind, path) for kind in KINDS for path in sorted(INSTALLED.glob(f"{kind}/*/*/*"))
    ]


def answer(case: Case, backend: BlsBackend) -> Value:
    """Ask ours what the case asks."""
    match case.kind:
        case "sign":
            return _sign(case)
        case "verify":
            keys = [case.text("pubkey")]
            return backend.verify_aggregate(keys, case.text("message"), case.text("signature"))
        case "fast_aggregate_verify":
            keys = case.texts("pubkeys")
            return backend.verify_aggregate(keys, case.text("message"), case.text("signature"))
        case _:
            try:
                return "0x" + backend.aggregate(case.texts("signatures")).hex()
            except BadPoint:
                return None


def _sign(case: Case) -> Value:
    try:
        return "0x" + BlsSigner(case.text("privkey")).sign(case.text("message")).hex()
    except KeystoreError:
        return None


def _read_case(kind: str, path: Path) -> Case:
    asked, _, answered = path.read_text().partition("output:")
    fields: dict[str, str | list[str]] = {}
    if kind == "aggregate":
        fields["signatures"] = _HEX.findall(asked)
    else:
        for name, text, listed in _FIELD.findall(asked):
            fields[name] = text or _HEX.findall(listed)
    return Case(kind=kind, name=path.parent.name, asked=fields, output=_read_output(answered))


def _read_output(text: str) -> Value:
    words = {"true": True, "false": False, "": None, "null": None}
    plain = text.strip()
    return words[plain] if plain in words else plain.strip("'")
