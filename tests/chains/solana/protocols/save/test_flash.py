"""Flash loans of a reserve: what they cost to the unit, and what is refused by Save's numbers."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from chains.model.units import USD, WAD
from chains.solana.programs.build import build_program
from chains.solana.programs.instructions import ReserveAccounts, Terms
from chains.solana.protocols.save.flash import DISABLED, calculate_flash_fee, lend
from chains.solana.protocols.save.math import accrue
from tests.chains.solana.programs.lab import Refused
from tests.chains.solana.protocols.save.building import MarketLab, Owner
from tests.chains.solana.protocols.save.states import reserve as make_reserve

USDC = 10**6
LIQUIDITY = 10**12
FORWARD = Path(__file__).parents[2] / "programs" / "forward"
NO_LIQUIDITY, TOO_SMALL, BORROW_CPI, NO_REPAY, INVALID = 20, 25, 47, 48, 49
REPAY_CPI, MULTIPLE, OFF, WRONG_ACCOUNT = 50, 51, 52, 13


@dataclass
class Loan:
    """A USDC reserve with liquidity, and somebody who borrows for one transaction."""

    market: MarketLab
    usdc: ReserveAccounts
    taker: Owner

    @classmethod
    def create(cls, **terms: int) -> "Loan":
        market = MarketLab.create()
        usdc = market.add_reserve(replace(Terms(), **terms), decimals=6, price=USD)
        market.add_reserve(Terms(), decimals=9, price=150 * USD)
        market.deposit(market.owner(), usdc, LIQUIDITY)
        return cls(market, usdc, market.owner())

    def borrow(self, units: int) -> Instruction:
        return self.market.builder.flash_borrow(
            self.market.reserve(self.usdc),
            destination=self.taker.tokens[self.usdc.mint],
            units=units,
        )

    def repay(self, units: int, index: int = 0) -> Instruction:
        return self.market.builder.flash_repay(
            self.market.reserve(self.usdc),
            source=self.taker.tokens[self.usdc.mint],
            payer=self.taker.key.pubkey(),
            units=units,
            index=index,
        )

    def send(self, *instructions: Instruction) -> None:
        signs = any(meta.is_signer for each in instructions for meta in each.accounts)
        self.market.lab.send(*instructions, by=(self.taker.key,) if signs else ())

    def refused(self, *instructions: Instruction) -> int | None:
        with pytest.raises(Refused) as failure:
            self.send(*instructions)
        return failure.value.code

    def held(self, key: Pubkey) -> int:
        return self.market.lab.amount(key)


@settings(max_examples=25)
@given(
    st.one_of(st.integers(0, 10**17), st.integers(0, WAD)),
    st.sampled_from([0, 1, 20, 100]),
    st.one_of(st.integers(1, 5), st.integers(1, LIQUIDITY)),
)
@example(DISABLED, 0, 10**6)
@example(5 * 10**14, 0, 2_000 * USDC)
@example(WAD // 2, 20, 3)
def test_a_loan_costs_what_is_computed_to_the_unit(fee: int, host: int, units: int) -> None:
    loan = Loan.create(flash_fee=fee, host_fee=host)
    state = loan.market.reserve(loan.usdc)
    expected = calculate_flash_fee(state.terms, units)
    if expected is None:
        assert loan.refused(loan.borrow(units), loan.repay(units)) in {OFF, TOO_SMALL, 14}
        return
    tokens = loan.taker.tokens[loan.usdc.mint]
    before, fees = loan.held(tokens), loan.held(loan.usdc.fee_receiver)
    loan.send(loan.borrow(units), loan.repay(units))
    assert before - loan.held(tokens) == expected == loan.held(loan.usdc.fee_receiver) - fees
    after = loan.market.reserve(loan.usdc)
    assert (after.available, after.borrowed) == (state.available, state.borrowed)
    assert loan.held(loan.usdc.supply) == LIQUIDITY


def test_a_reserve_is_stale_while_it_lends_and_its_interest_is_charged_before() -> None:
    loan = Loan.create()
    other = loan.market.owner()
    sol = loan.market.reserves[1]
    loan.market.deposit(other, sol, 10**12)
    loan.market.borrow(other, loan.usdc, 50_000 * USDC)
    loan.market.lab.advance(100_000)
    before = loan.market.reserve(loan.usdc)
    loan.send(loan.borrow(10**9), loan.repay(10**9))
    after = loan.market.reserve(loan.usdc)
    grown = accrue(before, loan.market.lab.svm.get_clock().slot)
    assert after.stale
    assert after.borrowed == grown.borrowed > before.borrowed
    assert (after.slot, after.protocol_fees) == (grown.slot, grown.protocol_fees)


def test_lending_moves_liquidity_to_what_is_owed() -> None:
    state = make_reserve()
    lent = lend(state, 1_000)
    assert lent is not None
    assert lent.available == state.available - 1_000
    assert lent.borrowed == state.borrowed + 1_000 * WAD
    assert lend(state, state.available + 1) is None


def test_a_loan_that_is_not_given_back_is_refused() -> None:
    loan = Loan.create()
    assert loan.refused(loan.borrow(10)) == NO_REPAY
    assert loan.refused(loan.repay(10), loan.borrow(10)) == INVALID
    assert loan.refused(loan.repay(10)) == INVALID


def test_a_return_of_another_amount_place_or_reserve_is_refused() -> None:
    loan = Loan.create()
    assert loan.refused(loan.borrow(1_000), loan.repay(999)) == INVALID
    assert loan.refused(loan.borrow(1_000), loan.repay(1_000, index=1)) == INVALID
    right = loan.repay(1_000)
    metas = list(right.accounts)
    other = loan.market.reserves[1].reserve
    metas[4] = AccountMeta(other, is_signer=False, is_writable=True)
    wrong = Instruction(right.program_id, right.data, metas)
    assert loan.refused(loan.borrow(1_000), wrong) == INVALID


def test_two_loans_or_two_returns_in_one_transaction_are_refused() -> None:
    loan = Loan.create()
    first, second = loan.borrow(1_000), loan.repay(1_000)
    assert loan.refused(first, loan.borrow(5), second) == MULTIPLE
    assert loan.refused(first, second, loan.repay(1_000)) == MULTIPLE


def test_more_than_the_reserve_has_is_refused() -> None:
    loan = Loan.create()
    assert loan.refused(loan.borrow(LIQUIDITY + 1), loan.repay(LIQUIDITY + 1)) == NO_LIQUIDITY


@pytest.mark.parametrize("index", [1, 2, 7])
def test_accounts_of_others_in_a_returns_place_are_refused(index: int) -> None:
    loan = Loan.create()
    right = loan.repay(1_000)
    metas = list(right.accounts)
    stranger = loan.market.lab.token(loan.usdc.mint, loan.taker.key.pubkey(), 10**9)
    metas[index] = AccountMeta(stranger, is_signer=False, is_writable=True)
    wrong = Instruction(right.program_id, right.data, metas)
    assert loan.refused(loan.borrow(1_000), wrong) == WRONG_ACCOUNT


def test_a_forged_list_of_instructions_is_refused() -> None:
    loan = Loan.create()
    right = loan.borrow(1_000)
    metas = list(right.accounts)
    metas[5] = AccountMeta(
        loan.market.lab.put(Pubkey(b"F" * 32), bytes(64)), is_signer=False, is_writable=False
    )
    assert loan.refused(Instruction(right.program_id, right.data, metas)) == WRONG_ACCOUNT


def test_another_program_may_not_call_for_a_loan_or_its_return() -> None:
    if (clang := shutil.which("clang")) is None:
        pytest.skip("clang is not installed")
    loan = Loan.create()
    caller = Pubkey(b"G" * 32)
    loan.market.lab.svm.add_program(caller, build_program(str(FORWARD), clang))

    def forward(inner: Instruction) -> Instruction:
        last = AccountMeta(inner.program_id, is_signer=False, is_writable=False)
        return Instruction(caller, inner.data, [*inner.accounts, last])

    borrow, repay = loan.borrow(1_000), loan.repay(1_000)
    assert loan.refused(forward(borrow), repay) == BORROW_CPI
    assert loan.refused(borrow, repay, forward(repay)) == REPAY_CPI
