"""The adapter on a real market: positions, prices, gaps, and what it will not open."""

from dataclasses import replace

import pytest
from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.anchor import BlockAnchor, Finality
from chains.model.ids import AccountId, AssetId
from chains.model.position import Position, Side
from chains.model.price import PriceStatus
from chains.model.units import USD, WAD
from chains.solana.accounts import AccountsRead, mint_anchor
from chains.solana.client import Filter, SizeFilter
from chains.solana.markets import Target
from chains.solana.programs.instructions import OraclePrice, Terms
from chains.solana.protocols.save.adapter import SaveMarket, SaveRead
from chains.solana.protocols.save.instructions import derive_authority, derive_obligation
from chains.solana.protocols.save.layout import PROGRAM
from chains.solana.protocols.save.liquidation import Refusal
from chains.solana.protocols.save.math import calculate_health
from tests.chains.solana.programs.lab import START_SLOT
from tests.chains.solana.protocols.save.building import CHAIN, MarketLab, Owner

SOL, USDC = 10**9, 10**6


def passes(data: bytes, each: Filter) -> bool:
    if isinstance(each, SizeFilter):
        return len(data) == each.size
    return data[each.offset :].startswith(each.data)


class Scene:
    """SOL at 150 USD and USDC, weighted by a fifth; the owner holds 100 SOL, owes 8,000 USDC."""

    def __init__(self) -> None:
        self.market = MarketLab.create()
        self.sol = self.market.add_reserve(Terms(), decimals=9, price=150 * USD)
        weighted = Terms(added_weight_bps=2_000)
        self.usdc = self.market.add_reserve(weighted, decimals=6, price=USD)
        self.whale = self.market.owner()
        self.market.deposit(self.whale, self.usdc, 1_000_000 * USDC)
        self.owner = self.market.owner()
        self.market.deposit(self.owner, self.sol, 100 * SOL)
        self.market.borrow(self.owner, self.usdc, 8_000 * USDC)

    def read(self, *targets: Target, opened: SaveMarket | None = None) -> SaveRead:
        """Read as the daemon does: one set of accounts, which mints the anchor."""
        opened, lab = opened or self.market.market(), self.market.lab
        plan = opened.plan_read(targets)
        accounts = tuple(lab.find(key) for key in plan.keys)
        slot = lab.svm.get_clock().slot
        seen = AccountsRead(slot=slot, finality=Finality.SAFE, accounts=accounts)
        anchor = mint_anchor(CHAIN, plan.keys, seen)
        return opened.build_read(plan.decode(dict(zip(plan.keys, accounts, strict=True))), anchor)

    def position(self, owner: Owner) -> Position:
        (position,) = self.read(owner.target).positions
        return position


def test_a_position_has_its_legs_in_underlying_tokens() -> None:
    scene = Scene()
    position = scene.position(scene.owner)
    held, owed = position.legs
    assert (held.side, held.units, held.symbol) == (Side.COLLATERAL, 100 * SOL, "T0")
    assert (held.ltv, held.liquidation_threshold, held.decimals) == (7_500, 8_000, 9)
    assert held.asset == AssetId(CHAIN, "token", str(scene.sol.mint))
    assert held.price.usd == 150 * USD
    assert held.price.valid
    assert (owed.side, owed.units, owed.price.usd) == (Side.DEBT, 8_000 * USDC, USD)
    assert (owed.ltv, owed.liquidation_threshold) == (0, 0)
    assert (position.native_collateral, position.native_debt) == (15_000 * USD, 9_600 * USD)
    assert (held.debt_weight, owed.debt_weight) == (10_000, 12_000)
    assert position.obligation == str(scene.owner.obligation)
    assert position.native_health == 12_000 * WAD // 9_600
    assert {leg.symbol for leg in position.suppliable} == {"T0", "T1"}
    assert (position.protocol, position.version) == ("save", "1")
    assert position.market == AccountId(CHAIN, str(scene.market.setup.market))
    assert position.anchor.height == START_SLOT


def test_debt_is_accrued_to_the_slot_of_the_read() -> None:
    scene = Scene()
    scene.market.lab.advance(50_000_000)
    scene.market.republish()
    position = scene.position(scene.owner)
    scene.market.refresh(scene.owner)
    actual = scene.market.obligation(scene.owner)
    assert position.native_health == calculate_health(actual)
    (owed,) = position.debts
    assert owed.units == -(-actual.borrows[0].amount // WAD) > 8_000 * USDC
    assert position.native_debt == -(-actual.borrowed_value // 10**10)


def test_collateral_units_grow_with_the_exchange_rate() -> None:
    scene = Scene()
    before = scene.position(scene.whale).collaterals[0].units
    scene.market.lab.advance(50_000_000)
    scene.market.republish()
    assert scene.position(scene.whale).collaterals[0].units > before
    assert scene.position(scene.whale).native_health is None


def test_an_account_without_obligation_is_a_position_without_legs() -> None:
    scene = Scene()
    wallet = AccountId(CHAIN, str(scene.market.lab.key()))
    opened = scene.market.market()
    target = opened.find_target(wallet)
    read = scene.read(target)
    (position,) = read.positions
    assert position.legs == ()
    assert position.native_health is None
    assert (position.native_collateral, position.native_debt) == (0, 0)
    foreseen = opened.predict_liquidation(
        read.snapshot,
        target,
        repay=bytes(scene.usdc.reserve),
        withdraw=bytes(scene.sol.reserve),
    )
    assert foreseen is Refusal.NO_DEBT


def test_a_wallets_obligation_lies_where_the_system_program_derives_it() -> None:
    scene = Scene()
    wallet, market = scene.market.lab.key(), scene.market.setup.market
    target = scene.market.market().find_target(AccountId(CHAIN, str(wallet)))
    assert target.obligation == derive_obligation(market, wallet)
    assert derive_obligation(market, wallet) == Pubkey.create_with_seed(
        wallet, str(market)[:32], PROGRAM
    )
    assert derive_authority(scene.market.builder.market) == scene.market.setup.authority


def test_a_scan_finds_the_markets_obligations_and_a_wallets() -> None:
    scene = Scene()
    opened, svm = scene.market.market(), scene.market.lab.svm
    owned = [(key, bytes(found.data)) for key, found in svm.get_program_accounts(PROGRAM)]

    def scan(account: AccountId | None = None) -> set[Pubkey]:
        filters = opened.scan_filters(account)
        return {key for key, data in owned if all(passes(data, each) for each in filters)}

    assert scan() == {scene.whale.obligation, scene.owner.obligation}
    assert scan(scene.owner.target.account) == {scene.owner.obligation}
    lab, owing = scene.market.lab, (scene.owner.obligation, scene.whale.obligation)
    assert [opened.owes(key, lab.find(key)) for key in owing] == [True, False]
    assert opened.owes(scene.owner.obligation, None)


def test_two_obligations_of_one_wallet_are_two_positions() -> None:
    scene = Scene()
    second = scene.market.owner_of(scene.owner.key)
    scene.market.deposit(second, scene.sol, SOL)
    read = scene.read(scene.owner.target, second.target)
    assert [p.native_collateral for p in read.positions] == [15_000 * USD, 150 * USD]
    assert len({position.account for position in read.positions}) == 1


def test_an_obligation_that_is_not_there_hides_behind_one_that_is() -> None:
    scene = Scene()
    opened = scene.market.market()
    by_convention = opened.find_target(scene.owner.target.account)
    (position,) = scene.read(by_convention, scene.owner.target).positions
    assert position.obligation == str(scene.owner.obligation)


def test_one_unreadable_account_leaves_the_others() -> None:
    scene = Scene()
    stranger = AccountId(CHAIN, str(scene.market.lab.key()))
    stolen = Target(account=stranger, obligation=scene.owner.obligation)
    not_one = Target(
        account=AccountId(CHAIN, str(scene.market.lab.key())), obligation=scene.sol.reserve
    )
    read = scene.read(stolen, not_one, scene.owner.target)
    assert [position.account for position in read.positions] == [scene.owner.target.account]
    assert "another wallet" in read.unreadable[stolen.account]
    assert "619 bytes" in read.unreadable[not_one.account]


def test_a_stale_oracle_keeps_the_stored_price_and_says_so() -> None:
    scene = Scene()
    scene.market.publish(
        scene.sol, OraclePrice(price=90 * USD, published_at=scene.market.now - 121)
    )
    position = scene.position(scene.owner)
    (held,) = position.collaterals
    assert (held.price.usd, held.price.status) == (150 * USD, PriceStatus.STALE)
    assert held.price.published_at == scene.market.now - 121
    assert position.native_health == 12_000 * WAD // 9_600
    fresh = OraclePrice(price=90 * USD, published_at=scene.market.now - 120)
    scene.market.publish(scene.sol, fresh)
    position = scene.position(scene.owner)
    assert position.collaterals[0].price.status is PriceStatus.OK
    assert position.native_health == 7_200 * WAD // 9_600


def test_an_oracle_that_is_no_update_is_unreadable() -> None:
    scene = Scene()
    scene.market.lab.put(PROGRAM, b"", at=scene.sol.oracle)
    read = scene.read(scene.owner.target)
    statuses = [price.status for price in read.prices]
    assert statuses == [PriceStatus.UNREADABLE, PriceStatus.OK]
    assert read.prices[0].usd == 150 * USD


def test_a_price_out_of_bounds_is_marked_though_the_program_takes_it() -> None:
    scene = Scene()
    scene.market.publish(scene.sol, OraclePrice(price=10**9 * USD, published_at=scene.market.now))
    held, _ = scene.position(scene.owner).legs
    assert held.price.status is PriceStatus.OUT_OF_BOUNDS
    assert held.price.usd == 10**9 * USD


def test_nobody_vouches_for_the_price_of_a_token_that_is_not_configured() -> None:
    scene = Scene()
    market = scene.market.setup.market
    keys = [scene.sol.reserve, scene.usdc.reserve]
    plan = SaveMarket.plan_open(CHAIN, market=market, reserves=keys, assets={})
    opened = plan.decode({key: scene.market.lab.find(key) for key in plan.keys})
    read = scene.read(scene.owner.target, opened=opened)
    assert {price.status for price in read.prices} == {PriceStatus.UNREADABLE}
    (position,) = read.positions
    assert position.legs[0].symbol == str(scene.sol.mint)[:8]
    assert position.legs[0].price.usd == 150 * USD


def test_a_reserve_of_another_market_is_not_opened() -> None:
    scene = Scene()
    accounts = {
        key: scene.market.lab.find(key) for key in (scene.market.setup.market, scene.sol.reserve)
    }
    moved = scene.market.lab.raw(scene.sol.reserve)
    data = bytearray(moved.data)
    data[10:42] = b"M" * 32
    plan = SaveMarket.plan_open(
        CHAIN,
        market=scene.market.setup.market,
        reserves=[scene.sol.reserve],
        assets={},
    )
    with pytest.raises(DecodeError, match="is not of"):
        plan.decode({**accounts, scene.sol.reserve: replace(moved, data=bytes(data))})


def test_a_reserve_whose_accounts_changed_is_refused() -> None:
    scene = Scene()
    opened = scene.market.market()
    plan = opened.plan_read([scene.owner.target])
    accounts = {key: scene.market.lab.find(key) for key in plan.keys}
    moved = scene.market.lab.raw(scene.sol.reserve)
    data = bytearray(moved.data)
    data[107:139] = b"O" * 32
    with pytest.raises(Stale, match="other accounts than before"):
        plan.decode({**accounts, scene.sol.reserve: replace(moved, data=bytes(data))})


def test_an_anchor_without_the_clock_is_impossible() -> None:
    scene = Scene()
    read = scene.read(scene.owner.target)
    (position,) = read.positions
    assert position.anchor == BlockAnchor(
        chain=CHAIN,
        height=read.snapshot.clock.slot,
        hash=position.anchor.hash,
        time=read.snapshot.clock.unix_timestamp,
        finality=Finality.SAFE,
    )
