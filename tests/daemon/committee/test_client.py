"""Asking other members: bounded in time, and not again and again where nobody answers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from daemon.committee.client import FIRST_BACKOFF_S, LAST_BACKOFF_S, PATH, Line, Peers, Silent
from daemon.committee.membership import Membership
from daemon.committee.messages import HEADER_BYTES, Kind
from daemon.committee.post import Post
from proofs.succession import CommitteeChain
from tests.support.committee import find_ports
from tests.support.council import DEPLOYMENT, SIGNERS, clock, found_committee

pytestmark = pytest.mark.net

OTHER = SIGNERS[1].address


class House:
    """Answers every request with these bytes, after a while; counts them."""

    def __init__(self) -> None:
        self.asked = 0
        self.delay_s = 0.0
        self.body = b""
        self.status = 200
        self.place = ""

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        return web.Response(status=self.status, body=self.body, headers={"Location": "/"})


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    app = web.Application()
    app.router.add_post(PATH, house.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    [port] = find_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    house.place = f"http://127.0.0.1:{port}"
    yield house
    await runner.cleanup()


def build_peers(folder: Path, url: str, *, now: list[float] | None = None) -> Peers:
    membership = Membership(
        me=SIGNERS[0].address,
        chain=CommitteeChain(deployment=DEPLOYMENT, root=found_committee()),
        urls={OTHER: url},
        state_dir=folder,
    )
    post = Post(membership=membership, signer=SIGNERS[0], clock=clock)
    times = now or [0.0]
    return Peers(post=post, reply_s=0.3, clock=lambda: times[0])


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"", "cut short"),
        (200, bytes(HEADER_BYTES), "not a member's message"),
        (403, b"it is no other member", "HTTP 403: it is no other member"),
        (302, b"", "HTTP 302"),
    ],
)
async def test_what_no_member_would_answer_is_silence(
    house: House, tmp_path: Path, status: int, body: bytes, said: str
) -> None:
    house.status, house.body = status, body
    async with build_peers(tmp_path, house.place) as peers:
        with pytest.raises(Silent, match=said):
            await peers.ask(OTHER, Kind.NEWEST, b"")


async def test_an_answer_by_another_member_is_silence(house: House, tmp_path: Path) -> None:
    async with build_peers(tmp_path, house.place) as peers:
        raw, _ = peers.post.seal(Kind.TAKEN, SIGNERS[0].address, b"")
        house.body = raw
        with pytest.raises(Silent, match="does not answer what was asked"):
            await peers.ask(OTHER, Kind.NEWEST, b"")


async def test_nobody_is_waited_for_longer_than_agreed(house: House, tmp_path: Path) -> None:
    house.delay_s = 5.0
    async with build_peers(tmp_path, house.place) as peers:
        with pytest.raises(Silent, match=r"no answer in 0\.3 s"):
            await peers.ask(OTHER, Kind.NEWEST, b"")


async def test_a_silent_member_rests_ever_longer_until_it_is_heard(
    house: House, tmp_path: Path
) -> None:
    now = [100.0]
    async with build_peers(tmp_path, house.place, now=now) as peers:
        for _ in range(2):
            with pytest.raises(Silent):
                await peers.ask(OTHER, Kind.NEWEST, b"")
        assert house.asked == 1, "it rests after the first"
        now[0] += FIRST_BACKOFF_S
        with pytest.raises(Silent, match="cut short"):
            await peers.ask(OTHER, Kind.NEWEST, b"")
        now[0] += FIRST_BACKOFF_S
        with pytest.raises(Silent, match=r"tried again in 0\.5 s"):
            await peers.ask(OTHER, Kind.NEWEST, b"")
        peers.line(OTHER).hear()
        with pytest.raises(Silent, match="cut short"):
            await peers.ask(OTHER, Kind.NEWEST, b"")
        assert house.asked == 3


def test_a_rest_has_a_longest() -> None:
    line = Line()
    for _ in range(20):
        line.fail("gone", 0.0)
    assert line.rests_until == LAST_BACKOFF_S
