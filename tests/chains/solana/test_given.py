"""A read that somebody else made: held against one's own, and valued at its own Clock."""

from dataclasses import replace

import pytest
from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.snapshot import ChainSnapshot
from chains.model.units import USD
from chains.solana.accounts import CLOCK, SlotRead
from chains.solana.programs.instructions import OraclePrice
from chains.solana.reader import NEAR_SLOTS, SolanaReader
from tests.chains.solana.mirror import settle
from tests.chains.solana.test_reader import Scene, staged

pytestmark = pytest.mark.net


async def give(scene: Scene, reader: SolanaReader) -> tuple[ChainSnapshot, SlotRead]:
    snapshot = await scene.read(reader)
    given = reader.find_read(snapshot.anchor.hash)
    assert given is not None
    return snapshot, given


def move_price(scene: Scene, usd: int) -> None:
    market = scene.rescue.market
    market.publish(scene.rescue.sol, OraclePrice(price=usd * USD, published_at=market.now))
    scene.show()


async def test_another_reader_values_the_same_bytes_alike_slots_later() -> None:
    async with staged() as scene:
        scene.rescue.set_mandate(scene.rescue.terms())
        scene.show()
        snapshot, given = await give(scene, scene.reader())
        settle(scene.ledger)
        other = scene.reader()
        await other.confirm(given)
        valued = await other.value(given, [scene.owner])
        assert valued.anchor == snapshot.anchor
        assert valued.positions == snapshot.positions
        assert valued.prices == snapshot.prices
        assert (valued.unreadable, valued.scanned) == ((), snapshot.scanned)
        assert valued.funds == ()


async def test_bytes_that_are_not_the_chains_are_not_confirmed() -> None:
    async with staged() as scene:
        _, given = await give(scene, scene.reader())
        oracle = scene.rescue.sol.oracle
        account = given.accounts[oracle]
        assert account is not None
        forged = replace(account, data=account.data[:-1] + bytes([account.data[-1] ^ 1]))
        lie = replace(given, accounts={**given.accounts, oracle: forged})
        with pytest.raises(Stale, match=f"account {oracle} reads otherwise here"):
            await scene.reader().confirm(lie)
        made_up = replace(given, accounts={**given.accounts, scene.rescue.sol.oracle: None})
        with pytest.raises(Stale, match="reads otherwise"):
            await scene.reader().confirm(made_up)


async def test_what_was_read_here_too_is_confirmed_after_the_chain_moved_on() -> None:
    async with staged() as scene:
        _, given = await give(scene, scene.reader())
        witness, late = scene.reader(), scene.reader()
        await scene.read(witness)
        move_price(scene, 90)
        await witness.confirm(given)
        with pytest.raises(Stale, match="reads otherwise"):
            await late.confirm(given)


async def test_a_clock_of_another_slot_is_refused() -> None:
    async with staged() as scene:
        _, given = await give(scene, scene.reader())
        with pytest.raises(Stale, match="answered as slot"):
            await scene.reader().confirm(replace(given, slot=given.slot + 1))
        without = {key: each for key, each in given.accounts.items() if key != CLOCK}
        with pytest.raises(DecodeError, match="Clock"):
            await scene.reader().confirm(replace(given, accounts=without))


async def test_a_slot_long_past_is_refused() -> None:
    async with staged() as scene:
        _, given = await give(scene, scene.reader())
        for _ in range(NEAR_SLOTS + 5):
            settle(scene.ledger)
        with pytest.raises(Stale, match="is past"):
            await scene.reader().confirm(given)


async def test_an_account_left_out_is_missed() -> None:
    async with staged() as scene:
        _, given = await give(scene, scene.reader())
        left: Pubkey = scene.rescue.owner.obligation
        without = {key: each for key, each in given.accounts.items() if key != left}
        reader = scene.reader()
        with pytest.raises(DecodeError, match=f"account {left} was not read"):
            await reader.value(replace(given, accounts=without), [scene.owner])


async def test_only_the_last_reads_are_kept() -> None:
    async with staged() as scene:
        reader = scene.reader()
        snapshot, _ = await give(scene, reader)
        for _ in range(8):
            settle(scene.ledger)
            await scene.read(reader)
        assert reader.find_read(snapshot.anchor.hash) is None
