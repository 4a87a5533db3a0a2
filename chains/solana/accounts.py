"""Many accounts in one `getMultipleAccounts`: plans are pure, only `read` does I/O.

Solana cannot be read at a slot of one's choice, and its RPC gives no bank hash. So one call with
the Clock among its keys mints the anchor: its slot is the call's context slot, its time the
Clock's, its hash the digest of everything that was read. Two readers that saw the same bytes at
the same slot have the same anchor.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from solders.pubkey import Pubkey

from chains.errors import ChainError, DecodeError, Stale
from chains.model.anchor import BlockAnchor, Finality
from chains.model.ids import ChainId

CLOCK: Final = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
SYSVAR_OWNER: Final = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
MAX_KEYS: Final = 100
"""What a node takes in one `getMultipleAccounts`."""
_CLOCK: Final = struct.Struct("<QqQQq")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


class PlanTooLarge(ChainError):
    """A plan asks for more accounts than one call gives, so no anchor can be minted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAccount:
    """An account as the chain holds it."""

    key: Pubkey
    owner: Pubkey
    lamports: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan(Generic[T_co]):
    """The accounts to read and how to decode them; one that does not exist is None.

    `decode` gets at least the plan's own keys, and raises DecodeError, or ValueError, on bad data.
    """

    keys: tuple[Pubkey, ...]
    decode: Callable[[Mapping[Pubkey, RawAccount | None]], T_co]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsRead:
    """What one call saw: the accounts in the order of the keys, and the slot they stood at."""

    slot: int
    finality: Finality
    accounts: tuple[RawAccount | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRead:
    """What one call saw, by key: what a committee's proposer hands out for others to value."""

    chain: ChainId
    slot: int
    finality: Finality
    accounts: Mapping[Pubkey, RawAccount | None]

    @property
    def anchor(self) -> BlockAnchor:
        """The anchor of what was seen, which minted it.

        Raises Stale when the Clock was not written in the slot answered (the node then names a new
        slot and gives old accounts), DecodeError without a Clock.
        """
        try:
            clock = decode_clock(self.accounts.get(CLOCK))
        except ValueError as error:
            raise DecodeError(self.chain, str(error)) from error
        if clock.slot != self.slot:
            raise Stale(self.chain, f"accounts of slot {clock.slot} answered as slot {self.slot}")
        return BlockAnchor(
            chain=self.chain,
            height=self.slot,
            hash=digest_accounts(self.slot, self.accounts),
            time=clock.unix_timestamp,
            finality=self.finality,
        )

    def agrees(self, other: "SlotRead") -> bool:
        """Say whether another read saw the same in all these accounts but the Clock."""
        return self.find_difference(other) is None

    def find_difference(self, other: "SlotRead") -> Pubkey | None:
        """Give the first of these accounts, but the Clock, that another read saw otherwise."""
        for key, account in self.accounts.items():
            if key != CLOCK and (key not in other.accounts or other.accounts[key] != account):
                return key
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTime:
    """The Clock sysvar: the slot it was written in, its epoch and the cluster's unix time."""

    slot: int
    unix_timestamp: int
    epoch: int = 0


class AccountReader(Protocol):
    """What `read` needs of a client."""

    @property
    def chain(self) -> ChainId:
        """The chain served."""
        ...

    async def read_accounts(self, keys: Sequence[Pubkey], *, min_slot: int = 0) -> AccountsRead:
        """Read accounts in one call, at `min_slot` or later."""
        ...


def combine(plans: Sequence[AccountPlan[Any]]) -> AccountPlan[tuple[Any, ...]]:
    """Give one plan that yields the plans' results, in order; each key is asked for once."""
    parts = tuple(plans)
    keys = tuple(dict.fromkeys(key for part in parts for key in part.keys))
    return AccountPlan(keys=keys, decode=lambda found: tuple(p.decode(found) for p in parts))


def map_plan(plan: AccountPlan[T], f: Callable[[T], U]) -> AccountPlan[U]:
    """Give the plan whose result is `f` of this plan's result."""
    decode = plan.decode
    return AccountPlan(keys=plan.keys, decode=lambda found: f(decode(found)))


async def read(
    client: AccountReader, plan: AccountPlan[T], *, min_slot: int
) -> tuple[BlockAnchor, T]:
    """Run a plan in one call at `min_slot` or later, and mint its anchor.

    Raises ChainError: PlanTooLarge over 99 accounts (the Clock is the hundredth), Stale where no
    endpoint has reached the slot or the Clock is not of the slot answered, DecodeError.
    """
    seen = await read_slot(client, plan.keys, min_slot=min_slot)
    return seen.anchor, decode_slot(plan, seen)


async def read_slot(client: AccountReader, keys: Sequence[Pubkey], *, min_slot: int) -> SlotRead:
    """Read these accounts and the Clock in one call; ChainError as `read` says."""
    keys = tuple(dict.fromkeys((CLOCK, *keys)))
    if len(keys) > MAX_KEYS:
        raise PlanTooLarge(
            client.chain,
            f"a read of {len(keys)} accounts, {MAX_KEYS} fit into one call:"
            " link fewer accounts or markets on this chain",
        )
    seen = await client.read_accounts(keys, min_slot=min_slot)
    return _name_accounts(client.chain, keys, seen)


def decode_slot(plan: AccountPlan[T], seen: SlotRead) -> T:
    """Decode a plan from what one call saw; DecodeError, also where an account is not in it."""
    if absent := [str(key) for key in plan.keys if key not in seen.accounts]:
        raise DecodeError(seen.chain, f"account {absent[0]} was not read")
    try:
        return plan.decode(seen.accounts)
    except ValueError as error:
        raise DecodeError(seen.chain, f"unexpected account: {error}") from error


def mint_anchor(chain: ChainId, keys: Sequence[Pubkey], seen: AccountsRead) -> BlockAnchor:
    """Give the anchor of what one call saw, the Clock among its keys; see `SlotRead.anchor`."""
    return _name_accounts(chain, keys, seen).anchor


def _name_accounts(chain: ChainId, keys: Sequence[Pubkey], seen: AccountsRead) -> SlotRead:
    accounts = dict(zip(keys, seen.accounts, strict=True))
    return SlotRead(chain=chain, slot=seen.slot, finality=seen.finality, accounts=accounts)


def digest_accounts(slot: int, accounts: Mapping[Pubkey, RawAccount | None]) -> bytes:
    """Give the SHA-256 over the slot and then, in ascending order of the keys, each account.

    An account is key, owner, lamports, data length and data (numbers u64 little-endian). One that
    does not exist is what the chain takes it for: owned by the system program, empty, 0 lamports.
    """
    digest = hashlib.sha256(struct.pack("<Q", slot))
    for key in sorted(accounts, key=bytes):
        account = accounts[key]
        owner, lamports, data = (
            (bytes(32), 0, b"")
            if account is None
            else (bytes(account.owner), account.lamports, account.data)
        )
        digest.update(bytes(key) + owner + struct.pack("<QQ", lamports, len(data)) + data)
    return digest.digest()


def decode_clock(account: RawAccount | None) -> ClockTime:
    """Decode the Clock sysvar; ValueError on anything else."""
    if account is None or account.owner != SYSVAR_OWNER or len(account.data) != _CLOCK.size:
        raise ValueError("the Clock sysvar is missing or not a Clock")
    slot, _, epoch, _, unix_timestamp = _CLOCK.unpack(account.data)
    return ClockTime(slot=slot, unix_timestamp=unix_timestamp, epoch=epoch)
