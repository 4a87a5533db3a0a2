"""Reading a marginfi group by one plan: positions, health, prices and what makes them fail."""

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
from chains.solana.protocols.marginfi.adapter import MarginfiMarket, MarginfiRead
from chains.solana.protocols.marginfi.fixed import ONE, ratio, whole
from chains.solana.protocols.marginfi.liquidation import Refused
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.encoding import clock_account
from tests.chains.solana.protocols.marginfi.accounts import (
    GROUP_KEY,
    MARGIN,
    MINTS,
    NOW,
    OWNER,
    PYTH,
    SLOT,
    SOL,
    TARGET,
    USDC,
    Found,
    accounts_of,
    bank_account,
    margin_account,
    open_market,
    pyth_account,
    switchboard_account,
)

ANCHOR = BlockAnchor(chain=CHAIN, height=SLOT, hash=bytes(32), time=NOW)
DEBT = {"active": 1, "bank": bytes([99]) * 32, "liability_shares": ONE}
RUBBISH = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 50


def read(found: Found, market: MarginfiMarket | None = None) -> MarginfiRead:
    opened = market or open_market(accounts_of())
    return opened.build_read(opened.plan_read([TARGET]).decode(found), ANCHOR)


def passes(data: bytes, each: Filter) -> bool:
    if isinstance(each, SizeFilter):
        return len(data) == each.size
    return data[each.offset :].startswith(each.data)


def position(found: Found) -> Position:
    (only,) = read(found).positions
    return only


def test_an_account_becomes_a_position_with_the_programs_own_health() -> None:
    found = position(accounts_of())
    held, owed = found.legs
    assert (held.side, held.decimals, owed.side, owed.decimals) == (
        Side.COLLATERAL,
        9,
        Side.DEBT,
        6,
    )
    assert held.units > 100 * 10**9
    assert owed.units > 8_000 * 10**6
    assert held.ltv in {Bps(6_999), Bps(7_000)}
    assert held.liquidation_threshold in {Bps(7_999), Bps(8_000)}
    assert found.native_health is not None
    low, high = 150 - 2.12, 1 + 0.001 * 1.96
    expected = 100 * low * 0.8 / (8_000 * high * 1.1)
    assert found.native_health / WAD == pytest.approx(expected, rel=1e-9)
    assert found.native_collateral // USD == 15_000
    assert found.native_debt / USD == pytest.approx(8_000 * high * 1.1)
    assert owed.debt_weight in {Bps(11_000), Bps(11_001)}
    assert found.obligation == str(MARGIN)
    assert found.market == AccountId(CHAIN, str(GROUP_KEY))


def test_legs_accrue_to_the_anchor_and_health_does_not() -> None:
    now = position(accounts_of())
    later = position(accounts_of(clock_account(SLOT, NOW + 30), pyth_account(age_s=-30)))
    assert later.legs[1].units > now.legs[1].units
    assert later.native_health == now.native_health


@pytest.mark.parametrize(
    ("change", "status", "usd"),
    [
        (pyth_account(age_s=61), PriceStatus.STALE, 150),
        (pyth_account(age_s=-60), PriceStatus.FUTURE, 150),
        (pyth_account(confidence=10), PriceStatus.UNCERTAIN, 150),
        (pyth_account(price=0), PriceStatus.NOT_POSITIVE, 0),
        (bank_account(SOL, oracle_setup=8, fixed_price=whole(3)), PriceStatus.OK, 3),
        (bank_account(SOL, oracle_setup=8), PriceStatus.NOT_POSITIVE, 0),
        (bank_account(SOL, oracle_setup=5), PriceStatus.UNREADABLE, 0),
    ],
)
def test_the_banks_oracle_is_judged_as_the_program_would(
    change: RawAccount, status: PriceStatus, usd: int
) -> None:
    found = accounts_of(change)
    price = read(found, open_market(found)).prices[0]
    assert (price.status, price.usd) == (status, Usd(usd * USD))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (switchboard_account(age_s=181), PriceStatus.STALE),
        (switchboard_account(deviation=90), PriceStatus.UNCERTAIN),
        (switchboard_account(milli=0), PriceStatus.NOT_POSITIVE),
    ],
)
def test_switchboards_deviation_is_judged_too(change: RawAccount, status: PriceStatus) -> None:
    assert read(accounts_of(change)).prices[1].status is status


def test_a_price_too_uncertain_is_biased_by_the_cap() -> None:
    found = position(accounts_of(pyth_account(confidence=50)))
    assert found.native_health is not None
    expected = 100 * 150 * 0.95 * 0.8 / (8_000 * (1 + 0.001 * 1.96) * 1.1)
    assert found.native_health / WAD == pytest.approx(expected, rel=1e-9)


def test_our_own_bounds_count_too() -> None:
    plan = MarginfiMarket.plan_open(
        CHAIN,
        market=GROUP_KEY,
        reserves=(SOL, USDC),
        assets={MINTS[SOL]: AssetTerms(symbol="SOL", maximum=Usd(100 * USD))},
    )
    found = accounts_of()
    assert read(found, plan.decode(found)).prices[0].status is PriceStatus.OUT_OF_BOUNDS


def test_emode_raises_the_threshold_of_a_leg() -> None:
    entry = {"tag": 4, "init": ratio(85, 100), "maint": ratio(9, 10)}
    found = accounts_of(bank_account(SOL, emode_tag=4), bank_account(USDC, emode_entries=[entry]))
    assert position(found).legs[0].liquidation_threshold in {Bps(8_999), Bps(9_000)}


def test_an_isolated_bank_is_no_collateral() -> None:
    leg = position(accounts_of(bank_account(SOL, risk_tier=1))).legs[0]
    assert (leg.ltv, leg.liquidation_threshold) == (Bps(0), Bps(0))


def test_an_account_that_does_not_exist_is_a_position_without_legs() -> None:
    found = accounts_of()
    found[MARGIN] = None
    empty = position(found)
    assert (empty.legs, empty.native_health, empty.native_debt) == ((), None, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (margin_account(authority=bytes(32)), "another wallet"),
        (margin_account(group=bytes(32)), "another market"),
        (margin_account(balances=[DEBT]), "was not read"),
        (bank_account(USDC, oracle_setup=5), "has no price"),
        (replace(pyth_account(), owner=Pubkey.default()), "has no price"),
    ],
)
def test_an_account_that_cannot_be_valued_hides_no_other(change: RawAccount, reason: str) -> None:
    other = Target(account=OWNER, obligation=Pubkey(bytes([77]) * 32))
    found = accounts_of(change) | {other.obligation: None}
    snapshot = open_market(found).plan_read([TARGET, other]).decode(found)
    assert reason in snapshot.unreadable[TARGET]
    assert list(snapshot.loans) == [other]


def test_an_account_without_debts_that_cannot_be_valued_counts_as_nothing() -> None:
    gift = [{"active": 1, "bank": bytes([99]) * 32, "asset_shares": ONE}]
    found = accounts_of(margin_account(balances=gift))
    market = open_market(found)
    snapshot = market.plan_read([TARGET]).decode(found)
    assert (snapshot.loans, snapshot.unreadable) == ({TARGET: None}, {})
    (position,) = (told := market.build_read(snapshot, ANCHOR)).positions
    assert (position.account, position.legs) == (OWNER, ())
    assert "was not read" in told.unvalued[OWNER]


def test_a_bank_of_another_group_or_token_is_refused() -> None:
    with pytest.raises(DecodeError, match="is not of"):
        open_market(accounts_of(bank_account(SOL, group=bytes(32))))
    market = open_market(accounts_of())
    for change in ({"decimals": 6}, {"oracle_keys": [bytes([8]) * 32, *[bytes(32)] * 4]}):
        with pytest.raises(Stale, match="other accounts"):
            read(accounts_of(bank_account(SOL, **change)), market)
    with pytest.raises(DecodeError, match="negative"):
        read(accounts_of(bank_account(SOL, asset_maint=-1)), market)
    with pytest.raises(DecodeError, match="cannot accrue"):
        read(accounts_of(bank_account(SOL, plateau_rate=-whole(5))), market)
    with pytest.raises(DecodeError, match="Clock"):
        read(accounts_of() | {CLOCK: None}, market)


def test_a_scan_finds_a_wallets_accounts_and_the_plan_asks_for_everything() -> None:
    market = open_market(accounts_of())
    filters = market.scan_filters(OWNER)
    assert all(passes(margin_account().data, each) for each in filters)
    assert not passes(bank_account(SOL).data, filters[0])
    assert not passes(margin_account(authority=bytes(32)).data, filters[-1])
    assert market.scan_filters() == filters[:-1]
    assert market.find_target(OWNER) != market.find_target(OWNER, 1)
    plan = market.plan_read([TARGET])
    assert set(plan.keys) == set(accounts_of())
    assert PYTH in plan.keys


def test_a_liquidation_is_foreseen_on_accrued_banks() -> None:
    market = open_market(accounts_of())
    sol, usdc = bytes(SOL), bytes(USDC)
    snapshot = market.plan_read([TARGET]).decode(accounts_of(pyth_account(usd=110)))
    most = market.predict_liquidation(snapshot, TARGET, asset=sol, liability=usdc)
    part = market.predict_liquidation(snapshot, TARGET, asset=sol, liability=usdc, units=10**9)
    assert 10**9 == part.units < most.units < 100 * 10**9
    assert part.before.net < part.after.net < most.after.net <= 0
    healthy = market.plan_read([TARGET]).decode(accounts_of())
    with pytest.raises(Refused, match="healthy"):
        market.predict_liquidation(healthy, TARGET, asset=sol, liability=usdc)


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
