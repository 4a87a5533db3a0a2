"""The vaults' keeper on two real chains: a shock, lock, fill and claim, and health is back."""

from pathlib import Path

import pytest

from chains.model.units import USD, WAD, Usd
from daemon.keeper.vaults.keeper import VaultTerms
from tests.daemon.keeper.vaults.life import living
from tests.support.seizing import Story, open_story
from tests.support.vaults import LIQUIDATOR, WETH, Ground

pytestmark = pytest.mark.net
DOLLAR = 10**6
TARGET = 110 * WAD // 100
TERMS = VaultTerms(liquidates=True, min_profit=Usd(5 * USD))


def shock(story: Story, usd: float = 1_900) -> None:
    for place in story.ground.chains:
        place.set_price(WETH, usd)


def provide_funds(ground: Ground, dollars: int = 50_000) -> None:
    ground.b.chain.mint("USDC", LIQUIDATOR, dollars * DOLLAR)


async def test_a_shock_is_answered_by_lock_fill_and_claim_and_health_is_at_its_target(
    vaults: Ground, tmp_path: Path
) -> None:
    story = open_story(vaults)
    provide_funds(vaults)
    before = vaults.a.balance(WETH, LIQUIDATOR)
    async with living(vaults, tmp_path, TERMS) as life:
        await life.beat()
        assert await life.list_done() == []
        shock(story)
        await life.until("claim")
        story.refresh()
        low, high = story.health(vaults.a)
        assert abs(high - TARGET) < 10**13
        assert low <= high
        assert vaults.a.balance(WETH, LIQUIDATOR) > before
        names = [name for name, state in await life.list_done() if state == "confirmed"]
        assert names[0] == "post"
        assert [n for n in names if n in {"lock", "fill", "claim"}] == ["lock", "fill", "claim"]
