"""The file of a declared loss: exact, joined from what members signed, a quorum or nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.refusal import Refused
from proofs.scheme import Scheme
from proofs.vault_loss import LossDocument, decode_loss, encode_loss, join_losses, verify_loss
from proofs.vaults import VaultChainLost
from tests.proofs import keys

MEMBERS, NEEDED = 4, 3
UINT64 = st.integers(0, 2**64 - 1)


def declare(chain: int = 31338, issued_at: int = 1_700_000_000) -> LossDocument:
    committee = keys.committee(MEMBERS, NEEDED)
    loss = VaultChainLost(committee_id=committee.id, chain_id=chain, issued_at=issued_at)
    return LossDocument(deployment="plimsoll-test", committee=committee, loss=loss)


def signed(blank: LossDocument, *members: int) -> LossDocument:
    found = keys.sign(Scheme.SECP256K1, blank.digest, members, MEMBERS)
    return replace(blank, signatures=found)


@given(UINT64, UINT64)
def test_a_file_is_read_as_it_was_written(chain: int, issued_at: int) -> None:
    document = declare(chain, issued_at)
    raw = encode_loss(document)
    assert decode_loss(raw) == document
    with pytest.raises(Refused):
        decode_loss(raw + b" ")


def test_the_files_of_a_quorum_are_joined_in_the_members_order() -> None:
    blank = declare()
    joined = join_losses([signed(blank, 3), signed(blank, 0, 2), signed(blank, 2)])
    assert joined == signed(blank, 0, 2, 3)
    assert (joined.bitmap, len(joined.proof)) == (0b1101, 3 * 65)
    members = blank.committee.members
    assert verify_loss(joined) == (members[0], members[2], members[3])


def test_fewer_than_a_quorum_declare_nothing() -> None:
    joined = join_losses([signed(declare(), 1), signed(declare(), 2)])
    with pytest.raises(Refused, match="2 of the 3"):
        verify_loss(joined)


@pytest.mark.parametrize("other", [declare(chain=31337), declare(issued_at=1_700_000_001)])
def test_files_that_differ_are_not_joined(other: LossDocument) -> None:
    with pytest.raises(ValueError, match="differ"):
        join_losses([signed(declare(), 0), signed(other, 1)])


def test_a_signature_of_something_else_is_refused() -> None:
    stolen = replace(declare(), signatures=signed(declare(chain=1), 0).signatures)
    with pytest.raises(Refused):
        join_losses([stolen])


def test_a_loss_that_names_another_committee_is_refused() -> None:
    document = declare()
    other = replace(document, loss=replace(document.loss, committee_id=bytes(32)))
    with pytest.raises(Refused, match="record is not the one"):
        decode_loss(encode_loss(other))
