"""Plans of accounts and the anchors their reads mint, over a reader that gives what it is told."""

import struct
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.anchor import Finality
from chains.model.ids import ChainId
from chains.solana.accounts import (
    CLOCK,
    SYSVAR_OWNER,
    AccountPlan,
    AccountsRead,
    PlanTooLarge,
    RawAccount,
    combine,
    digest_accounts,
    map_plan,
    read,
)

CHAIN = ChainId.parse("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
OWNER = Pubkey(bytes([9]) * 32)
A, B, C = (Pubkey(bytes([n]) * 32) for n in (1, 2, 3))
Found = Mapping[Pubkey, RawAccount | None]


def account(key: Pubkey, data: bytes = b"", *, lamports: int = 1) -> RawAccount:
    return RawAccount(key=key, owner=OWNER, lamports=lamports, data=data)


def clock(slot: int, time: int = 1_700_000_000) -> RawAccount:
    data = struct.pack("<QqQQq", slot, 0, 0, 0, time)
    return RawAccount(key=CLOCK, owner=SYSVAR_OWNER, lamports=1, data=data)


class Reader:
    """Holds accounts and counts the calls."""

    chain = CHAIN

    def __init__(self, slot: int, accounts: Sequence[RawAccount]) -> None:
        self.slot = slot
        self.accounts = {each.key: each for each in accounts}
        self.calls: list[tuple[Pubkey, ...]] = []

    async def read_accounts(self, keys: Sequence[Pubkey], *, min_slot: int = 0) -> AccountsRead:
        assert min_slot <= self.slot
        self.calls.append(tuple(keys))
        found = tuple(self.accounts.get(key) for key in keys)
        return AccountsRead(slot=self.slot, finality=Finality.SAFE, accounts=found)


def lamports_of(*keys: Pubkey) -> AccountPlan[list[int | None]]:
    def decode(found: Found) -> list[int | None]:
        held = (found[key] for key in keys)
        return [each.lamports if each else None for each in held]

    return AccountPlan(keys=keys, decode=decode)


async def test_combined_plans_are_one_call_that_asks_for_each_key_once() -> None:
    reader = Reader(7, [clock(7), account(A, lamports=10), account(B, lamports=20)])
    plan = combine([lamports_of(A, B), map_plan(lamports_of(B, C), len), lamports_of(CLOCK)])
    anchor, results = await read(reader, plan, min_slot=5)
    assert results == ([10, 20], 2, [1])
    assert reader.calls == [(CLOCK, A, B, C)]
    assert (anchor.chain, anchor.height, anchor.time) == (CHAIN, 7, 1_700_000_000)
    assert (anchor.finality, anchor.state_root) == (Finality.SAFE, None)


async def test_the_anchor_is_the_digest_of_all_that_was_read() -> None:
    plan = lamports_of(A)
    seen = [clock(7), account(A, b"x")]
    anchor, _ = await read(Reader(7, seen), plan, min_slot=0)
    assert anchor.hash == digest_accounts(7, {each.key: each for each in reversed(seen)})
    other, _ = await read(Reader(7, [clock(7), account(A, b"y")]), plan, min_slot=0)
    assert other.hash != anchor.hash


async def test_a_hundred_accounts_with_the_clock_are_read_and_one_more_is_refused() -> None:
    keys = [Pubkey(n.to_bytes(32, "big")) for n in range(1, 101)]
    reader = Reader(7, [clock(7)])
    await read(reader, lamports_of(*keys[:99]), min_slot=0)
    with pytest.raises(PlanTooLarge, match="101 accounts, 100 fit"):
        await read(reader, lamports_of(*keys), min_slot=0)
    assert len(reader.calls) == 1


async def test_old_accounts_under_a_new_slot_are_stale() -> None:
    with pytest.raises(Stale, match="accounts of slot 6 answered as slot 7"):
        await read(Reader(7, [clock(6)]), lamports_of(A), min_slot=7)


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [account(CLOCK, bytes(40))],
        [RawAccount(key=CLOCK, owner=SYSVAR_OWNER, lamports=1, data=bytes(39))],
    ],
)
async def test_without_a_clock_there_is_no_anchor(bad: list[RawAccount]) -> None:
    with pytest.raises(DecodeError, match="Clock"):
        await read(Reader(7, bad), lamports_of(A), min_slot=0)


async def test_what_a_plan_cannot_decode_is_a_decode_error() -> None:
    def fail(_: Found) -> None:
        raise ValueError("7 bytes are no mint")

    with pytest.raises(DecodeError, match="7 bytes are no mint"):
        await read(Reader(7, [clock(7)]), AccountPlan(keys=(A,), decode=fail), min_slot=0)


ACCOUNTS = st.lists(
    st.builds(
        RawAccount,
        key=st.sampled_from([A, B, C]),
        owner=st.sampled_from([OWNER, SYSVAR_OWNER]),
        lamports=st.integers(1, 2**64 - 1),
        data=st.binary(max_size=40),
    ),
    unique_by=lambda each: each.key,
)


@given(first=ACCOUNTS, second=ACCOUNTS, slots=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_digests_agree_exactly_when_what_was_read_agrees(
    first: list[RawAccount], second: list[RawAccount], slots: tuple[int, int]
) -> None:
    keys = [A, B, C]
    left: Found = {k: next((a for a in first if a.key == k), None) for k in keys}
    right: Found = {k: next((a for a in second if a.key == k), None) for k in reversed(keys)}
    same = slots[0] == slots[1] and left == right
    assert (digest_accounts(slots[0], left) == digest_accounts(slots[1], right)) is same
