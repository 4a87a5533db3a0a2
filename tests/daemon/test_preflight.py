"""What a reload is refused for besides the configuration's own text."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from daemon.keys import draw_key, write_keystore, write_private
from daemon.preflight import check_usable

ANY = "0x" + "11" * 20


def configure(folder: Path, extra: str = "", *, port: int = 0) -> Settings:
    file = folder / "plimsoll.toml"
    file.write_text(
        f'deployment = "test"\nstate_dir = "{folder / "state"}"\n{extra}\n'
        f"[api]\nport = {port}\n"
        '[chains.one]\ncaip2 = "eip155:1"\nrpc = ["http://127.0.0.1:1"]\n'
        'max_fee_gwei = "1"\npriority_fee_gwei = "1"\n'
        f'[chains.one.tokens.WETH]\naddress = "{ANY}"\ndecimals = 18\nfeed = "{ANY}"\n'
        "heartbeat_s = 3600\n"
    )
    return load([file], {})


async def test_what_can_take_over_is_accepted(tmp_path: Path) -> None:
    running = configure(tmp_path)
    await check_usable(configure(tmp_path), running, port=0)


async def test_live_without_a_key_is_refused(tmp_path: Path) -> None:
    running = configure(tmp_path)
    with pytest.raises(ConfigError, match="live takes a keystore"):
        await check_usable(configure(tmp_path, 'mode = "live"'), running, port=0)


async def test_a_password_that_opens_nothing_is_refused(tmp_path: Path) -> None:
    running = configure(tmp_path)
    keystore, password = tmp_path / "keystore.json", tmp_path / "password"
    write_keystore(keystore, draw_key(), "right", work=1_024)
    write_private(password, "wrong")
    keys = f'keys = {{ keystore = "{keystore}", password_file = "{password}" }}'
    with pytest.raises(ConfigError, match="password is wrong"):
        await check_usable(configure(tmp_path, keys), running, port=0)


async def test_another_state_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    running = configure(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    settings = configure(other)
    (other / "state").write_text("a file, no directory")
    with pytest.raises(ConfigError, match="state_dir"):
        await check_usable(settings, running, port=0)


@pytest.mark.net
async def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    running = configure(tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        settings = configure(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match="cannot be used"):
            await check_usable(settings, running, port=0)
