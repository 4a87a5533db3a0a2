"""Offline verification: what is accepted, and one test for each reason of refusal."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.model.position import Side
from chains.model.units import WAD, Bps
from proofs.build import build_statement
from proofs.committee import Committee
from proofs.document import Document, decode_document, encode_document
from proofs.params import Params
from proofs.recover import ORDER
from proofs.refusal import Refusal, Refused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.statement import (
    NO_DEBT_FACTOR,
    HealthAttestation,
    Leaves,
    Statement,
    Status,
    calculate_leaves_root,
)
from proofs.verify import Expected, verify_document, verify_file
from tests.proofs import samples
from tests.proofs.conftest import audience_of
from tests.proofs.samples import NOW

ANY = Expected()
STRANGER = Secp256k1Signer(b"\x01" * 32)
AUDIENCE = audience_of(31337, "0x" + "01" * 20)


def signed(made: Statement, indices: tuple[int, ...] = (0,), count: int = 1) -> Document:
    return Document(statement=made, signatures=samples.sign(made, indices, count))


def with_header(made: Statement, **changes: object) -> Statement:
    return replace(made, header=samples.alter(made.header, changes))


def with_leaves(made: Statement, **changes: object) -> Statement:
    """State changed leaves as a dishonest publisher would: all sums and roots agree."""
    values: dict[str, Any] = dict(changes)
    leaves: Leaves = replace(made.leaves, **values)
    return samples.restate(replace(made, leaves=leaves))


def with_leaf(made: Statement, kind: str, index: int, /, **changes: object) -> Statement:
    values: dict[str, Any] = dict(changes)
    leaves = list(getattr(made.leaves, kind))
    leaves[index] = replace(leaves[index], **values)
    return with_leaves(made, **{kind: tuple(leaves)})


def refusal(document: Document, expected: Expected = ANY, now: int = NOW) -> Refusal:
    with pytest.raises(Refused) as caught:
        verify_file(encode_document(document), expected, now=now)
    assert "\n" not in str(caught.value)
    return caught.value.refusal


def test_a_good_attestation_is_accepted_and_its_health_is_recomputed() -> None:
    made = samples.statement()
    verdict = verify_file(encode_document(signed(made)) + b"\n", ANY, now=NOW)
    assert verdict.digest == made.digest
    assert verdict.signers == samples.committee().members
    assert not verdict.pinned
    collateral = 20_000 * 10**8 * 8250 // 10**4 + 6_000_000_600 * 100 * 7500 * 9900 // 10**8
    requirement = -(-(9_000 * 10**8 + 100) * 10_100 // 10**4)
    assert verdict.health.collateral == collateral
    assert verdict.health.requirement == requirement
    assert made.header.health_factor_e18 == collateral * WAD // requirement
    assert made.header.net_equity_e8 == collateral - requirement


def test_what_the_verifier_expects_is_accepted() -> None:
    made = with_header(samples.statement(), audience=AUDIENCE)
    committee = made.committee
    expected = Expected(
        deployment=samples.DEPLOYMENT,
        audience=AUDIENCE,
        committee_id=committee.id,
        members=frozenset(committee.members),
    )
    assert verify_document(signed(made), expected, now=NOW).pinned


def test_an_account_without_debt_has_no_factor() -> None:
    made = samples.statement(legs=samples.LEGS[:2])
    assert made.header.status == Status.NO_DEBT
    assert made.header.health_factor_e18 == NO_DEBT_FACTOR
    assert verify_document(signed(made), ANY, now=NOW).health.factor is None


def test_an_empty_account_can_be_stated() -> None:
    made = build_statement(
        samples.TERMS,
        members=(),
        salt=samples.SALT,
        anchors=(),
        legs=(),
        prices=(),
        params=Params(),
    )
    assert made.header.net_equity_e8 == 0
    verify_document(signed(made), ANY, now=NOW)


def test_a_quorum_of_a_larger_committee_is_accepted() -> None:
    made = samples.statement(samples.terms_of(7, 5))
    verdict = verify_document(signed(made, (0, 2, 3, 5, 6), 7), ANY, now=NOW)
    assert verdict.signers == tuple(made.committee.members[i] for i in (0, 2, 3, 5, 6))


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (Expected(deployment="elsewhere"), Refusal.DEPLOYMENT),
        (Expected(committee_id=b"\x01" * 32), Refusal.COMMITTEE),
        (Expected(members=frozenset(samples.committee(2, 2).members)), Refusal.COMMITTEE),
        (Expected(max_ttl_s=59), Refusal.TTL),
        (Expected(max_skew_s=29), Refusal.SKEW),
    ],
)
def test_what_the_verifier_does_not_expect_is_refused(expected: Expected, reason: Refusal) -> None:
    assert refusal(signed(samples.statement()), expected) is reason


def test_a_foreign_deployment_is_refused_even_when_it_poses_as_ours() -> None:
    terms = replace(
        samples.TERMS,
        deployment="elsewhere",
        committee=samples.committee(deployment="elsewhere"),
    )
    foreign = signed(samples.statement(terms))
    assert refusal(foreign, Expected(deployment=samples.DEPLOYMENT)) is Refusal.DEPLOYMENT
    posing = replace(foreign.statement, deployment=samples.DEPLOYMENT)
    assert refusal(replace(foreign, statement=posing)) is Refusal.SIGNATURE


@pytest.mark.parametrize("audience", [AUDIENCE, b"\x01" * 32])
def test_another_consumers_attestation_is_refused(audience: bytes) -> None:
    made = with_header(samples.statement(), audience=audience)
    own = Expected(audience=audience_of(31338, "0x" + "01" * 20))
    assert refusal(signed(made)) is Refusal.AUDIENCE
    assert refusal(signed(made), own) is Refusal.AUDIENCE


@pytest.mark.parametrize(
    ("now", "reason"), [(NOW + 61, Refusal.EXPIRED), (NOW - 16, Refusal.FUTURE)]
)
def test_an_attestation_is_good_for_its_time_only(now: int, reason: Refusal) -> None:
    document = signed(samples.statement())
    assert refusal(document, now=now) is reason
    for good in (NOW + 60, NOW - 15):
        verify_document(document, ANY, now=good)


def test_a_life_that_ends_before_it_begins_is_refused() -> None:
    made = with_header(samples.statement(), issued_at=NOW + 10, expires_at=NOW + 9)
    assert refusal(signed(made)) is Refusal.TTL


def test_prices_must_be_fresh_for_their_own_heartbeat() -> None:
    stale = with_leaf(samples.statement(), "prices", 1, heartbeat=29)
    assert refusal(signed(stale)) is Refusal.STALE_PRICE
    exact = with_leaf(samples.statement(), "prices", 1, heartbeat=30)
    verify_document(signed(exact), ANY, now=NOW)
    ahead = with_leaf(samples.statement(), "prices", 1, publish_time=NOW + 16)
    assert refusal(signed(ahead)) is Refusal.FUTURE_PRICE
    hidden = with_leaf(samples.statement(), "prices", 1, publish_time=NOW - 31)
    assert refusal(signed(hidden)) is Refusal.MIN_PRICE_TIME


def test_chains_read_too_far_apart_are_refused() -> None:
    apart = with_leaf(samples.statement(), "blocks", 0, time=NOW - 36)
    assert refusal(signed(apart)) is Refusal.SKEW
    newer = with_leaf(samples.statement(), "blocks", 0, time=NOW + 16)
    assert refusal(signed(newer)) is Refusal.SKEW


def test_a_header_of_another_schema_is_refused() -> None:
    made = with_header(samples.statement(), schema_version=2)
    assert refusal(signed(made)) is Refusal.SCHEMA


@pytest.mark.parametrize("changes", [{"committee_id": b"\x01" * 32}, {"epoch": 1}])
def test_a_committee_that_the_header_does_not_name_is_refused(changes: dict[str, object]) -> None:
    made = with_header(samples.statement(), **changes)
    assert refusal(signed(made)) is Refusal.COMMITTEE_ID


def test_a_committee_out_of_its_time_is_refused() -> None:
    first = samples.committee()
    committee: Committee = replace(first, valid_until=NOW - 1, epoch=1, prev=first.id)
    made = samples.statement(replace(samples.TERMS, committee=committee))
    assert refusal(signed(made)) is Refusal.COMMITTEE_PERIOD


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("accounts", {"caip10": "eip155:31337:0x" + "0A" * 20}, Refusal.LEAF),
        ("accounts", {"caip10": "alice"}, Refusal.LEAF),
        ("blocks", {"caip2": "31337"}, Refusal.LEAF),
        ("blocks", {"kind": 1}, Refusal.LEAF),
        ("blocks", {"finality": 3}, Refusal.LEAF),
        ("prices", {"asset": "WETH"}, Refusal.LEAF),
        ("prices", {"source": 0}, Refusal.LEAF),
        ("prices", {"evidence": 0}, Refusal.LEAF),
        ("positions", {"market": "aave"}, Refusal.LEAF),
        ("positions", {"asset": "WETH"}, Refusal.LEAF),
        ("positions", {"evidence": 5}, Refusal.LEAF),
        ("positions", {"evidence": 4}, Refusal.LEAF),
        ("positions", {"ltv_bps": 10_001}, Refusal.LEAF),
        ("positions", {"debt_weight_bps": 9_999}, Refusal.LEAF),
        ("positions", {"account": 2}, Refusal.REFERENCE),
        ("positions", {"block_ref": 2}, Refusal.REFERENCE),
        ("positions", {"price": 3}, Refusal.REFERENCE),
        ("positions", {"account": 1}, Refusal.REFERENCE),
        ("positions", {"block_ref": 1}, Refusal.REFERENCE),
        ("positions", {"value_e8": 20_000 * 10**8 + 1}, Refusal.VALUE),
        ("positions", {"amount_raw": 11 * 10**18}, Refusal.VALUE),
        ("positions", {"decimals": 17}, Refusal.VALUE),
    ],
)
def test_a_leaf_that_breaks_a_rule_is_refused_though_signed(
    kind: str, changes: dict[str, Any], reason: Refusal
) -> None:
    made = with_leaf(samples.statement(), kind, 0, **changes)
    assert refusal(signed(made)) is reason


@pytest.mark.parametrize(
    "changes", [{"side": 3}, {"haircut_bps": 10_001}, {"liq_threshold_bps": 10_001}]
)
def test_a_weight_that_cannot_be_summed_is_refused(changes: dict[str, Any]) -> None:
    made = samples.statement()
    first = replace(made.leaves.positions[0], **changes)
    leaves = replace(made.leaves, positions=(first, *made.leaves.positions[1:]))
    root = calculate_leaves_root(leaves.positions)
    made = with_header(replace(made, leaves=leaves), positions_root=root)
    assert refusal(signed(made)) is Refusal.LEAF


def test_a_price_of_nothing_is_refused() -> None:
    made = with_leaf(samples.statement(), "prices", 2, price_e8=0)
    assert refusal(signed(made)) is Refusal.LEAF


def test_publisher_signed_legs_may_add_to_what_is_required() -> None:
    made = with_leaf(samples.statement(), "positions", 2, side=Side.REQUIREMENT, evidence=4)
    verify_document(signed(made), ANY, now=NOW)


@pytest.mark.parametrize("kind", ["accounts", "blocks", "positions"])
def test_nothing_is_counted_twice(kind: str) -> None:
    made = samples.statement()
    leaves = getattr(made.leaves, kind)
    again = replace(leaves[0], index=len(leaves))
    assert refusal(signed(with_leaves(made, **{kind: (*leaves, again)}))) is (
        Refusal.DUPLICATED_LEAF
    )


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("accounts", {"salt": bytes(32)}, Refusal.ACCOUNTS_ROOT),
        ("accounts", {"caip10": "eip155:31337:0x" + "0d" * 20}, Refusal.ACCOUNTS_ROOT),
        ("blocks", {"height": 101}, Refusal.BLOCKS_ROOT),
        ("positions", {"amount_raw": 5}, Refusal.POSITIONS_ROOT),
        ("positions", {"formula": "aave_v3@3.5"}, Refusal.POSITIONS_ROOT),
        ("prices", {"price_e8": 5}, Refusal.PRICES_ROOT),
        ("prices", {"feed_id": "eip155:31337:0x" + "0d" * 20}, Refusal.PRICES_ROOT),
    ],
)
def test_a_leaf_changed_after_signing_is_refused(
    kind: str, changes: dict[str, Any], reason: Refusal
) -> None:
    made = samples.statement()
    leaves = list(getattr(made.leaves, kind))
    leaves[0] = replace(leaves[0], **changes)
    values: dict[str, Any] = {kind: tuple(leaves)}
    changed = replace(made, leaves=replace(made.leaves, **values))
    assert refusal(replace(signed(made), statement=changed)) is reason


@pytest.mark.parametrize("kind", ["accounts", "blocks", "positions", "prices"])
def test_a_leaf_left_out_after_signing_is_refused(kind: str) -> None:
    made = samples.statement()
    values: dict[str, Any] = {kind: getattr(made.leaves, kind)[:-1]}
    changed = replace(made, leaves=replace(made.leaves, **values))
    assert refusal(replace(signed(made), statement=changed)).name == f"{kind.upper()}_ROOT"


@pytest.mark.parametrize("name", ["account_count", "position_count"])
def test_a_wrong_count_is_refused(name: str) -> None:
    made = with_header(samples.statement(), **{name: 9})
    assert refusal(signed(made)) is Refusal.COUNT


@pytest.mark.parametrize(
    "changes",
    [{"status": 1}, {"health_factor_e18": 2 * WAD}, {"net_equity_e8": -1}],
)
def test_a_health_that_the_leaves_do_not_give_is_refused(changes: dict[str, object]) -> None:
    made = with_header(samples.statement(), **changes)
    assert refusal(signed(made)) is Refusal.HEALTH


def test_too_few_signatures_are_no_quorum() -> None:
    made = samples.statement(samples.terms_of(7, 5))
    assert refusal(signed(made, (0, 1, 2, 3), 7)) is Refusal.QUORUM


@pytest.mark.parametrize("indices", [(0, 1, 2, 3, 3), (1, 0, 2, 3, 4)])
def test_signers_must_ascend_each_once(indices: tuple[int, ...]) -> None:
    made = samples.statement(samples.terms_of(7, 5))
    assert refusal(signed(made, indices, 7)) is Refusal.SIGNER_ORDER


@pytest.mark.parametrize("index", [1, 31, 32, 10**70])
def test_a_signer_outside_the_committee_is_refused(index: int) -> None:
    document = signed(samples.statement())
    signatures = (*document.signatures, (index, document.signatures[0][1]))
    assert refusal(replace(document, signatures=signatures)) is Refusal.SIGNER_UNKNOWN


def _twin(raw: bytes) -> bytes:
    s = int.from_bytes(raw[32:64], "big")
    return raw[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - raw[64]])


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        (_twin, Refusal.HIGH_S),
        (lambda raw: raw[:64] + bytes([raw[64] - 27]), Refusal.SIGNATURE),
        (lambda raw: raw[:64] + bytes([55 - raw[64]]), Refusal.SIGNATURE),
        (lambda _: bytes(64) + b"\x1b", Refusal.SIGNATURE),
        (lambda raw: b"\xff" * 32 + raw[32:], Refusal.SIGNATURE),
        (lambda _: STRANGER.sign(samples.statement().digest), Refusal.SIGNATURE),
        (lambda _: samples.signers(1)[0].sign(bytes(32)), Refusal.SIGNATURE),
    ],
)
def test_a_rewritten_signature_is_refused(
    rewrite: Callable[[bytes], bytes], reason: Refusal
) -> None:
    document = signed(samples.statement())
    ((index, raw),) = document.signatures
    assert refusal(replace(document, signatures=((index, rewrite(raw)),))) is reason


def test_an_unsafe_committee_is_refused() -> None:
    view = json.loads(encode_document(signed(samples.statement(samples.terms_of(7, 5)), (0,), 7)))
    for threshold in ("4", "8", "0"):
        view["committee"]["threshold"] = threshold
        with pytest.raises(Refused) as caught:
            decode_document(json.dumps(view).encode())
        assert caught.value.refusal is Refusal.COMMITTEE_RULES


def test_one_flipped_byte_anywhere_in_the_file_is_refused() -> None:
    raw = encode_document(signed(samples.statement()))
    for place in range(len(raw)):
        for flip in (0x01, 0x20, 0x80):
            changed = raw[:place] + bytes([raw[place] ^ flip]) + raw[place + 1 :]
            with pytest.raises(Refused):
                verify_file(changed, Expected(deployment=samples.DEPLOYMENT), now=NOW)


@given(data=st.data())
def test_a_file_with_bytes_removed_or_put_in_is_refused(data: st.DataObject) -> None:
    raw = encode_document(signed(samples.statement()))
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    filling = data.draw(st.binary(max_size=20))
    changed = raw[:start] + filling + raw[end:]
    if changed.removesuffix(b"\n") != raw:
        with pytest.raises(Refused):
            verify_file(changed, ANY, now=NOW)


@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_arbitrary_bytes_are_refused_and_never_crash(raw: bytes) -> None:
    with pytest.raises(Refused):
        verify_file(raw, ANY, now=NOW)


def test_the_refusals_have_distinct_codes_beyond_those_of_the_shell() -> None:
    codes = [refusal.code for refusal in Refusal]
    assert len(set(codes)) == len(codes)
    assert all(10 <= code < 60 or 70 <= code < 126 for code in codes)


@given(
    units=st.lists(st.integers(0, 2**128), min_size=3, max_size=3),
    weights=st.lists(st.integers(0, 10_000), min_size=3, max_size=3),
)
def test_whatever_is_stated_and_signed_is_accepted(units: list[int], weights: list[int]) -> None:
    legs = [
        replace(
            stated,
            leg=replace(stated.leg, units=amount, liquidation_threshold=Bps(weight)),
            haircut=Bps(10_000 - weight),
            debt_weight=Bps(10_000 + weight),
        )
        for stated, amount, weight in zip(samples.LEGS, units, weights, strict=True)
    ]
    made = samples.statement(legs=legs)
    verdict = verify_file(encode_document(signed(made)), ANY, now=NOW)
    header: HealthAttestation = verdict.statement.header
    assert header.net_equity_e8 == verdict.health.equity
