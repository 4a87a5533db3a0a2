"""Typed data as other encoders see it, and what cannot be stated."""

import timeit
from dataclasses import fields, replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chains.model.price import PriceStatus
from chains.model.units import Usd
from proofs.build import StatementError, build_statement
from proofs.committee import CommitteeRecord, InvalidCommittee, KeyLeaf
from proofs.params import Params
from proofs.statement import AccountLeaf, BlockRef, HealthAttestation, PositionLeaf, PriceLeaf
from proofs.typed import (
    DOMAIN_NAME,
    DOMAIN_VERSION,
    Dataclass,
    EncodingError,
    describe,
    digest_struct,
    hash_struct,
    hash_text,
)
from tests.proofs import samples

SALT = hash_text(samples.DEPLOYMENT)
STRUCTS: tuple[type[Dataclass], ...] = (
    HealthAttestation,
    AccountLeaf,
    BlockRef,
    PositionLeaf,
    PriceLeaf,
    KeyLeaf,
    CommitteeRecord,
)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "bytes32": st.binary(min_size=32, max_size=32),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "int256": st.integers(-(2**255), 2**255 - 1),
} | {f"uint{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64, 256)}


def foreign_digest(value: Dataclass) -> bytes:
    """Give the digest as eth_account's own encoder makes it."""
    kind = describe(type(value))
    message = {}
    for member in kind.members:
        given_value = getattr(value, member.attribute)
        message[member.name] = hash_text(given_value) if member.is_text else given_value
    encoded = encode_typed_data(
        full_message={
            "domain": {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "salt": SALT},
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "salt", "type": "bytes32"},
                ],
                kind.name: [{"name": m.name, "type": m.kind} for m in kind.members],
            },
            "primaryType": kind.name,
            "message": message,
        }
    )
    assert encoded.body == hash_struct(value)
    return bytes(keccak(b"\x19" + encoded.version + encoded.header + encoded.body))


@pytest.mark.parametrize("struct", STRUCTS)
@given(data=st.data())
def test_another_encoder_gives_the_same_digest(
    struct: type[Dataclass], data: st.DataObject
) -> None:
    values: dict[str, Any] = {
        m.attribute: data.draw(st.text(max_size=20) if m.is_text else KINDS[m.kind])
        for m in describe(struct).members
    }
    value = struct(**values)
    assert foreign_digest(value) == digest_struct(value, SALT)


def test_the_type_strings_are_those_of_the_format() -> None:
    assert describe(HealthAttestation).type_string == (
        "HealthAttestation(uint16 schemaVersion,bytes32 audience,bytes32 accountSetRoot,"
        "bytes32 blockRefsRoot,bytes32 positionsRoot,bytes32 pricesRoot,bytes32 paramsHash,"
        "bytes32 zkCommitment,bytes32 committeeId,uint64 epoch,uint64 sequence,"
        "bytes32 prevDigest,uint64 issuedAt,uint64 expiresAt,uint64 minPriceTime,"
        "uint32 positionCount,uint8 status,uint32 accountCount,uint32 maxSkew,"
        "uint256 healthFactorE18,int256 netEquityE8)"
    )
    assert describe(AccountLeaf).type_string == (
        "AccountLeaf(uint32 index,bytes32 caip10,bytes32 salt)"
    )
    assert describe(BlockRef).type_string == (
        "BlockRef(uint32 index,bytes32 caip2,uint8 kind,uint64 height,bytes32 blockHash,"
        "bytes32 stateRoot,uint64 time,uint8 finality)"
    )
    assert describe(PositionLeaf).type_string == (
        "PositionLeaf(uint32 index,uint32 account,uint32 blockRef,uint32 price,bytes32 protocol,"
        "bytes32 market,bytes32 asset,uint8 side,uint256 amountRaw,uint8 decimals,uint16 ltvBps,"
        "uint16 liqThresholdBps,uint16 haircutBps,uint32 debtWeightBps,uint256 valueE8,"
        "uint8 evidence,bytes32 formula,bytes32 evidenceHash)"
    )
    assert describe(PriceLeaf).type_string == (
        "PriceLeaf(uint32 index,bytes32 asset,uint8 source,bytes32 feedId,uint256 priceE8,"
        "uint256 confE8,uint64 publishTime,uint32 heartbeat,uint8 evidence,bytes32 evidenceHash)"
    )


@pytest.mark.parametrize("field", [f.name for f in fields(HealthAttestation)])
def test_every_field_of_the_header_is_in_the_digest(field: str) -> None:
    made = samples.statement()
    value = getattr(made.header, field)
    changed = bytes([value[0] ^ 1]) + value[1:] if isinstance(value, bytes) else value ^ 1
    header = samples.alter(made.header, {field: changed})
    assert replace(made, header=header).digest != made.digest


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epoch": -1}, "HealthAttestation.epoch"),
        ({"sequence": 2**64}, "HealthAttestation.sequence"),
        ({"net_equity_e8": 2**255}, "HealthAttestation.netEquityE8"),
        ({"audience": b"\x01"}, "HealthAttestation.audience"),
    ],
)
def test_a_value_that_does_not_fit_is_named(changes: dict[str, object], named: str) -> None:
    header = samples.alter(samples.statement().header, changes)
    with pytest.raises(EncodingError, match=named):
        hash_struct(header)


def test_fields_that_later_issues_fill_are_zero() -> None:
    made = samples.statement()
    assert made.header.zk_commitment == bytes(32)
    assert made.header.params_hash == made.params.hash
    assert {leaf.evidence_hash for leaf in made.leaves.positions} == {bytes(32)}
    assert {leaf.evidence_hash for leaf in made.leaves.prices} == {bytes(32)}


def test_it_expires_with_its_first_price() -> None:
    terms = replace(samples.TERMS, ttl_s=7200)
    assert samples.statement(terms).header.expires_at == samples.NOW - 30 + 3600


def test_an_unknown_state_root_is_zero_and_a_chainlink_feed_a_caip_10_id() -> None:
    anchors = [replace(anchor, state_root=None) for anchor in samples.ANCHORS]
    made = build_statement(
        samples.TERMS,
        members=samples.MEMBERS,
        salt=samples.SALT,
        anchors=anchors,
        legs=samples.LEGS,
        prices=samples.PRICES,
        params=Params(),
    )
    assert made.leaves.blocks[0].state_root == bytes(32)
    assert made.leaves.prices[0].feed_id == f"eip155:31337:{samples.PRICES[0].feed}"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"status": PriceStatus.STALE}, "stale"),
        ({"usd": Usd(0)}, "price"),
        ({"published_at": samples.NOW - 3600}, "heartbeat"),
        ({"source": "rumour"}, "rumour"),
    ],
)
def test_a_price_nobody_stands_behind_is_not_stated(changes: dict[str, Any], named: str) -> None:
    prices = [replace(samples.PRICES[0], **changes), *samples.PRICES[1:]]
    with pytest.raises(StatementError, match=named):
        build_statement(
            samples.TERMS,
            members=samples.MEMBERS,
            salt=samples.SALT,
            anchors=samples.ANCHORS,
            legs=samples.LEGS,
            prices=prices,
            params=Params(),
        )


def test_blocks_too_far_apart_are_not_stated() -> None:
    with pytest.raises(StatementError, match="3 s apart"):
        samples.statement(replace(samples.TERMS, max_skew_s=2))


@pytest.mark.parametrize("price", [-1, 3])
def test_a_leg_must_name_a_price_that_is_given(price: int) -> None:
    with pytest.raises(StatementError, match="leg 0"):
        samples.statement(legs=[replace(samples.LEGS[0], price=price)])


@pytest.mark.parametrize("left_out", ["members", "anchors"])
def test_a_leg_must_name_an_account_and_a_block_that_are_given(left_out: str) -> None:
    lists: dict[str, Any] = {"members": samples.MEMBERS, "anchors": samples.ANCHORS}
    lists[left_out] = lists[left_out][1:]
    with pytest.raises(StatementError, match="leg 0"):
        build_statement(
            samples.TERMS,
            salt=samples.SALT,
            legs=samples.LEGS,
            prices=samples.PRICES,
            params=Params(),
            **lists,
        )


@pytest.mark.parametrize(("count", "threshold"), [(1, 0), (1, 2), (3, 2), (7, 4), (33, 33), (0, 0)])
def test_a_committee_needs_more_than_two_thirds(count: int, threshold: int) -> None:
    with pytest.raises(InvalidCommittee):
        samples.committee(count, threshold)


def test_the_committees_of_two_deployments_differ() -> None:
    assert samples.committee().id != samples.committee(deployment="elsewhere").id


def test_stating_a_typical_account_takes_well_under_two_milliseconds() -> None:
    seconds = min(timeit.repeat(lambda: samples.statement().digest, number=20, repeat=5)) / 20
    assert seconds < 0.002
