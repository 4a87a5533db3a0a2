"""Whose turn it is: nobody's proposal holds the others back for longer than that."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import pytest

from daemon.committee.client import Silent
from tests.support.council import SIGNERS, Council, clock, found_committee
from tests.support.envoy import Envoy, sent

pytestmark = pytest.mark.net

LIAR = 3
EARLY_S = 0.2


async def propose_for_ever(envoys: list[Envoy], told: list[str]) -> None:
    """Propose what is true, as early as it is signed, and publish nothing of it."""
    done = -1
    while True:
        await asyncio.sleep(0.01)
        sequence = int(clock() + EARLY_S)
        if sequence % len(SIGNERS) != LIAR or sequence == done:
            continue
        done, parts = sequence, envoys[0].seat.parts
        report = replace(parts.rounds.look("alice", int(clock())), taken_at=sequence)
        statement = parts.rounds.stating.state(
            report, found_committee(), prev_digest=parts.standing.newest_digest("alice")
        )
        for envoy in envoys:
            with suppress(Silent):
                told.append(await envoy.propose(statement))


async def test_who_has_all_signed_and_publishes_nothing_silences_nobody(council: Council) -> None:
    await council.start(0, 1, 2)
    await council.until_attested(0, 1, 2)
    told: list[str] = []
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        envoys = [
            await stack.enter_async_context(sent(council, seat, SIGNERS[LIAR]))
            for seat in council.seats[:LIAR]
        ]
        lying = group.create_task(propose_for_ever(envoys, told))
        for _ in range(4):
            await council.until_attested(0, 1, 2)
        await council.until(lambda: "signed" in told, "the liar's proposal was signed")
        await council.until_attested(0, 1, 2)
        lying.cancel()


async def test_a_hold_ends_with_the_turn_it_is_for(council: Council) -> None:
    await council.start(0)
    turns, sequence = council.seats[0].parts.rounds.turns, int(clock()) - 1
    turns.hold("alice", sequence, SIGNERS[LIAR].address)
    assert turns._watch("alice").held_until <= sequence + 1.25
