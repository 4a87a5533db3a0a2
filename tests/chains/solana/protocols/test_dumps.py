"""Every dump of a public account, shown to every decoder: its own takes it, all others refuse."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.oracles.pyth import decode_update
from chains.oracles.scope import decode_chain
from chains.oracles.switchboard import decode_feed
from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend import decode as klend
from chains.solana.protocols.marginfi import decode as marginfi
from tests.chains.solana.protocols.dumps import CHAIN, DUMPS, load_dump, needs_dumps

KEY = Pubkey(bytes([5]) * 32)


def ours(decode: Callable[..., Any]) -> Callable[[RawAccount], Any]:
    """Read an account as its owner's, for dumps of programs under test addresses."""
    return lambda account: decode(CHAIN, KEY, account, program=account.owner)


DECODERS: dict[str, Callable[[RawAccount], Any]] = {
    "klend obligation": ours(klend.decode_obligation),
    "klend reserve": ours(klend.decode_reserve),
    "klend market": ours(klend.decode_market),
    "marginfi account": ours(marginfi.decode_account),
    "marginfi bank": ours(marginfi.decode_bank),
    "marginfi group": ours(marginfi.decode_group),
    "pyth": lambda account: decode_update(CHAIN, KEY, account),
    "scope": lambda account: decode_chain(CHAIN, KEY, account, (0,)),
    "switchboard": lambda account: decode_feed(CHAIN, KEY, account),
}
EXPECTED = {
    "klend obligation": 2,
    "klend reserve": 5,
    "klend market": 2,
    "marginfi account": 5,
    "marginfi bank": 9,
    "marginfi group": 1,
    "pyth": 6,
    "scope": 1,
    "switchboard": 1,
}


@needs_dumps
def test_every_dump_is_taken_by_at_most_its_own_decoder() -> None:
    taken = dict.fromkeys(DECODERS, 0)
    names = [entry["file"] for entry in json.loads((DUMPS / "INDEX.json").read_text())]
    for name in names:
        account = load_dump(name, key=KEY)
        takers = [kind for kind in DECODERS if takes(kind, account)]
        assert len(takers) <= 1, name
        for kind in takers:
            taken[kind] += 1
    print(f"{sum(taken.values())} of {len(names)} dumps decoded: {taken}")  # noqa: T201 -- how much is covered
    assert taken == EXPECTED


def takes(kind: str, account: RawAccount) -> bool:
    try:
        DECODERS[kind](account)
    except DecodeError:
        return False
    return True


@needs_dumps
@pytest.mark.parametrize("kind", DECODERS)
def test_a_dump_cut_short_or_grown_is_refused_by_all(kind: str) -> None:
    for entry in json.loads((DUMPS / "INDEX.json").read_text()):
        account = load_dump(entry["file"], key=KEY)
        for data in (account.data[:-1], account.data + b"\0"):
            spoiled = RawAccount(key=KEY, owner=account.owner, lamports=1, data=data)
            assert not takes(kind, spoiled), entry["file"]
