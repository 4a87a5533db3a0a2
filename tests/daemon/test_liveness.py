import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import liveness
from daemon.liveness import Gate

STEPS = st.lists(st.tuples(st.booleans(), st.floats(0.01, 20)), max_size=40)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = str(tmp_path / "notify")
        listener.bind(path)
        listener.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield listener


def heard(listener: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(listener.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_systemd_hears_every_state(systemd: socket.socket) -> None:
    liveness.notify_ready()
    liveness.notify_reloading()
    liveness.notify_stopping()
    assert heard(systemd) == ["READY=1", "RELOADING=1", "STOPPING=1"]


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    liveness.notify_ready()


@pytest.mark.parametrize(
    ("variables", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
    ],
)
def test_the_period_is_taken_only_where_it_is_meant_for_us(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], period: float | None
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert liveness.read_watchdog_s() == period


@given(STEPS)
def test_the_gate_opens_exactly_while_progress_is_young(steps: list[tuple[bool, float]]) -> None:
    gate = Gate(30.0, 0.0, 0.0)
    now = progress = moved_at = 0.0
    for moved, pause in steps:
        now += pause
        if moved:
            progress, moved_at = progress + 1, now
        assert gate.observe(progress, now) is (now - moved_at < 30.0)


def test_a_clock_set_back_is_progress_all_the_same() -> None:
    gate = Gate(30.0, 1_000.0, 0.0)
    assert gate.observe(500.0, 40.0)


async def test_progress_feeds_the_watchdog(systemd: socket.socket) -> None:
    marks = iter(range(1_000_000))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await liveness.feed_watchdog(lambda: float(next(marks)), 0.2)
    assert set(heard(systemd)) == {"WATCHDOG=1"}


async def test_a_process_that_completes_nothing_is_not_fed(systemd: socket.socket) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.6):
            await liveness.feed_watchdog(lambda: 1.0, 0.2)
    fed_at_first = len(heard(systemd))
    assert 1 <= fed_at_first <= liveness.FEEDS_PER_PERIOD
