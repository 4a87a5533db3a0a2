"""What the keeper's tests on a real market share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.daemon.keeper.field import Field, open_field
from tests.support.devnet import Devnet


@pytest.fixture
async def market(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Field]:
    """Three borrowers in the cheap chain's market."""
    async with open_field(devnet.cheap, tmp_path) as found:
        yield found
