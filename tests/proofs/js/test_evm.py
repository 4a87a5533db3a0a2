"""The shared vectors before verifier.vy on anvil: the same digests, refused for what headers show.

A contract sees the header and the signatures, not the leaves: it takes what its quorum signed, and
the files that break a rule of the leaves are for those who read files. What it must say to each
header is foreseen here in Python, from the header alone.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from web3.types import RPCEndpoint

from proofs.bls import BadPoint
from proofs.bls.arkworks import Arkworks
from proofs.committee import Committee
from proofs.contract import encode_proof
from proofs.document import decode_document
from proofs.envelope import Envelope
from proofs.recover import ORDER, BadSignatureError, recover_address
from proofs.refusal import Refused
from proofs.scheme import Scheme
from proofs.statement import SCHEMA_VERSION, HealthAttestation
from proofs.typed import ZERO, digest_struct, hash_text
from proofs.vectors.bases import CONSUMER, DEPLOYMENT, build_bases
from tests.proofs.conftest import NOBODY, Chain, Verifier, audience_of, describe
from tests.proofs.js.vectors import VECTORS, Vector, raw_of

pytestmark = pytest.mark.net

MAX_TTL: Final = 3600
ANYBODY: Final = "0x" + "02" * 20
SALT: Final = hash_text(DEPLOYMENT)
Deploy = Callable[[str], Verifier]


def envelope_of(vector: Vector) -> Envelope | None:
    """Give what the file lets one hand to the contract: it can be read, its points are points."""
    try:
        envelope = decode_document(raw_of(vector)).envelope
        encode_proof(envelope.scheme, envelope.signatures)
    except (Refused, BadPoint):
        return None
    return envelope


READ: Final = [(v, e) for v in VECTORS if (e := envelope_of(v)) is not None]


@pytest.fixture(scope="module")
def deployed(chain: Chain) -> Deploy:
    """Give the verifier of a base's committee, each deployed once, its BLS keys registered."""
    made: dict[bytes, Verifier] = {}

    def deploy(base: str) -> Verifier:
        committee = build_bases()[base].statement.committee
        if committee.id not in made:
            made[committee.id] = chain.deploy_for(committee, DEPLOYMENT, MAX_TTL)
            if committee.bls_keys:
                made[committee.id].register(committee)
        return made[committee.id]

    return deploy


def caller_of(vector: Vector) -> str:
    return CONSUMER.address if "audience" in vector["expected"] else ANYBODY


def ask(verifier: Verifier, envelope: Envelope, caller: str, now: int) -> str:
    """Give the digest or the reason that the contract gives at that time."""
    scheme, header, _, proof = describe(envelope)
    arguments = [scheme, header, bitmap_of(envelope), proof, NOBODY]
    data = verifier.contract.encode_abi("verify_scheme", args=arguments)
    call = {"from": caller, "to": verifier.contract.address, "data": data}
    asked: list[Any] = [call, "latest", {}, {"time": hex(now)}]
    answer: dict[str, Any] = dict(
        verifier.web3.provider.make_request(RPCEndpoint("eth_call"), asked)
    )
    if "error" in answer:
        return str(answer["error"]["message"]).removeprefix("execution reverted: ")
    return str(answer["result"])


def bitmap_of(envelope: Envelope) -> int:
    bitmap = 0
    for index, _ in envelope.signatures:
        bitmap |= 1 << index
    return bitmap


def foresee(envelope: Envelope, committee: Committee, caller: str, now: int) -> str:
    header = envelope.header
    reason = foresee_header(header, committee, caller, now)
    if reason is not None:
        return reason
    digest = digest_struct(header, SALT)
    match envelope.scheme:
        case Scheme.SECP256K1:
            return foresee_signatures(envelope, committee, digest)
        case Scheme.BLS12_381:
            return foresee_sum(envelope, committee, digest)
        case _:
            return "scheme"


def foresee_header(
    header: HealthAttestation, committee: Committee, caller: str, now: int
) -> str | None:
    life = header.expires_at - header.issued_at
    checks = (
        ("schema", header.schema_version == SCHEMA_VERSION),
        ("committee", header.committee_id == committee.id),
        ("epoch", header.epoch == committee.epoch),
        ("period", committee.valid_from <= now <= committee.valid_until),
        ("audience", header.audience in (ZERO, audience_of(31337, caller))),
        ("expired", header.expires_at >= now),
        ("future", header.issued_at <= now + 15),
        ("ttl", 0 <= life <= MAX_TTL),
    )
    return next((reason for reason, holds in checks if not holds), None)


def foresee_signatures(envelope: Envelope, committee: Committee, digest: bytes) -> str:
    left = [signature for _, signature in envelope.signatures]
    bitmap, members = bitmap_of(envelope), committee.members
    if len(left) < committee.threshold:
        return "quorum"
    if bitmap >> len(members):
        return "bitmap"
    for index in (i for i in range(len(members)) if bitmap >> i & 1):
        if (reason := foresee_signature(digest, left.pop(0), members[index])) is not None:
            return reason
    return "bitmap" if left else "0x" + digest.hex()


def foresee_sum(envelope: Envelope, committee: Committee, digest: bytes) -> str:
    indices = sorted({index for index, _ in envelope.signatures})
    if not indices:
        return "proof length"
    if indices[-1] >= len(committee.members):
        return "bitmap"
    if len(indices) < committee.threshold:
        return "quorum"
    if not committee.bls_keys:
        return "unregistered"
    keys = [committee.bls_keys[index] for index in indices]
    _, joined = envelope.signatures[0]
    holds = Arkworks().verify_aggregate(keys, digest, joined)
    return "0x" + digest.hex() if holds else "signature"


def foresee_signature(digest: bytes, signature: bytes, member: str) -> str | None:
    if int.from_bytes(signature[32:64], "big") > ORDER // 2:
        return "high s"
    if signature[64] not in (27, 28):
        return "v"
    try:
        return None if recover_address(digest, signature) == member else "signer"
    except BadSignatureError:
        return "signer"


@pytest.mark.parametrize(("vector", "envelope"), READ, ids=[v["name"] for v, _ in READ])
def test_the_contract_gives_the_verdict(
    deployed: Deploy, vector: Vector, envelope: Envelope
) -> None:
    committee = build_bases()[vector["base"]].statement.committee
    caller, now = caller_of(vector), int(vector["now"])
    found = ask(deployed(vector["base"]), envelope, caller, now)
    assert found == foresee(envelope, committee, caller, now)
    if "digest" in vector["verdict"] and envelope.scheme is not Scheme.ED25519:
        assert found == vector["verdict"]["digest"]


def test_the_vectors_bring_the_contract_to_each_of_its_reasons() -> None:
    reasons = {
        foresee(e, build_bases()[v["base"]].statement.committee, caller_of(v), int(v["now"]))
        for v, e in READ
    }
    named = {reason for reason in reasons if not reason.startswith("0x")}
    of_headers = {"schema", "committee", "epoch", "period", "audience"}
    of_times = {"expired", "future", "ttl"}
    of_signatures = {"scheme", "quorum", "bitmap", "high s", "v", "signer", "signature"}
    assert named >= of_headers | of_times | of_signatures
    assert len(READ) >= 200
