"""Lines between two real vaults: units of collateral that back debt on one chain, never on two."""

import pytest
from eth_hash.auto import keccak

from chains.model.units import WAD
from proofs.vaults import FactKind
from tests.support.rescue import refused
from tests.support.vault_rules import break_feed, cap, govern
from tests.support.vaults import (
    HOUR,
    OWNER,
    STRANGER,
    USDC,
    WETH,
    Ground,
    VaultChain,
    Witness,
    line_key,
    sign,
)

pytestmark = pytest.mark.net

ETHER = 10**18
DOLLAR = 10**6
RAISED, LOWERED = FactKind.RAISED, FactKind.LOWERED


@pytest.fixture
def account(vaults: Ground) -> bytes:
    """An account with 10 WETH on a, an owner on b, and lenders on both."""
    a, b = vaults.chains
    for place in vaults.chains:
        place.supply(USDC, 100_000 * DOLLAR)
    opened = a.open()
    vaults.link(opened)
    a.deposit(opened, WETH, 10 * ETHER)
    assert b.ask(b.vault, "owner_of(bytes32)", opened, returns="(address)") == OWNER
    return opened


def lend(vaults: Ground, account: bytes, units: int) -> None:
    vaults.a.raise_line(account, vaults.b, WETH, units)
    vaults.carry_raise(account, WETH)


def test_all_collateral_lies_here_and_all_debt_there(vaults: Ground, account: bytes) -> None:
    a, b = vaults.chains
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"
    lend(vaults, account, 10 * WAD)
    b.borrow(account, USDC, 16_000 * DOLLAR)
    assert b.balance(USDC, OWNER) == 16_000 * DOLLAR
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"
    assert refused(a.withdraw, account, WETH, 1) == "line"
    assert refused(a.borrow, account, USDC, 20 * DOLLAR) == "margin"


def test_a_line_takes_only_what_is_free_of_debts_and_of_other_lines(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    a.borrow(account, USDC, 4_000 * DOLLAR)
    assert refused(a.raise_line, account, b, WETH, 75 * WAD // 10 + 1) == "margin"
    a.raise_line(account, b, WETH, 5 * WAD)
    assert refused(a.raise_line, account, b, WETH, 5 * WAD + 1) == "line"
    assert refused(a.borrow, account, USDC, 4_001 * DOLLAR) == "margin"
    assert refused(a.raise_line, account, b, WETH, 0) == "dust"


def test_an_unread_line_counts_as_the_debt_that_it_can_carry(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    a.borrow(account, USDC, 8_000 * DOLLAR)
    a.raise_line(account, b, WETH, 49 * WAD // 10)
    low = a.ask(a.seizure, "health(bytes32)", account, returns="(uint256,uint256)")[0]
    assert low == 16_500 * WAD // (8_000 + 7_840)
    a.raise_line(account, b, WETH, WAD // 10)


def test_a_line_counts_nowhere_while_its_statement_travels(vaults: Ground, account: bytes) -> None:
    a, b = vaults.chains
    a.raise_line(account, b, WETH, 10 * WAD)
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"
    assert refused(a.withdraw, account, WETH, 1) == "line"
    vaults.carry_raise(account, WETH)
    b.lower_line(account, a, WETH, 10 * WAD)
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"
    assert refused(a.withdraw, account, WETH, 1) == "line"
    vaults.carry_lower(account, WETH)
    a.withdraw(account, WETH, 10 * ETHER)


def test_a_line_is_lowered_first_where_it_is_used_and_only_so_far_as_no_debt_needs_it(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    lend(vaults, account, 10 * WAD)
    b.borrow(account, USDC, 8_000 * DOLLAR)
    assert refused(a.lower_line, account, b, WETH, WAD) == "line"
    assert refused(b.lower_line, account, a, WETH, 5 * WAD + 1) == "margin"
    assert refused(b.lower_line, account, a, WETH, 11 * WAD) == "line"
    b.lower_line(account, a, WETH, 49 * WAD // 10)
    assert a.line_out(account, b, WETH) == 10 * WAD
    vaults.carry_lower(account, WETH)
    assert a.line_out(account, b, WETH) == 51 * WAD // 10
    a.withdraw(account, WETH, 49 * ETHER // 10)
    assert refused(a.withdraw, account, WETH, 1) == "line"


def test_statements_are_taken_once_and_old_ones_never(vaults: Ground, account: bytes) -> None:
    a, b = vaults.chains
    key = line_key(RAISED, account, a, b, WETH)
    a.raise_line(account, b, WETH, WAD)
    first = a.witness(key)
    a.raise_line(account, b, WETH, WAD)
    second = a.witness(key)
    b.take_raised(account, a, WETH, 2 * WAD, second)
    assert refused(b.take_raised, account, a, WETH, 2 * WAD, second) == "old"
    assert refused(b.take_raised, account, a, WETH, WAD, first) == "old"
    b.lower_line(account, a, WETH, 2 * WAD)
    assert refused(b.take_raised, account, a, WETH, 2 * WAD, second) == "old"
    vaults.carry_lower(account, WETH)
    lowered = b.witness(line_key(LOWERED, account, a, b, WETH))
    a.raise_line(account, b, WETH, 5 * WAD)
    assert refused(a.take_lowered, account, b, WETH, 2 * WAD, lowered) == "old"
    assert a.line_out(account, b, WETH) == 5 * WAD


def test_statements_of_something_else_are_refused(vaults: Ground, account: bytes) -> None:
    a, b = vaults.chains
    a.raise_line(account, b, WETH, WAD)
    key = line_key(RAISED, account, a, b, WETH)
    true = a.witness(key)
    foreign = {
        "another sum": a.witness(key, word=2 * WAD),
        "another account": a.witness(line_key(RAISED, b"\x07" * 32, a, b, WETH), word=WAD),
        "another asset": a.witness(line_key(RAISED, account, a, b, USDC), word=WAD),
        "another direction": a.witness(line_key(RAISED, account, b, a, WETH), word=WAD),
        "another chain": a.witness(key, chain_id=b.number),
        "another contract": a.witness(key, source=STRANGER),
        "the seizure": a.witness(key, source=a.seizure),
        "a lowering": a.witness(line_key(LOWERED, account, a, b, WETH), word=WAD),
        "another height": Witness(height=1, bitmap=true.bitmap, proof=true.proof),
        "another committee": a.witness(key, committee_id=b"\x09" * 32),
    }
    for witness in foreign.values():
        assert refused(b.take_raised, account, a, WETH, WAD, witness) == "signer"
    assert refused(b.take_raised, account, a, WETH, WAD, a.witness(key, members=(0, 1))) == "quorum"
    b.take_raised(account, a, WETH, WAD, true)


def test_a_chain_that_is_no_peer_lends_nothing(vaults: Ground, account: bytes) -> None:
    _, b = vaults.chains
    bitmap, proof = sign(bytes(32))
    witness = Witness(height=1, bitmap=bitmap, proof=proof)
    words = (account, 5, WETH, WAD, *witness.arguments)
    signature = "take_raised(bytes32,uint64,uint8,uint256,uint64,uint256,bytes,bytes)"
    assert refused(b.do, b.vault, signature, *words) == "peer"


def test_a_raise_that_a_reorg_undid_was_no_fact_and_is_refused_ever_after(
    vaults: Ground, account: bytes
) -> None:
    """The committee signs what is final only: what was undone was never signed."""
    a, b = vaults.chains
    key = line_key(RAISED, account, a, b, WETH)
    before = a.chain.snapshot()
    a.raise_line(account, b, WETH, 10 * WAD)
    assert a.fact(key) == 10 * WAD
    a.chain.revert(before)
    assert a.fact(key) == 0
    a.withdraw(account, WETH, 10 * ETHER)
    assert refused(b.take_raised, account, a, WETH, 0, a.witness(key)) == "old"
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"


def test_a_reorg_on_the_lent_to_chain_loses_a_statement_that_anybody_brings_again(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    a.raise_line(account, b, WETH, 10 * WAD)
    witness = a.witness(line_key(RAISED, account, a, b, WETH))
    before = b.chain.snapshot()
    b.take_raised(account, a, WETH, 10 * WAD, witness)
    b.borrow(account, USDC, 16_000 * DOLLAR)
    b.chain.revert(before)
    assert b.debt(account, USDC) == 0
    b.take_raised(account, a, WETH, 10 * WAD, witness)
    assert b.line_in(account, a, WETH) == 10 * WAD


def test_all_lines_together_stay_under_the_caps_of_both_sides(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    signature = "set_line_cap(uint64,uint8,bool,uint256)"
    incoming = True
    govern(a, a.vault, signature, b.number, WETH, not incoming, 6 * WAD)
    govern(b, b.vault, signature, a.number, WETH, incoming, 4 * WAD)
    assert refused(a.raise_line, account, b, WETH, 6 * WAD + 1) == "cap"
    a.raise_line(account, b, WETH, 6 * WAD)
    assert refused(a.raise_line, account, b, WETH, 1) == "cap"
    # What b has no room for goes back at once, so that its owner can have it back.
    vaults.carry_raise(account, WETH)
    assert b.line_in(account, a, WETH) == 4 * WAD
    vaults.carry_lower(account, WETH)
    assert a.line_out(account, b, WETH) == 4 * WAD
    a.withdraw(account, WETH, 6 * ETHER)


def test_a_line_cap_that_falls_takes_no_line_away(vaults: Ground, account: bytes) -> None:
    a, b = vaults.chains
    incoming = True
    lend(vaults, account, 5 * WAD)
    signature = "set_line_cap(uint64,uint8,bool,uint256)"
    govern(b, b.vault, signature, a.number, WETH, incoming, 4 * WAD)
    lend(vaults, account, 3 * WAD)
    assert b.line_in(account, a, WETH) == 5 * WAD
    vaults.carry_lower(account, WETH)
    assert a.line_out(account, b, WETH) == 5 * WAD


def test_a_forged_lowering_frees_nothing_that_is_raised_later(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    lend(vaults, account, 4 * WAD)
    forged = b.witness(line_key(LOWERED, account, a, b, WETH), word=2**255)
    a.take_lowered(account, b, WETH, 2**255, forged)
    assert a.line_out(account, b, WETH) == 0
    a.raise_line(account, b, WETH, 6 * WAD)
    assert a.line_out(account, b, WETH) == 6 * WAD


def lock(vaults: Ground, account: bytes, units: int) -> int:
    """Lock collateral on a for b in the seizure's name; gives how much of it was lent."""
    a, b = vaults.chains
    args = (account, WETH, units, b.number)
    data = a.encode("lock(bytes32,uint8,uint256,uint64)", *args)
    call = {"from": a.seizure, "to": a.vault, "data": "0x" + data.hex()}
    lent = int(a.chain.rpc.request("eth_call", call, "latest"), 16)
    a.do(a.vault, "lock(bytes32,uint8,uint256,uint64)", *args, sender=a.seizure)
    return lent


def consume(vaults: Ground, account: bytes, units: int) -> None:
    a, b = vaults.chains
    signature = "consume_line(bytes32,uint64,uint8,uint256)"
    b.do(b.vault, signature, account, a.number, WETH, units, sender=b.seizure)


def test_a_lock_takes_what_is_not_lent_first_and_then_the_line(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    lend(vaults, account, 4 * WAD)
    assert lock(vaults, account, 5 * WAD) == 0
    assert lock(vaults, account, 3 * WAD) == 2 * WAD
    consume(vaults, account, 2 * WAD)
    assert b.line_in(account, a, WETH) == 2 * WAD
    vaults.carry_lower(account, WETH)
    assert a.line_out(account, b, WETH) == 2 * WAD
    lockable = "lockable(bytes32,uint8,uint64)"
    assert a.ask(a.vault, lockable, account, WETH, b.number) == 2 * WAD
    assert a.ask(a.vault, lockable, account, WETH, a.number) == 0
    assert a.ask(a.vault, lockable, account, WETH, 77) == 0
    words = (account, WETH, 2 * WAD + 1, b.number)
    signature = "lock(bytes32,uint8,uint256,uint64)"
    assert refused(a.do, a.vault, signature, *words, sender=a.seizure) == "line"


def test_what_is_locked_is_neither_withdrawn_nor_lent_nor_counted(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    lock(vaults, account, 6 * WAD)
    assert refused(a.withdraw, account, WETH, 4 * ETHER + 1) == "line"
    assert refused(a.raise_line, account, b, WETH, 4 * WAD + 1) == "line"
    assert refused(a.borrow, account, USDC, 6_401 * DOLLAR) == "margin"
    a.borrow(account, USDC, 6_400 * DOLLAR)


def test_a_raise_seen_after_an_order_took_it_backs_nothing(vaults: Ground, account: bytes) -> None:
    """Final before the lock, brought after the order: the collateral is gone to a liquidator."""
    a, b = vaults.chains
    a.raise_line(account, b, WETH, 10 * WAD)
    assert lock(vaults, account, 10 * WAD) == 10 * WAD
    consume(vaults, account, 10 * WAD)
    seize(a, account, 10 * WAD)
    assert a.collateral(account, WETH) == 0
    vaults.carry_raise(account, WETH)
    assert b.line_in(account, a, WETH) == 0
    assert refused(b.borrow, account, USDC, 20 * DOLLAR) == "margin"
    vaults.carry_lower(account, WETH)
    assert a.line_out(account, b, WETH) == 0


def seize(place: VaultChain, account: bytes, units: int) -> None:
    """Pay locked collateral to a stranger in the seizure's name."""
    signature = "seize(bytes32,uint8,uint256,address,bool)"
    words = (account, WETH, units, STRANGER, True)
    place.do(place.vault, signature, *words, sender=place.seizure)


def test_lines_are_lowered_without_a_price_where_nothing_is_owed(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    lend(vaults, account, 10 * WAD)
    break_feed(b, "WETH")
    b.lower_line(account, a, WETH, 10 * WAD)


def test_a_line_is_valued_where_it_is_used(vaults: Ground, account: bytes) -> None:
    """A fixed value in USD could be drawn after the price fell: units cannot."""
    _, b = vaults.chains
    lend(vaults, account, 10 * WAD)
    b.set_price(WETH, 1_000)
    assert refused(b.borrow, account, USDC, 8_001 * DOLLAR) == "margin"
    b.borrow(account, USDC, 8_000 * DOLLAR)


def test_claims_take_no_more_than_their_cap_and_the_lock_stays(
    vaults: Ground, account: bytes
) -> None:
    a = vaults.a
    cap(a, WETH, 2 * WAD)
    lock(vaults, account, 5 * WAD)
    seize(a, account, 2 * WAD)
    assert refused(seize, a, account, WAD) == "cap"
    assert a.locked(account, WETH) == 3 * WAD
    assert a.balance(WETH, STRANGER) == 2 * ETHER
    a.withdraw(account, WETH, ETHER)
    a.advance(HOUR)
    seize(a, account, 2 * WAD)
    assert refused(seize, a, account, 2 * WAD) == "locked"


def test_an_unhealthy_account_lends_nothing_to_another_chain(
    vaults: Ground, account: bytes
) -> None:
    a, b = vaults.chains
    a.borrow(account, USDC, 15_000 * DOLLAR)
    a.set_price(WETH, 1_800)
    assert refused(a.raise_line, account, b, WETH, 1) == "health"


def test_facts_lie_where_storage_proofs_look_for_them(vaults: Ground, account: bytes) -> None:
    a, b = vaults.chains
    a.raise_line(account, b, WETH, 3 * WAD)
    key = line_key(RAISED, account, a, b, WETH)
    slot = "0x" + keccak(bytes(32) + key.hash).hex()
    word = a.chain.rpc.request("eth_getStorageAt", a.vault, slot, "latest")
    assert int(word, 16) == 3 * WAD == a.fact(key)
