"""Reading a Kamino market by one plan: positions, health, prices and what makes them fail."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId
from chains.model.position import Position, Side
from chains.model.price import PriceStatus
from chains.model.units import USD, WAD, Bps, Usd
from chains.solana.accounts import CLOCK, RawAccount
from chains.solana.client import Filter, SizeFilter
from chains.solana.markets import AssetTerms, Target
from chains.solana.protocols.klend.adapter import KlendMarket, KlendRead
from chains.solana.protocols.klend.decode import decode_reserve
from chains.solana.protocols.klend.instructions import derive_obligation
from chains.solana.protocols.klend.layout import PROGRAM
from chains.solana.protocols.klend.liquidation import Healthy
from tests.chains.solana.protocols.dumps import CHAIN, load_dump, needs_dumps
from tests.chains.solana.protocols.encoding import clock_account
from tests.chains.solana.protocols.klend.accounts import (
    LOAN,
    MARKET,
    MINTS,
    NOW,
    OWNER,
    SLOT,
    SOL,
    TARGET,
    USDC,
    WALLET,
    Found,
    accounts_of,
    loan_account,
    open_market,
    reserve_account,
    scope_account,
)

ANCHOR = BlockAnchor(chain=CHAIN, height=SLOT, hash=bytes(32), time=NOW)
RUBBISH = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 50


def read(found: Found, market: KlendMarket | None = None) -> KlendRead:
    opened = market or open_market(accounts_of())
    return opened.build_read(opened.plan_read([TARGET]).decode(found), ANCHOR)


def passes(data: bytes, each: Filter) -> bool:
    if isinstance(each, SizeFilter):
        return len(data) == each.size
    return data[each.offset :].startswith(each.data)


def position(found: Found) -> Position:
    (only,) = read(found).positions
    return only


def test_a_loan_becomes_a_position_with_the_programs_own_health() -> None:
    found = position(accounts_of())
    held, owed = found.legs
    assert (held.symbol, held.side, held.decimals) == ("SOL", Side.COLLATERAL, 9)
    assert (owed.symbol, owed.side, owed.decimals) == ("USDC", Side.DEBT, 6)
    assert held.units == 100 * 10**9 + held.units % 10**9  # c-tokens redeem for a little more
    assert owed.units > 8_000 * 10**6
    assert (held.ltv, held.liquidation_threshold) == (Bps(7_000), Bps(8_000))
    assert found.native_collateral // USD == 15_000
    assert found.native_debt // USD == 8_800
    assert (held.debt_weight, owed.debt_weight) == (Bps(10_000), Bps(11_000))
    assert found.obligation == str(LOAN)
    assert found.native_health is not None
    assert 1.363 < found.native_health / WAD < 1.364  # 15000 · 0.80 / (8000 · 1.10)
    assert found.market == AccountId(CHAIN, str(MARKET))
    assert found.account == OWNER
    assert found.anchor is ANCHOR
    assert {leg.symbol for leg in found.suppliable} == {"SOL", "USDC"}


def test_interest_is_accrued_to_the_clocks_slot() -> None:
    now = position(accounts_of())
    later = position(accounts_of(clock_account(SLOT + 10**6, NOW)))
    assert later.native_debt > now.native_debt
    assert later.legs[0].units > now.legs[0].units


def test_prices_come_from_the_oracle_that_the_reserve_names() -> None:
    sol, usdc = read(accounts_of()).prices
    assert (sol.usd, sol.source, sol.status) == (Usd(150 * USD), "scope", PriceStatus.OK)
    assert usdc.usd == Usd(USD)
    assert sol.published_at == NOW - 10


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (scope_account(age_s=121), PriceStatus.STALE),
        (scope_account(age_s=-60), PriceStatus.FUTURE),
        (scope_account(sol=0), PriceStatus.NOT_POSITIVE),
        (replace(scope_account(), owner=PROGRAM), PriceStatus.UNREADABLE),
        (
            reserve_account(SOL, heuristic_upper=149, heuristic_lower=100),
            PriceStatus.OUT_OF_BOUNDS,
        ),
        (
            reserve_account(SOL, heuristic_lower=151_000, heuristic_exponent=3),
            PriceStatus.OUT_OF_BOUNDS,
        ),
        (reserve_account(SOL, price_blocked=1), PriceStatus.UNREADABLE),
    ],
)
def test_a_price_the_program_would_not_take_leaves_the_stored_one(
    change: RawAccount, status: PriceStatus
) -> None:
    price = read(accounts_of(change)).prices[0]
    assert (price.usd, price.source, price.status) == (Usd(7 * USD), "klend", status)
    assert price.published_at == NOW - 5_000


def test_a_price_at_the_reserves_own_bounds_is_taken() -> None:
    change = reserve_account(SOL, heuristic_lower=150, heuristic_upper=150)
    assert read(accounts_of(change)).prices[0].valid


def test_our_own_bounds_count_too() -> None:
    plan = KlendMarket.plan_open(
        CHAIN,
        market=MARKET,
        reserves=(SOL, USDC),
        assets={MINTS[SOL]: AssetTerms(symbol="SOL", maximum=Usd(100 * USD))},
    )
    found = accounts_of()
    assert read(found, plan.decode(found)).prices[0].status is PriceStatus.OUT_OF_BOUNDS


def test_an_account_without_a_loan_is_a_position_without_legs() -> None:
    found = accounts_of()
    found[LOAN] = None
    empty = position(found)
    assert (empty.legs, empty.native_health, empty.native_debt) == ((), None, 0)


def test_a_loan_without_debt_has_no_health() -> None:
    assert position(accounts_of(loan_account(borrows=[]))).native_health is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (loan_account(owner=bytes(32)), "another wallet"),
        (loan_account(market=bytes(32)), "another market"),
        (loan_account(deposits=[{"reserve": bytes([99]) * 32, "amount": 1}]), "was not read"),
        (loan_account(borrows=[{"reserve": bytes(USDC), "amount_sf": 1}]), "cannot be valued"),
        (replace(loan_account(), owner=Pubkey.default()), "belongs to"),
    ],
)
def test_a_loan_that_cannot_be_read_hides_no_other(change: RawAccount, reason: str) -> None:
    other = Target(account=OWNER, obligation=Pubkey(bytes([77]) * 32))
    found = accounts_of(change) | {other.obligation: None}
    market = open_market(accounts_of())
    snapshot = market.plan_read([TARGET, other]).decode(found)
    assert reason in snapshot.unreadable[TARGET]
    assert list(snapshot.loans) == [other]
    read = market.build_read(snapshot, ANCHOR)
    assert read.positions == ()
    assert reason in read.unreadable[OWNER]


def test_a_loan_without_debts_that_cannot_be_valued_counts_as_nothing() -> None:
    gift = loan_account(deposits=[{"reserve": bytes([99]) * 32, "amount": 1}], borrows=[])
    market = open_market(accounts_of())
    snapshot = market.plan_read([TARGET]).decode(accounts_of(gift))
    assert (snapshot.loans, snapshot.unreadable) == ({TARGET: None}, {})
    assert "was not read" in market.build_read(snapshot, ANCHOR).unvalued[OWNER]


def test_a_reserve_of_another_market_or_with_new_accounts_is_refused() -> None:
    with pytest.raises(DecodeError, match="is not of"):
        open_market(accounts_of(reserve_account(SOL, market=bytes(32))))
    market = open_market(accounts_of())
    for change in ({"fee_vault": bytes(32)}, {"scope": bytes([7]) * 32}):
        with pytest.raises(Stale, match="other accounts"):
            read(accounts_of(reserve_account(SOL, **change)), market)
    with pytest.raises(DecodeError, match="Clock"):
        read(accounts_of() | {CLOCK: None}, market)


def test_the_plain_obligation_and_the_scan_find_a_wallets_loans() -> None:
    market = open_market(accounts_of())
    target = market.find_target(OWNER)
    assert target.obligation == derive_obligation(WALLET, MARKET)
    data = loan_account().data
    filters = market.scan_filters(OWNER)
    assert all(passes(data, each) for each in filters)
    assert not all(passes(reserve_account(SOL).data, each) for each in filters)
    assert market.scan_filters() == filters[:-1]
    assert not passes(loan_account(owner=bytes(32)).data, filters[-1])


def test_the_plan_asks_for_everything_it_decodes() -> None:
    found = accounts_of()
    plan = open_market(found).plan_read([TARGET])
    assert set(plan.keys) == set(found)
    assert len(plan.keys) == len(set(plan.keys))


def test_a_liquidation_is_foreseen_on_the_refreshed_loan() -> None:
    market = open_market(accounts_of())
    snapshot = market.plan_read([TARGET]).decode(accounts_of(scope_account(sol=105)))
    legs = {"repay": bytes(USDC), "withdraw": bytes(SOL)}
    found = market.predict_liquidation(snapshot, TARGET, **legs, units=10**9)
    assert found.amounts.repaid == 10**9
    worth = found.received * 105 / 10**9
    assert 1_000 < worth < 1_050
    healthy = market.plan_read([TARGET]).decode(accounts_of())
    with pytest.raises(Healthy):
        market.predict_liquidation(healthy, TARGET, **legs, units=1)


@given(data=st.data())
@settings(max_examples=RUBBISH)
def test_any_rubbish_in_any_account_is_refused_or_a_reading(data: st.DataObject) -> None:
    found = accounts_of()
    key = data.draw(st.sampled_from(sorted(found, key=bytes)))
    account = found[key]
    assert account is not None
    spoiled = bytearray(account.data)
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(spoiled) - 1))
        noise = data.draw(st.binary(min_size=1, max_size=32))
        spoiled[at : at + len(noise)] = noise[: len(spoiled) - at]
    try:
        read(found | {key: replace(account, data=bytes(spoiled))})
    except (DecodeError, Stale):
        return


@needs_dumps
def test_the_dumped_main_market_is_priced_as_its_reserves_stored_it() -> None:
    usd = {
        "D6q6wuQSrifJKZYpR1M8R4YawnLDtDsMmWM1NbBmgJ59": 99_991_582,
        "d4A2prbA2whesmvHaL88BH6Ewn5N4bTSU2Ze8P6Bc4Q": 17_858_116_104,
        "EVbyPKrHG6WBfm4dLxLMJpUDY43cCAcHSpV3KYjKsktW": 20_509_484_303,
    }
    usdc, sol, jitosol = (load_dump(f"klend/{name}.json") for name in usd)
    main = load_dump("klend/7u3HeHxYDLhnCoErrtycNokbQYbWGzLs6JSDqGAv5PfF.json")
    prices = load_dump("klend/3NJYftD5sjVfxSnUdZ1wVML8f3aC6mp1CXCL6L7TnU8C.json")
    clock = clock_account(298_271_860, 1_730_163_600)
    found: Found = {each.key: each for each in (usdc, sol, jitosol, main, prices, clock)}
    reserves = (usdc.key, sol.key, jitosol.key)
    mints = [decode_reserve(CHAIN, each.key, each).keys.mint for each in (usdc, sol, jitosol)]
    assets = {Pubkey(mint): AssetTerms(symbol="T") for mint in mints}
    plan = KlendMarket.plan_open(CHAIN, market=main.key, reserves=reserves, assets=assets)
    market = plan.decode(found)
    snapshot = market.plan_read([]).decode(found)
    assert [price.usd for price in market.build_read(snapshot, ANCHOR).prices] == [*usd.values()]
    assert all(price.valid for price in market.build_read(snapshot, ANCHOR).prices)
    for account in (usdc, sol):  # refreshed from the very entries that the dump holds
        stored = decode_reserve(CHAIN, account.key, account)
        assert snapshot.view.reserves[stored.key].state.price_sf == stored.price_sf
