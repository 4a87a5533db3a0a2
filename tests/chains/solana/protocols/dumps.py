"""Dumps of public accounts, where they are at hand.

They are no part of this repository: their folder is `$PLIMSOLL_FIXTURES`, else `shared/fixtures`
beside the checkout.
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
