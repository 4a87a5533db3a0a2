"""One Solana chain: slots that pass, transactions that land in them, and what they did.

A transaction runs at once in the open block, which is processed; it is confirmed and finalized by
the blocks upon it. Not modelled: leaders, block packing, rent collection, deactivated tables.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from chains.rpc.endpoint import Json
from daemon.devnet.solana.balances import read_balances
from daemon.devnet.solana.blocks import Block, Blocks, Paid
from daemon.devnet.solana.budget import read_budget
from daemon.devnet.solana.locks import Locks, durable_nonce, read_locks
from daemon.devnet.solana.machine import Machine

Listener = Callable[[], None]
KEEP_LANDED: Final = 50_000
"""How many transactions are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A transaction in a block; `error` as the RPC writes it, None when it succeeded."""

    signature: str
    slot: int
    time: int
    raw: bytes
    locks: Locks
    balances_before: tuple[int, ...]
    balances_after: tuple[int, ...]
    tokens_before: tuple[Json, ...] = ()
    tokens_after: tuple[Json, ...] = ()
    error: Json = None
    logs: tuple[str, ...] = ()
    fee: int = 0
    units: int = 0


class NotProcessed(Exception):
    """No block takes a transaction: its error as the RPC writes it, and the logs so far."""

    def __init__(self, error: Json, logs: Sequence[str] = ()) -> None:
        super().__init__(str(error))
        self.error = error
        self.logs = tuple(logs)


class Ledger:
    """A chain that lives in this process; the same seed gives the same genesis hash.

    Time is the wall's; or, with `start_time` (unix seconds), goes on by `slot_ms` a slot. Whoever
    lets slots pass by themselves leaves the ledger alone while it is `paused`.
    """

    def __init__(
        self,
        *,
        seed: bytes,
        start_slot: int = 1_000,
        slot_ms: int = 400,
        start_time: int | None = None,
    ) -> None:
        self.genesis: Final = Hash(hashlib.sha256(b"plimsoll solana genesis" + seed).digest())
        self.slot_ms: Final = slot_ms
        self.paused = False
        self._start_slot = start_slot
        self._start_time = start_time
        self._travelled_s = 0
        now = self._time_at(start_slot)
        self.blocks: Final = Blocks(genesis=self.genesis, slot=start_slot, time=now)
        self.machine: Final = Machine(self.blocks)
        self._airdrops = 0
        self._landed: dict[str, Landed] = {}
        self._by_account: defaultdict[Pubkey, list[str]] = defaultdict(list)
        self._waiting: list[tuple[int, VersionedTransaction]] = []
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have every new slot told."""
        self._listeners.append(listener)

    def tick(self, *, skip: int = 0) -> Block:
        """Close the open slot and open the next; `skip` slots stay without a block."""
        slot = self.blocks.tip.slot + 1 + skip
        self.blocks.open(time=self._time_at(slot), skip=skip)
        return self._begin()

    def drop(self, depth: int = 1) -> Block:
        """Abandon the newest blocks with all they did; ValueError when one is confirmed."""
        slot = self.blocks.tip.slot + 1
        for block in self.blocks.drop(time=self._time_at(slot), depth=depth):
            self.machine.restore(block.undo)
            for signature in block.signatures:
                self._forget(self._landed[signature])
        return self._begin()

    def travel(self, seconds: int) -> Block:
        """Move the chain's clock, and begin a slot that shows it."""
        self._travelled_s += seconds
        return self.tick()

    def airdrop(self, key: Pubkey, lamports: int) -> str:
        """Give lamports from nowhere, in a made-up transaction; gives its signature."""
        held = self.machine.read(key) or Account(0, b"", Pubkey.default())
        after = held.lamports + lamports
        self.machine.write(key, Account(after, held.data, held.owner, held.executable))
        self._airdrops += 1
        seed = b"%s%d" % (bytes(self.blocks.tip.hash), self._airdrops)
        landed = Landed(
            signature=str(Signature(hashlib.sha512(seed).digest())),
            slot=self.blocks.tip.slot,
            time=self.blocks.tip.time,
            raw=bytes(VersionedTransaction.default()),
            locks=Locks(keys=(key,), writable=frozenset({key})),
            balances_before=(held.lamports,),
            balances_after=(after,),
        )
        return self._record(landed).signature

    def find(self, signature: str) -> Landed | None:
        """Give a transaction that lies in the chain."""
        return self._landed.get(signature)

    def find_with(self, key: Pubkey) -> list[Landed]:
        """Give the transactions that name an account, the newest first."""
        return [self._landed[signature] for signature in reversed(self._by_account[key])]

    def refuse(self, transaction: VersionedTransaction, *, any_blockhash: bool = False) -> None:
        """Raise NotProcessed where no block takes a transaction, whatever it does."""
        if str(transaction.signatures[0]) in self._landed:
            raise NotProcessed("AlreadyProcessed")
        message = transaction.message
        if any_blockhash or self.blocks.is_valid(message.recent_blockhash):
            return
        if message.recent_blockhash != durable_nonce(message, self.machine.read):
            raise NotProcessed("BlockhashNotFound")

    def send(self, transaction: VersionedTransaction, *, after_slots: int = 0) -> None:
        """Land a transaction in the open block, or in one some slots later.

        Raises NotProcessed when no block takes it now.
        """
        if after_slots > 0:
            self._waiting.append((self.blocks.tip.slot + after_slots, transaction))
            return
        self.refuse(transaction)
        self._execute(transaction)

    def send_all(
        self,
        transactions: Sequence[VersionedTransaction],
        *,
        accept: Callable[[Sequence[Landed]], bool] = lambda _: True,
    ) -> list[Landed]:
        """Land all in the open block, in order, or none; NotProcessed says why none.

        `accept` judges what they did before it stands.
        """
        locks = [read_locks(each.message, self.machine.read) for each in transactions]
        before = {key: self.machine.read(key) for each in locks for key in each.writable}
        landed: list[Landed] = []
        try:
            for transaction in transactions:
                self.refuse(transaction)
                landed.append(self._execute(transaction))
                _insist(landed[-1].error, landed[-1].logs)
            _insist(None if accept(landed) else "Rejected")
        except NotProcessed:
            self.machine.restore(before)
            for each in landed:
                self._forget(each)
                self.blocks.tip.signatures.remove(each.signature)
                self.blocks.tip.paid.pop()
            raise
        return landed

    def _begin(self) -> Block:
        """Start the open block: its sysvars, the transactions that waited for it, listeners."""
        self.machine.enter()
        slot = self.blocks.tip.slot
        due = [transaction for at, transaction in self._waiting if at <= slot]
        self._waiting = [item for item in self._waiting if item[0] > slot]
        for transaction in due:
            try:
                self.send(transaction)
            except NotProcessed:
                continue  # it waited too long, and vanishes as on a cluster
        for listener in self._listeners:
            listener()
        return self.blocks.tip

    def _execute(self, transaction: VersionedTransaction) -> Landed:
        read = self.machine.read
        locks = read_locks(transaction.message, read)
        before = {key: read(key) for key in locks.keys}
        result = self.machine.run(transaction)
        if isinstance(result, FailedTransactionMetadata):
            error, meta = error_of(result), result.meta()
        else:
            error, meta = None, result
        if isinstance(error, str):  # it failed before it ran: nobody pays, and no block holds it
            raise NotProcessed(error, meta.logs())
        for key in locks.writable:
            self.machine.note(key, before[key])
        price = read_budget(transaction.message).price
        self.blocks.tip.paid.append(Paid(price=price, writable=locks.writable))
        landed = Landed(
            signature=str(transaction.signatures[0]),
            slot=self.blocks.tip.slot,
            time=self.blocks.tip.time,
            raw=bytes(transaction),
            locks=locks,
            balances_before=tuple(_lamports(before[key]) for key in locks.keys),
            balances_after=tuple(_lamports(read(key)) for key in locks.keys),
            tokens_before=read_balances(locks.keys, before),
            tokens_after=read_balances(locks.keys, {key: read(key) for key in locks.keys}),
            error=error,
            logs=tuple(meta.logs()),
            fee=meta.fee(),
            units=meta.compute_units_consumed(),
        )
        return self._record(landed)

    def _record(self, landed: Landed) -> Landed:
        self._landed[landed.signature] = landed
        if len(self._landed) > KEEP_LANDED:
            self._forget(next(iter(self._landed.values())))
        self.blocks.tip.signatures.append(landed.signature)
        for key in landed.locks.keys:
            self._by_account[key].append(landed.signature)
        return landed

    def _forget(self, landed: Landed) -> None:
        del self._landed[landed.signature]
        for key in landed.locks.keys:
            self._by_account[key].remove(landed.signature)

    def _time_at(self, slot: int) -> int:
        if self._start_time is None:
            return int(time.time()) + self._travelled_s
        passed_ms = (slot - self._start_slot) * self.slot_ms
        return self._start_time + self._travelled_s + passed_ms // 1_000


def error_of(failed: FailedTransactionMetadata) -> Json:
    """Give a failure as the RPC writes it."""
    error: Json = orjson.loads(failed.to_json())["err"]
    return error


def _insist(error: Json, logs: Sequence[str] = ()) -> None:
    if error is not None:
        raise NotProcessed(error, logs)


def _lamports(account: Account | None) -> int:
    return account.lamports if account else 0
