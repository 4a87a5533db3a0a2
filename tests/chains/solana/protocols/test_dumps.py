"""Every dump of a public account: its own decoder takes it, no other does, and what it says holds.

Counts are printed past pytest's capture, so that every run shows how much was covered.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from solders.pubkey import Pubkey
from solders.token.state import Mint
from solders.token.state import TokenAccount as TheirTokenAccount

from chains.errors import DecodeError
from chains.oracles.pyth import decode_update
from chains.oracles.scope import ENTRIES, decode_chain
from chains.oracles.switchboard import decode_feed
from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend import decode as klend
from chains.solana.protocols.klend.fraction import ONE
from chains.solana.protocols.klend.math import refresh_obligation
from chains.solana.protocols.klend.state import Reserve
from chains.solana.protocols.marginfi import decode as marginfi
from chains.solana.protocols.marginfi.fixed import ONE as I80F48
from chains.solana.tokens import decode_token_account
from tests.chains.solana.protocols.dumps import CHAIN, DUMPS, Case, load_dump, needs_dumps
from tests.chains.solana.protocols.klend.building import market_of

KEY = Pubkey(bytes([5]) * 32)
ENTRIES_OF_INDEX: list[Case] = (
    json.loads((DUMPS / "INDEX.json").read_text()) if (DUMPS / "INDEX.json").exists() else []
)


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
    "token account": lambda account: decode_token_account(CHAIN, KEY, account),
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
    "token account": 8,
}
MINT_SIZE = 82
REFUSED = {
    "token mint, of which nothing is read": {MINT_SIZE: 7, 866: 1},
    "Pyth v1, which no reserve read here names": {3312: 5},
    "Switchboard v2 or older, which no reserve read here names": {3851: 2, 4816: 1},
    "no account of a program": {0: 1, 443: 1, 8336: 1},
    "of unknown kind and owner": {5_000: 1, 50_000: 1},
}
"""What nothing here reads, and why: how many of each length."""
FIGURES = re.compile(r"(dep|bfdebt|debt|allowed|unhealthy) (\d+\.\d+)|HF\([^)]*\)=(\d+\.\d+)")
FIELDS = {
    "dep": "deposited_sf",
    "bfdebt": "adjusted_debt_sf",
    "debt": "debt_sf",
    "allowed": "allowed_sf",
    "unhealthy": "unhealthy_sf",
}
CACHED = {"gappy_user3": ("88.79", "1.0"), "gappy_user4": ("269.064", "45.605")}
"""What two marginfi accounts cache, assets and liabilities, as their source says."""


def takers(account: RawAccount) -> list[str]:
    return [kind for kind in DECODERS if takes(kind, account)]


def takes(kind: str, account: RawAccount) -> bool:
    try:
        DECODERS[kind](account)
    except DecodeError:
        return False
    return True


@needs_dumps
def test_every_dump_is_taken_by_its_own_decoder_or_refused_for_a_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    taken, refused = Counter[str](), Counter[int]()
    for entry in ENTRIES_OF_INDEX:
        account = load_dump(entry["file"], key=KEY)
        assert len(account.data) == entry["len"]
        found = takers(account)
        assert len(found) <= 1, entry["file"]
        if found:
            taken[found[0]] += 1
        else:
            refused[len(account.data)] += 1
    with capsys.disabled():
        print(  # noqa: T201 -- how much is covered
            f"\n{taken.total()} of {len(ENTRIES_OF_INDEX)} dumps decoded: {dict(taken)};"
            f" not read: {REFUSED}"
        )
    assert taken == EXPECTED
    assert refused == {n: count for sizes in REFUSED.values() for n, count in sizes.items()}


@needs_dumps
@pytest.mark.parametrize("kind", DECODERS)
def test_a_dump_cut_short_or_grown_is_refused_by_all(kind: str) -> None:
    for entry in ENTRIES_OF_INDEX:
        account = load_dump(entry["file"], key=KEY)
        for data in (account.data[:-1], account.data + b"\0"):
            spoiled = RawAccount(key=KEY, owner=account.owner, lamports=1, data=data)
            assert not takes(kind, spoiled), entry["file"]


@needs_dumps
def test_tokens_are_what_another_decoder_says() -> None:
    mints = 0
    for entry in ENTRIES_OF_INDEX:
        account = load_dump(entry["file"], key=KEY)
        if takes("token account", account):
            theirs = TheirTokenAccount.from_bytes(account.data)
            found = decode_token_account(CHAIN, KEY, account)
            assert (found.mint, found.owner) == (theirs.mint, theirs.owner)
            assert found.amount == theirs.amount
        elif len(account.data) == MINT_SIZE:
            mints += Mint.from_bytes(account.data).is_initialized
    assert mints == 7


@needs_dumps
def test_stored_figures_are_those_noted(capsys: pytest.CaptureFixture[str]) -> None:
    noted = 0
    for entry in ENTRIES_OF_INDEX:
        figures = FIGURES.findall(entry["note"])
        if not figures:
            continue
        dump = load_dump(entry["file"])
        values = klend.decode_obligation(CHAIN, dump.key, dump).values
        for name, number, health in figures:
            noted += 1
            if name:
                assert float(Fraction(getattr(values, FIELDS[name]), ONE)) == float(number)
            else:
                ratio = Fraction(values.unhealthy_sf, values.adjusted_debt_sf)
                assert float(ratio) == pytest.approx(float(health), abs=5e-7)
    for name, (assets, liabilities) in CACHED.items():
        dump = load_dump(f"marginfi/{name}.json")
        cache = marginfi.decode_account(CHAIN, dump.key, dump, program=dump.owner).cache
        cached = (cache.assets_init, cache.liabilities_init)
        for number, text in zip(cached, (assets, liabilities), strict=True):
            noted += 1
            assert number / I80F48 == pytest.approx(float(text), rel=1e-12)
    with capsys.disabled():
        print(f"\n{noted} noted figures of 3 accounts hold")  # noqa: T201 -- how much is covered
    assert noted == 10


@needs_dumps
def test_the_newest_scope_price_is_as_old_as_noted() -> None:
    [entry] = [each for each in ENTRIES_OF_INDEX if "Scope" in each["note"]]
    dump = load_dump(entry["file"])
    times = []
    for index in range(ENTRIES):
        try:
            times.append(decode_chain(CHAIN, dump.key, dump, (index,)).published_at)
        except DecodeError:
            continue  # an entry that is no price has an exponent out of range
    assert str(max(times)) in entry["note"]


@needs_dumps
def test_accounts_whose_reserves_are_all_dumped_are_recomputed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reserves, banks = _read_reserves(), _read_banks()
    counts = Counter[str]()
    for entry in ENTRIES_OF_INDEX:
        dump = load_dump(entry["file"], key=KEY)
        if takes("klend obligation", dump):
            loan = klend.decode_obligation(CHAIN, KEY, dump)
            counts["klend"] += 1
            named = {part.reserve for part in loan.deposits} | {p.reserve for p in loan.borrows}
            if named <= set(reserves):
                counts["klend recomputed"] += 1
                fresh = refresh_obligation(loan, market_of(), reserves)
                # the reserves were dumped up to some days after the loan's last refresh
                assert fresh.values.deposited_sf == pytest.approx(loan.values.deposited_sf, rel=0.1)
                assert fresh.values.unhealthy_sf == pytest.approx(loan.values.unhealthy_sf, rel=0.1)
        elif takes("marginfi account", dump):
            margin = marginfi.decode_account(CHAIN, KEY, dump, program=dump.owner)
            named = {balance.bank for balance in margin.balances}
            counts["marginfi"] += 1
            counts["marginfi recomputed"] += bool(named) and named <= banks
    with capsys.disabled():
        print(  # noqa: T201 -- how much is covered
            f"\nrecomputed with all their reserves: {counts['klend recomputed']} of"
            f" {counts['klend']} klend loans, {counts['marginfi recomputed']} of"
            f" {counts['marginfi']} marginfi accounts"
        )
    assert (counts["klend"], counts["klend recomputed"]) == (2, 1)
    assert (counts["marginfi"], counts["marginfi recomputed"]) == (5, 0)


def _read_reserves() -> dict[bytes, Reserve]:
    """Give the dumped reserves, of two dumps of one the later."""
    found: dict[bytes, Reserve] = {}
    for entry in ENTRIES_OF_INDEX:
        if takes("klend reserve", load_dump(entry["file"], key=KEY)):
            dump = load_dump(entry["file"])
            reserve = klend.decode_reserve(CHAIN, dump.key, dump)
            if reserve.key not in found or found[reserve.key].slot < reserve.slot:
                found[reserve.key] = reserve
    return found


def _read_banks() -> set[bytes]:
    return {
        bytes(Pubkey.from_string(entry["pubkey"]))
        for entry in ENTRIES_OF_INDEX
        if entry["pubkey"] and takes("marginfi bank", load_dump(entry["file"], key=KEY))
    }
