"""What the vault and seizure contracts tell of accounts: their events, decoded. Pure.

Every one of these events names the account first. Source: contracts/vault/vault.vy, accounts.vy,
lines.vy, quantities.vy and seizure.vy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chains.evm.decode import Log
from chains.evm.protocols.plimsoll_vault.contracts import ORDER, RECEIPT

_WORD: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEvent:
    """One event of an account on one chain, with its arguments by name."""

    name: str
    account: bytes
    values: Mapping[str, Any]
    height: int
    index: int
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class _Shape:
    """An event's arguments after the account, as `type name`: the indexed ones, then the data."""

    name: str
    indexed: tuple[str, ...]
    data: tuple[str, ...] = ()

    @property
    def topic(self) -> bytes:
        types = [_split(argument)[0] for argument in (*self.indexed, *self.data)]
        return bytes(keccak(text=f"{self.name}({','.join(['bytes32', *types])})"))

    def decode(self, log: Log) -> dict[str, Any]:
        indexed = [_split(argument) for argument in self.indexed]
        data = [_split(argument) for argument in self.data]
        values = {
            name: decode([kind], topic)[0]
            for (kind, name), topic in zip(indexed, log.topics[2:], strict=True)
        }
        decoded = decode([kind for kind, _ in data], log.data)
        return values | dict(zip((name for _, name in data), decoded, strict=True))


def _split(argument: str) -> tuple[str, str]:
    kind, _, name = argument.rpartition(" ")
    return kind, name


_MOVED: Final = ("uint8 asset", "address who")
_UNITS: Final = ("uint256 units",)
_ID: Final = ("bytes32 id",)
_ASSET: Final = ("uint8 asset",)
_PART: Final = ("uint8 asset", "uint256 provision")
_SHAPES: Final = (
    _Shape("Opened", ("address owner",), ("bytes32 user_salt",)),
    _Shape("LinkAnnounced", ("uint64 chain", "address owner"), ("uint256 nonce",)),
    _Shape("Linked", ("address owner",)),
    _Shape("Unlinked", ()),
    _Shape("Deposited", _MOVED, _UNITS),
    _Shape("Withdrawn", _MOVED, _UNITS),
    _Shape("Borrowed", _MOVED, _UNITS),
    _Shape("Repaid", _MOVED, _UNITS),
    _Shape("LineRaised", ("uint64 to", "uint8 asset"), ("uint256 units", "uint256 raised")),
    _Shape("LineLowered", ("uint64 from", "uint8 asset"), ("uint256 units", "uint256 lowered")),
    _Shape("LineTaken", ("uint64 chain", "uint8 asset"), ("bool incoming", "uint256 told")),
    _Shape("QuantitiesPosted", (), ("uint64 sequence", "uint64 issued_at")),
    _Shape("Locked", _ID, (f"{ORDER} order", "uint256 health")),
    _Shape("Registered", _ID),
    _Shape("Filled", _ID, (f"{RECEIPT} receipt", "address payer", "uint256 extra")),
    _Shape("Closed", _ID, ("uint256 closed",)),
    _Shape("Claimed", _ID, ("uint32 index", "address to", "uint256 units", "uint256 waiting")),
    _Shape("Released", _ID, _UNITS),
    _Shape(
        "Liquidated",
        (),
        (
            "uint8 collateral_asset",
            "uint8 debt_asset",
            "uint256 repaid",
            "uint256 taken",
            "uint256 bonus_bps",
            "uint256 health",
            "address payer",
        ),
    ),
    _Shape("Provided", _ASSET, _UNITS),
    _Shape("Provided", (), (*_PART, "uint256 ready_at")),
    _Shape("Unprovided", _ASSET, _UNITS),
    _Shape("Unprovided", (), _PART),
    _Shape("WrittenDown", _ASSET, (*_UNITS, "uint256 borne_by_lenders")),
    _Shape("WrittenDown", (), _PART),
)
"""Provisions are told of twice: by the vault, and by the seizure, whose shape is the second."""
_BY_TOPIC: Final = {(shape.topic, len(shape.indexed) + 2): shape for shape in _SHAPES}
TOPICS: Final = tuple(dict.fromkeys(shape.topic for shape in _SHAPES))
"""What to ask a node for: the first topics of all events here."""
TOPIC_OF: Final = {shape.name: shape.topic for shape in _SHAPES}
"""The first topic of each event by its name: of those told twice, the seizure's."""


def decode_event(log: Log) -> VaultEvent:
    """Decode a log of the vault or its seizure; ValueError for any other."""
    shape = _BY_TOPIC.get((log.topics[0], len(log.topics))) if log.topics else None
    if shape is None:
        raise ValueError(f"log {log.index} of {log.address} is no event of an account")
    try:
        values = shape.decode(log)
    except DecodingError as error:
        raise ValueError(f"{shape.name} carries strange bytes: {error}") from error
    return VaultEvent(
        name=shape.name,
        account=log.topics[1],
        values=values,
        height=log.height,
        index=log.index,
        tx_hash=log.tx_hash,
    )
