"""Messages about vaults are read back as they were written, and nothing else is taken for one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.committee.messages import (
    MAX_BODY,
    MAX_STATEMENTS_BYTES,
    BadMessage,
    Kind,
    join_parts,
    split_parts,
)
from daemon.committee.vault_messages import (
    BATCH,
    Tip,
    VaultProposal,
    VaultVote,
    batch_documents,
    decode_cursor,
    decode_proposal,
    decode_votes,
    encode_cursor,
    encode_proposal,
    encode_votes,
)
from proofs.refusal import Refused
from proofs.vault_document import VaultDocument, encode_vault_document
from tests.proofs.samples import DEPLOYMENT
from tests.proofs.vault_samples import FOUR, KEY, quantities, sign, state

NUMBER = st.integers(0, 2**64 - 1)
FACT = VaultDocument(deployment=DEPLOYMENT, committee=FOUR, said=state(), key=KEY)
OWNED = VaultDocument(deployment=DEPLOYMENT, committee=FOUR, said=quantities())


@given(
    turn=NUMBER,
    chains=st.lists(NUMBER, max_size=8, unique=True),
    height=NUMBER,
    block=st.binary(min_size=32, max_size=32),
)
def test_a_proposal_is_read_back(turn: int, chains: list[int], height: int, block: bytes) -> None:
    tips = tuple(Tip(chain=chain, height=height, hash=block) for chain in chains)
    proposal = VaultProposal(turn=turn, documents=(FACT, OWNED), tips=tips)
    assert decode_proposal(split_parts(encode_proposal(proposal))) == proposal


VOTES = st.lists(
    st.one_of(
        st.builds(VaultVote, signature=st.binary(min_size=65, max_size=65)),
        st.builds(
            VaultVote,
            reason=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=400),
            unread=st.lists(NUMBER, max_size=8).map(tuple),
        ),
    ),
    max_size=4,
)


@given(votes=VOTES)
def test_votes_are_read_back(votes: list[VaultVote]) -> None:
    body = encode_votes(votes)
    assert decode_votes(split_parts(body), len(votes)) == tuple(votes)
    assert len(body) < MAX_BODY[Kind.VAULT_VOTES]


@given(raw=st.binary(max_size=120))
def test_noise_is_never_anything_but_refused(raw: bytes) -> None:
    for read in (
        lambda: decode_proposal(split_parts(raw)),
        lambda: decode_proposal([raw, encode_vault_document(FACT)]),
        lambda: decode_votes([raw], 1),
    ):
        try:
            read()
        except (BadMessage, Refused):
            continue


def test_messages_that_are_not_as_written_are_refused() -> None:
    body = split_parts(encode_proposal(VaultProposal(turn=1, documents=(FACT,))))
    head, document = body
    tip = bytes(8) + bytes(8) + bytes(32)
    signed = encode_vault_document(sign(state()))
    other = encode_vault_document(replace(FACT, committee=replace(FOUR, threshold=4)))
    for parts in (
        [head],
        [head, *[document] * (BATCH + 1)],
        [head[:-1], document],
        [head + tip[:-1], document],
        [head + tip + tip, document],
        [head, signed],
        [head, document, other],
    ):
        with pytest.raises(BadMessage):
            decode_proposal(parts)
    for parts in ([b""], [b"\x01" + bytes(64)], [b"\x03"], [b"\x02\x01" + bytes(7)]):
        with pytest.raises(BadMessage):
            decode_votes(parts, 1)
    with pytest.raises(BadMessage, match="2 votes for 1"):
        decode_votes([b"", b""], 1)
    assert decode_cursor(encode_cursor(7)) == 7
    with pytest.raises(BadMessage):
        decode_cursor(bytes(9))


def test_batches_are_bounded_in_number_and_size() -> None:
    batches = list(batch_documents([FACT] * (2 * BATCH + 1)))
    assert [len(batch) for batch in batches] == [BATCH, BATCH, 1]
    assert list(batch_documents([])) == []
    large = replace(OWNED, said=replace(quantities(), chains=quantities().chains[:1]))
    for batch in batch_documents([large] * 200):
        size = len(join_parts([encode_vault_document(each) for each in batch]))
        assert size <= MAX_STATEMENTS_BYTES
