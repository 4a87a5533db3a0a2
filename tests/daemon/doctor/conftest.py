"""One supervised devnet for all of the doctor's tests, with its configuration to spoil."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.layers import merge, read_table
from config.load import RISK, validate
from config.settings import Settings
from daemon.devnet import launch
from daemon.devnet.artifacts import ROOT
from daemon.devnet.folder import DevnetState, Folder
from daemon.devnet.solana.deployment import NodeKind
from daemon.doctor.examine import examine
from daemon.doctor.report import Finding, Level


@dataclass(frozen=True)
class Patient:
    """A devnet and the right configuration for it."""

    folder: Folder
    state: DevnetState
    table: dict[str, Any]

    def settings(self, over: dict[str, Any]) -> Settings:
        return validate(merge(self.table, over))

    async def failures(self, over: dict[str, Any]) -> list[str]:
        return [str(f) for f in await self.findings(over) if f.level is Level.FAIL]

    async def findings(self, over: dict[str, Any]) -> tuple[Finding, ...]:
        return await examine(self.settings(over))


@pytest.fixture(scope="package")
def patient() -> Iterator[Patient]:
    with tempfile.TemporaryDirectory(prefix="plimsoll-doctor-") as name:
        folder = Folder.open(Path(name) / "devnet")
        state = launch.up(folder, solana=NodeKind.OWN, progress=print)
        try:
            table = merge(read_table(RISK), read_table(ROOT / "config" / "devnet.toml"))
            table = merge(table, read_table(state.run_file))
            yield Patient(folder, state, merge(table, {"mode": "live"}))
        finally:
            launch.down(folder)
