import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from chains.model.snapshot import BookGap, ChainGap
from daemon.api.context import ApiContext
from daemon.api.server import serve
from daemon.board import Board
from tests.daemon.api.conftest import Clock
from tests.daemon.api.test_health import READ_CHEAP, READ_DEAR, put, read_solana
from tests.daemon.commands.conftest import Run
from tests.daemon.margin import venues_story
from tests.support import books as b
from tests.support import values
from tests.support.values import CHEAP, DEAR, NOW

pytestmark = pytest.mark.net


@pytest.fixture
def board() -> Board:
    return Board(
        labels={CHEAP: "cheap", DEAR: "dear"},
        members={values.account(CHEAP): "alice", values.account(DEAR): "alice"},
        accounts=("alice",),
        stale_after_s={CHEAP: 10, DEAR: 10},
    )


@pytest.fixture
def url(board: Board) -> Iterator[str]:
    """Serve in a thread: the command asks synchronously."""
    context = ApiContext(board=board, clock=Clock(), registry=CollectorRegistry())
    started, ports = threading.Event(), list[int]()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        async with serve(context, "127.0.0.1", 0) as port:
            ports.append(port)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert started.wait(10)
    yield f"http://127.0.0.1:{ports[0]}"
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def test_the_table_shows_the_four_numbers(plimsoll: Run, board: Board, url: str) -> None:
    put(board, READ_CHEAP, READ_DEAR)
    shown = plimsoll("health", "alice", "--url", url)
    assert shown.code == 0, shown.err
    lines = [line.split() for line in shown.out.splitlines() if line]
    assert ["unified", "7.0000", "(equity", "18,000.00", "USD)"] in lines
    assert ["minimum", "native", "1.5000"] in lines
    assert any(line[0] == "rescuable" for line in lines)
    assert ["cheap", "aave_v3", "no", "debt", "0.00", "0.00", "10", "WETH"] in lines
    assert ["cheap", "eip155:31337", "100", "0", "s", "read"] in lines


def test_factors_are_cut_never_rounded_up(plimsoll: Run, board: Board, url: str) -> None:
    worn = values.position(DEAR, DEBT_LEGS, native_health=1_099_999_999_999_999_999)
    put(board, READ_CHEAP, values.chain_snapshot(DEAR, [worn]))
    assert "minimum native  1.0999\n" in plimsoll("health", "alice", "--url", url).out


DEBT_LEGS = READ_DEAR.positions[0].legs


def test_a_gap_is_shown_with_its_interval_and_reason(plimsoll: Run, board: Board, url: str) -> None:
    gap = ChainGap(chain=DEAR, reason="no endpoint answered", since=NOW - 60, last=READ_DEAR)
    put(board, READ_CHEAP, gap)
    shown = plimsoll("health", str(values.account(CHEAP)), "--url", url).out
    assert "INCOMPLETE" in shown
    assert "unified         unknown" in shown
    assert "between         5.5000 and 7.0000" in shown
    assert "GAP since 2027-01-15T07:59:00Z: no endpoint answered" in shown


def test_json_is_the_apis_own_answer(plimsoll: Run, board: Board, url: str) -> None:
    put(board, READ_CHEAP, READ_DEAR)
    body = json.loads(plimsoll("health", "alice", "--url", url, "--json").out)
    assert body["unified"]["health_factor"] == "7.000000000000000000"


def test_an_unknown_account_is_the_apis_own_line(plimsoll: Run, url: str) -> None:
    refused = plimsoll("health", "bob", "--url", url)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "GET /v1/accounts lists them" in refused.err


def test_a_daemon_that_does_not_run_is_one_line(plimsoll: Run) -> None:
    refused = plimsoll("health", "alice", "--url", "http://127.0.0.1:9")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "is the daemon running?" in refused.err


def test_forms_are_shown_with_issuer_backing_and_ratio(
    plimsoll: Run, board: Board, url: str
) -> None:
    put(board, READ_CHEAP, read_solana(late_s=7))
    shown = plimsoll("health", "alice", "--url", url).out
    assert "skew 7 s of 30 s allowed" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "form of kind issuer backing ratio" in lines
    assert "WETH.wormhole WETH bridged Wormhole WETH locked on Ethereum -" in lines
    assert "stWETH WETH staked Jito staked WETH 1.2000" in lines
    put(board, READ_CHEAP, read_solana(ratios=()))
    shown = plimsoll("health", "alice", "--url", url).out
    assert "staked WETH              unknown" in shown


def test_without_other_forms_there_is_no_table_of_them(
    plimsoll: Run, board: Board, url: str
) -> None:
    put(board, READ_CHEAP, READ_DEAR)
    assert "issuer" not in plimsoll("health", "alice", "--url", url).out


def test_books_standard_mode_and_the_decision_are_shown(
    plimsoll: Run, board: Board, url: str
) -> None:
    board.reports["alice"] = venues_story.report(
        venues_story.weth(10),
        venues_story.usdc(15_000),
        books=(venues_story.book(b.part("500", native_health="1.25", perps=[b.perp()])),),
    )
    shown = plimsoll("health", "alice", "--url", url)
    assert shown.code == 0, shown.err
    lines = [line.split() for line in shown.out.splitlines() if line]
    assert ["unified", "1.1038", "(equity", "1,600.00", "USD)"] in lines
    assert ["decision", "0.7359", "(due", "below", "1)"] in lines
    assert ["standard", "1.1363", "(equity", "2,100.00", "USD)"] in lines
    assert ["initial", "1.0312", "(equity", "500.00", "USD)"] in lines
    name = "venue:deribit:12345"
    [book, part] = [line for line in lines if line[0] == name]
    assert book[1:] == [b.PUBLISHER.address, "0", "s", "of", "120", "s", "400.00", "read"]
    assert part[1:] == ["1.2500", "1.2500", "0.5000", "500.00", "-10", "WETH", "perp"]
    assert "NOT ATTESTED" not in shown.out


def test_an_unsigned_book_is_told_loudly(plimsoll: Run, board: Board, url: str) -> None:
    own = venues_story.book(b.part("500"), publisher=None)
    board.reports["alice"] = venues_story.report(venues_story.weth(10), books=(own,))
    shown = plimsoll("health", "alice", "--url", url).out
    assert "! NOT ATTESTED: the book of venue:deribit:12345: nobody signed it\n" in shown


def test_a_book_that_cannot_be_relied_on_is_a_gap(plimsoll: Run, board: Board, url: str) -> None:
    last = venues_story.book(b.part("500"))
    gap = BookGap(account=last.account, reason="signature: is missing", since=NOW - 5, last=last)
    board.reports["alice"] = venues_story.report(venues_story.weth(10), books=(gap,))
    shown = plimsoll("health", "alice", "--url", url).out
    assert "unified         unknown" in shown
    assert "GAP since" in shown
    assert "! venue:deribit:12345: signature: is missing\n" in shown
