"""What may be signed after what: whoever keeps to it cannot be convicted of fraud."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.guard import Claim, DoubleSign, check_claim
from proofs.typed import hash_text
from tests.proofs import keys
from tests.proofs.samples import DEPLOYMENT, NOW

CLAIMS = st.builds(
    Claim,
    salt=st.sampled_from([b"\x01" * 32, b"\x02" * 32]),
    subject=st.sampled_from([b"\x03" * 32, b"\x04" * 32]),
    sequence=st.integers(0, 5),
    digest=st.sampled_from([bytes([i]) * 32 for i in range(3)]),
)


@given(wanted=st.lists(CLAIMS, max_size=30))
def test_no_two_claims_that_were_let_pass_exclude_each_other(wanted: list[Claim]) -> None:
    kept: dict[tuple[bytes, bytes], tuple[int, bytes]] = {}
    passed: list[Claim] = []
    for claim in wanted:
        key = (claim.salt, claim.subject)
        try:
            new = check_claim(kept.get(key), claim)
        except DoubleSign:
            continue
        assert new or kept[key] == (claim.sequence, claim.digest)
        kept[key] = (claim.sequence, claim.digest)
        passed.append(claim)
    assert not any(one.excludes(other) for one in passed for other in passed)


def test_the_first_and_every_later_sequence_is_new() -> None:
    claim = Claim(salt=bytes(32), subject=bytes(32), sequence=7, digest=bytes(32))
    assert check_claim(None, claim)
    assert check_claim((6, bytes(32)), claim)
    assert not check_claim((7, bytes(32)), claim)
    for last in ((7, b"\x01" * 32), (8, bytes(32))):
        with pytest.raises(DoubleSign, match="signed already"):
            check_claim(last, claim)


def test_a_committee_names_one_successor() -> None:
    salt, old = hash_text(DEPLOYMENT), keys.committee()
    one, other = (
        Claim.succeed(old.build_next(old.members, 3, valid_from=NOW + i), salt) for i in (0, 1)
    )
    assert one.excludes(other)
    assert one.subject == old.id
    with pytest.raises(DoubleSign):
        check_claim((one.sequence, one.digest), other)
