"""A council of four for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.council import Council, sitting


@pytest.fixture
async def council(tmp_path: Path) -> AsyncIterator[Council]:
    """Four members, none started."""
    async with sitting(tmp_path) as opened:
        yield opened
