"""Committees' records: their rules, their ids, and what keys do to them."""

from dataclasses import replace
from itertools import pairwise

import pytest
from eth_hash.auto import keccak

from proofs import merkle
from proofs.committee import NO_END, Committee, InvalidCommittee, KeyLeaf, MemberKeys, MemberLeaf
from proofs.scheme import Scheme
from proofs.typed import describe, hash_struct, hash_text
from tests.proofs import keys, samples

FULL = keys.committee()
PLAIN = Committee.first(samples.DEPLOYMENT, FULL.members, 3)


def test_a_committee_of_addresses_alone_hashes_them_as_the_contracts_do() -> None:
    leaves = [hash_struct(KeyLeaf(index=i, key=key)) for i, key in enumerate(PLAIN.members)]
    assert PLAIN.keys_root == merkle.calculate_root(leaves)
    assert PLAIN.schemes == (Scheme.SECP256K1,)


def test_further_keys_are_hashed_beside_the_addresses() -> None:
    text = "MemberLeaf(uint32 index,address key,bytes32 ed25519Key,bytes32 blsKey)"
    assert describe(MemberLeaf).type_string == text
    leaves = [
        keccak(
            keccak(text.encode())
            + i.to_bytes(32, "big")
            + bytes.fromhex(FULL.members[i][2:]).rjust(32, b"\x00")
            + FULL.ed25519_keys[i]
            + keccak(FULL.bls_keys[i])
        )
        for i in range(4)
    ]
    assert FULL.keys_root == merkle.calculate_root(leaves)


def test_every_part_of_a_record_makes_another_id() -> None:
    others = (
        PLAIN,
        FULL,
        replace(FULL, ed25519_keys=()),
        replace(FULL, bls_keys=(), bls_proofs=()),
        replace(FULL, ed25519_keys=FULL.ed25519_keys[::-1]),
        replace(FULL, bls_keys=FULL.bls_keys[::-1], bls_proofs=FULL.bls_proofs[::-1]),
        replace(FULL, epoch=1),
        replace(FULL, threshold=4),
        replace(FULL, valid_from=1),
        replace(FULL, valid_until=NO_END - 1),
        replace(FULL, prev=bytes(32)),
    )
    assert len({each.id for each in others}) == len(others)


def test_members_are_put_in_order_with_their_keys() -> None:
    listed = [member.keys for member in keys.members(4)]
    assert Committee.first(samples.DEPLOYMENT, listed[::-1], 3) == FULL
    assert all(int(low, 16) < int(high, 16) for low, high in pairwise(FULL.members))


def test_the_next_committee_names_this_one_and_the_domain_tells_deployments_apart() -> None:
    successor = FULL.build_next(FULL.members, 3, valid_from=samples.NOW)
    assert (successor.epoch, successor.prev) == (1, FULL.id)
    assert successor.schemes == (Scheme.SECP256K1,)
    one, other = (successor.digest(hash_text(name)) for name in ("a", "b"))
    assert len({one, other, successor.id}) == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ed25519_keys": FULL.ed25519_keys[:3]}, "3 ed25519 keys for 4 members"),
        ({"ed25519_keys": (*FULL.ed25519_keys[:3], b"\x01")}, "has 32 bytes"),
        ({"ed25519_keys": FULL.ed25519_keys[:1] * 4}, "stands twice"),
        ({"bls_keys": FULL.bls_keys[:3]}, "3 BLS keys for 4 members"),
        ({"bls_keys": (*FULL.bls_keys[:3], FULL.bls_keys[0])}, "stands twice"),
        ({"bls_proofs": ()}, "proof of possession"),
        ({"bls_keys": ()}, "proof of possession"),
        ({"bls_proofs": FULL.bls_proofs[:3]}, "3 BLS proofs"),
        ({"prev": b""}, "prevCommitteeId"),
        ({"threshold": 2}, "two thirds"),
        ({"threshold": 5}, "two thirds"),
        ({"threshold": 0}, "two thirds"),
        ({"members": FULL.members[::-1]}, "ascend"),
        ({"valid_until": 0}, "validFrom"),
        ({"epoch": -1}, "64-bit"),
    ],
)
def test_a_record_that_breaks_a_rule_is_none(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidCommittee, match=reason):
        replace(FULL, **changes)  # type: ignore[arg-type] # wrong on purpose


def test_a_key_that_only_some_have_is_missed() -> None:
    listed = [member.keys for member in keys.members(4)]
    lacking = [*listed[:3], MemberKeys(address=listed[3].address, ed25519=listed[3].ed25519)]
    with pytest.raises(InvalidCommittee, match="3 BLS keys for 4 members"):
        Committee.first(samples.DEPLOYMENT, lacking, 3)
