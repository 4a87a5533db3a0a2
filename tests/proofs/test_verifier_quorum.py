"""verifier.vy's check_quorum: who signed a digest of any format, and nothing about its meaning."""

from collections.abc import Sequence
from typing import Final

import pytest
from eth_hash.auto import keccak

from proofs.committee import NO_END, Committee
from proofs.scheme import Scheme
from tests.proofs import keys
from tests.proofs.conftest import Chain, Verifier
from tests.proofs.test_verifier_rotation import FIRST, follow, handover

pytestmark = pytest.mark.net
DIGEST: Final = bytes(keccak(b"a digest of somebody's own format"))
TRUE: Final = "0x" + "1".rjust(64, "0")
START_S: Final = 1_000


@pytest.fixture(scope="module")
def verifier(chain: Chain) -> Verifier:
    return chain.deploy_for(FIRST)


def check(
    verifier: Verifier,
    indices: Sequence[int] = (0, 1, 2),
    *,
    committee: Committee = FIRST,
    by: str = "member",
    digest: bytes = DIGEST,
    at: int | None = None,
) -> str:
    signed = keys.sign(Scheme.SECP256K1, DIGEST, tuple(indices), 4, by)
    proof = b"".join(signature for _, signature in signed)
    bitmap = sum(1 << index for index in indices)
    return verifier.attempt("check_quorum", committee.id, digest, bitmap, proof, at=at)


@pytest.mark.parametrize("indices", [(0, 1, 2), (1, 2, 3), (0, 1, 2, 3)])
def test_any_quorum_is_found(verifier: Verifier, indices: tuple[int, ...]) -> None:
    assert check(verifier, indices) == TRUE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"indices": (0, 1)}, "quorum"),
        ({"digest": bytes(32)}, "signer"),
        ({"by": "stranger"}, "signer"),
        ({"committee": follow(FIRST, 1)}, "committee"),
    ],
)
def test_what_is_no_quorum_is_refused(
    verifier: Verifier, changes: dict[str, object], reason: str
) -> None:
    assert check(verifier, **changes) == reason  # type: ignore[arg-type]  # of several types


def test_the_newest_and_the_one_before_it_are_known_within_their_validity(chain: Chain) -> None:
    verifier = chain.deploy_for(FIRST)
    start = verifier.time + START_S
    second = follow(FIRST, start, "second", end=start + START_S)
    verifier.send("rotate", *handover(second))
    assert check(verifier) == TRUE
    assert check(verifier, committee=second, by="second") == "period"
    assert check(verifier, committee=second, by="second", at=start) == TRUE
    assert check(verifier, at=start) == TRUE
    assert check(verifier, committee=second, by="second", at=start + START_S + 1) == "period"
    assert second.valid_until < NO_END
