"""The committee in the API, in readiness and in the metrics."""

from dataclasses import replace

import pytest

from chains.model.ids import Address
from daemon.committee.refusals import RefusalRecord
from daemon.committee.view import AccountView, CommitteeView, MemberView
from tests.daemon.api.conftest import Api, Serving
from tests.support.values import NOW

pytestmark = pytest.mark.net

ME, OTHER = (Address("0x" + digit * 40) for digit in "12")
VIEW = CommitteeView(
    id=b"\x07" * 32,
    epoch=0,
    threshold=2,
    members=(
        MemberView(address=ME, me=True, heard_at=None, failure=None, banned=None),
        MemberView(address=OTHER, me=False, heard_at=NOW, failure="no answer in 5 s", banned=None),
    ),
    accounts=(
        AccountView(
            account="alice",
            sequence=7,
            digest=b"\x08" * 32,
            signers=(ME, OTHER),
            expires_at=NOW + 60,
            lost=None,
        ),
    ),
    refusals=(
        RefusalRecord(
            at=NOW, account="alice", sequence=6, member=OTHER, proposer=ME, reason="prices[0]"
        ),
    ),
    refused=3,
    messages_refused=2,
)


async def test_members_signers_and_refusals_are_shown(serving: Serving) -> None:
    async with serving(committee=VIEW) as api:
        status, body = await api.get("/v1/committee")
    assert status == 200
    assert (body["id"], body["epoch"], body["threshold"]) == ("0x" + "07" * 32, 0, 2)
    assert body["members"] == [
        {"address": ME, "me": True, "heard": None, "failure": None, "banned": None},
        {
            "address": OTHER,
            "me": False,
            "heard": "2027-01-15T08:00:00Z",
            "failure": "no answer in 5 s",
            "banned": None,
        },
    ]
    assert body["accounts"] == [
        {
            "id": "alice",
            "sequence": 7,
            "digest": "0x" + "08" * 32,
            "signers": [ME, OTHER],
            "expires": "2027-01-15T08:01:00Z",
            "lost": None,
        }
    ]
    assert body["refusals"] == [
        {
            "time": "2027-01-15T08:00:00Z",
            "account": "alice",
            "sequence": 6,
            "member": OTHER,
            "proposer": ME,
            "reason": "prices[0]",
        }
    ]
    assert (body["refused"], body["messages_refused"]) == (3, 2)


async def test_a_lone_keeper_has_no_committee(api: Api) -> None:
    status, body = await api.get("/v1/committee")
    assert status == 404
    assert "write [committee]" in str(body["detail"])


async def test_a_lost_quorum_is_unready_with_its_reason(serving: Serving) -> None:
    lost = replace(VIEW.accounts[0], lost="no quorum for 20 s: 2 of the 3 signatures needed")
    async with serving(committee=replace(VIEW, accounts=(lost,))) as api:
        status, body = await api.get("/readyz")
    assert status == 503
    assert {"what": "committee (alice)", "reason": lost.lost, "since": None} in body["unready"]  # type: ignore[operator] # a list


async def test_metrics_tell_of_quorums_and_refusals(serving: Serving) -> None:
    async with serving(committee=VIEW) as api, api.session.get("/metrics") as response:
        told = await response.text()
    for line in (
        'plimsoll_committee_quorum{account="alice"} 1.0',
        'plimsoll_committee_signers{account="alice"} 2.0',
        "plimsoll_committee_silent_members 1.0",
        "plimsoll_committee_banned_members 0.0",
        "plimsoll_committee_refusals_total 3.0",
        "plimsoll_committee_messages_refused_total 2.0",
    ):
        assert line in told
