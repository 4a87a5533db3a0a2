"""The keeper on a chain that knows another's states itself: roots first, then facts with proofs."""

from pathlib import Path

import pytest

from chains.model.units import USD, Usd
from daemon.keeper.vaults.due import Wait
from daemon.keeper.vaults.keeper import VaultTerms
from tests.daemon.keeper.vaults.life import Life, living
from tests.support.anchoring import put_anchor, set_anchor, tell_latest
from tests.support.seizing import open_story
from tests.support.vaults import LIQUIDATOR, USDC, WETH, Ground, VaultChain

pytestmark = pytest.mark.net
UNITS = 10**18
CARRIER = VaultTerms(liquidates=False, min_profit=Usd(5 * USD))
LIQUIDATOR_ONLY = VaultTerms(liquidates=True, min_profit=Usd(5 * USD), for_all=False)


def anchor(here: VaultChain, there: VaultChain) -> None:
    """Let a chain's notary demand proofs of what another told."""
    set_anchor(here, there, put_anchor(here))


async def beat(life: Life, here: VaultChain, there: VaultChain) -> None:
    """Let a block pass on both chains, heard of at once where layer 1 is heard of."""
    there.chain.mine()
    tell_latest(here, there)
    await life.see()
    await life.keeper.look()
    await life.see()


def raise_line(there: VaultChain, here: VaultChain) -> bytes:
    account = there.open()
    there.deposit(account, WETH, 2 * UNITS)
    there.raise_line(account, here, WETH, UNITS)
    return account


async def test_a_line_is_brought_with_its_proof_once_the_root_is_known(
    vaults: Ground, tmp_path: Path
) -> None:
    a, b = vaults.chains
    account = raise_line(b, a)
    anchor(a, b)
    async with living(vaults, tmp_path, CARRIER) as life:
        waits = []
        for _ in range(6):
            await beat(life, a, b)
            waits += [w.wait for w in life.view(account).waiting]
        assert Wait.ROOT in waits
        assert life.view(account).waiting == ()
        assert await life.list_done() == [
            ("anchor", "confirmed"),  # the newest block's header
            ("anchor", "confirmed"),  # an older one's, by a proof of its hash
            ("take", "confirmed"),
        ]
    assert a.line_in(account, b, WETH) == UNITS


async def test_nothing_is_sent_while_the_chain_has_not_heard_of_the_block(
    vaults: Ground, tmp_path: Path
) -> None:
    a, b = vaults.chains
    account = raise_line(b, a)
    anchor(a, b)
    async with living(vaults, tmp_path, CARRIER) as life:
        for _ in range(4):
            await life.beat()
        assert [w.wait for w in life.view(account).waiting] == [Wait.ROOT]
        assert await life.list_done() == []
    assert a.line_in(account, b, WETH) == 0


async def test_a_liquidation_crosses_to_a_chain_that_demands_proofs_of_its_lock(
    vaults: Ground, tmp_path: Path
) -> None:
    a, b = vaults.chains
    story = open_story(vaults)
    b.chain.mint("USDC", LIQUIDATOR, 50_000 * 10**6)
    owed = b.debt(story.account, USDC)
    anchor(b, a)
    for place in vaults.chains:
        place.set_price(WETH, 1_900)
    async with living(vaults, tmp_path, LIQUIDATOR_ONLY) as life:
        for _ in range(24):
            await beat(life, b, a)
            b.chain.mine()
            if await life.done("claim"):
                break
        names = [name for name, state in await life.list_done() if state == "confirmed"]
        kinds = ("lock", "anchor", "fill", "claim")
        assert list(dict.fromkeys(n for n in names if n in kinds)) == list(kinds)
    assert b.debt(story.account, USDC) < owed
