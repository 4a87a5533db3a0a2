"""What verifier.vy is given: committees, BLS keys and proofs as its arguments. Pure.

A point that was read from compressed bytes is on the curve and in the subgroup; the contract's
precompiles check that again. Source of every shape: contracts/verifier.vy.
"""

from typing import Final

from eth_hash.auto import keccak

from chains.model.ids import Address
from proofs import merkle
from proofs.bls.arkworks import read_key, read_signature
from proofs.committee import Committee
from proofs.scheme import Scheme, Signatures
from proofs.typed import WORD, ZERO, Dataclass, describe, hash_text

Terms = tuple[int, int, int, int, bytes]
"""Epoch, threshold, validFrom, validUntil, prevCommitteeId."""
Member = tuple[Address, bytes, bytes]
"""Address, ed25519 key and keccak256 of the BLS key, zero where there is none."""
Registration = tuple[bytes, int, bytes, tuple[int, ...], tuple[int, ...], tuple[bytes, ...]]
"""committeeId, index, ed25519 key, key, proof of possession, siblings."""
_NUMBER: Final = 48
_PADDED: Final = 64


def describe_terms(committee: Committee) -> Terms:
    """Give a committee's record without its keysRoot."""
    times = committee.valid_from, committee.valid_until
    return committee.epoch, committee.threshold, *times, committee.prev


def describe_members(committee: Committee) -> tuple[Member, ...]:
    """Give a committee's members in order."""
    return tuple(
        (
            member,
            committee.ed25519_keys[i] if committee.ed25519_keys else ZERO,
            bytes(keccak(committee.bls_keys[i])) if committee.bls_keys else ZERO,
        )
        for i, member in enumerate(committee.members)
    )


def build_constructor(
    deployment: str, committee: Committee, max_ttl_s: int
) -> tuple[bytes, Terms, tuple[Member, ...], int]:
    """Give what the verifier is deployed with; `committee` is the one it trusts from then on."""
    salt = hash_text(deployment)
    return salt, describe_terms(committee), describe_members(committee), max_ttl_s


def build_registration(committee: Committee, index: int) -> Registration:
    """Give what registers a member's BLS key; BadPoint when key or proof is no good point."""
    return (
        committee.id,
        index,
        committee.ed25519_keys[index] if committee.ed25519_keys else ZERO,
        _split(encode_key(committee.bls_keys[index])),
        _split(encode_signature(committee.bls_proofs[index])),
        merkle.build_path(committee.key_hashes, index),
    )


def describe_leaf(leaf: Dataclass) -> tuple[object, ...]:
    """Give a leaf's values, texts hashed: what `verify_position_leaf` and its like take."""
    values = (getattr(leaf, member.attribute) for member in describe(type(leaf)).members)
    return tuple(hash_text(value) if isinstance(value, str) else value for value in values)


def encode_proof(scheme: Scheme, signatures: Signatures) -> bytes:
    """Give the contract's proof: the signatures joined, or their sum as EIP-2537 writes it."""
    listed = [signature for _, signature in signatures]
    if scheme.aggregates:
        return b"".join(encode_signature(signature) for signature in listed[:1])
    return b"".join(listed)


def encode_key(raw: bytes) -> bytes:
    """Write a compressed BLS key as EIP-2537 does, 128 bytes; BadPoint when it is no good one."""
    return _pad(read_key(raw).to_xy_bytes_be())


def encode_signature(raw: bytes) -> bytes:
    """Write a compressed BLS signature as EIP-2537 does, 256 bytes; BadPoint as for keys."""
    return _pad(read_signature(raw).to_xy_bytes_be())


def _pad(coordinates: bytes) -> bytes:
    numbers = (coordinates[i : i + _NUMBER] for i in range(0, len(coordinates), _NUMBER))
    return b"".join(number.rjust(_PADDED, b"\0") for number in numbers)


def _split(point: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(point[i : i + WORD], "big") for i in range(0, len(point), WORD))
