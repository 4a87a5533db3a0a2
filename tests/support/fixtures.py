"""Fixtures every test may ask for by name."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from daemon.devnet import launch
from daemon.devnet.folder import Folder
from daemon.devnet.solana.deployment import NodeKind
from tests.support.devnet import Devnet, run_devnet
from tests.support.solana_stage import COLLATERAL_HEAVY, DEBT_HEAVY
from tests.support.solana_story import SolanaStory, telling_across
from tests.support.stage import Stage, open_stage
from tests.support.story import Story, telling
from tests.support.vaults import Ground, open_vaults


@pytest.fixture(scope="session")
def shared_devnet() -> Iterator[Devnet]:
    """Both chains, once for all tests; whoever changes them must change them back."""
    with run_devnet() as running:
        yield running


@pytest.fixture
def devnet(shared_devnet: Devnet) -> Iterator[Devnet]:
    """Both chains as first built: what a test does to them is undone after it."""
    with shared_devnet.reverting():
        yield shared_devnet


@pytest.fixture
def private_devnet() -> Iterator[Devnet]:
    """Both chains for one test alone, which may kill or reorganise them."""
    with run_devnet() as running:
        yield running


@pytest.fixture
def supervised_devnet(tmp_path: Path) -> Iterator[Folder]:
    """A devnet of one's own as `plimsoll devnet up` starts it: mined each second, with run.toml."""
    folder = Folder.open(tmp_path / "devnet")
    launch.up(folder, solana=NodeKind.OWN, progress=print)
    try:
        yield folder
    finally:
        launch.down(folder)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Two chains with everybody in place, once for all stories."""
    with open_stage() as opened:
        yield opened


@pytest.fixture
async def story(stage: Stage, tmp_path: Path) -> AsyncIterator[Story]:
    """One story on the stage as it was set; no daemon runs yet."""
    async with telling(stage, tmp_path) as told:
        yield told


@pytest.fixture
async def indebted(stage: Stage, tmp_path: Path) -> AsyncIterator[SolanaStory]:
    """A story of Alice who holds WETH on the cheap chain and owes USDC on Solana."""
    async with telling_across(stage, tmp_path, evm="cheap", position=DEBT_HEAVY) as told:
        yield told


@pytest.fixture
async def invested(stage: Stage, tmp_path: Path) -> AsyncIterator[SolanaStory]:
    """A story of Alice who holds SOL on Solana and owes USDC on the dear chain."""
    async with telling_across(stage, tmp_path, evm="dear", position=COLLATERAL_HEAVY) as told:
        yield told


@pytest.fixture(scope="session")
def shared_vaults() -> Iterator[Ground]:
    """Two chains with vaults as people get them, once for all tests."""
    with open_vaults() as opened:
        yield opened


@pytest.fixture
def vaults(shared_vaults: Ground) -> Iterator[Ground]:
    """The two chains with vaults as first built: what a test does to them is undone after it."""
    with shared_vaults.reverting():
        yield shared_vaults
