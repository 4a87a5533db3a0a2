"""Which announced slots the chain kept, told by announcements and confirmations."""

from hypothesis import given
from hypothesis import strategies as st

from chains.solana.slots import SlotWindow


def test_a_slot_passed_over_is_dropped_and_a_slot_never_announced_is_not() -> None:
    window = SlotWindow()
    assert window.confirm(10) == ()
    for slot, parent in ((11, 10), (12, 11), (13, 11), (15, 13)):
        window.note(slot, parent)
    assert window.confirm(15) == (12,)
    assert window.tip == 15


def test_a_slot_not_above_the_tip_changes_nothing() -> None:
    window = SlotWindow()
    window.confirm(10)
    assert window.confirm(10) is None
    assert window.confirm(9) is None
    window.note(9, 8)
    assert window.confirm(11) == ()


def test_below_a_gap_in_the_announcements_there_is_no_verdict() -> None:
    window = SlotWindow()
    window.confirm(10)
    for slot, parent in ((11, 10), (12, 10), (15, 14), (16, 15), (17, 15)):
        window.note(slot, parent)
    assert window.confirm(17) == (16,)


def test_only_the_newest_announcements_are_kept() -> None:
    window = SlotWindow(size=3)
    window.confirm(10)
    for slot in range(11, 30):
        window.note(slot, 10)
    assert window.confirm(29) == (27, 28)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 5))
def test_exactly_the_forks_are_dropped(forked: list[bool], every: int) -> None:
    """Each slot is kept or forked away; the chain confirms from time to time."""
    window = SlotWindow()
    window.confirm(100)
    parent = 100
    expected: list[int] = []
    found: list[int] = []
    for slot, is_fork in enumerate(forked, start=101):
        window.note(slot, parent)
        if is_fork:
            expected.append(slot)
            continue
        parent = slot
        if every and slot % every == 0:
            found += window.confirm(slot) or ()
    found += window.confirm(parent) or ()
    assert found == [slot for slot in expected if slot < parent]
