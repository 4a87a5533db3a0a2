"""Logs of vaults outlive a restart, each vault's apart."""

from pathlib import Path

from chains.evm.decode import Log
from chains.model.ids import AccountId, Address, ChainId
from daemon.storage.database import open_database
from daemon.storage.vaults import VaultLogStore

FIRST = AccountId(ChainId.evm(1), "0x" + "11" * 20)
SECOND = AccountId(ChainId.evm(2), "0x" + "11" * 20)


def log(height: int, index: int = 0) -> Log:
    return Log(
        address=Address("0x" + "22" * 20),
        topics=(b"\x01" * 32, b"\x02" * 32),
        data=b"abc",
        height=height,
        block_hash=bytes([height]) * 32,
        tx_hash=b"\x03" * 32,
        index=index,
    )


async def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=False) as database:
        store = VaultLogStore(database)
        assert await store.read(FIRST) == ((), None)
        await store.append(FIRST, [log(5, 2), log(5, 1)], scanned=7)
        await store.append(FIRST, [], scanned=9)
        await store.append(SECOND, [log(3)], scanned=4)
    async with open_database(tmp_path, live=False) as database:
        store = VaultLogStore(database)
        assert await store.read(FIRST) == ((log(5, 1), log(5, 2)), 9)
        assert await store.read(SECOND) == ((log(3),), 4)
        await store.forget(FIRST)
        assert await store.read(FIRST) == ((), None)
        assert await store.read(SECOND) == ((log(3),), 4)
