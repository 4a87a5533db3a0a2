"""A keeper that halted stays halted until somebody takes it back."""

import asyncio
import json
from pathlib import Path

import pytest

from daemon.__main__ import dispatch
from daemon.storage.database import open_database
from daemon.storage.store import Store

ANY = "0x" + "11" * 20


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "plimsoll.toml"
    state = tmp_path / "state"
    file.write_text(
        f'deployment = "test"\nstate_dir = "{state}"\n'
        '[chains.one]\ncaip2 = "eip155:1"\nrpc = ["http://127.0.0.1:1"]\n'
        'max_fee_gwei = "1"\npriority_fee_gwei = "1"\n'
        f'[chains.one.tokens.WETH]\naddress = "{ANY}"\ndecimals = 18\nfeed = "{ANY}"\n'
        "heartbeat_s = 3600\n"
    )

    async def halt() -> None:
        async with open_database(state, live=False) as database:
            await Store(database).write_halt("keeper", "success without effect")

    asyncio.run(halt())
    return file


def test_the_reason_is_shown_and_stays_until_it_is_confirmed(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["resume", "--config", str(config)]) == 0
    assert "keeper: success without effect" in capsys.readouterr().out
    assert dispatch(["resume", "--config", str(config), "--confirm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "halts": {"keeper": "success without effect"},
        "resumed": True,
    }
    assert dispatch(["resume", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "nothing is halted\n"


def test_a_running_daemon_must_be_stopped_first(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def hold() -> int:
        async with open_database(config.parent / "state", live=False):
            return await asyncio.to_thread(dispatch, ["resume", "--config", str(config)])

    assert asyncio.run(hold()) == 1
    assert "in use by another daemon" in capsys.readouterr().err
