"""Dumps of public accounts and figures of public test suites, where they are at hand.

Neither is part of this repository: the folders are `$PLIMSOLL_FIXTURES` and `$PLIMSOLL_VECTORS`,
else `shared/fixtures` and `shared/vectors` beside the checkout.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from chains.model.ids import ChainId
from chains.solana.accounts import RawAccount

CHAIN = ChainId.parse("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
_BESIDE = Path(__file__).resolve().parents[5] / "shared"
DUMPS = Path(os.environ.get("PLIMSOLL_FIXTURES", _BESIDE / "fixtures")) / "solana"
VECTORS = Path(os.environ.get("PLIMSOLL_VECTORS", _BESIDE / "vectors"))
Case = dict[str, Any]

needs_dumps = pytest.mark.skipif(
    not (DUMPS / "INDEX.json").exists(), reason=f"the account dumps are not at {DUMPS}"
)


def load_dump(name: str, *, key: Pubkey | None = None) -> RawAccount:
    """Give an account by its file's name; `key` where the dump does not know its own."""
    found = json.loads((DUMPS / name).read_text())
    account = found["account"]
    address = key or Pubkey.from_string(found["pubkey"])
    return RawAccount(
        key=address,
        owner=Pubkey.from_string(account["owner"]) if account["owner"] else Pubkey.default(),
        lamports=account["lamports"],
        data=base64.b64decode(account["data"][0]),
    )


def find_dumps(*, size: int, folder: str) -> list[str]:
    """Name the dumps of a folder that have so many bytes; none where there are no dumps."""
    index = DUMPS / "INDEX.json"
    if not index.exists():
        return []
    entries: list[Case] = json.loads(index.read_text())
    return [
        entry["file"]
        for entry in entries
        if entry["len"] == size and entry["file"].startswith(f"{folder}/")
    ]


def load_cases(name: str) -> list[Case]:
    """Give the figures of a suite; none where they are not at hand."""
    file = VECTORS / f"{name}.json"
    if not file.exists():
        return []
    cases: list[Case] = json.loads(file.read_text())["cases"]
    return cases


def of_kind(suite: str, kind: str) -> pytest.MarkDecorator:
    """Run a test on a suite's figures of one kind; skip it, with the reason, without them."""
    found = [
        pytest.param(case["inputs"], case["expected"], id=case["id"])
        for case in load_cases(suite)
        if case["kind"] == kind
    ]
    absent = pytest.param(
        {}, {}, marks=pytest.mark.skip(reason=f"the public figures are not at {VECTORS}")
    )
    return pytest.mark.parametrize(("given", "expected"), found or [absent])
