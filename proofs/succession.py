"""How a committee hands over: a chain of records, each signed by the quorum before it.

The old quorum signs digest(CommitteeRecord) of the new committee in the deployment's domain; the
record names the old one as predecessor, so one signature says both. A successor has the next epoch
and starts while its predecessor may still sign, and from then on only it may issue. A verifier who
pins one committee of the chain follows it from there; a member who was away takes up what he
missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from proofs.committee import FIRST_EPOCH, Committee
from proofs.parts import (
    SCHEME,
    read_committee,
    read_scheme,
    read_signatures,
    view_committee,
    view_signatures,
)
from proofs.quorum import check_keys, check_quorum
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme, Signatures
from proofs.strict import (
    check_canonical,
    encode_view,
    parse,
    read_fields,
    read_list,
    read_text,
)
from proofs.typed import hash_text

FORMAT: Final = "plimsoll/committee-chain/1"
MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 6
MAX_SUCCESSORS: Final = 256
_FIELDS: Final = ("format", "deployment", "root", "successors")
_SUCCESSOR_FIELDS: Final = ("committee", "signatures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """A committee and the signatures of its predecessor's members for it."""

    committee: Committee
    signatures: Signatures
    scheme: Scheme = Scheme.SECP256K1


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeChain:
    """A deployment's committees in order, from its first or from any that a verifier pinned."""

    deployment: str
    root: Committee
    successors: tuple[Succession, ...] = ()

    @property
    def committees(self) -> tuple[Committee, ...]:
        """All of them, oldest first."""
        return (self.root, *(each.committee for each in self.successors))

    def find(self, committee_id: bytes) -> int | None:
        """Give the place of a committee, None when the chain does not reach it."""
        return _index([committee.id for committee in self.committees], committee_id)

    def current(self, now: int) -> Committee:
        """Give whose turn it is at `now`: the newest that has started; COMMITTEE_PERIOD if none."""
        started = [c for c in self.committees if c.valid_from <= now]
        if not started or now > started[-1].valid_until:
            raise Refused(Refusal.COMMITTEE_PERIOD, f"no committee may sign at {now}")
        return started[-1]


@lru_cache(maxsize=16)
def verify_chain(chain: CommitteeChain) -> None:
    """Check every record, key and handover; Refused with the first reason found.

    COMMITTEE_FORK when a quorum did sign a successor that another one has displaced here.
    """
    salt = hash_text(chain.deployment)
    if chain.root.epoch == FIRST_EPOCH and chain.root.prev != salt:
        detail = f"its first committee is not of the deployment {chain.deployment!r}"
        raise Refused(Refusal.COMMITTEE_CHAIN, detail)
    check_keys(chain.root)
    _check_successions((chain.root,), chain.successors, salt)


def extend_chain(known: CommitteeChain, offered: CommitteeChain) -> CommitteeChain:
    """Give the longer of two chains that agree, for a member who was away.

    What is known counts as verified, so only what is new is checked. COMMITTEE_UNKNOWN when they
    have no committee in common, COMMITTEE_FORK when a quorum lets them part, COMMITTEE_CHAIN when
    the chain would be too long for its file.
    """
    if offered.deployment != known.deployment:
        raise Refused(Refusal.DEPLOYMENT, f"the chain is of {offered.deployment!r}")
    start = known.find(offered.root.id)
    if start is None:
        detail = "the chain does not start among the committees known"
        raise Refused(Refusal.COMMITTEE_UNKNOWN, detail)
    mine = known.committees
    shared = len(mine) - 1 - start
    _check_shared(mine[start:], offered)
    new = offered.successors[shared:]
    if len(known.successors) + len(new) > MAX_SUCCESSORS:
        detail = f"more than {MAX_SUCCESSORS} successors: start from a later committee"
        raise Refused(Refusal.COMMITTEE_CHAIN, detail)
    _check_successions(mine, new, hash_text(known.deployment))
    return CommitteeChain(
        deployment=known.deployment, root=known.root, successors=known.successors + new
    )


def encode_chain(chain: CommitteeChain) -> bytes:
    """Give the chain's file."""
    return encode_view(view_chain(chain))


def view_chain(chain: CommitteeChain) -> dict[str, Any]:
    """Give the chain's file as JSON values."""
    return {
        "format": FORMAT,
        "deployment": chain.deployment,
        "root": view_committee(chain.root),
        "successors": [_view_succession(each) for each in chain.successors],
    }


def decode_chain(raw: bytes) -> CommitteeChain:
    """Read a chain's file strictly; nothing is verified yet."""
    fields = read_fields(parse(raw, MAX_BYTES, MAX_DEPTH), "", _FIELDS)
    if fields["format"] != FORMAT:
        raise Refused(Refusal.SCHEMA, f"format is not {FORMAT!r}")
    listed = read_list(fields["successors"], "successors")
    if len(listed) > MAX_SUCCESSORS:
        detail = f"successors are {len(listed)}, more than {MAX_SUCCESSORS}"
        raise Refused(Refusal.MALFORMED, detail)
    successors = enumerate(listed)
    chain = CommitteeChain(
        deployment=read_text(fields["deployment"], "deployment"),
        root=read_committee(fields["root"], "root"),
        successors=tuple(_read_succession(item, f"successors[{i}]") for i, item in successors),
    )
    check_canonical(raw, view_chain(chain))
    return chain


def _check_shared(mine: Sequence[Committee], offered: CommitteeChain) -> None:
    """Check that a chain names the committees known, as far as both reach, from its root on."""
    for one, other in zip(mine[1:], offered.successors, strict=False):
        if one.id != other.committee.id:
            before = mine[: mine.index(one)]
            _check_succession(_by_id(before), before[-1], other, hash_text(offered.deployment))
            ids = f"0x{one.id.hex()} and 0x{other.committee.id.hex()}"
            raise Refused(Refusal.COMMITTEE_FORK, f"two committees of epoch {one.epoch}: {ids}")


def _check_successions(
    before: Sequence[Committee], successions: Sequence[Succession], salt: bytes
) -> None:
    """Check one handover after another; each committee's id is calculated once."""
    known, last = _by_id(before), before[-1]
    for succession in successions:
        _check_succession(known, last, succession, salt)
        last = succession.committee
        known[last.id] = last


def _by_id(committees: Sequence[Committee]) -> dict[bytes, Committee]:
    return {committee.id: committee for committee in committees}


def _check_succession(
    before: Mapping[bytes, Committee], last: Committee, succession: Succession, salt: bytes
) -> None:
    committee = succession.committee
    path = f"the committee of epoch {committee.epoch}"
    named = before.get(committee.prev)
    if named is None:
        raise Refused(Refusal.COMMITTEE_CHAIN, f"{path} follows none of those before it")
    digest = committee.digest(salt)
    check_quorum(named, succession.scheme, digest, succession.signatures)
    if named is not last:
        detail = f"{path} follows epoch {named.epoch}, which has another successor"
        raise Refused(Refusal.COMMITTEE_FORK, detail)
    if committee.epoch != last.epoch + 1:
        raise Refused(Refusal.COMMITTEE_CHAIN, f"{path} follows epoch {last.epoch}")
    if not last.valid_from < committee.valid_from <= last.valid_until:
        detail = f"{path} starts at {committee.valid_from}, not while epoch {last.epoch} may sign"
        raise Refused(Refusal.COMMITTEE_CHAIN, detail)
    check_keys(committee)


def _view_succession(succession: Succession) -> dict[str, Any]:
    signed = view_signatures(succession.scheme, succession.signatures)
    return {"committee": view_committee(succession.committee), **signed}


def _read_succession(value: object, path: str) -> Succession:
    fields = read_fields(value, path, _SUCCESSOR_FIELDS, (SCHEME,))
    scheme = read_scheme(fields)
    return Succession(
        committee=read_committee(fields["committee"], f"{path}.committee"),
        signatures=read_signatures(scheme, fields["signatures"], f"{path}.signatures"),
        scheme=scheme,
    )


def _index(ids: Sequence[bytes], wanted: bytes) -> int | None:
    return ids.index(wanted) if wanted in ids else None
