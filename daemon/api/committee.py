"""The route of the committee: who its members are, what they signed, who refused and why."""

from http import HTTPStatus

from aiohttp import web

from daemon.api.accounts import answer
from daemon.api.context import CONTEXT
from daemon.api.problems import ProblemError
from daemon.api.schemas import (
    CommitteeAccountSchema,
    CommitteeMemberSchema,
    CommitteeSchema,
    RefusalSchema,
)
from daemon.api.texts import render_time
from daemon.committee.refusals import RefusalRecord
from daemon.committee.view import AccountView, CommitteeView, MemberView


async def read_committee(request: web.Request) -> web.Response:
    """Answer the committee as this member sees it, with the newest refusals."""
    look = request.app[CONTEXT].committee
    if look is None:
        detail = "this daemon attests alone; write [committee] to make it a member of one"
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    return answer(request, render_committee(look()))


def render_committee(view: CommitteeView) -> CommitteeSchema:
    """Give the committee as the API shows it."""
    return CommitteeSchema(
        id=None if view.id is None else "0x" + view.id.hex(),
        epoch=view.epoch,
        threshold=view.threshold,
        members=[_render_member(member) for member in view.members],
        accounts=[_render_account(account) for account in view.accounts],
        refusals=[_render_refusal(record) for record in view.refusals],
        refused=view.refused,
        messages_refused=view.messages_refused,
    )


def _render_member(member: MemberView) -> CommitteeMemberSchema:
    return CommitteeMemberSchema(
        address=member.address,
        me=member.me,
        heard=None if member.heard_at is None else render_time(member.heard_at),
        failure=member.failure,
        banned=member.banned,
    )


def _render_account(account: AccountView) -> CommitteeAccountSchema:
    ends = account.expires_at
    return CommitteeAccountSchema(
        id=account.account,
        sequence=account.sequence,
        digest=None if account.digest is None else "0x" + account.digest.hex(),
        signers=list(account.signers),
        expires=None if ends is None else render_time(ends),
        lost=account.lost,
    )


def _render_refusal(record: RefusalRecord) -> RefusalSchema:
    return RefusalSchema(
        time=render_time(record.at),
        account=record.account,
        sequence=record.sequence,
        member=record.member,
        proposer=record.proposer,
        reason=record.reason,
    )
