"""What is signed: the health attestation, its leaves, its digest and how it is built.

The canonical form is EIP-712 typed data in a domain without chain or contract, salted with
keccak(deployment id); one 32-byte digest serves every signature scheme. Leaves carry the texts
(CAIP ids, names) whose keccak is signed; `params_hash` covers what it is judged by
(proofs.params), `evidence_hash` what proves a leaf (proofs.evidence). Zero today and opaque to
verifiers: `zk_commitment`. docs/attestations.md is the format for implementers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from eth_hash.auto import keccak

from chains.model.health import Health, WeightedLeg, calculate_health
from chains.model.ids import AccountId
from chains.model.position import Side
from chains.model.units import Bps, Usd, value_down, value_up
from proofs import merkle
from proofs.committee import Committee
from proofs.params import Params
from proofs.typed import (
    WORD,
    Bytes32,
    Dataclass,
    Int256,
    Text,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    UInt256,
    digest_struct,
    hash_struct,
    hash_text,
)

SCHEMA_VERSION: Final = 1
NO_DEBT_FACTOR: Final = 2**256 - 1


class Status(IntEnum):
    """Whether the health factor is defined."""

    OWING = 0
    NO_DEBT = 1


class Evidence(IntEnum):
    """How strongly a leaf is backed."""

    PROVED = 1
    ORACLE_SIGNED = 2
    QUORUM_READ = 3
    PUBLISHER_SIGNED = 4


class BlockKind(IntEnum):
    """What a block reference's height and hashes mean."""

    EVM = 0
    SOLANA = 1


class Source(IntEnum):
    """Which kind of oracle gave a price.

    There is none for a number that a protocol keeps itself: it has no publisher and no age.
    """

    CHAINLINK = 1
    PYTH = 2
    REDSTONE = 3
    SWITCHBOARD = 4
    SCOPE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthAttestation:
    """The signed header. Times in seconds; `max_skew` in seconds bounds the blocks' times."""

    schema_version: UInt16
    audience: Bytes32
    account_set_root: Bytes32
    block_refs_root: Bytes32
    positions_root: Bytes32
    prices_root: Bytes32
    params_hash: Bytes32
    zk_commitment: Bytes32
    committee_id: Bytes32
    epoch: UInt64
    sequence: UInt64
    prev_digest: Bytes32
    issued_at: UInt64
    expires_at: UInt64
    min_price_time: UInt64
    position_count: UInt32
    status: UInt8
    account_count: UInt32
    max_skew: UInt32
    health_factor_e18: UInt256
    net_equity_e8: Int256


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLeaf:
    """A member account (CAIP-10) blinded by the margin account's salt."""

    index: UInt32
    caip10: Text
    salt: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRef:
    """A block that was read (chain as CAIP-2); `state_root` is zero where it is not known.

    On Solana `height` is the slot and `block_hash` the digest of the accounts that were read in it
    (chains.solana.accounts): no node says what a slot's hash or state root is.
    """

    index: UInt32
    caip2: Text
    kind: UInt8
    height: UInt64
    block_hash: Bytes32
    state_root: Bytes32
    time: UInt64
    finality: UInt8


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLeaf:
    """One leg of one position; `account`, `block_ref` and `price` are indices of other leaves.

    `market` names the market's account, or the position's own where a wallet may have several in a
    market. `value_e8` is amount x price, rounded down for collateral and up for the other sides.
    """

    index: UInt32
    account: UInt32
    block_ref: UInt32
    price: UInt32
    protocol: Text
    market: Text
    asset: Text
    side: UInt8
    amount_raw: UInt256
    decimals: UInt8
    ltv_bps: UInt16
    liq_threshold_bps: UInt16
    haircut_bps: UInt16
    debt_weight_bps: UInt32
    value_e8: UInt256
    evidence: UInt8
    formula: Text
    evidence_hash: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLeaf:
    """USD x 1e8 per whole token; `feed_id` is the feed's CAIP-10 text or its network's own id.

    `asset` is what the feed prices. Where a leg is of another form, staked with a ratio, the price
    is the leg's: the feed's number converted by the two ratios.
    """

    index: UInt32
    asset: Text
    source: UInt8
    feed_id: Text
    price_e8: UInt256
    conf_e8: UInt256
    publish_time: UInt64
    heartbeat: UInt32
    evidence: UInt8
    evidence_hash: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """All leaves of one statement, each list in index order."""

    accounts: tuple[AccountLeaf, ...]
    blocks: tuple[BlockRef, ...]
    positions: tuple[PositionLeaf, ...]
    prices: tuple[PriceLeaf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A header with everything it commits to."""

    deployment: str
    committee: Committee
    header: HealthAttestation
    leaves: Leaves
    params: Params

    @property
    def salt(self) -> bytes:
        """The domain's salt."""
        return hash_text(self.deployment)

    @property
    def digest(self) -> bytes:
        """The 32 bytes that every scheme signs."""
        return digest_struct(self.header, self.salt)


def hash_audience(consumer: AccountId) -> bytes:
    """Give the audience that binds an attestation to one consuming contract on one EVM chain.

    keccak256(abi_encode(chain number, address)), as the contract sees its caller.
    """
    number = consumer.chain.evm_number.to_bytes(WORD, "big")
    address = bytes.fromhex(consumer.evm_address[2:]).rjust(WORD, b"\x00")
    return bytes(keccak(number + address))


def calculate_leaves_root(leaves: Sequence[Dataclass]) -> bytes:
    """Give the Merkle root over typed leaves."""
    return merkle.calculate_root([hash_struct(leaf) for leaf in leaves])


def calculate_value(side: int, amount_raw: int, price: int, decimals: int) -> Usd:
    """Give a leg's value against the account: collateral rounded down, the rest up."""
    if side == Side.COLLATERAL:
        return value_down(amount_raw, Usd(price), decimals)
    return value_up(amount_raw, Usd(price), decimals)


def weigh_position(leaf: PositionLeaf) -> WeightedLeg:
    """Give what a position leaf enters the health formula with."""
    return WeightedLeg(
        side=Side(leaf.side),
        value=Usd(leaf.value_e8),
        liquidation_threshold=Bps(leaf.liq_threshold_bps),
        haircut=Bps(leaf.haircut_bps),
        debt_weight=Bps(leaf.debt_weight_bps),
    )


def calculate_leaves_health(positions: Sequence[PositionLeaf]) -> Health:
    """Give the health that the leaves add up to; ValueError on a weight out of its range."""
    return calculate_health(weigh_position(leaf) for leaf in positions)


def state_health(health: Health) -> tuple[Status, int]:
    """Give the signed status and factor; without debt the factor is 2**256−1."""
    factor = health.factor
    if factor is None:
        return Status.NO_DEBT, NO_DEBT_FACTOR
    return Status.OWING, factor
