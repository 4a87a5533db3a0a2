"""One node: up on a free port at wall time, no disk used, gone with its owner."""

import os
import platform
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.devnet.anvil import Anvil, find_anvil
from daemon.devnet.artifacts import ROOT
from daemon.devnet.build import build_devnet
from daemon.devnet.errors import DevnetError
from daemon.devnet.rpc import Rpc, RpcFailure

pytestmark = pytest.mark.net

LEASH = ROOT / "daemon" / "devnet" / "leash.py"


@contextmanager
def busy_cores() -> Iterator[None]:
    """Keep every core busy twice over."""
    spinners = [
        subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def weigh(folder: Path) -> int:
    """Add up what a folder holds, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_many_start_at_once_under_load_each_on_its_own_port(tmp_path: Path) -> None:
    states = [built.state for built in build_devnet(print)]
    with busy_cores():
        started = [
            Anvil.start(
                chain_id=40_000 + index,
                folder=tmp_path / str(index),
                state=states[index % 2],
                automine=False,
            )
            for index in range(4)
        ]
        try:
            assert len({anvil.rpc.port for anvil in started}) == 4
            assert 8545 not in {anvil.rpc.port for anvil in started}
            for index, anvil in enumerate(started):
                assert int(anvil.rpc.request("eth_chainId"), 16) == 40_000 + index
        finally:
            for anvil in started:
                anvil.stop()


def test_the_clock_is_wall_time_after_loading_an_old_state(tmp_path: Path) -> None:
    built = build_devnet(print)[0]
    with Anvil.start(
        chain_id=31337, folder=tmp_path / "a", state=built.state, automine=False
    ) as anvil:
        anvil.mine(10**9)
        time.sleep(1.1)
        anvil.mine(10**9)
        for number in ("latest", hex(int(anvil.rpc.request("eth_blockNumber"), 16) - 1)):
            block = anvil.rpc.request("eth_getBlockByNumber", *(number, False))
            assert abs(int(block["timestamp"], 16) - time.time()) < 4


def test_the_disk_does_not_grow_with_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    built = build_devnet(print)[0]
    with Anvil.start(
        chain_id=31337, folder=tmp_path / "a", state=built.state, automine=False
    ) as anvil:
        anvil.mine(10**9, 10)
        before = weigh(tmp_path)
        anvil.mine(10**9, 400)
        assert weigh(tmp_path) == before
    assert weigh(tmp_path) == 0


def test_stop_ends_the_process_and_removes_its_folder(tmp_path: Path) -> None:
    anvil = Anvil.start(chain_id=31337, folder=tmp_path / "a", automine=True)
    process = anvil.process
    assert process.poll() is None
    anvil.stop()
    anvil.stop()
    assert process.poll() is not None
    assert not (tmp_path / "a").exists()
    with pytest.raises(DevnetError, match="does not answer eth_chainId"):
        anvil.rpc.request("eth_chainId")


def test_a_state_that_cannot_be_loaded_is_one_clear_line(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("{}")
    with pytest.raises(DevnetError, match=r"anvil ended at once: .+") as raised:
        Anvil.start(chain_id=31337, folder=tmp_path / "a", state=state, automine=True)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "a").exists()


def test_another_platform_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(DevnetError, match=r"needs Linux on x86_64 .* this is linux on aarch64"):
        find_anvil()


def test_a_node_error_carries_its_code_and_a_dead_port_is_named(tmp_path: Path) -> None:
    with Anvil.start(chain_id=31337, folder=tmp_path / "a", automine=True) as anvil:
        with pytest.raises(RpcFailure, match="eth_nonsense") as raised:
            anvil.rpc.request("eth_nonsense")
        assert raised.value.code == -32601
        port = anvil.rpc.port
    with pytest.raises(DevnetError, match=f"http://127.0.0.1:{port} does not answer"):
        Rpc(port).request("eth_chainId")


def test_a_leashed_command_dies_with_a_parent_that_is_killed() -> None:
    script = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-I', '-S', {str(LEASH)!r},"
        " str(os.getpid()), '/bin/sleep', '60'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(  # noqa: S603 # our own script
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        name = Path(f"/proc/{child}/comm")
        deadline = time.monotonic() + 10
        while name.read_text().strip() != "sleep":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        handle = os.pidfd_open(child)
        parent.send_signal(signal.SIGKILL)
        ended, _, _ = select.select([handle], [], [], 10)
        os.close(handle)
    assert ended


def test_a_leash_put_on_too_late_ends_the_command_at_once() -> None:
    done = subprocess.run(  # noqa: S603 # our own script
        [sys.executable, "-I", "-S", str(LEASH), "1", "/bin/true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the parent ended before the leash was on" in done.stderr
