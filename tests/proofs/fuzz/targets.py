"""What reads bytes of strangers. None of it may ever crash, or take what nobody signed.

A target's `check` says whether bytes are taken. It raises AssertionError where something is taken
that was never signed or proved; any other error is a crash. Its seeds are all taken.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Final

import zstandard
from eth_hash.auto import keccak
from solders.pubkey import Pubkey

from chains.solana.accounts import RawAccount
from daemon.committee.messages import (
    HEADER_BYTES,
    BadMessage,
    Header,
    Kind,
    decode_reason,
    digest_message,
    encode_message,
    hash_body,
    join_parts,
    open_message,
    split_parts,
)
from daemon.committee.messages import (
    check_header as check_sealed,
)
from daemon.committee.messages import (
    decode_header as decode_sealed,
)
from daemon.committee.slots import decode_accounts, encode_accounts
from proofs.document import decode_document, encode_document
from proofs.envelope import BadEnvelope, decode_envelope, encode_envelope
from proofs.evidence.bundle import (
    MAGIC,
    BlockEvidence,
    decode_bundle,
    encode_bundle,
    hash_bundle,
)
from proofs.evidence.flaws import EvidenceRefused
from proofs.evidence.header import verify_header
from proofs.evidence.rlp import encode_list
from proofs.evidence.state import ProvedState, Slot
from proofs.fraud import (
    FraudProof,
    NotFraud,
    build_fraud,
    decode_fraud,
    encode_fraud,
    verify_fraud,
)
from proofs.quorum import check_quorum
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme
from proofs.statement import Statement, hash_audience
from proofs.succession import CommitteeChain, decode_chain, encode_chain, verify_chain
from proofs.typed import digest_struct, hash_text
from proofs.vectors.bases import CONSUMER, DEPLOYMENT, TIME, build_bases
from proofs.verify import Expected, verify_file
from tests.proofs import keys, samples, test_fraud
from tests.proofs.evidence import test_header
from tests.proofs.evidence.test_state import NOBODY, ONE, TWO, WORDS, WORLD
from tests.proofs.js.vectors import FILE, VECTORS, raw_of

SALT: Final = hash_text(DEPLOYMENT)
BASES: Final = build_bases()
_SENDER, _RECIPIENT = (keys.members(4)[place].secp256k1 for place in (0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One reader with sound inputs; `corpus` has more inputs, sound or not, to start from."""

    name: str
    check: Callable[[bytes], bool]
    seeds: tuple[bytes, ...]
    corpus: tuple[bytes, ...] = ()
    is_json: bool = False


_COMMITTEES: Final = {b.statement.committee.id: b.statement.committee for b in BASES.values()}
_STATED: Final = {base.statement.digest: base.statement for base in BASES.values()}


def check_envelope(raw: bytes) -> bool:
    """Read an envelope and judge its quorum by the committee that it names, if it is known."""
    try:
        envelope = decode_envelope(raw)
    except BadEnvelope:
        return False
    assert encode_envelope(envelope) == raw
    committee = _COMMITTEES.get(envelope.header.committee_id)
    digest = digest_struct(envelope.header, SALT)
    if committee is None:
        return False
    try:
        check_quorum(committee, envelope.scheme, digest, envelope.signatures)
    except Refused:
        return False
    assert digest in _STATED
    return True


@cache
def _state_vectors() -> dict[bytes, Statement]:
    """Give what the shared vectors state beside their bases, by digest."""
    found = {}
    for vector in VECTORS:
        with suppress(Refused):
            statement = decode_document(raw_of(vector)).statement
            found[statement.digest] = statement
    return found


def check_document(raw: bytes) -> bool:
    """Verify a file for anybody, and for the one consumer that some are meant for."""
    for trust in (Expected(), Expected(audience=hash_audience(CONSUMER))):
        try:
            verdict = verify_file(raw, trust, now=TIME)
        except Refused as error:
            if error.refusal is not Refusal.AUDIENCE:
                return False
        else:
            known = _STATED if verdict.digest in _STATED else _state_vectors()
            assert verdict.statement == known[verdict.digest]
            assert encode_document(decode_document(raw)) == raw.removesuffix(b"\n")
            return True
    return False


def _open_chain(raw: bytes) -> CommitteeChain | None:
    try:
        chain = decode_chain(raw)
        verify_chain(chain)
    except Refused:
        return None
    assert encode_chain(chain) == raw.removesuffix(b"\n")
    return chain


_CHAINS: Final = tuple(raw for text in FILE["chains"].values() if _open_chain(raw := text.encode()))


@cache
def _handed_over() -> frozenset[bytes]:
    opened = [chain for raw in _CHAINS if (chain := _open_chain(raw))]
    return frozenset(c.id for chain in opened for c in chain.committees)


def check_chain(raw: bytes) -> bool:
    """Verify a chain; one without successors claims nothing, whatever its root."""
    chain = _open_chain(raw)
    if chain is None or not chain.successors:
        return chain is not None
    assert _handed_over().issuperset(committee.id for committee in chain.committees)
    return True


_GUILTY: Final = test_fraud.COMMITTEE.members[2]


def _list_frauds() -> Iterator[FraudProof]:
    for one in Scheme:
        for other in Scheme:
            yield test_fraud.proof(one, other)
    listed = [member.keys for member in keys.members(4)]
    rivals = (test_fraud.COMMITTEE.build_next(listed, 3, valid_from=TIME + i) for i in (0, 1))
    votes = map(test_fraud.successor_vote, rivals, ((0, 1, 2), (2, 3)))
    yield build_fraud(samples.DEPLOYMENT, *votes)


def check_fraud(raw: bytes) -> bool:
    """Verify a fraud proof by the record that is known, and by none."""
    try:
        proof = decode_fraud(raw)
    except Refused:
        return False
    assert encode_fraud(proof) == raw.removesuffix(b"\n")
    return any([_convicts(proof, trusted) for trusted in (test_fraud.TRUSTED, None)])  # noqa: C419 -- both are tried


def _convicts(proof: FraudProof, trusted: Collection[bytes] | None) -> bool:
    try:
        conviction = verify_fraud(proof, trusted)
    except (Refused, NotFraud):
        return False
    assert conviction.accused == (_GUILTY,)
    return True


_BUNDLE: Final = (
    BlockEvidence(chain="eip155:1", header=b"", nodes=tuple(WORLD.nodes), codes=(b"one", b"two")),
    BlockEvidence(chain="eip155:10", header=encode_list(test_header.FIELDS), nodes=(b"\x01" * 32,)),
)
_WORDS: Final = {Slot(ONE, key): word for key, word in WORDS.items()} | {
    Slot(place, key): 0 for place, key in ((ONE, 2), (TWO, 0), (NOBODY, 0))
}


def check_bundle(raw: bytes) -> bool:
    """Read a file of evidence and ask its blocks for words of a known state."""
    try:
        blocks = decode_bundle(raw)
    except EvidenceRefused:
        return False
    assert decode_bundle(encode_bundle(blocks)) == blocks
    assert len(hash_bundle(blocks)) == 32
    return any([_proves(block) for block in blocks])  # noqa: C419 -- all are tried


def _proves(block: BlockEvidence) -> bool:
    state = ProvedState(WORLD.root, nodes=block.nodes, codes=block.codes)
    proved = 0
    for slot, word in _WORDS.items():
        try:
            found = state.word(slot)
        except EvidenceRefused:
            continue
        assert found == word, slot
        proved += 1
    return proved == len(_WORDS)


def check_unpacked(raw: bytes) -> bool:
    """Read what a file of evidence unpacks to: behind its checksum every byte can be anything."""
    return check_bundle(MAGIC + zstandard.ZstdCompressor(write_checksum=True).compress(raw))


def _unpack(raw: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(raw.removeprefix(MAGIC))


_HEADERS: Final = tuple(
    encode_list([*test_header.FIELDS, *test_header.LATER[:added]]) for added in (0, 4, 6)
)


def check_header(raw: bytes) -> bool:
    """Read a header as that of each known block."""
    taken = False
    for header in _HEADERS:
        try:
            verify_header(raw, keccak(header))
        except EvidenceRefused:
            continue
        assert raw == header
        taken = True
    return taken


_ACCOUNTS: Final = encode_accounts(
    {
        (key := Pubkey(bytes([place]) * 32)): RawAccount(
            key=key, owner=key, lamports=2**64 - place, data=bytes(place)
        )
        if place != 2
        else None
        for place in range(1, 5)
    }
)
_BODIES: Final = (
    b"",
    join_parts([b"\x01" * 32, b"\x02" * 65]),
    join_parts([b"a reason"]),
    join_parts([b"statement", b"\x02" + _ACCOUNTS]),
)


@cache
def _seal(body: bytes, kind: Kind) -> bytes:
    sender, recipient, nonce = _SENDER.address, _RECIPIENT.address, bytes(keccak(body))
    hashed = hash_body(body)
    digest = digest_message(kind, sender, recipient, TIME, nonce, body_hash=hashed, salt=SALT)
    header = Header(
        kind=kind,
        sender=sender,
        recipient=recipient,
        sent_at=TIME,
        nonce=nonce,
        body_hash=hashed,
        signature=_SENDER.sign(digest),
        length=len(body),
    )
    return encode_message(header, body)


_MESSAGES: Final = tuple(_seal(body, kind) for body in _BODIES for kind in Kind)


def check_message(raw: bytes) -> bool:
    """Open a member's message; of what is said in another's name nothing is taken."""
    try:
        header = decode_sealed(raw[:HEADER_BYTES])
        open_message(header, check_sealed(header, SALT), raw[HEADER_BYTES:])
    except BadMessage:
        return False
    assert raw in _MESSAGES
    return True


def check_body(raw: bytes) -> bool:
    """Read a message's body, which a member may fill with anything."""
    reason = decode_reason(raw)
    assert reason.isascii()
    assert not reason or reason.isprintable()
    try:
        parts = split_parts(raw)
        assert join_parts(parts) == raw
        given = [decode_accounts(part[1:]) for part in parts[1:]]
    except BadMessage:
        return False
    assert [encode_accounts(accounts) for accounts in given] == [part[1:] for part in parts[1:]]
    return True


def _build() -> Iterator[Target]:
    yield Target(
        name="envelope",
        check=check_envelope,
        seeds=tuple(encode_envelope(base.envelope) for base in BASES.values()),
    )
    yield Target(
        name="document",
        check=check_document,
        seeds=tuple(encode_document(base) for base in BASES.values()),
        corpus=tuple(raw_of(vector) for vector in VECTORS),
        is_json=True,
    )
    yield Target(
        name="chain",
        check=check_chain,
        seeds=_CHAINS,
        corpus=tuple(text.encode() for text in FILE["chains"].values()),
        is_json=True,
    )
    yield Target(
        name="fraud",
        check=check_fraud,
        seeds=tuple(encode_fraud(proof) for proof in _list_frauds()),
        is_json=True,
    )
    bundles = (encode_bundle(_BUNDLE), encode_bundle(_BUNDLE[:1]))
    yield Target(name="bundle", check=check_bundle, seeds=bundles)
    yield Target(name="unpacked", check=check_unpacked, seeds=tuple(map(_unpack, bundles)))
    yield Target(name="header", check=check_header, seeds=_HEADERS)
    yield Target(name="message", check=check_message, seeds=_MESSAGES)
    yield Target(name="body", check=check_body, seeds=_BODIES[2:])


TARGETS: Final = {target.name: target for target in _build()}
