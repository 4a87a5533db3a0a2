"""The bundle lane: up to five transactions that land together, in order, or cost nothing.

The methods are Jito's (https://docs.jito.wtf/lowlatencytxnsend/); they were read, and run against
our own node's engine only. A tip is a transfer to one of the engine's accounts, best in the last
transaction, so that it is paid only if the rest succeeded. What became of the transactions is
told by the chain (`watch.py`); the engine only says sooner that it gave up.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from chains.errors import DecodeError, SubmitRefused, Unreachable
from chains.model.ids import ChainId
from chains.rpc.endpoint import EndpointError, Json, Observer, RpcError
from chains.solana.decode import (
    decode_context,
    decode_count,
    decode_list,
    decode_object,
    decode_text,
)
from chains.solana.fees import MIN_TIP
from chains.solana.rpc import SolanaEndpoint

MAX_BUNDLE: Final = 5

T = TypeVar("T")


class BundleStage(StrEnum):
    """What the engine says of a bundle of the last five minutes; it forgets older ones."""

    PENDING = "Pending"
    LANDED = "Landed"
    FAILED = "Failed"
    INVALID = "Invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleStatus:
    """What the engine says of one bundle; `slot` once it landed."""

    stage: BundleStage
    slot: int | None


class BundleLane:
    """One block engine of one chain; an async context manager."""

    def __init__(
        self, *, chain: ChainId, url: str, timeout_s: float = 5.0, observer: Observer | None = None
    ) -> None:
        self.chain: Final = chain
        self._url = url
        self._timeout_s = timeout_s
        self._observer = observer

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._endpoint = SolanaEndpoint(
            self._session, self.chain, self._url, observer=self._observer
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def read_tip_accounts(self) -> tuple[Pubkey, ...]:
        """Give the accounts that take tips."""
        return await self._ask("getTipAccounts", [], _decode_keys)

    async def submit(self, transactions: Sequence[bytes]) -> str:
        """Send signed transactions as one bundle and give its id; SubmitRefused with the reason.

        Unreachable leaves open whether the engine has it.
        """
        encoded: list[Json] = [base64.b64encode(raw).decode() for raw in transactions]
        try:
            return await self._ask("sendBundle", [encoded, {"encoding": "base64"}], decode_text)
        except RpcError as error:
            raise SubmitRefused(self.chain, error.reason) from error

    async def read_status(self, bundle: str) -> BundleStatus:
        """Give what the engine says of a bundle."""
        return await self._ask("getInflightBundleStatuses", [[bundle]], _decode_status)

    async def _ask(self, method: str, params: Sequence[Json], decode: Callable[[Json], T]) -> T:
        try:
            answer = await self._endpoint.request(method, params, timeout_s=self._timeout_s)
        except EndpointError as error:
            raise Unreachable(self.chain, f"block engine {error}") from error
        try:
            return decode(answer)
        except ValueError as error:
            raise DecodeError(self.chain, f"{method}: {error}") from error


def build_tip(payer: Pubkey, account: Pubkey, lamports: int) -> Instruction:
    """Give the transfer that tips; ValueError below the engine's minimum."""
    if lamports < MIN_TIP:
        raise ValueError(f"a tip of {lamports} lamports, {MIN_TIP} is the least")
    return transfer(TransferParams(from_pubkey=payer, to_pubkey=account, lamports=lamports))


def choose_tip_account(accounts: Sequence[Pubkey], key: bytes) -> Pubkey:
    """Give one of the accounts, spread evenly over keys, the same for the same key."""
    digest = hashlib.sha256(key).digest()
    return accounts[int.from_bytes(digest[:8], "big") % len(accounts)]


def _decode_keys(value: Json) -> tuple[Pubkey, ...]:
    keys = tuple(Pubkey.from_string(decode_text(item)) for item in decode_list(value))
    if not keys:
        raise ValueError("no tip account")
    return keys


def _decode_status(value: Json) -> BundleStatus:
    _, items = decode_context(value)
    [item] = decode_list(items, 1)
    found = decode_object(item)
    slot = found.get("landed_slot")
    return BundleStatus(
        stage=BundleStage(decode_text(found.get("status"))),
        slot=None if slot is None else decode_count(slot),
    )
