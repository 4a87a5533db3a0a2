"""What the program lets whom do, and what it refuses, by the numbers Save publishes."""

from dataclasses import replace

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from chains.model.units import USD
from chains.solana.programs.instructions import (
    POOL_BYTES,
    OraclePrice,
    Pool,
    ReserveAccounts,
    Terms,
)
from chains.solana.protocols.save.decimals import ceil_units, whole
from chains.solana.protocols.save.instructions import LiquidatorAccounts
from chains.solana.protocols.save.liquidation import Liquidation
from chains.solana.protocols.save.math import EVERYTHING, accrue
from tests.chains.solana.programs.lab import Refused
from tests.chains.solana.protocols.save.building import MarketLab, Owner

SOL, USDC = 10**9, 10**6
INVALID_ACCOUNT_OWNER, INVALID_ACCOUNT_INPUT, INVALID_SIGNER = 5, 13, 12
INVALID_AUTHORITY, INVALID_MARKET_OWNER, INVALID_CONFIG = 3, 4, 11
ALREADY_INITIALIZED, INVALID_AMOUNT, UNPACK = 1, 10, 0
RESERVE_STALE, OBLIGATION_STALE, BORROW_TOO_LARGE = 22, 30, 26
INVALID_OBLIGATION_OWNER, HEALTHY, NO_DEBT, ORACLE, NO_LIQUIDITY = 32, 29, 38, 42, 20


class Scene:
    """SOL at 150 USD and USDC; the owner holds 100 SOL and owes 10,000 USDC."""

    def __init__(self) -> None:
        self.market = MarketLab.create()
        self.sol = self.market.add_reserve(Terms(), decimals=9, price=150 * USD)
        self.usdc = self.market.add_reserve(Terms(), decimals=6, price=USD)
        self.whale = self.market.owner()
        self.market.deposit(self.whale, self.usdc, 1_000_000 * USDC)
        self.market.deposit(self.whale, self.sol, 10_000 * SOL)
        self.owner = self.market.owner()
        self.market.deposit(self.owner, self.sol, 100 * SOL)
        self.market.borrow(self.owner, self.usdc, 10_000 * USDC)

    def crash(self, usd: int) -> None:
        self.market.publish(self.sol, OraclePrice(price=usd * USD, published_at=self.market.now))

    def repay(self, payer: Owner, units: int) -> None:
        instruction = self.market.builder.repay(
            self.market.reserve(self.usdc),
            self.market.obligation(self.owner),
            source=payer.tokens[self.usdc.mint],
            payer=payer.key.pubkey(),
            units=units,
        )
        self.market.lab.send(instruction, by=(payer.key,))

    def liquidation(self, liquidator: Owner, units: int = EVERYTHING) -> Instruction:
        market = self.market
        return market.builder.liquidate(
            market.obligation(self.owner),
            repay=market.reserve(self.usdc),
            withdraw=market.reserve(self.sol),
            accounts=accounts_of(liquidator, self.usdc, self.sol),
            units=units,
        )

    def refreshes(self) -> list[Instruction]:
        market = self.market
        return market.builder.refresh(market.obligation(self.owner), market.states())


def accounts_of(
    owner: Owner, repay: ReserveAccounts, withdraw: ReserveAccounts
) -> LiquidatorAccounts:
    return LiquidatorAccounts(
        payer=owner.key.pubkey(),
        source=owner.tokens[repay.mint],
        collateral=owner.tokens[withdraw.collateral_mint],
        destination=owner.tokens[withdraw.mint],
    )


def refused(
    market: MarketLab, *instructions: Instruction, by: tuple[Owner, ...] = ()
) -> int | None:
    with pytest.raises(Refused) as failure:
        market.lab.send(*instructions, by=tuple(owner.key for owner in by))
    return failure.value.code


def exchanged(instruction: Instruction, index: int, key: Pubkey) -> Instruction:
    """Give the instruction with one account in another's place."""
    metas = list(instruction.accounts)
    old = metas[index]
    metas[index] = AccountMeta(key, is_signer=old.is_signer, is_writable=old.is_writable)
    return Instruction(instruction.program_id, instruction.data, metas)


def test_a_third_party_may_repay_without_any_refresh() -> None:
    scene = Scene()
    market, friend = scene.market, scene.market.owner()
    market.lab.advance(100_000)
    before = market.lab.amount(friend.tokens[scene.usdc.mint])
    scene.repay(friend, 4_000 * USDC)
    assert before - market.lab.amount(friend.tokens[scene.usdc.mint]) == 4_000 * USDC
    (owed,) = market.obligation(scene.owner).borrows
    assert whole(6_000 * USDC) < owed.amount < whole(6_001 * USDC)


def test_repaying_everything_costs_the_accrued_debt_rounded_up() -> None:
    scene = Scene()
    market, friend = scene.market, scene.market.owner()
    market.lab.advance(3_000_000)
    slot = market.lab.svm.get_clock().slot
    (owed,) = market.obligation(scene.owner).borrows
    reserve = accrue(market.reserve(scene.usdc), slot)
    due = owed.amount * (reserve.cumulative_rate * 10**18 // owed.cumulative_rate) // 10**18
    before = market.lab.amount(friend.tokens[scene.usdc.mint])
    scene.repay(friend, EVERYTHING)
    paid = before - market.lab.amount(friend.tokens[scene.usdc.mint])
    assert paid == ceil_units(due) > 10_000 * USDC
    assert market.obligation(scene.owner).borrows == ()


def test_a_third_party_may_not_deposit() -> None:
    scene = Scene()
    market, friend = scene.market, scene.market.owner()
    instruction = market.builder.deposit(
        market.reserve(scene.sol),
        market.obligation(scene.owner),
        source=friend.tokens[scene.sol.mint],
        collateral=friend.tokens[scene.sol.collateral_mint],
        owner=friend.key.pubkey(),
        units=SOL,
    )
    assert refused(market, instruction, by=(friend,)) == INVALID_OBLIGATION_OWNER


def test_a_healthy_account_is_not_liquidated() -> None:
    scene = Scene()
    liquidator = scene.market.owner()
    instructions = [*scene.refreshes(), scene.liquidation(liquidator)]
    assert refused(scene.market, *instructions, by=(liquidator,)) == HEALTHY


def test_a_liquidation_pays_back_a_fifth_and_settles_in_the_pool() -> None:
    scene = Scene()
    market, lab = scene.market, scene.market.lab
    liquidator = market.owner()
    program = lab.load("swap", Pubkey(b"S" * 32))
    account = lab.blank(program, POOL_BYTES)
    authority = Pubkey.find_program_address([bytes(account)], program)[0]
    vaults = (
        lab.token(scene.sol.mint, authority, 10**6 * SOL),
        lab.token(scene.usdc.mint, authority, 120 * 10**6 * USDC),
    )
    pool = Pool(program=program, account=account, vaults=vaults)
    lab.send(pool.create(5))
    scene.crash(120)
    snapshot = market.read(scene.owner)
    foreseen = market.market().predict_liquidation(
        snapshot,
        scene.owner.target,
        repay=bytes(scene.usdc.reserve),
        withdraw=bytes(scene.sol.reserve),
    )
    assert isinstance(foreseen, Liquidation)
    assert foreseen.amounts.repaid == 2_000 * USDC
    usdc = liquidator.tokens[scene.usdc.mint]
    before = lab.amount(usdc)
    swap = pool.swap(
        payer=liquidator.key.pubkey(),
        source=liquidator.tokens[scene.sol.mint],
        destination=usdc,
        units=foreseen.net,
        least=foreseen.amounts.repaid,
    )
    done = lab.send(*scene.refreshes(), scene.liquidation(liquidator), swap, by=(liquidator.key,))
    profit = lab.amount(usdc) - before
    assert 165 * USDC < profit < 166 * USDC  # 8.33 % of 2,000 USDC, less the pool's 5 bps
    assert done.compute_units_consumed() < 300_000


def test_liquidators_keep_collateral_tokens_that_cannot_be_redeemed() -> None:
    scene = Scene()
    market, liquidator = scene.market, scene.market.owner()
    borrower = market.owner()
    market.deposit(borrower, scene.usdc, 3_000_000 * USDC)
    market.borrow(borrower, scene.sol, 10_095 * SOL)
    scene.crash(120)
    snapshot = market.read(scene.owner)
    foreseen = market.market().predict_liquidation(
        snapshot,
        scene.owner.target,
        repay=bytes(scene.usdc.reserve),
        withdraw=bytes(scene.sol.reserve),
    )
    assert isinstance(foreseen, Liquidation)
    assert foreseen.kept_collateral > 0 < foreseen.received
    market.lab.send(*scene.refreshes(), scene.liquidation(liquidator), by=(liquidator.key,))
    kept = market.lab.amount(liquidator.tokens[scene.sol.collateral_mint])
    assert kept == foreseen.kept_collateral


def test_state_of_an_older_slot_is_refused() -> None:
    scene = Scene()
    market, liquidator = scene.market, scene.market.owner()
    scene.crash(120)
    attempt = scene.liquidation(liquidator)
    assert refused(market, attempt, by=(liquidator,)) == RESERVE_STALE
    fresh = scene.refreshes()
    market.lab.send(*fresh)
    market.lab.advance(1)
    assert refused(market, fresh[-1]) == RESERVE_STALE
    assert refused(market, *fresh[:-1], attempt, by=(liquidator,)) == OBLIGATION_STALE


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({"published_at": -120}, True),
        ({"published_at": -121}, False),
        ({"published_at": 3_600}, True),
        ({"confidence": 15 * USD}, True),
        ({"confidence": 15 * USD + 1}, False),
        ({"price": 0}, False),
        ({"price": -1}, False),
        ({"smoothed": 0}, False),
        ({"exponent": -18}, True),
        ({"exponent": -19}, False),
        ({"exponent": 10}, True),
        ({"exponent": 18}, False),
    ],
)
def test_the_program_and_the_adapter_accept_the_same_prices(
    change: dict[str, int],
    accepted: bool,  # noqa: FBT001 -- a parameter of the cases above
) -> None:
    scene = Scene()
    market = scene.market
    given = {"price": 150 * USD, "published_at": 0, **change}
    given["published_at"] += market.now
    stored = market.reserve(scene.sol).price
    market.publish(scene.sol, OraclePrice(**given))
    foreseen = market.read().view.reserves[bytes(scene.sol.reserve)]
    instruction = market.builder.refresh_reserve(market.reserve(scene.sol))
    if accepted:
        market.lab.send(instruction)
        assert market.reserve(scene.sol) == foreseen.state
        return
    assert refused(market, instruction) in (ORACLE, 14)
    assert foreseen.state.price == stored
    assert not foreseen.price.valid


def test_borrowing_beyond_what_is_allowed_is_refused() -> None:
    scene = Scene()
    market = scene.market
    with pytest.raises(Refused) as failure:
        market.borrow(scene.owner, scene.usdc, 1_250 * USDC + 1)
    assert failure.value.code == BORROW_TOO_LARGE
    market.borrow(scene.owner, scene.usdc, 1_250 * USDC)
    with pytest.raises(Refused) as dry:
        market.borrow(scene.whale, scene.sol, 20_000 * SOL)
    assert dry.value.code in (BORROW_TOO_LARGE, NO_LIQUIDITY)


def test_accounts_of_others_in_a_liquidations_place_are_refused() -> None:
    scene = Scene()
    market, liquidator = scene.market, scene.market.owner()
    scene.crash(120)
    good = scene.liquidation(liquidator)
    tokens = market.lab
    stranger = market.lab.key()
    fakes = {
        4: tokens.token(scene.usdc.mint, stranger),
        6: tokens.mint(stranger, 9),
        7: tokens.token(scene.sol.collateral_mint, stranger),
        8: tokens.token(scene.sol.mint, stranger),
        9: tokens.token(scene.sol.mint, stranger),
    }
    for index, fake in fakes.items():
        bad = exchanged(good, index, fake)
        assert refused(market, *scene.refreshes(), bad, by=(liquidator,)) == INVALID_ACCOUNT_INPUT
    wrong_authority = exchanged(good, 12, stranger)
    answer = refused(market, *scene.refreshes(), wrong_authority, by=(liquidator,))
    assert answer == INVALID_AUTHORITY


def test_state_that_another_program_made_is_refused() -> None:
    scene = Scene()
    market, forger = scene.market, Pubkey(b"F" * 32)
    forged = market.lab.put(forger, market.lab.raw(scene.usdc.reserve).data)
    refresh = market.builder.refresh_reserve(market.reserve(scene.usdc))
    assert refused(market, exchanged(refresh, 0, forged)) == INVALID_ACCOUNT_OWNER
    swapped = exchanged(refresh, 0, scene.owner.obligation)
    assert refused(market, swapped) == INVALID_ACCOUNT_INPUT
    other_oracle = exchanged(refresh, 1, scene.sol.oracle)
    assert refused(market, other_oracle) == INVALID_ACCOUNT_INPUT


def test_a_reserve_of_another_market_is_refused() -> None:
    scene = Scene()
    market, friend = scene.market, scene.market.owner()
    raw = bytearray(market.lab.raw(scene.usdc.reserve).data)
    raw[10:42] = b"M" * 32
    market.lab.put(market.setup.program, bytes(raw), at=scene.usdc.reserve)
    with pytest.raises(Refused) as failure:
        scene.repay(friend, USDC)
    assert failure.value.code == INVALID_ACCOUNT_INPUT


def test_repaying_what_is_not_owed_is_refused() -> None:
    scene = Scene()
    market, friend = scene.market, scene.market.owner()
    instruction = market.builder.repay(
        market.reserve(scene.sol),
        market.obligation(scene.owner),
        source=friend.tokens[scene.sol.mint],
        payer=friend.key.pubkey(),
        units=SOL,
    )
    assert refused(market, instruction, by=(friend,)) == NO_DEBT
    nothing = Instruction(instruction.program_id, b"\x0b" + bytes(8), list(instruction.accounts))
    assert refused(market, nothing, by=(friend,)) == INVALID_AMOUNT


def test_nothing_is_set_up_twice() -> None:
    scene = Scene()
    market, setup, admin = scene.market, scene.market.setup, scene.market.admin
    owner = scene.owner.key
    for instruction, signer in (
        (setup.init_market(admin.pubkey()), admin),
        (setup.init_reserve(admin.pubkey(), scene.sol, Terms()), admin),
        (setup.init_obligation(scene.owner.obligation, owner.pubkey()), owner),
    ):
        with pytest.raises(Refused) as failure:
            market.lab.send(instruction, by=(signer,))
        assert failure.value.code == ALREADY_INITIALIZED


def test_only_the_markets_owner_adds_reserves_and_only_with_sound_terms() -> None:
    scene = Scene()
    market, setup, stranger = scene.market, scene.market.setup, scene.market.lab.keypair()
    blank = replace(scene.sol, reserve=market.lab.blank(setup.program, 619))
    instruction = setup.init_reserve(stranger.pubkey(), blank, Terms())
    with pytest.raises(Refused) as failure:
        market.lab.send(instruction, by=(stranger,))
    assert failure.value.code == INVALID_MARKET_OWNER
    with pytest.raises(Refused) as unsound:
        market.add_reserve(Terms(loan_to_value=90), decimals=6, price=USD)
    assert unsound.value.code == INVALID_CONFIG


@pytest.mark.parametrize("data", [b"", b"\x63", b"\x0b", b"\xc9"])
def test_data_that_is_no_instruction_is_refused(data: bytes) -> None:
    scene = Scene()
    instruction = scene.liquidation(scene.whale)
    odd = Instruction(instruction.program_id, data, list(instruction.accounts))
    assert refused(scene.market, odd, by=(scene.whale,)) == UNPACK
