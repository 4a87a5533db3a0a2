"""What an order costs on Solana: simulated whole, at recent prices, with what the key can pay."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountWithSeedParams, create_account_with_seed

from chains.model.action import Action, Quote
from chains.model.units import USD
from chains.solana.orders import build_call
from chains.solana.transactions import Order
from daemon.devnet.solana.ledger import Ledger
from daemon.keeper.solana.quote import lamport_cost
from tests.daemon.keeper.solana.lanes import FEES, PROGRAM, TERMS, TO, Scene, funded, living
from tests.support.solnode import SOL, make_key, make_ledger, make_wallet, pay, sign

pytestmark = pytest.mark.net
SIGNATURE = 5_000
EMPTY_RENT = 890_880


@pytest.fixture
def ledger() -> Ledger:
    return funded(make_ledger())


@pytest.fixture
async def scene(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Scene]:
    async with living(tmp_path, ledger) as started:
        yield started


async def quote(scene: Scene, *instructions: Instruction) -> Quote | str:
    """Quote an order; without instructions a payment to oneself, which moves nothing."""
    wallet = make_wallet(scene.ledger, lamports=0)
    order = Order(instructions=instructions or (pay(wallet, wallet.pubkey(), 1),))
    action = replace(scene.action(), call=build_call(PROGRAM, order))
    [found] = await scene.executor.quote([action], await scene.read())
    return found


async def test_the_cost_is_the_fee_at_the_price_of_sol_rounded_up(scene: Scene) -> None:
    found = await quote(scene)
    assert isinstance(found, Quote)
    assert found.gas_limit == 518, "450 units and a margin"
    assert found.unit_price == 1
    assert found.gas_cost == lamport_cost(SIGNATURE + 1, FEES.native_usd)
    assert found.gas_cost == -(-5_001 * 150 * USD // 10**9)
    assert found.seconds == 1


async def test_recent_prices_for_the_same_accounts_are_followed_up_to_the_cap(
    scene: Scene,
) -> None:
    rival = make_wallet(scene.ledger, 2)
    wallet = make_wallet(scene.ledger, lamports=0)
    for price in (2_000_000, 10**9):
        offer = [set_compute_unit_limit(1_000), set_compute_unit_price(price)]
        for _ in range(150):
            bid = sign(scene.ledger, rival, [*offer, pay(rival, wallet.pubkey(), 1)])
            scene.ledger.send(bid)
            scene.ledger.tick()
        found = await quote(scene)
        assert isinstance(found, Quote)
        capped = (100_000 - SIGNATURE) * 10**6 // 518
        assert found.unit_price == min(price, capped)


async def test_rent_of_what_is_created_is_part_of_the_cost(scene: Scene) -> None:
    wallet = make_wallet(scene.ledger, lamports=0).pubkey()
    rent = 2_039_280
    create = create_account_with_seed(
        CreateAccountWithSeedParams(
            from_pubkey=wallet,
            to_pubkey=Pubkey.create_with_seed(wallet, "a", PROGRAM),
            base=wallet,
            seed="a",
            lamports=rent,
            space=165,
            owner=PROGRAM,
        )
    )
    found = await quote(scene, create)
    assert isinstance(found, Quote)
    assert found.gas_cost == lamport_cost(SIGNATURE + 1 + rent, FEES.native_usd)


async def test_the_key_must_keep_what_an_account_may_not_go_below(scene: Scene) -> None:
    wallet = make_wallet(scene.ledger, lamports=0)
    left = EMPTY_RENT + SIGNATURE
    spent = pay(wallet, make_key(3), 10 * SOL - left - SIGNATURE)
    scene.ledger.send(sign(scene.ledger, wallet, [spent]))
    await scene.tick(2)
    assert await quote(scene) == (
        f"{scene.client.chain}: the key holds {left} lamports, {left + 1} lamports are needed"
    )


async def test_what_would_fail_or_not_fit_has_no_quote_and_says_why(scene: Scene) -> None:
    wallet = make_wallet(scene.ledger, lamports=0)
    poor = await quote(scene, pay(wallet, TO, 99 * SOL))
    assert "instruction 2 failed with error 1" in str(poor)
    wide = await quote(scene, *(pay(wallet, make_key(100 + n), 1) for n in range(40)))
    assert "use a lookup table" in str(wide)
    garbage = replace(scene.action(), call=replace(scene.action().call, data=b"\1"))
    [told] = await scene.executor.quote([garbage], await scene.read())
    assert "an order ends after 1 bytes" in str(told)


async def test_actions_are_quoted_side_by_side_and_each_for_itself(scene: Scene) -> None:
    actions: list[Action] = [scene.action(1), scene.action(2, lamports=99 * SOL), scene.action(3)]
    found = await scene.executor.quote(actions, await scene.read())
    assert [isinstance(one, Quote) for one in found] == [True, False, True]
    assert [one.action for one in found if isinstance(one, Quote)] == [actions[0], actions[2]]


async def test_a_node_behind_what_was_read_quotes_nothing(scene: Scene) -> None:
    at = await scene.read()
    ahead = replace(at, anchor=replace(at.anchor, height=at.anchor.height + 50))
    [found] = await scene.executor.quote([scene.action()], ahead)
    assert isinstance(found, str)


async def test_a_node_that_hangs_quotes_nothing_in_time(ledger: Ledger, tmp_path: Path) -> None:
    async with living(tmp_path, ledger, terms=replace(TERMS, quote_timeout_s=0.1)) as scene:
        at = await scene.read()
        scene.node.faults.silent = True
        [found] = await scene.executor.quote([scene.action()], at)
        assert "no quote within 0.1 s" in str(found)


async def test_the_blockhash_read_with_a_quote_serves_one_signature(scene: Scene) -> None:
    [found] = await scene.executor.quote([scene.action()], await scene.read())
    assert isinstance(found, Quote)
    asked = scene.node.counts["getLatestBlockhash"]
    first = await scene.do(scene.draft(1))
    assert scene.node.counts["getLatestBlockhash"] == asked
    await scene.do(scene.draft(2))
    assert scene.node.counts["getLatestBlockhash"] == asked + 1
    await scene.executor.quote([scene.action(3)], await scene.read())
    await scene.tick(20)
    third = await scene.do(scene.draft(3))
    assert third.last.solana.blockhash.slot >= first.last.solana.blockhash.slot + 20
