"""Slots, forks, blockhashes and accounts of the node's chain, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.message import MessageV0
from solders.system_program import (
    AdvanceNonceAccountParams,
    CreateLookupTableParams,
    ExtendLookupTableParams,
    advance_nonce_account,
    create_lookup_table,
    create_nonce_account,
    extend_lookup_table,
)
from solders.sysvar import CLOCK
from solders.transaction import VersionedTransaction

from daemon.devnet.solana import ledger as ledger_module
from daemon.devnet.solana.base58 import decode_base58, encode_base58
from daemon.devnet.solana.blocks import BLOCKHASH_LIFE, Level
from daemon.devnet.solana.budget import quote_fee
from daemon.devnet.solana.ledger import Ledger, NotProcessed
from tests.support.solnode import (
    SOL,
    START_TIME,
    balance,
    make_key,
    make_ledger,
    make_wallet,
    pay,
    put,
    sign,
)

TO = make_key(1)


def lamports_at(ledger: Ledger, level: Level) -> int:
    [account] = ledger.machine.read_at([TO], ledger.blocks.at(level))
    return account.lamports if account else 0


def test_the_same_seed_gives_the_same_genesis_and_another_seed_another() -> None:
    assert make_ledger(b"a").genesis == make_ledger(b"a").genesis != make_ledger(b"b").genesis


def test_a_payment_is_seen_at_each_commitment_when_its_block_reaches_it() -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger)
    ledger.tick()
    ledger.send(sign(ledger, wallet, [pay(wallet, TO)]))
    seen = [tuple(lamports_at(ledger, level) for level in Level)]
    for _ in range(32):
        ledger.tick()
        seen.append(tuple(lamports_at(ledger, level) for level in Level))
    assert seen[0] == (SOL, 0, 0)
    assert seen[1] == seen[31] == (SOL, SOL, 0)
    assert seen[32] == (SOL, SOL, SOL)


def test_every_block_keeps_its_own_clock_and_program_accounts() -> None:
    ledger = make_ledger()
    owner = make_key(9)
    for number in range(3):
        put(ledger, make_key(20 + number), bytes([number]), owner=owner)
        ledger.tick()
    tip = ledger.blocks.tip
    for block in ledger.blocks.newest(4):
        [clock] = ledger.machine.read_at([CLOCK], block)
        assert clock is not None
        assert int.from_bytes(clock.data[:8], "little") == block.slot
        held = ledger.machine.scan_at(owner, block)
        assert len(held) == min(3, block.slot - tip.slot + 4)
    assert tip.time == START_TIME + (3 * 400) // 1000


def test_a_dropped_block_takes_its_transactions_with_it() -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger)
    ledger.tick()
    before = ledger.blocks.tip
    payment = sign(ledger, wallet, [pay(wallet, TO)])
    ledger.send(payment)
    ledger.drop()
    assert lamports_at(ledger, Level.PROCESSED) == 0
    assert ledger.find(str(payment.signatures[0])) is None
    assert (ledger.blocks.tip.slot, ledger.blocks.tip.parent) == (before.slot + 1, before.parent)
    assert not ledger.blocks.is_valid(before.hash)
    again = sign(ledger, wallet, [pay(wallet, TO)])
    ledger.send(again)
    assert lamports_at(ledger, Level.PROCESSED) == SOL


def test_what_is_confirmed_is_not_dropped() -> None:
    ledger = make_ledger()
    ledger.tick()
    ledger.tick()
    with pytest.raises(ValueError, match="confirmed"):
        ledger.drop(2)


def test_later_confirmations_never_take_one_back() -> None:
    ledger = make_ledger()
    for _ in range(5):
        ledger.tick()
    ledger.blocks.confirm = 4
    confirmed = [ledger.blocks.at(Level.CONFIRMED).slot]
    for _ in range(5):
        ledger.tick()
        confirmed.append(ledger.blocks.at(Level.CONFIRMED).slot)
    assert confirmed == [1004, 1004, 1004, 1004, 1005, 1006]


def test_a_blockhash_serves_for_150_blocks_however_many_slots_are_skipped() -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger)
    first, second = (sign(ledger, wallet, [pay(wallet, TO, n)]) for n in (SOL, SOL + 1))
    for _ in range(BLOCKHASH_LIFE):
        ledger.tick(skip=1)
    ledger.send(first)
    ledger.tick()
    with pytest.raises(NotProcessed, match="BlockhashNotFound"):
        ledger.send(second)
    with pytest.raises(NotProcessed, match="AlreadyProcessed"):
        ledger.send(first)
    assert ledger.blocks.tip.slot - 1_000 == 2 * BLOCKHASH_LIFE + 1


def test_a_failed_transaction_lands_and_pays_and_one_without_funds_does_not() -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger, lamports=SOL)
    failing = sign(ledger, wallet, [pay(wallet, TO, 2 * SOL)])
    ledger.send(failing)
    landed = ledger.find(str(failing.signatures[0]))
    assert landed is not None
    assert landed.error == {"InstructionError": [0, {"Custom": 1}]}
    assert balance(ledger, wallet.pubkey()) == SOL - 5_000
    pauper = make_wallet(ledger, 2, lamports=0)
    with pytest.raises(NotProcessed, match="AccountNotFound"):
        ledger.send(sign(ledger, pauper, [pay(pauper, TO)]))


def test_the_fee_charged_is_the_fee_quoted_with_the_priority_fee() -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger)
    budget = [set_compute_unit_limit(100_001), set_compute_unit_price(333_333)]
    payment = sign(ledger, wallet, [*budget, pay(wallet, TO)])
    ledger.send(payment)
    landed = ledger.find(str(payment.signatures[0]))
    assert landed is not None
    assert landed.fee == quote_fee(payment.message) == 5_000 + 33_334
    assert balance(ledger, wallet.pubkey()) == 9 * SOL - landed.fee


def test_a_bundle_lands_whole_or_leaves_nothing() -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger, lamports=3 * SOL)
    good, bad = (sign(ledger, wallet, [pay(wallet, TO, n * SOL)]) for n in (1, 9))
    with pytest.raises(NotProcessed):
        ledger.send_all([good, bad])
    assert balance(ledger, wallet.pubkey()) == 3 * SOL
    assert lamports_at(ledger, Level.PROCESSED) == 0
    assert ledger.find(str(good.signatures[0])) is None
    assert not ledger.blocks.tip.paid
    assert [landed.error for landed in ledger.send_all([good])] == [None]


def test_an_account_may_be_paid_through_a_lookup_table_one_slot_after_it_grew() -> None:
    ledger = make_ledger()
    wallet = make_wallet(ledger)
    ledger.tick()
    key = wallet.pubkey()
    create, table = create_lookup_table(
        CreateLookupTableParams(
            authority_address=key, payer_address=key, recent_slot=ledger.blocks.tip.parent
        )
    )
    extend = extend_lookup_table(
        ExtendLookupTableParams(
            payer_address=key,
            lookup_table_address=table,
            authority_address=key,
            new_addresses=[TO],
        )
    )
    ledger.send(sign(ledger, wallet, [create, extend]))
    tables = [AddressLookupTableAccount(table, [TO])]

    def through_table() -> VersionedTransaction:
        blockhash = ledger.blocks.tip.hash
        message = MessageV0.try_compile(key, [pay(wallet, TO)], tables, blockhash)
        return VersionedTransaction(message, [wallet])

    with pytest.raises(NotProcessed, match="InvalidAddressLookupTableIndex"):
        ledger.send(through_table())
    ledger.tick()
    payment = through_table()
    ledger.send(payment)
    landed = ledger.find(str(payment.signatures[0]))
    assert landed is not None
    assert landed.locks.loaded == ((TO,), ())
    assert lamports_at(ledger, Level.PROCESSED) == SOL


def test_a_durable_nonce_stands_for_a_blockhash_once() -> None:
    ledger = make_ledger()
    wallet, nonce = make_wallet(ledger), make_wallet(ledger, 2, lamports=0)
    ledger.machine.write(nonce.pubkey(), None)
    create = create_nonce_account(
        wallet.pubkey(), nonce.pubkey(), wallet.pubkey(), ledger.machine.rent_of(80)
    )
    message = MessageV0.try_compile(wallet.pubkey(), list(create), [], ledger.blocks.tip.hash)
    ledger.send(VersionedTransaction(message, [wallet, nonce]))
    held = ledger.machine.read(nonce.pubkey())
    assert held is not None
    advance = advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=nonce.pubkey(), authorized_pubkey=wallet.pubkey())
    )
    value = Hash(held.data[40:72])
    payments = [
        VersionedTransaction(
            MessageV0.try_compile(wallet.pubkey(), [advance, pay(wallet, TO, n)], [], value),
            [wallet],
        )
        for n in (SOL, SOL + 1)
    ]
    for _ in range(BLOCKHASH_LIFE + 5):
        ledger.tick()
    ledger.send(payments[0])
    assert lamports_at(ledger, Level.PROCESSED) == SOL
    with pytest.raises(NotProcessed, match="BlockhashNotFound"):
        ledger.send(payments[1])


@given(st.binary(max_size=80))
def test_base58_of_any_bytes_reads_back(data: bytes) -> None:
    text = encode_base58(data)
    assert decode_base58(text) == data
    if len(data) == 32:
        assert text == str(Hash(data))


def test_base58_refuses_letters_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="'0' is no base58 letter"):
        decode_base58("10")


def test_old_transactions_are_forgotten_so_that_a_devnet_may_run_for_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_module, "KEEP_LANDED", 3)
    ledger = make_ledger()
    sent = [ledger.airdrop(TO, lamports) for lamports in range(1, 6)]
    assert [ledger.find(signature) is not None for signature in sent] == [False] * 2 + [True] * 3
    assert [landed.signature for landed in ledger.find_with(TO)] == sent[:1:-1]
    assert balance(ledger, TO) == 15
