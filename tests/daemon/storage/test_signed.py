"""What was signed is remembered: across restarts, kills and modes, before a signature leaves."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.storage.errors import CorruptState, NewerState, StorageError
from daemon.storage.signed import SIGNED_FILE, SignedStore, open_signed
from proofs.guard import Claim, DoubleSign

FIRST, SECOND = b"\x01" * 32, b"\x02" * 32


def claim(sequence: int, digest: bytes = FIRST, subject: bytes = b"\x05" * 32) -> Claim:
    return Claim(salt=b"\x09" * 32, subject=subject, sequence=sequence, digest=digest)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SignedStore]:
    async with open_signed(tmp_path) as opened:
        yield opened


async def test_the_same_may_be_claimed_again_and_a_later_one_too(store: SignedStore) -> None:
    await store.claim(claim(7))
    await store.claim(claim(7))
    await store.claim(claim(9, SECOND))
    await store.claim(claim(9, SECOND))


async def test_another_digest_or_an_earlier_sequence_is_refused(store: SignedStore) -> None:
    await store.claim(claim(7))
    with pytest.raises(DoubleSign, match="another digest was signed already"):
        await store.claim(claim(7, SECOND))
    with pytest.raises(DoubleSign, match="sequence 7 was signed already"):
        await store.claim(claim(6, SECOND))
    await store.claim(claim(6, SECOND, subject=b"\x06" * 32))


async def test_sequences_of_64_bits_are_compared_as_numbers(store: SignedStore) -> None:
    await store.claim(claim(9))
    await store.claim(claim(2**64 - 1))
    with pytest.raises(DoubleSign):
        await store.claim(claim(2**63))


async def test_a_refused_claim_changes_nothing(store: SignedStore) -> None:
    await store.claim(claim(7))
    for sequence in (6, 7):
        with pytest.raises(DoubleSign):
            await store.claim(claim(sequence, SECOND))
    await store.claim(claim(7))


async def test_of_two_claims_at_once_one_wins(store: SignedStore) -> None:
    won: list[bytes] = []

    async def try_claim(digest: bytes) -> None:
        try:
            await store.claim(claim(7, digest))
        except DoubleSign:
            return
        won.append(digest)

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(try_claim(bytes([number]) * 32))
    assert len(won) == 1


async def test_what_was_claimed_is_remembered_after_a_restart(tmp_path: Path) -> None:
    async with open_signed(tmp_path) as store:
        await store.claim(claim(7))
    async with open_signed(tmp_path) as store:
        with pytest.raises(DoubleSign):
            await store.claim(claim(7, SECOND))
        await store.claim(claim(7))


async def test_a_claim_that_cannot_be_written_is_no_claim(tmp_path: Path) -> None:
    async with open_signed(tmp_path) as store:
        await store._database.write(lambda c: c.exec_driver_sql("PRAGMA query_only=ON").close())
        with pytest.raises(StorageError):
            await store.claim(claim(7))
        await store._database.write(lambda c: c.exec_driver_sql("PRAGMA query_only=OFF").close())
        await store.claim(claim(7, SECOND))


async def test_a_damaged_or_newer_file_keeps_the_member_from_signing(tmp_path: Path) -> None:
    async with open_signed(tmp_path) as store:
        await store._database.write(lambda c: c.exec_driver_sql("PRAGMA user_version = 9").close())
    with pytest.raises(NewerState):
        async with open_signed(tmp_path):
            pass
    (tmp_path / SIGNED_FILE).write_bytes(b"nonsense" * 1000)
    with pytest.raises(CorruptState, match="is damaged"):
        async with open_signed(tmp_path):
            pass


SIGN_UNTIL_KILLED = """
import asyncio, pathlib, sys
from daemon.storage.signed import open_signed
from proofs.guard import Claim

async def main():
    async with open_signed(pathlib.Path(sys.argv[1])) as store:
        for number in range(10**9):
            digest = number.to_bytes(32, "big")
            await store.claim(
                Claim(salt=bytes(32), subject=bytes(32), sequence=number, digest=digest)
            )
            print(number, flush=True)

asyncio.run(main())
"""


def sign_until_killed(directory: Path) -> int:
    """Run a member in its own process, kill it, and give the last signature that left it."""
    command = [sys.executable, "-c", SIGN_UNTIL_KILLED, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 (this interpreter, a fixed script)
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        left = process.stdout.read().split()
    return int(left[-1]) if left else 19


async def test_a_killed_member_remembers_every_signature_that_left_it(tmp_path: Path) -> None:
    last = await asyncio.to_thread(sign_until_killed, tmp_path)
    async with open_signed(tmp_path) as store:
        for number in range(last + 1):
            other = Claim(salt=bytes(32), subject=bytes(32), sequence=number, digest=b"\xff" * 32)
            with pytest.raises(DoubleSign):
                await store.claim(other)
