"""What a deal is and how it is carried out: all of it pays, or nothing happens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from chains.model.units import USD, WAD
from chains.solana.orders import decode_order
from chains.solana.programs.instructions import OraclePrice, Terms
from chains.solana.protocols.save.instructions import FLASH_BORROW, LIQUIDATE
from chains.solana.tokens import derive_token_account
from chains.solana.transactions import Order
from daemon.keeper.solana.ground import Ground, SlotHuntTerms, Suspect, plan_ground
from daemon.keeper.solana.selling import SlotSeller, fits
from daemon.keeper.solana.strangers import Deal, find_deals
from tests.chains.solana.programs.lab import SOL, Refused
from tests.chains.solana.protocols.save.building import Owner
from tests.daemon.keeper.solana.prey import CRASHED, KEEPER, MIN_PROFIT, USDC, World

INSUFFICIENT, TOO_LITTLE = 1, 5


@dataclass
class Stand:
    """A world after a fall, what one read shows of it, and the seller."""

    world: World
    seller: SlotSeller
    deals: list[Deal]

    @property
    def ground(self) -> Ground:
        return self.seller.ground

    @property
    def best(self) -> Deal:
        return max(self.deals, key=lambda deal: deal.gross_units)

    def carry_out(self, order: Order) -> None:
        send(self.world, order.instructions)


def send(world: World, instructions: Sequence[Instruction]) -> None:
    """Execute as a lane does: two instructions come before an order's own."""
    lab = world.market.lab
    payer, lab.payer = lab.payer, KEEPER
    try:
        lab.send(*offer(), *instructions)
    finally:
        lab.payer = payer


def offer() -> list[Instruction]:
    compute = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
    limit = (1_400_000).to_bytes(4, "little")
    return [
        Instruction(compute, b"\x02" + limit, []),
        Instruction(compute, b"\x03" + (1).to_bytes(8, "little"), []),
    ]


def stand(world: World, *, owner: Owner | None = None, crash: int | None = CRASHED) -> Stand:
    if crash is not None:
        world.crash(crash)
    find = world.market.lab.find
    plan = world.plan_open()
    market = plan.decode({key: find(key) for key in plan.keys})
    told = (owner or world.owner).target
    target = replace(told, account=replace(told.account, chain=world.chain))
    data = world.market.lab.raw(target.obligation).data
    suspects = [Suspect(target=target, debt=MIN_PROFIT, data=data)]
    first = market.plan_read(())
    fresh = first.decode({key: find(key) for key in first.keys})
    terms = SlotHuntTerms(wallet=KEEPER.pubkey(), pools=[world.pool], min_profit=MIN_PROFIT)
    second = plan_ground(market, fresh, suspects, terms)
    ground = second.decode({key: find(key) for key in second.keys})
    seller = SlotSeller(market=market, wallet=KEEPER.pubkey(), ground=ground)
    return Stand(world, seller, find_deals(market.market, ground, [target]))


def tags(order: Order, program: Pubkey) -> list[int]:
    return [each.data[0] for each in order.instructions if each.program_id == program]


def rich(world: World) -> World:
    """Give the keeper everything a liquidation needs."""
    world.give(world.usdc.mint, 10_000 * USDC)
    world.give(world.sol.mint, 50 * SOL)
    world.give(world.sol.collateral_mint, 0)
    return world


def test_every_size_is_foreseen_to_the_unit() -> None:
    seen = stand(rich(World.create()))
    assert seen.deals[0].prey.repaid == 2_000 * USDC + 1
    assert len(seen.deals) == 4
    for deal in seen.deals:
        here = stand(rich(World.create()))
        held = here.world.held(here.world.usdc.mint), here.world.held(here.world.sol.mint)
        here.carry_out(here.seller.build_order(deal, min_profit=deal.gross_units))
        assert here.world.held(here.world.usdc.mint) - held[0] == deal.gross_units
        kept = here.world.held(here.world.sol.mint) - held[1]
        assert kept == deal.prey.seized - deal.sold > 0


def test_a_unit_more_than_the_profit_foreseen_is_refused_whole() -> None:
    here = stand(rich(World.create()))
    before = here.world.held(here.world.usdc.mint)
    with pytest.raises(Refused) as refused:
        here.carry_out(here.seller.build_order(here.best, min_profit=here.best.gross_units + 1))
    assert refused.value.code == TOO_LITTLE
    assert here.world.held(here.world.usdc.mint) == before


@pytest.mark.parametrize("flash", [False, True])
def test_collateral_that_grew_dearer_is_not_made_up_from_our_own(*, flash: bool) -> None:
    world = World.create()
    if not flash:
        rich(world)
    here = stand(world)
    order = here.seller.build_order(here.best, min_profit=1)
    world.market.publish(
        world.sol, OraclePrice(price=CRASHED * USD * 101 // 100, published_at=world.market.now)
    )
    with pytest.raises(Refused) as refused:
        here.carry_out(order)
    assert refused.value.code == INSUFFICIENT


def test_collateral_that_grew_a_little_dearer_is_allowed_for() -> None:
    here = stand(rich(World.create()))
    order = here.seller.build_order(here.best, min_profit=1)
    world = here.world
    world.market.publish(
        world.sol,
        OraclePrice(price=CRASHED * USD * 10_001 // 10_000, published_at=world.market.now),
    )
    here.carry_out(order)


def test_a_later_slot_still_brings_what_was_foreseen() -> None:
    here = stand(rich(World.create()))
    order = here.seller.build_order(here.best, min_profit=here.best.gross_units)
    here.world.pass_slots(100)
    here.carry_out(order)


def test_our_own_tokens_pay_where_they_suffice_and_a_flash_loan_where_not() -> None:
    world = World.create()
    world.give(world.usdc.mint, 600 * USDC)
    here = stand(world)
    assert {deal.prey.repaid: deal.flash for deal in here.deals} == {
        2_000 * USDC + 1: True,
        1_000 * USDC: True,
        600 * USDC: False,
        500 * USDC: False,
        250 * USDC: False,
    }
    assert all(bool(deal.premium) == deal.flash for deal in here.deals)
    program = here.seller.market.program
    for deal in here.deals:
        order = here.seller.build_order(deal, min_profit=1)
        assert (FLASH_BORROW in tags(order, program)) is deal.flash
        assert LIQUIDATE in tags(order, program)


def test_an_account_of_ours_that_is_frozen_is_not_counted_on() -> None:
    world = rich(World.create())
    token = world.give(world.usdc.mint, 10_000 * USDC)
    raw = world.market.lab.raw(token)
    world.market.lab.put(raw.owner, raw.data[:108] + b"\x02" + raw.data[109:], at=token)
    assert stand(world).deals == []


def test_a_message_that_would_not_fit_uses_a_lookup_table() -> None:
    world, wallet = World.create(), KEEPER.pubkey()
    assert stand(world).seller.build_order(stand(world).best, min_profit=1).tables == ()
    world = World.create()
    world.widen()
    here = stand(world)
    whole = here.seller.build_order(here.best, min_profit=1)
    assert not fits(wallet, whole.instructions)
    keys = [meta.pubkey for each in whole.instructions for meta in each.accounts]
    table = AddressLookupTableAccount(Pubkey(b"T" * 32), list(dict.fromkeys(keys)))
    ground = replace(here.ground, tables=(table,))
    seller = SlotSeller(market=here.seller.market, wallet=wallet, ground=ground)
    assert seller.build_order(here.best, min_profit=1) == replace(whole, tables=(table,))


def test_the_action_is_the_order_that_a_lane_signs() -> None:
    here = stand(World.create())
    action = here.seller.build_action(here.best, min_profit=5, deadline=0)
    assert decode_order(action.call.data) == here.seller.build_order(here.best, min_profit=5)
    assert (action.units, action.asset) == (here.best.prey.repaid, here.best.prey.debt)
    assert action.call.target == str(here.seller.market.program)


def test_only_the_debt_of_the_greatest_weight_is_repaid() -> None:
    world = World.create()
    market = world.market
    heavy = market.add_reserve(Terms(added_weight_bps=2_000), decimals=6, price=USD)
    whale, owner = market.owner(), market.owner()
    market.deposit(whale, heavy, 10**12)
    market.deposit(owner, world.sol, 100 * SOL)
    market.borrow(owner, world.usdc, 5_000 * USDC)
    market.borrow(owner, heavy, 4_000 * USDC)
    here = stand(world, owner=owner)
    assert here.deals == []
    light = World.create()
    both = light.market.owner()
    light.market.deposit(both, light.sol, 100 * SOL)
    light.market.borrow(both, light.usdc, 10_000 * USDC)
    assert stand(light, owner=both).deals != []


def test_two_obligations_of_one_wallet_are_two_needs() -> None:
    world = World.create()
    market, second = world.market, world.market.owner_of(world.owner.key)
    market.deposit(second, world.sol, 100 * SOL)
    market.borrow(second, world.usdc, 10_000 * USDC)
    first = {deal.prey.need for deal in stand(world).deals}
    other = {deal.prey.need for deal in stand(world, owner=second).deals}
    assert len(first) == len(other) == 1
    assert first != other


def test_a_loan_against_its_own_token_is_liquidated_without_a_pool() -> None:
    world = World.create()
    market, owner = world.market, world.market.owner()
    market.deposit(owner, world.usdc, 10_000 * USDC)
    market.borrow(owner, world.usdc, 7_400 * USDC)
    raw = market.lab.raw(owner.obligation)
    at = 204 + 88 + 48
    owed = int.from_bytes(raw.data[at : at + 16], "little") + 1_000 * USDC * WAD
    data = raw.data[:at] + owed.to_bytes(16, "little") + raw.data[at + 16 :]
    market.lab.put(raw.owner, data, at=owner.obligation)
    here = stand(world, owner=owner)
    assert (here.best.pool, here.best.sold, here.best.flash) == (None, 0, True)
    world.give(world.usdc.mint, 3)
    here = stand(world, owner=owner)
    gross = here.best.gross_units
    with pytest.raises(Refused) as refused:
        here.carry_out(here.seller.build_order(here.best, min_profit=gross + 1))
    assert refused.value.code == INSUFFICIENT
    here.carry_out(here.seller.build_order(here.best, min_profit=gross))
    assert world.held(world.usdc.mint) - 3 == gross > 0


@pytest.mark.parametrize("spoilt", [0, 1])
def test_an_obligation_with_any_price_too_old_is_left_alone(spoilt: int) -> None:
    world = rich(World.create())
    world.widen()
    assert stand(world).deals
    old = OraclePrice(price=USD, published_at=world.market.now - 3_600)
    world.market.publish(world.market.reserves[2 + spoilt], old)
    assert stand(world, crash=None).deals == []


@pytest.mark.parametrize("whose", ["another's", "another token's"])
def test_an_account_in_the_place_of_ours_is_not_counted_on(whose: str) -> None:
    world = rich(World.create())
    lab, usdc = world.market.lab, world.usdc.mint
    if whose == "another's":
        other = lab.token(usdc, world.owner.key.pubkey(), 10_000 * USDC)
    else:
        other = lab.token(world.sol.mint, KEEPER.pubkey(), 10_000 * USDC)
    made = lab.raw(other)
    lab.put(made.owner, made.data, at=derive_token_account(KEEPER.pubkey(), usdc))
    here = stand(world)
    assert usdc not in here.ground.balances
    assert here.deals == []
