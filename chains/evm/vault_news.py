"""What a vault's logs tell a committee: facts that were written, and where accounts have anything.

A fact's log gives what its key is made of (contracts/vault/facts.vy) and, but for what a debt chain
says of an order, which chain's contracts take it. Its value is read from the word itself, at a
final block. Sources: contracts/vault/accounts.vy, lines.vy and seizure.vy. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chains.evm.decode import Log
from chains.evm.protocols.plimsoll_vault.events import TOPICS as ACCOUNT_TOPICS
from chains.model.ids import Address

_ORDER: Final = "(uint64,uint64,bytes32,uint8,uint8,uint256,uint256,uint256,uint16,uint64,uint256)"
_RECEIPT: Final = "(bytes32,uint32,address,uint256,uint256)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact that a log tells of: its kind, as facts.vy names it, and the rest of its key.

    `consumer` is the chain whose contracts take it, 0 where the order's lock says which.
    """

    kind: str
    subject: bytes
    numbers: tuple[int, ...]
    consumer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultNews:
    """What one log tells: `account` has something on the chains `at` (EIP-155 numbers).

    `borrows` says that it owes on the log's chain since.
    """

    source: Address
    height: int
    account: bytes
    at: frozenset[int]
    borrows: bool = False
    fact: Fact | None = None


Tell = Callable[[int, Log], Fact]


def _raised(chain: int, log: Log) -> Fact:
    to, asset = _number(log.topics[2]), _number(log.topics[3])
    return Fact(kind="RAISED", subject=log.topics[1], numbers=(chain, to, asset), consumer=to)


def _lowered(chain: int, log: Log) -> Fact:
    lender, asset = _number(log.topics[2]), _number(log.topics[3])
    numbers = (lender, chain, asset)
    return Fact(kind="LOWERED", subject=log.topics[1], numbers=numbers, consumer=lender)


def _linked(chain: int, log: Log) -> Fact:
    del chain
    other = _number(log.topics[2])
    return Fact(kind="LINKED", subject=log.topics[1], numbers=(other,), consumer=other)


def _locked(chain: int, log: Log) -> Fact:
    order, _ = decode([_ORDER, "uint256"], log.data)
    if order[0] != chain:
        raise ValueError(f"an order of chain {order[0]} was locked on chain {chain}")
    return Fact(kind="LOCK", subject=log.topics[2], numbers=(), consumer=order[1])


def _filled(chain: int, log: Log) -> Fact:
    del chain
    receipt, _, _ = decode([_RECEIPT, "address", "uint256"], log.data)
    return Fact(kind="RECEIPT", subject=log.topics[2], numbers=(receipt[1],), consumer=0)


def _closed(chain: int, log: Log) -> Fact:
    del chain
    return Fact(kind="CLOSED", subject=log.topics[2], numbers=(), consumer=0)


def _topic(signature: str) -> bytes:
    return bytes(keccak(text=signature))


_FACTS: Final[Mapping[bytes, Tell]] = {
    _topic("LineRaised(bytes32,uint64,uint8,uint256,uint256)"): _raised,
    _topic("LineLowered(bytes32,uint64,uint8,uint256,uint256)"): _lowered,
    _topic("LinkAnnounced(bytes32,uint64,address,uint256)"): _linked,
    _topic(f"Locked(bytes32,bytes32,{_ORDER},uint256)"): _locked,
    _topic(f"Filled(bytes32,bytes32,{_RECEIPT},address,uint256)"): _filled,
    _topic("Closed(bytes32,bytes32,uint256)"): _closed,
}
FACT_TOPICS: Final = tuple(_FACTS)
"""The first topics of the events that tell of facts."""
TOPICS: Final = tuple(dict.fromkeys((*_FACTS, *ACCOUNT_TOPICS)))
"""What to ask a node for."""
_BORROWED: Final = _topic("Borrowed(bytes32,uint8,address,uint256)")
_TWO_ENDED: Final = frozenset({"RAISED", "LOWERED", "LINKED", "LOCK"})


def decode_news(chain: int, log: Log) -> VaultNews:
    """Decode a log of the vault or its seizure on a chain; ValueError for any other."""
    if len(log.topics) < 2 or log.topics[0] not in TOPICS:  # noqa: PLR2004 - the event, its account
        raise ValueError(f"log {log.index} of block {log.height} is no event of an account")
    tell = _FACTS.get(log.topics[0])
    try:
        fact = tell(chain, log) if tell else None
    except (DecodingError, IndexError) as error:
        raise ValueError(f"log {log.index} of block {log.height}: {error}") from error
    ends = {fact.consumer} if fact and fact.kind in _TWO_ENDED else set()
    return VaultNews(
        source=log.address,
        height=log.height,
        account=log.topics[1],
        at=frozenset({chain, *ends}),
        borrows=log.topics[0] == _BORROWED,
        fact=fact,
    )


def _number(topic: bytes) -> int:
    return int.from_bytes(topic, "big")
