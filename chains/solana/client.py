"""One Solana chain: reads at a commitment and a least slot, simulation and submission.

Nothing is ever read at `processed`. Errors are ChainError (the chain is a gap) and, for
transactions, ExecutionError.
"""

import asyncio
import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

from solders.message import VersionedMessage, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chains.errors import ChainError, DecodeError
from chains.model.ids import ChainId
from chains.rpc.endpoint import Json, Observer, RpcError, RpcErrorKind
from chains.rpc.policy import EndpointState, Limits
from chains.rpc.pool import Listener
from chains.solana.accounts import MAX_KEYS, AccountsRead
from chains.solana.decode import (
    ChainPoint,
    Landing,
    Look,
    RecentBlockhash,
    Simulation,
    StatusesRead,
    decode_accounts,
    decode_blockhash,
    decode_context,
    decode_count,
    decode_fees,
    decode_landing,
    decode_point,
    decode_quote,
    decode_scan,
    decode_simulation,
    decode_statuses,
    decode_text,
    find_slot,
)
from chains.solana.pool import LIMITS, SolanaPool
from chains.solana.rpc import BEHIND, PREFLIGHT_FAILED, Commitment, SolanaEndpoint, SolanaRpcError

A = TypeVar("A")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSlice:
    """The part of each account's data to send."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeFilter:
    """Accounts with this many bytes of data."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesFilter:
    """Accounts with these bytes at an offset of their data (at most 128)."""

    offset: int
    data: bytes


Filter = SizeFilter | BytesFilter


class SolanaClient:
    """A chain behind its endpoints; an async context manager.

    `timeout_s` bounds every call at every endpoint, `scan_timeout_s` scans; `limits` and
    `listener` are the pool's.
    """

    def __init__(
        self,
        *,
        chain: ChainId,
        endpoints: Sequence[str],
        commitment: Commitment = Commitment.CONFIRMED,
        timeout_s: float = 5.0,
        scan_timeout_s: float = 60.0,
        behind_wait_s: float = 0.4,
        limits: Limits = LIMITS,
        listener: Listener | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.chain: Final = chain
        self.commitment: Final = commitment
        self._scan_timeout_s = scan_timeout_s
        self._urls = tuple(endpoints)
        self._pool = SolanaPool(
            chain=chain,
            urls=endpoints,
            commitment=commitment,
            timeout_s=timeout_s,
            limits=limits,
            behind_wait_s=behind_wait_s,
            listener=listener,
            observer=observer,
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    @property
    def endpoint_states(self) -> tuple[EndpointState, ...]:
        """What is known of each endpoint, in the configured order."""
        return self._pool.states

    @property
    def endpoints_aside(self) -> frozenset[str]:
        """The URLs of the endpoints that are set aside."""
        known = zip(self._urls, self._pool.states, strict=True)
        return frozenset(url for url, state in known if state.aside)

    async def check_endpoints(self) -> None:
        """Check the endpoints once: genesis, lag, hashes; sets aside and lets back in."""
        await self._pool.check()

    async def watch(self, period_s: float) -> None:
        """Check the endpoints every `period_s`, until cancelled."""
        while True:
            await self.check_endpoints()
            await asyncio.sleep(period_s)

    async def request(
        self, method: str, params: Sequence[Json], *, timeout_s: float | None = None
    ) -> Json:
        """Call any method with failover; RpcError (a ChainError) as the node's refusal."""
        return await self._ask_at(0, method, params, timeout_s=timeout_s)

    async def read_accounts(
        self, keys: Sequence[Pubkey], *, min_slot: int = 0, part: DataSlice | None = None
    ) -> AccountsRead:
        """Read up to 100 accounts in one call, at `min_slot` or later; Stale where that is not.

        Raises ValueError on more keys: they would not be of one slot.
        """
        if len(keys) > MAX_KEYS:
            raise ValueError(f"{len(keys)} accounts in one call, {MAX_KEYS} at most")
        params: list[Json] = [[str(key) for key in keys], self._config(min_slot, part)]
        answer = await self._ask_at(min_slot, "getMultipleAccounts", params)
        slot, accounts = self._decode(
            lambda value: decode_accounts(keys, value), answer, "getMultipleAccounts"
        )
        return AccountsRead(slot=slot, finality=self.commitment.finality, accounts=accounts)

    async def read_many(
        self, keys: Sequence[Pubkey], *, min_slot: int = 0, part: DataSlice | None = None
    ) -> AccountsRead:
        """Read any number of accounts, 100 a call, side by side; the slot is the lowest's."""
        chunks = [keys[start : start + MAX_KEYS] for start in range(0, len(keys), MAX_KEYS)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self.read_accounts(chunk, min_slot=min_slot, part=part))
                    for chunk in chunks
                ]
        except* ChainError as errors:
            failure = errors.exceptions[0]
        else:
            reads = [task.result() for task in tasks]
            return AccountsRead(
                slot=min((read.slot for read in reads), default=min_slot),
                finality=self.commitment.finality,
                accounts=tuple(account for read in reads for account in read.accounts),
            )
        raise failure

    async def scan(
        self,
        program: Pubkey,
        *,
        filters: Sequence[Filter] = (),
        part: DataSlice | None = None,
        min_slot: int = 0,
    ) -> AccountsRead:
        """Read all accounts of a program that pass the filters, decoded beside the event loop."""
        config = self._config(min_slot, part) | {
            "filters": [_encode_filter(each) for each in filters],
            "withContext": True,
        }
        answer = await self._ask_at(
            min_slot, "getProgramAccounts", [str(program), config], timeout_s=self._scan_timeout_s
        )
        slot, accounts = await asyncio.to_thread(
            self._decode, decode_scan, answer, "getProgramAccounts"
        )
        return AccountsRead(slot=slot, finality=self.commitment.finality, accounts=accounts)

    async def read_point(self, *, min_slot: int = 0) -> ChainPoint:
        """Give the newest slot at our commitment and its block height."""
        answer = await self.request("getEpochInfo", [self._context(min_slot)])
        return self._decode(decode_point, answer, "getEpochInfo")

    async def read_blockhash(self, *, min_slot: int = 0) -> RecentBlockhash:
        """Give a blockhash to sign with, and until which block height it serves."""
        answer = await self._ask_at(min_slot, "getLatestBlockhash", [self._context(min_slot)])
        return self._decode(decode_blockhash, answer, "getLatestBlockhash")

    async def read_recent_fees(self, writable: Sequence[Pubkey]) -> tuple[int, ...]:
        """Give the least unit price (micro-lamports) that landed, for each of up to 150 slots.

        Only transactions count that locked all the accounts for writing.
        """
        answer = await self.request("getRecentPrioritizationFees", [[str(key) for key in writable]])
        return self._decode(decode_fees, answer, "getRecentPrioritizationFees")

    async def read_fee(self, message: VersionedMessage) -> int | None:
        """Give the node's quote for a message in lamports; None when its blockhash is expired."""
        encoded = base64.b64encode(to_bytes_versioned(message)).decode()
        answer = await self.request("getFeeForMessage", [encoded, self._context(0)])
        return self._decode(decode_quote, answer, "getFeeForMessage")

    async def read_balance(self, key: Pubkey) -> int:
        """Give the lamports of an account."""
        answer = await self.request("getBalance", [str(key), self._context(0)])
        return self._decode(
            lambda value: decode_count(decode_context(value)[1]), answer, "getBalance"
        )

    async def read_rent(self, size: int) -> int:
        """Give the lamports that free an account of `size` bytes from rent."""
        answer = await self.request("getMinimumBalanceForRentExemption", [size])
        return self._decode(decode_count, answer, "getMinimumBalanceForRentExemption")

    async def simulate(
        self,
        transaction: VersionedTransaction,
        *,
        min_slot: int = 0,
        accounts: Sequence[Pubkey] = (),
    ) -> Simulation:
        """Run a transaction without effect, signatures and blockhash left unchecked.

        `accounts` are given back as they would be after it.
        """
        config = self._context(min_slot) | {
            "encoding": "base64",
            "sigVerify": False,
            "replaceRecentBlockhash": True,
        }
        if accounts:
            addresses: list[Json] = [str(key) for key in accounts]
            config["accounts"] = {"encoding": "base64", "addresses": addresses}
        encoded = base64.b64encode(bytes(transaction)).decode()
        answer = await self._ask_at(min_slot, "simulateTransaction", [encoded, config])
        return self._decode(
            lambda value: decode_simulation(value, accounts), answer, "simulateTransaction"
        )

    async def submit(self, raw: bytes, *, everywhere: bool = False) -> Signature:
        """Broadcast signed bytes and give their signature; already processed is success.

        Preflight is left out (we simulated) and so are the node's retries (we repeat): a node
        takes what cannot land without a word. `everywhere` sends them to every endpoint in use.
        Unreachable leaves open whether one took it.
        """
        signature = VersionedTransaction.from_bytes(raw).signatures[0]
        config: Json = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
        params: list[Json] = [base64.b64encode(raw).decode(), config]

        async def send(endpoint: SolanaEndpoint) -> Json:
            try:
                return await endpoint.request(
                    "sendTransaction", params, timeout_s=self._pool.timeout_s
                )
            except RpcError as error:
                if _is_known(error):
                    return str(signature)
                raise

        answers = await self._pool.ask_all(send) if everywhere else [await self._pool.ask(send)]
        taken = [self._decode(decode_text, answer, "sendTransaction") for answer in answers]
        if str(signature) not in taken:
            raise DecodeError(self.chain, f"sent {signature}, endpoint took {taken[0]:.90}")
        return signature

    async def read_statuses(self, signatures: Sequence[Signature]) -> StatusesRead:
        """Give what became of up to 256 transactions, those of older blocks too."""
        config: Json = {"searchTransactionHistory": True}
        answer = await self.request("getSignatureStatuses", [[str(s) for s in signatures], config])
        return self._decode(
            lambda value: decode_statuses(value, len(signatures)), answer, "getSignatureStatuses"
        )

    async def look(self, signature: Signature) -> Look:
        """Ask one endpoint where the chain is, and then what it knows of a transaction.

        What several endpoints say must not be mixed here: one may know the height and another
        not yet, or no longer, the transaction.
        """
        limit = self._pool.timeout_s
        searched: list[Json] = [[str(signature)], {"searchTransactionHistory": True}]

        async def ask(endpoint: SolanaEndpoint) -> tuple[Json, Json, Json]:
            point = await endpoint.request("getEpochInfo", [self._context(0)], timeout_s=limit)
            seen = await endpoint.request("getSignatureStatuses", searched, timeout_s=limit)
            if isinstance(seen, dict) and seen.get("value") != [None]:
                return point, seen, 0
            first = await endpoint.request("getFirstAvailableBlock", [], timeout_s=limit)
            return point, seen, first

        def decode(answers: tuple[Json, Json, Json]) -> Look:
            seen = decode_statuses(answers[1], 1)
            return Look(
                point=decode_point(answers[0]),
                status=seen.statuses[0],
                status_slot=seen.slot,
                history_from=decode_count(answers[2]),
            )

        answers = await self._pool.ask(ask)
        return self._decode(decode, answers, "look")

    async def read_landing(self, signature: Signature) -> Landing | None:
        """Give what a transaction did and cost; None while it is in no block at our commitment."""
        config: Json = {
            "encoding": "base64",
            "commitment": self.commitment.value,
            "maxSupportedTransactionVersion": 0,
        }
        answer = await self.request("getTransaction", [str(signature), config])
        return self._decode(
            lambda value: decode_landing(signature, value), answer, "getTransaction"
        )

    async def _ask_at(
        self, min_slot: int, method: str, params: Sequence[Json], *, timeout_s: float | None = None
    ) -> Json:
        """Call a method; who answers at an earlier slot has not the block: not all heed us."""
        limit = self._pool.timeout_s if timeout_s is None else timeout_s

        async def ask(endpoint: SolanaEndpoint) -> Json:
            answer = await endpoint.request(method, params, timeout_s=limit)
            if (slot := find_slot(answer)) is None or slot >= min_slot:
                return answer
            reason = f"answered at slot {slot}, asked for {min_slot}"
            raise RpcError(self.chain, reason, BEHIND, kind=RpcErrorKind.MISSING_BLOCK)

        return await self._pool.ask(ask, timeout_s=limit)

    def _context(self, min_slot: int) -> dict[str, Json]:
        config: dict[str, Json] = {"commitment": self.commitment.value}
        return config | {"minContextSlot": min_slot} if min_slot else config

    def _config(self, min_slot: int, part: DataSlice | None) -> dict[str, Json]:
        config = self._context(min_slot) | {"encoding": "base64"}
        if part is not None:
            config["dataSlice"] = {"offset": part.offset, "length": part.length}
        return config

    def _decode(self, decode: Callable[[A], T], answer: A, what: str) -> T:
        try:
            return decode(answer)
        except ValueError as error:
            raise DecodeError(self.chain, f"{what}: {error}") from error


def _encode_filter(one: Filter) -> Json:
    if isinstance(one, SizeFilter):
        return {"dataSize": one.size}
    encoded = base64.b64encode(one.data).decode()
    return {"memcmp": {"offset": one.offset, "bytes": encoded, "encoding": "base64"}}


def _is_known(error: RpcError) -> bool:
    """Say whether a refusal means that the transaction is in a block already.

    A node that simulates although told not to (Surfpool) says so in words.
    """
    if error.code != PREFLIGHT_FAILED:
        return False
    detail = error.detail if isinstance(error, SolanaRpcError) else None
    named = isinstance(detail, dict) and detail.get("err") == "AlreadyProcessed"
    return named or "already been processed" in error.reason
