"""Strangers in Save: liquidated for profit under 1, never above, never on a price in doubt."""

import signal
from decimal import Decimal

import pytest
from solders.keypair import Keypair

from chains.model.units import USD, Usd
from tests.support.daemon import JournalEntry
from tests.support.solana_stage import BYSTANDERS_KEY, STRANGERS_KEY
from tests.support.solana_story import SOLANA, SolanaStory

pytestmark = pytest.mark.net

LEAST_PROFIT = 5 * 10**6


def liquidations(story: SolanaStory) -> list[JournalEntry]:
    return [e for e in story.daemon.journal() if e.purpose == "liquidation"]


async def liquidated(story: SolanaStory) -> bool:
    return any(e.state == "confirmed" and e.effect for e in liquidations(story))


def debt_of(story: SolanaStory, key: Keypair) -> list[int]:
    """Give what a wallet's obligation owes, as it was last refreshed."""
    actors = story.solana.chain.actors
    return [b.amount for b in actors.read_obligation(key.pubkey()).borrows]


async def test_a_stranger_in_save_is_liquidated_with_the_profit_that_the_journal_tells(
    invested: SolanaStory,
) -> None:
    story = invested
    actors, keeper = story.solana.chain.actors, story.solana.keeper
    held = actors.read_units(keeper, "USDC")
    untouched, owed = debt_of(story, BYSTANDERS_KEY), debt_of(story, STRANGERS_KEY)
    daemon = await story.begin(keeper__liquidate=True)
    await story.shock("SOL", -10)
    await story.until(lambda: liquidated(story), "a stranger was liquidated", SOLANA)
    daemon.signal(signal.SIGTERM)
    while not daemon.ended:
        story.mine()
        await story.pause()

    done = [entry.effect for entry in liquidations(story) if entry.effect]
    profit = sum(int(effect["profit_units"]) for effect in done)
    assert all(int(effect["profit_units"]) >= LEAST_PROFIT for effect in done)
    assert actors.read_units(keeper, "USDC") == held + profit
    assert {e.chain for e in liquidations(story)} == {str(story.solana.chain_id)}
    assert debt_of(story, STRANGERS_KEY) < owed
    assert debt_of(story, BYSTANDERS_KEY) == untouched, "he stands at 1.06"
    assert story.solana_rescues() == []


async def test_a_price_in_doubt_on_solana_stops_liquidations_there_and_leaves_rescues_open(
    indebted: SolanaStory,
) -> None:
    story = indebted
    owed = debt_of(story, STRANGERS_KEY)
    daemon = await story.begin(keeper__liquidate=True)
    await story.shock("SOL", -12, protocol_only=True)
    await story.until_settled()
    await story.step(blocks=6)
    assert [entry.purpose for entry in daemon.journal()] == ["native"]
    assert len(story.solana_rescues()) == 1
    assert daemon.logs("price.diverged")
    assert debt_of(story, STRANGERS_KEY) == owed

    price = Usd(int(Decimal(132) * USD))
    story.solana.chain.move_price("SOL", protocol=price, reference=price)
    story.mine(SOLANA)
    await story.until(lambda: liquidated(story), "the market agrees, and the latch opened", SOLANA)
