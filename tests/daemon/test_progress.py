"""The watchdog's mark: it moves only while every loop is at work."""

import pytest
from structlog.testing import capture_logs

from daemon.progress import Progress


@pytest.fixture
def progress() -> Progress:
    return Progress(limits_s={"cheap": 60.0, "account alice": 30.0}, started_at=1_000.0)


def test_loops_that_have_just_started_are_not_overdue(progress: Progress) -> None:
    assert progress.judge({}, 1_030.0) == 1_030.0


def test_the_mark_stands_still_while_one_loop_hangs_and_moves_again_after(
    progress: Progress,
) -> None:
    assert progress.judge({"cheap": 1_100.0, "account alice": 1_100.0}, 1_100.0) == 1_100.0
    assert progress.judge({"cheap": 1_140.0, "account alice": 1_100.0}, 1_140.0) == 1_100.0
    assert progress.judge({"cheap": 1_150.0, "account alice": 1_100.0}, 1_150.0) == 1_100.0
    assert progress.judge({"cheap": 1_160.0, "account alice": 1_160.0}, 1_160.0) == 1_160.0


def test_the_loop_that_hangs_is_named_once(progress: Progress) -> None:
    with capture_logs() as logs:
        for now in (1_100.0, 1_110.0):
            progress.judge({"cheap": now, "account alice": 1_000.0}, now)
    assert [(line["event"], line["loop"]) for line in logs] == [("loop.overdue", "account alice")]
