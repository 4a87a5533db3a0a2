"""Lines and top-ups on real chains: the owner's key sends, any other key proposes."""

from dataclasses import replace
from pathlib import Path

import pytest

from chains.model.action import Instrument
from chains.model.ids import Address
from chains.model.units import USD, WAD, Usd, Wad
from daemon.keeper.vaults.due import Subject, Wait
from daemon.keeper.vaults.guarding import VaultPolicy
from daemon.keeper.vaults.keeper import VaultTerms
from daemon.margin.policy import Band
from proofs.vaults import FactKind
from tests.daemon.keeper.vaults.life import living
from tests.support.vaults import (
    LIQUIDATOR,
    OWNER,
    USDC,
    WETH,
    Ground,
    line_key,
    link_account,
)

pytestmark = pytest.mark.net
ETHER, DOLLAR = 10**18, 10**6
LINES = Band(trigger=Wad(11 * WAD // 10), target=Wad(13 * WAD // 10))
HEALTH = Band(trigger=Wad(15 * WAD // 10), target=Wad(16 * WAD // 10))


def borrowing(ground: Ground, owner: Address) -> bytes:
    """Ten ether on a, half of them lent to b, where 7,000 dollars are owed."""
    a, b = ground.chains
    b.supply(USDC, 100_000 * DOLLAR)
    account = a.open(owner)
    link_account(a, b, account, first_owner=owner, owner=owner)
    a.deposit(account, WETH, 10 * ETHER, payer=owner)
    a.raise_line(account, b, WETH, 5 * WAD, sender=owner)
    key = line_key(FactKind.RAISED, account, a, b, WETH)
    b.take_raised(account, a, WETH, a.fact(key), a.witness(key))
    b.borrow(account, USDC, 7_000 * DOLLAR, sender=owner)
    return account


def terms(account: bytes, *, health: Band | None = None) -> VaultTerms:
    policy = VaultPolicy(account="alice", lines=LINES, health=health, min_size=Usd(10 * USD))
    return VaultTerms(liquidates=False, min_profit=Usd(0), policies={account: policy})


async def test_a_chain_near_its_spending_limit_is_lent_more_by_the_owners_own_key(
    vaults: Ground, tmp_path: Path
) -> None:
    account = borrowing(vaults, LIQUIDATOR)
    async with living(vaults, tmp_path, terms(account)) as life:
        await life.beat()
        assert await life.list_done() == []
        for place in vaults.chains:
            place.set_price(WETH, 1_800)
        await life.until("raise")
        await life.beat()
        (raised,) = [w for w in life.view(account).waiting if w.subject is Subject.LINE_RAISED]
        assert raised.wait in {Wait.FINALITY, Wait.DELIVERY}
        await life.until("take")
        for _ in range(3):
            await life.beat()
        wanted = 7_000 * 13 * WAD // 10 // 1_440
        assert abs(vaults.b.line_in(account, vaults.a, WETH) - wanted) < 10**13
        assert len(await life.done("raise")) == 1
        assert life.view(account).waiting == ()


async def test_another_owners_line_is_proposed_with_its_call_and_never_sent(
    vaults: Ground, tmp_path: Path
) -> None:
    account = borrowing(vaults, OWNER)
    async with living(vaults, tmp_path, terms(account)) as life:
        for place in vaults.chains:
            place.set_price(WETH, 1_800)
        await life.beat()
        await life.beat()
        (proposal,) = life.view(account).proposals
        assert (proposal.chain, proposal.owner) == (vaults.a.number, OWNER)
        assert proposal.reason.startswith("lend 1.3194")
        assert proposal.step is not None
        assert proposal.step.instrument is Instrument.RAISE
        assert await life.list_done() == []
        call = proposal.step.call
        vaults.a.chain.sender(OWNER).send_data(call.target, call.data)
        assert vaults.a.line_out(account, vaults.b, WETH) > 6 * WAD


async def test_a_top_up_is_proposed_with_its_size_for_no_mandate_reaches_a_vault(
    vaults: Ground, tmp_path: Path
) -> None:
    account = borrowing(vaults, OWNER)
    for place in vaults.chains:
        place.set_price(WETH, 1_200)
    async with living(vaults, tmp_path, terms(account, health=HEALTH)) as life:
        for _ in range(3):
            await life.beat()
        reasons = [p.reason for p in life.view(account).proposals if p.step is None]
        assert any("no mandate of rescue.vy reaches a vault" in reason for reason in reasons)
        repay = next(reason for reason in reasons if reason.startswith("repay"))
        value = float(repay.split()[1].removeprefix("$"))
        assert await life.list_done() == []
    vaults.b.fund(USDC, OWNER, 10_000 * DOLLAR)
    vaults.b.repay(account, USDC, round(value * DOLLAR))
    async with living(vaults, tmp_path, terms(account, health=HEALTH)) as life:
        for _ in range(3):
            await life.beat()
        highs = [found.high for found in life.view(account).holdings.values()]
        told = [one for one in life.view(account).proposals if "rescue.vy" in one.reason]
        assert told == []
        assert highs


async def test_a_policy_without_lines_asks_for_none(vaults: Ground, tmp_path: Path) -> None:
    account = borrowing(vaults, OWNER)
    for place in vaults.chains:
        place.set_price(WETH, 1_800)
    none = terms(account)
    policies = {account: replace(none.policies[account], lines=None)}
    async with living(vaults, tmp_path, replace(none, policies=policies)) as life:
        await life.beat()
        await life.beat()
        assert life.view(account).proposals == ()
