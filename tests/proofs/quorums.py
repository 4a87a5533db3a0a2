"""Envelopes as a committee of throw-away members signs them."""

from collections.abc import Iterable

from proofs.committee import Committee
from proofs.envelope import Envelope
from proofs.scheme import Scheme
from tests.proofs import keys

LIFE_S = 60


def sign_envelope(
    scheme: Scheme,
    of: Committee,
    indices: Iterable[int],
    *,
    now: int,
    name: str = "member",
) -> Envelope:
    """Let members of a committee, `name` as in `keys.members`, sign what is issued at `now`."""
    made = keys.statement(of, issued_at=now, expires_at=now + LIFE_S)
    size = len(of.members)
    signatures = keys.sign(scheme, made.digest, indices, size, name)
    return Envelope(header=made.header, committee_size=size, signatures=signatures, scheme=scheme)
