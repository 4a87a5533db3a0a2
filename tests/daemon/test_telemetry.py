import io
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from chains.errors import Unreachable
from chains.model.anchor import Head
from chains.model.ids import AccountId, ChainId
from chains.model.snapshot import ChainGap, ChainSnapshot
from config.identifiers import Endpoint
from daemon.board import Board
from daemon.keeper.journal import Journal
from daemon.storage.database import open_database
from daemon.telemetry import (
    BoardCollector,
    JournalCollector,
    JournalTotal,
    Metrics,
    TimedReader,
    configure_logging,
)
from daemon.totals import build_totals
from tests.daemon.api.test_health import READ_CHEAP, READ_DEAR, put
from tests.daemon.keeper.fakes import draft
from tests.support import values
from tests.support.values import CHEAP, DEAR, NOW


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()


def test_an_event_is_one_json_line_with_its_fields(lines: io.StringIO) -> None:
    structlog.get_logger().info("position.read", chain="eip155:1", block=7)
    event = json.loads(lines.getvalue())
    assert event["event"] == "position.read"
    assert event["level"] == "info"
    assert (event["chain"], event["block"]) == ("eip155:1", 7)
    assert event["timestamp"].endswith("Z")


def test_secrets_do_not_reach_the_log(lines: io.StringIO) -> None:
    structlog.get_logger().info(
        "rpc", url=Endpoint("https://rpc.example/v3/s3cret"), password=SecretStr("s3cret")
    )
    assert "s3cret" not in lines.getvalue()
    assert json.loads(lines.getvalue())["url"] == "https://rpc.example/***"


def test_hashes_and_large_amounts_are_written_whole(lines: io.StringIO) -> None:
    structlog.get_logger().info("sent", tx=b"\x01\x02", units=2**200)
    event = json.loads(lines.getvalue())
    assert (event["tx"], event["units"]) == ("0x0102", str(2**200))


def test_other_libraries_speak_in_the_same_form(lines: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").warning("slow %s", "request")
    assert json.loads(lines.getvalue())["event"] == "slow request"


def test_an_exception_keeps_its_trace(lines: io.StringIO) -> None:
    try:
        int("why")
    except ValueError:
        structlog.get_logger().exception("api.defect")
    assert json.loads(lines.getvalue())["exception"][0]["exc_type"] == "ValueError"


def test_people_get_lines_they_can_read() -> None:
    stream = io.StringIO()
    try:
        configure_logging(stream=stream, human=True)
        structlog.get_logger().info("chain.lost", chain="eip155:1")
        assert "chain.lost" in stream.getvalue()
        with pytest.raises(ValueError, match="line 1"):
            json.loads(stream.getvalue())
    finally:
        structlog.reset_defaults()


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"plimsoll_{name}", labels)


def test_the_times_of_requests_and_snapshots_are_measured() -> None:
    metrics = Metrics()
    chain = ChainId.evm(1)
    metrics.observe_rpc(chain, "eth_call", "ok", 0.02)
    metrics.observe_snapshot(chain, 0.05)
    labels = {"chain": "eip155:1", "method": "eth_call", "outcome": "ok"}
    assert sample(metrics, "rpc_request_duration_seconds_count", **labels) == 1
    assert sample(metrics, "snapshot_duration_seconds_count", chain="eip155:1") == 1


def test_gauges_are_read_off_the_board_when_scraped() -> None:
    board = Board(
        labels={CHEAP: "cheap", DEAR: "dear"},
        members={values.account(CHEAP): "alice", values.account(DEAR): "alice"},
        accounts=("alice",),
        stale_after_s={CHEAP: 10, DEAR: 10},
        progress_at=NOW,
    )
    metrics = Metrics()
    metrics.registry.register(BoardCollector(board, lambda: NOW + 3))
    board.chains[CHEAP] = READ_CHEAP
    board.chains[DEAR] = ChainGap(chain=DEAR, reason="gone", since=NOW, last=READ_DEAR)
    put(board, READ_CHEAP, READ_DEAR)
    board.keeper_halted = "health did not rise"
    cheap = {"chain": "eip155:31337", "label": "cheap"}
    dear = {"chain": "eip155:31338", "label": "dear"}
    assert sample(metrics, "chain_up", **cheap) == 1
    assert sample(metrics, "chain_up", **dear) == 0
    assert sample(metrics, "head_age_seconds", **dear) == 3
    assert sample(metrics, "health_factor", account="alice", kind="unified") == 7
    assert sample(metrics, "health_factor", account="alice", kind="minimum_native") == 1.5
    assert sample(metrics, "account_complete", account="alice") == 1
    assert sample(metrics, "keeper_halted") == 1
    assert sample(metrics, "progress_age_seconds") == 3


async def test_a_timed_reader_measures_what_was_read_and_not_what_failed() -> None:
    class Source:
        async def read(self, head: Head, accounts: Sequence[AccountId]) -> ChainSnapshot:
            if not accounts:
                raise Unreachable(head.anchor.chain, "no endpoint answered")
            return READ_CHEAP

    metrics = Metrics()
    timed = TimedReader(Source(), CHEAP, metrics)
    head = Head(anchor=READ_CHEAP.anchor, parent_hash=bytes(32), base_fee_wei=1)
    assert await timed.read(head, [values.account(CHEAP)]) is READ_CHEAP
    with pytest.raises(Unreachable):
        await timed.read(head, [])
    assert sample(metrics, "snapshot_duration_seconds_count", chain=str(CHEAP)) == 1


async def test_intents_and_gas_are_read_from_the_journal(tmp_path: Path) -> None:
    async with open_database(tmp_path, live=True) as database:
        totals = build_totals(database)
        assert await totals() == ()
        await Journal(database).record_planned(draft(1), now=NOW)
        (planned,) = await totals()
        assert (planned.state, planned.intents, planned.gas) == ("planned", 1, 0.0)
    collector = JournalCollector()
    metrics = Metrics()
    metrics.registry.register(collector)
    collector.totals = [
        JournalTotal(chain="eip155:1", state="confirmed", intents=2, gas=10.0**17),
        JournalTotal(chain="eip155:1", state="failed", intents=1, gas=10.0**16),
        JournalTotal(chain="solana:devnet", state="confirmed", intents=1, gas=2.0 * 10**8),
    ]
    assert sample(metrics, "intents", chain="eip155:1", state="confirmed") == 2
    assert sample(metrics, "gas_spent_native", chain="eip155:1") == pytest.approx(0.11)
    assert sample(metrics, "gas_spent_native", chain="solana:devnet") == pytest.approx(0.2)
