"""What can refuse a configuration besides its own text: key, state, port, protocols.

Checked before a running daemon gives its house up for a new one, so that a reload that cannot
work changes nothing.
"""

import socket
from contextlib import closing

from chains.discover import UnknownProtocol
from config.errors import ConfigError
from config.settings import Settings
from daemon.committee.compose import build_membership
from daemon.compose import open_chains, open_key
from daemon.storage.database import open_database
from daemon.storage.errors import StateRefused


async def check_usable(settings: Settings, running: Settings, *, port: int) -> None:
    """Raise ConfigError where `settings` could not take over from `running`, which holds `port`."""
    key = await open_key(settings)
    if settings.committee is not None and key is not None:
        build_membership(settings, settings.committee, key)
    try:
        async with open_chains(settings):
            pass
    except UnknownProtocol as error:
        raise ConfigError([f"chains: {error}"]) from error
    if settings.state_dir.resolve() != running.state_dir.resolve():
        await _check_state(settings)
    ours = settings.api.host == running.api.host and settings.api.port in (0, port)
    if not ours:
        _check_port(settings)


async def _check_state(settings: Settings) -> None:
    try:
        async with open_database(settings.state_dir, live=settings.live):
            pass
    except (StateRefused, OSError) as error:
        raise ConfigError([f"state_dir: {error}"]) from error


def _check_port(settings: Settings) -> None:
    host, port = settings.api.host, settings.api.port
    try:
        with closing(socket.create_server((host, port))):
            pass
    except OSError as error:
        raise ConfigError([f"api: {host} port {port} cannot be used: {error.strerror}"]) from error
