"""The unit's own command under its hardening: it starts, says so, works, reloads and ends."""

import json
import shutil
import signal
import tomllib
from pathlib import Path

import pytest

from config.layers import Table, merge
from tests.support.daemon import ROOT
from tests.support.story import Story
from tests.support.unit import (
    NotifySocket,
    find_hardening,
    listening,
    unit_command,
    unit_environment,
)

pytestmark = pytest.mark.net

WATCHDOG_S = 2


async def test_the_units_command_does_the_main_job_under_its_hardening(story: Story) -> None:
    config, credentials = write_etc(story)
    state, cache = story.folder / "state", story.folder / "cache"
    for path in (state, cache):
        path.mkdir(mode=0o700)
    hardening = find_hardening()
    with listening() as systemd:
        daemon = await story.daemon.start(
            command=hardening.wrap(unit_command(config), [state, cache], story.folder),
            environment=unit_environment(state, cache)
            | {
                "CREDENTIALS_DIRECTORY": str(credentials),
                "NOTIFY_SOCKET": str(systemd.path),
                "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000),
            },
        )
        await story.wait(lambda: told(systemd, "READY=1"), "systemd hears that it is ready")
        process = Path(f"/proc/{daemon.pid}")
        if hardening.privileges:
            assert status(process) >= {("NoNewPrivs", "1"), ("CapEff", "0" * 16)}
        if hardening.calls:
            assert ("Seccomp", "2") in status(process)
        if hardening.read_only:
            assert root_options(process).startswith("ro,")

        await story.step()
        await story.shock("WETH", -30)
        await story.until_settled()
        assert [chain for chain, _ in story.all_rescues()] == ["cheap"]
        await story.until(lambda: told(systemd, "WATCHDOG=1"), "the watchdog is fed")

        daemon.signal(signal.SIGHUP)
        await story.wait(lambda: told(systemd, "RELOADING=1"), "systemd hears of the reload")
        await story.wait(lambda: told(systemd, "READY=1", times=2), "and of its end")
        assert await daemon.terminate() == 0
        assert systemd.messages[-1] == "STOPPING=1"
    assert [path.name for path in state.iterdir() if "live" in path.name]


async def told(systemd: NotifySocket, message: str, times: int = 1) -> bool:
    return systemd.messages.count(message) >= times


def write_etc(story: Story) -> tuple[Path, Path]:
    """Write /etc/plimsoll: one file of all layers, and the key where LoadCredential puts it."""
    story.configure()
    table: Table = {}
    for file in story.daemon.files:
        table = merge(table, tomllib.loads(file.read_text()))
    del table["keys"], table["state_dir"]
    config = story.folder / "plimsoll.toml"
    config.write_text("\n".join(f"{key} = {inline(value)}" for key, value in table.items()))
    credentials = story.folder / "credentials"
    credentials.mkdir(mode=0o700)
    folder = story.stage.folder
    attesting = ("attestation_keystore", folder.attestation_keystore)
    its_password = ("attestation_password", folder.attestation_password_file)
    own = (("keystore", folder.keystore), ("password", folder.password_file))
    for name, file in (*own, attesting, its_password):
        shutil.copy(file, credentials / name)
        (credentials / name).chmod(0o400)
    return config, credentials


def inline(value: object) -> str:
    """Write a value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(found)}" for key, found in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def status(process: Path) -> set[tuple[str, str]]:
    lines = (line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return {(name, value.strip()) for name, value in lines}


def root_options(process: Path) -> str:
    """Give how the process has the file system mounted that holds the program."""
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    holding = [m for m in mounts if ROOT.is_relative_to(m[4])]
    return max(holding, key=lambda mount: len(mount[4]))[5]
