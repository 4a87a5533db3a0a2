"""An account's events on several chains tell one story, whatever the chains are numbered."""

from hypothesis import given
from hypothesis import strategies as st

from chains.evm.protocols.plimsoll_vault.events import VaultEvent
from chains.evm.protocols.plimsoll_vault.ledger import Ledger, build_ledger

ACCOUNT, ORDER = b"\x0a" * 32, b"\x0b" * 32
TO = "0x" + "11" * 20


def event(name: str, height: int, **values: object) -> VaultEvent:
    return VaultEvent(
        name=name, account=ACCOUNT, values=values, height=height, index=0, tx_hash=bytes(32)
    )


def story(a: int, b: int) -> dict[int, list[VaultEvent]]:
    """A line from a to b, then an order with two fills of which one was claimed."""
    order = (a, b, ACCOUNT, 0, 1, 500, 300, 1_000, 400, 99, 1)
    first, second = (ORDER, 0, TO, 600, 600), (ORDER, 1, TO, 300, 300)
    return {
        a: [
            event("Opened", 1, owner=TO, user_salt=b"\x07" * 32),
            event("LineRaised", 2, to=b, asset=0, units=300, raised=300),
            event("Locked", 5, id=ORDER, order=order, health=9),
            event("Claimed", 9, id=ORDER, index=0, to=TO, units=330, waiting=5),
            event("LineTaken", 9, chain=b, asset=0, incoming=False, told=300),
        ],
        b: [
            event("LineTaken", 3, chain=a, asset=0, incoming=True, told=300),
            event("Registered", 6, id=ORDER),
            event("LineLowered", 6, **{"from": a, "asset": 0, "units": 300, "lowered": 300}),
            event("Filled", 7, id=ORDER, receipt=first, payer=TO, extra=0),
            event("Filled", 8, id=ORDER, receipt=second, payer=TO, extra=0),
        ],
    }


def close(told: dict[int, list[VaultEvent]], a: int, b: int) -> Ledger:
    told[b].append(event("Closed", 10, id=ORDER, closed=1))
    told[a].append(event("Claimed", 11, id=ORDER, index=0, to=TO, units=5, waiting=0))
    told[a].append(event("Claimed", 11, id=ORDER, index=1, to=TO, units=165, waiting=0))
    told[a].append(event("Released", 12, id=ORDER, units=0))
    return build_ledger(ACCOUNT, told)


chains = st.permutations([1, 2])


@given(chains)
def test_what_was_filled_and_claimed_is_known_whichever_chain_is_read_first(
    numbers: list[int],
) -> None:
    a, b = numbers
    ledger = build_ledger(ACCOUNT, story(a, b))
    (order,) = ledger.open_orders
    assert order.order.arguments[:3] == (a, b, ACCOUNT)
    assert (order.filled, order.claimed, order.released) == (900, False, False)
    assert [(fill.paid, fill.waiting) for fill in order.fills] == [(330, 5), (None, 0)]
    assert order.fills[1].receipt.arguments == (ORDER, 1, TO, 300, 300)


@given(chains)
def test_a_line_counts_on_each_side_as_far_as_it_was_told(numbers: list[int]) -> None:
    a, b = numbers
    told = story(a, b)
    (line,) = build_ledger(ACCOUNT, {a: told[a][:2], b: told[b][:1]}).lines
    assert (line.source, line.borrower, line.out, line.counted) == (a, b, 300, 300)
    (line,) = build_ledger(ACCOUNT, {a: told[a][:2], b: told[b][:3]}).lines
    assert (line.out, line.counted) == (300, 0)
    (line,) = build_ledger(ACCOUNT, told).lines
    assert (line.out, line.counted) == (0, 0)


@given(chains)
def test_a_released_order_whose_fills_are_paid_is_over(numbers: list[int]) -> None:
    a, b = numbers
    ledger = close(story(a, b), a, b)
    assert ledger.open_orders == ()
    assert ledger.orders[0].closed == 1


def test_an_account_knows_its_home_and_its_owners() -> None:
    told = story(1, 2)
    told[2].append(event("Linked", 4, owner=TO))
    ledger = build_ledger(ACCOUNT, told)
    assert (ledger.home, ledger.first_owner, ledger.user_salt) == (1, TO, b"\x07" * 32)
    assert ledger.owners == {1: TO, 2: TO}
    told[2].append(event("Unlinked", 5))
    assert build_ledger(ACCOUNT, told).owners == {1: TO}


def test_a_provision_stands_until_it_is_written_down_or_taken_back() -> None:
    told = {
        3: [
            event("Provided", 1, asset=1, units=7),
            event("Provided", 1, asset=1, provision=7, ready_at=50),
        ]
    }
    (provision,) = build_ledger(ACCOUNT, told).provisions
    assert (provision.chain, provision.units, provision.ready_at) == (3, 7, 50)
    told[3].append(event("WrittenDown", 2, asset=1, units=3, borne_by_lenders=3))
    told[3].append(event("WrittenDown", 2, asset=1, provision=3))
    (provision,) = build_ledger(ACCOUNT, told).provisions
    assert (provision.units, provision.ready_at) == (4, 50)
    told[3].append(event("Unprovided", 3, asset=1, units=4))
    assert build_ledger(ACCOUNT, told).provisions == ()
