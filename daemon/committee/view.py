"""The committee as this member sees it, for the API and for monitors."""

from collections.abc import Sequence
from dataclasses import dataclass

from chains.model.ids import Address
from daemon.committee.client import Peers
from daemon.committee.membership import Membership
from daemon.committee.refusals import RefusalRecord, Refusals
from daemon.committee.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A member: when it was last heard (seconds), why it does not answer, why it is banned."""

    address: Address
    me: bool
    heard_at: int | None
    failure: str | None
    banned: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account's newest attestation, who signed it, and why there is no quorum now."""

    account: str
    sequence: int | None
    digest: bytes | None
    signers: tuple[Address, ...]
    expires_at: int | None
    lost: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeView:
    """Everything; `id` None while no committee may sign. `refusals` newest first."""

    id: bytes | None
    epoch: int
    threshold: int
    members: tuple[MemberView, ...]
    accounts: tuple[AccountView, ...]
    refusals: Sequence[RefusalRecord]
    refused: int
    messages_refused: int


def view_committee(
    membership: Membership, peers: Peers, standing: Standing, refusals: Refusals, now: int
) -> CommitteeView:
    """Look at the committee at `now` (seconds)."""
    current = membership.current(now)
    shown = current or membership.chain.committees[-1]
    return CommitteeView(
        id=current.id if current else None,
        epoch=shown.epoch,
        threshold=shown.threshold,
        members=tuple(_view_member(m, membership, peers) for m in shown.members),
        accounts=tuple(_view_account(name, standing) for name in standing.board.accounts),
        refusals=refusals.newest,
        refused=refusals.total,
        messages_refused=refusals.messages,
    )


def _view_member(address: Address, membership: Membership, peers: Peers) -> MemberView:
    line = peers.line(address)
    return MemberView(
        address=address,
        me=address == membership.me,
        heard_at=None if line.heard_at is None else int(line.heard_at),
        failure=line.failure,
        banned=membership.banned.get(address),
    )


def _view_account(account: str, standing: Standing) -> AccountView:
    last, lost = standing.last.get(account), standing.lost.get(account)
    if last is None:
        return AccountView(
            account=account, sequence=None, digest=None, signers=(), expires_at=None, lost=lost
        )
    header = last.envelope.header
    place = standing.membership.chain.find(header.committee_id)
    committee = standing.membership.chain.committees[place or 0]
    return AccountView(
        account=account,
        sequence=last.sequence,
        digest=last.digest,
        signers=tuple(committee.members[index] for index, _ in last.envelope.signatures),
        expires_at=header.expires_at,
        lost=lost,
    )
