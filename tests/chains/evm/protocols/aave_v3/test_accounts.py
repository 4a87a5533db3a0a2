"""What we calculate of 200 random positions per version against what the pool returns."""

import pytest

from chains.evm.multicall import read
from chains.evm.protocols.aave_v3.math import accrue_units, calculate_account_data
from chains.evm.protocols.aave_v3.state import Version
from chains.model.ids import Address
from chains.model.position import Side
from chains.model.units import BPS, USD, WAD, value_down
from tests.chains.evm.protocols.aave_v3.conftest import OpenMarket
from tests.chains.evm.protocols.aave_v3.seeding import STABLE_CATEGORY, USERS
from tests.support.devnet import DevChain

pytestmark = pytest.mark.net


async def test_every_account_is_calculated_to_the_last_unit(market: OpenMarket) -> None:
    found = await market.read(*market.seeded.accounts)
    head = await market.client.read_head("latest")
    reported = await read(
        market.client, head.anchor, market.market.plan_health(market.seeded.accounts)
    )
    assert len(reported) == USERS
    for account, user in found.users.items():
        assert calculate_account_data(found.state, user) == reported[account]


async def test_the_seeds_cover_health_modes_flags_and_interest(market: OpenMarket) -> None:
    found = await market.read(*market.seeded.accounts)
    healths = [position.native_health for position in found.positions]
    assert sum(health is not None and health < 10**18 for health in healths) >= 40
    assert sum(health is not None and health > 10**18 for health in healths) >= 40
    assert sum(user.category != 0 for user in found.users.values()) >= 20
    holdings = [holding for user in found.users.values() for holding in user.holdings]
    assert any(h.scaled_collateral and not h.used_as_collateral for h in holdings)
    assert all(reserve.borrow_index > 10**27 for reserve in found.state.reserves.values())
    unhealthy = [p.account for p in found.positions if (p.native_health or WAD) < WAD]
    owed = [h for account in unhealthy for h in found.users[account].holdings]
    stable = sum(holding.stable_debt is not None for holding in owed)
    assert stable >= 5 if market.market.version == "3.0" else stable == 0


async def test_the_price_source_of_a_mode_prices_its_users_legs_on_30(market: OpenMarket) -> None:
    usdc = market.chain.deployment.tokens["USDC"]
    found = await market.read(*market.seeded.accounts)
    in_mode = [p for p in found.positions if found.users[p.account].category == STABLE_CATEGORY]
    assert bool(in_mode) == (market.market.version == "3.0")
    for position in found.positions:
        number = 1 * USD if position in in_mode else round(1.0019 * USD)
        legs = [leg for leg in position.legs if leg.asset.token == usdc.address]
        assert {leg.price.usd for leg in legs} <= {number}


async def test_legs_hold_the_units_that_the_tokens_report(market: OpenMarket) -> None:
    found = await market.read(*market.seeded.accounts[:40])
    for position in found.positions:
        owner = position.account.evm_address
        for reserve in market.market.layout.reserves:
            legs = [leg for leg in position.legs if leg.asset.token == reserve.asset]
            supplied = sum(leg.units for leg in legs if leg.side is Side.COLLATERAL)
            owed = sum(leg.units for leg in legs if leg.side is Side.DEBT)
            debts = [reserve.tokens.variable_debt]
            if reserve.stable:
                debts.append(reserve.tokens.stable_debt)
            assert supplied == _balance(market.chain, reserve.tokens.supplied, owner)
            assert owed == sum(_balance(market.chain, token, owner) for token in debts)


def _balance(chain: DevChain, token: Address, owner: Address) -> int:
    (units,) = chain.call(token, "balanceOf(address)", owner, returns="(uint256)")
    return int(units)


async def test_a_leg_accrues_again_from_what_it_carries(market: OpenMarket) -> None:
    found = await market.read(*market.seeded.accounts[:40])
    version = Version(market.market.version)
    for position in found.positions:
        for leg in position.legs:
            assert leg.accrual is not None
            assert leg.accrual.updated_at < position.anchor.time
            assert accrue_units(version, leg.side, leg.accrual, position.anchor.time) == leg.units


async def test_the_weighted_legs_give_the_pools_totals(market: OpenMarket) -> None:
    found = await market.read(*market.seeded.accounts)
    for position in found.positions:
        used = [leg for leg in position.collaterals if leg.liquidation_threshold]
        value = sum(value_down(leg.units, leg.price.usd, leg.decimals) for leg in used)
        assert value == position.native_collateral
        weighted = sum(
            value_down(leg.units, leg.price.usd, leg.decimals) * leg.liquidation_threshold
            for leg in used
        )
        if position.native_health is not None:
            health = weighted * WAD // position.native_debt // BPS
            assert abs(health - position.native_health) <= health // 1_000
