"""verifier.vy on a real chain: it accepts what it should and names why it refuses the rest."""

from collections.abc import Callable
from dataclasses import astuple, replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3.exceptions import ContractLogicError

from chains.model.ids import AccountId, parse_address
from proofs.envelope import Envelope
from proofs.recover import ORDER
from proofs.statement import HealthAttestation, Statement, hash_audience
from proofs.typed import describe, hash_text
from tests.proofs import samples, solana
from tests.proofs.conftest import MAX_TTL, SENDER, Chain, Verifier, audience_of

pytestmark = pytest.mark.net


@pytest.fixture(scope="module")
def one(chain: Chain) -> Verifier:
    return deploy(chain, 1, 1)


@pytest.fixture(scope="module")
def five(chain: Chain) -> Verifier:
    return deploy(chain, 7, 5)


def deploy(chain: Chain, count: int, threshold: int) -> Verifier:
    members = samples.committee(count, threshold).members
    return chain.deploy(hash_text(samples.DEPLOYMENT), members, threshold)


def envelope(made: Statement, indices: tuple[int, ...] = (0,), count: int = 1) -> Envelope:
    return Envelope(
        header=made.header, committee_size=count, signatures=samples.sign(made, indices, count)
    )


def fresh(
    verifier: Verifier, count: int = 1, threshold: int = 1, /, **changes: object
) -> Statement:
    made = samples.statement(samples.terms_of(count, threshold))
    now = verifier.time
    times: dict[str, object] = {"issued_at": now, "expires_at": now + 60}
    header = samples.alter(made.header, times | changes)
    return replace(made, header=header)


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(ContractLogicError) as caught:
        call()
    return str(caught.value.message).removeprefix("execution reverted: ")


def refusal(verifier: Verifier, signed: Envelope) -> str:
    return reason_of(lambda: verifier.verify(signed))


def with_signature(signed: Envelope, place: int, raw: bytes) -> Envelope:
    signatures = list(signed.signatures)
    signatures[place] = (signatures[place][0], raw)
    return replace(signed, signatures=tuple(signatures))


def test_a_single_signer_is_accepted_and_the_digest_is_ours(one: Verifier) -> None:
    made = fresh(one)
    assert one.verify(envelope(made)) == made.digest


def test_a_statement_over_two_evm_chains_and_solana_is_accepted_with_our_digest(
    one: Verifier,
) -> None:
    made = solana.statement()
    assert one.digest(made.header) == made.digest
    now = one.time
    made = replace(made, header=replace(made.header, issued_at=now, expires_at=now + 60))
    assert one.verify(envelope(made)) == made.digest


@pytest.mark.parametrize("indices", [(0, 1, 2, 3, 4), (2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5, 6)])
def test_any_quorum_is_accepted(five: Verifier, indices: tuple[int, ...]) -> None:
    made = fresh(five, 7, 5)
    assert five.verify(envelope(made, indices, 7)) == made.digest


def test_checking_costs_what_the_page_says(one: Verifier, five: Verifier) -> None:
    assert one.gas(envelope(fresh(one))) < 44_500
    assert five.gas(envelope(fresh(five, 7, 5), (0, 1, 2, 4, 6), 7)) < 73_500


@pytest.mark.parametrize(("count", "threshold"), [(1, 1), (2, 2), (3, 3), (7, 5), (32, 22)])
def test_the_committee_id_is_the_same_on_both_sides(
    chain: Chain, count: int, threshold: int
) -> None:
    committee = samples.committee(count, threshold)
    verifier = deploy(chain, count, threshold)
    assert bytes(verifier.caller.committee_id()) == committee.id
    assert [member.lower() for member in verifier.caller.members()] == list(committee.members)
    assert verifier.caller.threshold() == threshold


def headers() -> st.SearchStrategy[HealthAttestation]:
    kinds = {
        "bytes32": st.binary(min_size=32, max_size=32),
        "int256": st.integers(-(2**255), 2**255 - 1),
    } | {f"uint{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64, 256)}
    members = describe(HealthAttestation).members
    return st.builds(HealthAttestation, **{m.attribute: kinds[m.kind] for m in members})


@given(header=headers())
def test_every_header_has_the_same_digest_on_both_sides(
    one: Verifier, header: HealthAttestation
) -> None:
    made = replace(samples.statement(), header=header)
    assert one.digest(header) == made.digest


def test_the_bound_audience_is_accepted_from_its_consumer_only(one: Verifier) -> None:
    own = audience_of(31337, SENDER)
    assert own == hash_audience(AccountId.parse(f"eip155:31337:{SENDER}"))
    bound = fresh(one, audience=own)
    assert one.verify(envelope(bound)) == bound.digest
    for audience in (audience_of(31338, SENDER), audience_of(31337, "0x" + "02" * 20)):
        assert refusal(one, envelope(fresh(one, audience=audience))) == "audience"


def test_another_deployment_with_the_same_keys_is_another_committee(one: Verifier) -> None:
    foreign = samples.committee(deployment="elsewhere")
    terms = replace(samples.TERMS, deployment="elsewhere", committee=foreign)
    made = samples.statement(terms)
    assert refusal(one, envelope(made)) == "committee"
    posing = replace(fresh(one), deployment="elsewhere")
    assert refusal(one, envelope(posing)) == "signer"


@pytest.mark.parametrize(
    ("issued_in", "expires_in", "reason"),
    [
        (-60, -1, "expired"),
        (16, 60, "future"),
        (0, MAX_TTL + 1, "ttl"),
        (15, 14, "ttl"),
    ],
)
def test_times_out_of_bounds_are_refused(
    one: Verifier, issued_in: int, expires_in: int, reason: str
) -> None:
    now = one.time
    made = fresh(one)
    header = replace(made.header, issued_at=now + issued_in, expires_at=now + expires_in)
    assert refusal(one, envelope(replace(made, header=header))) == reason


@pytest.mark.parametrize(("issued_in", "expires_in"), [(-60, 0), (15, 60), (0, MAX_TTL)])
def test_times_at_their_bounds_are_accepted(one: Verifier, issued_in: int, expires_in: int) -> None:
    now = one.time
    made = fresh(one)
    header = replace(made.header, issued_at=now + issued_in, expires_at=now + expires_in)
    made = replace(made, header=header)
    assert one.verify(envelope(made)) == made.digest


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema_version": 2}, "schema"),
        ({"committee_id": b"\x01" * 32}, "committee"),
        ({"epoch": 1}, "epoch"),
    ],
)
def test_a_foreign_header_is_refused(
    one: Verifier, changes: dict[str, object], reason: str
) -> None:
    assert refusal(one, envelope(fresh(one, **changes))) == reason


@pytest.mark.parametrize("member", [m.attribute for m in describe(HealthAttestation).members])
def test_a_header_changed_after_signing_is_refused(one: Verifier, member: str) -> None:
    signed = envelope(fresh(one))
    value = getattr(signed.header, member)
    changed = bytes([value[0] ^ 1, *value[1:]]) if isinstance(value, bytes) else value ^ 1
    assert refusal(
        one, replace(signed, header=samples.alter(signed.header, {member: changed}))
    ) in {
        "signer",
        "schema",
        "audience",
        "committee",
        "epoch",
    }


def test_too_few_signers_are_no_quorum(five: Verifier) -> None:
    assert refusal(five, envelope(fresh(five, 7, 5), (0, 1, 2, 3), 7)) == "quorum"
    assert refusal(five, envelope(fresh(five, 7, 5), (), 7)) == "quorum"


def test_one_signer_cannot_count_twice_nor_an_empty_signature_at_all(five: Verifier) -> None:
    signed = envelope(fresh(five, 7, 5), (0, 1, 2, 3, 4), 7)
    twice = with_signature(signed, 4, signed.signatures[3][1])
    assert refusal(five, twice) == "signer"
    unrecoverable = with_signature(signed, 4, bytes(64) + b"\x1b")
    assert refusal(five, unrecoverable) == "signer"


def test_the_bitmap_must_name_members_and_match_the_signatures(five: Verifier) -> None:
    signed = envelope(fresh(five, 7, 5), (0, 1, 2, 3, 4), 7)
    header = astuple(signed.header)
    for bitmap in (0b1111, 0b111111, 0b10011111):
        call = partial(five.caller.verify, header, bitmap, signed.proof)
        assert reason_of(call) == "bitmap"
    for cut in (1, 64, 66):
        call = partial(five.caller.verify, header, signed.bitmap, signed.proof[:-cut])
        assert reason_of(call) == "proof length"


def test_malleable_and_foreign_signatures_are_refused(one: Verifier) -> None:
    signed = envelope(fresh(one))
    raw = signed.proof
    s = int.from_bytes(raw[32:64], "big")
    twin = raw[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - raw[64]])
    assert refusal(one, with_signature(signed, 0, twin)) == "high s"
    for v in (0, 1, 26, 29):
        assert refusal(one, with_signature(signed, 0, raw[:64] + bytes([v]))) == "v"
    assert refusal(one, with_signature(signed, 0, bytes(64) + b"\x1b")) == "signer"
    stranger = samples.signers(7)[0].sign(signed.header.prev_digest)
    assert refusal(one, with_signature(signed, 0, stranger)) == "signer"


def test_a_verifier_cannot_be_made_with_an_unsafe_committee(chain: Chain) -> None:
    salt = hash_text(samples.DEPLOYMENT)
    members = samples.committee(3, 3).members
    upside_down = members[::-1]
    zero = (parse_address("0x" + "00" * 20),)
    assert reason_of(lambda: chain.deploy(salt, members, 2)) == "threshold"
    assert reason_of(lambda: chain.deploy(salt, members, 4)) == "threshold"
    assert reason_of(lambda: chain.deploy(salt, (), 0)) == "threshold"
    assert reason_of(lambda: chain.deploy(salt, upside_down, 3)) == "members not ascending"
    assert reason_of(lambda: chain.deploy(salt, members[:1] * 2, 2)) == "members not ascending"
    assert reason_of(lambda: chain.deploy(salt, zero, 1)) == "members not ascending"
    assert reason_of(lambda: chain.deploy(bytes(32), members, 3)) == "salt"
    assert reason_of(lambda: chain.deploy(salt, members, 3, max_ttl=0)) == "max ttl"
