"""What a committee says of vaults, finalised facts and quantities, and how both are named.

A fact is one storage word of a vault's contract that only ever grows or is written once; a key
says which. Quantities are what an account has on each chain at finalised blocks. Both are EIP-712
structs in a domain of their own, salted with keccak(deployment id), so that no signature for a
health attestation or a message passes for one. Source of every shape: the contracts beside
chains/evm/contracts/vault; docs/vaults.md is the format for implementers.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from eth_hash.auto import keccak

from chains.model.ids import Address
from proofs.typed import (
    WORD,
    AddressWord,
    Bytes32,
    Dataclass,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    UInt256,
    UInt256List,
    describe,
    digest_struct,
    hash_struct,
    hash_text,
)

DOMAIN_NAME: Final = "Plimsoll/VaultStatement"
MAX_ASSETS: Final = 8
MAX_CHAINS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultFact:
    """At finalised block `height` of a chain the contract `source` has facts[key] == value."""

    committee_id: Bytes32
    chain_id: UInt64
    source: AddressWord
    key: Bytes32
    value: UInt256
    height: UInt64


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainQuantities:
    """What an account has on a chain at finalised block `height`, of that `time` (seconds).

    Arrays go by asset number, in wad units: collateral rounded down, debts up. `added` and `repaid`
    are top-ups in newer blocks; `ordered_e8` is what open orders may still repay (USD x 1e8).
    """

    chain_id: UInt64
    height: UInt64
    time: UInt64
    collateral: UInt256List
    debt: UInt256List
    locked: UInt256List
    added: UInt256List
    repaid: UInt256List
    ordered_e8: UInt256
    lines_in: UInt256List


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultQuantities:
    """What an account has, chains ascending; a chain that could not be read is left out."""

    committee_id: Bytes32
    account: Bytes32
    sequence: UInt64
    issued_at: UInt64
    chains: Annotated[tuple[ChainQuantities, ...], "ChainQuantities[]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A liquidation across two chains: units locked, buffer included, for a value (USD x 1e8).

    `line_units` of them were lent to the debt chain, which takes them out of the line.
    """

    collateral_chain: UInt64
    debt_chain: UInt64
    account: Bytes32
    collateral_asset: UInt8
    debt_asset: UInt8
    units: UInt256
    line_units: UInt256
    value_e8: UInt256
    bonus_bps: UInt16
    expiry: UInt64
    nonce: UInt256

    @property
    def id(self) -> bytes:
        """The name of the order, which is also the value of its LOCK fact."""
        return hash_struct(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A fill: debt units repaid, their value then, and who is paid on the collateral chain."""

    order: Bytes32
    index: UInt32
    to: AddressWord
    units: UInt256
    value_e8: UInt256

    @property
    def hash(self) -> bytes:
        """The value of its RECEIPT fact."""
        return hash_struct(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultLink:
    """An account's first owner names the owner on another chain."""

    account: Bytes32
    chain_id: UInt64
    owner: AddressWord
    nonce: UInt256


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultChainLost:
    """A chain is lost for good: what is there counts as nothing once the notaries' delay is over.

    No daemon says so; the members' operators sign it, each by himself.
    """

    committee_id: Bytes32
    chain_id: UInt64
    issued_at: UInt64


Said = VaultFact | VaultQuantities
"""What a committee signs."""


class FactKind(StrEnum):
    """What a fact says."""

    RAISED = "RAISED"
    LOWERED = "LOWERED"
    LINKED = "LINKED"
    LOCK = "LOCK"
    RECEIPT = "RECEIPT"
    CLOSED = "CLOSED"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of what the key is made of, the 32 bytes first and then the numbers."""
        return _ARGUMENTS[self]


_LINE: Final = ("account", "from", "to", "asset")
_ARGUMENTS: Final = {
    FactKind.RAISED: _LINE,
    FactKind.LOWERED: _LINE,
    FactKind.LINKED: ("account", "chain"),
    FactKind.LOCK: ("order",),
    FactKind.RECEIPT: ("order", "index"),
    FactKind.CLOSED: ("order",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FactKey:
    """Which word of a contract a fact is: `subject` is an account or an order.

    `numbers` follow it as the kind names them: chains, an asset, a receipt's index.
    """

    kind: FactKind
    subject: bytes
    numbers: tuple[int, ...] = ()

    @property
    def hash(self) -> bytes:
        """The key: keccak256(abi_encode(keccak256(kind's name), subject, numbers…))."""
        words = (number.to_bytes(WORD, "big") for number in self.numbers)
        return bytes(keccak(hash_text(self.kind.value) + self.subject + b"".join(words)))


def name_account(salt: bytes, home_chain: int, first_owner: Address, user_salt: bytes) -> bytes:
    """Give an account's id: the same on every chain, and nobody else's."""
    words = (salt, home_chain.to_bytes(WORD, "big"), _word(first_owner), user_salt)
    return bytes(keccak(hash_text("PlimsollVaultAccount") + b"".join(words)))


def digest_vault(said: Said | VaultLink | VaultChainLost, salt: bytes) -> bytes:
    """Give the 32 bytes that are signed, in the domain of a deployment's salt."""
    return digest_struct(said, salt, DOMAIN_NAME)


def build_arguments(value: Dataclass) -> tuple[object, ...]:
    """Give a struct as the contracts take it: its members in order, structs as tuples."""
    return tuple(
        tuple(build_arguments(item) for item in given) if m.items and m.items.struct else given
        for m in describe(type(value)).members
        for given in [getattr(value, m.attribute)]
    )


def _word(address: Address) -> bytes:
    return bytes.fromhex(address[2:]).rjust(WORD, b"\0")
