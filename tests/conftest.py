"""What every test shares: no sockets unless marked `net`, hypothesis profiles."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

pytest_plugins = ["tests.support.fixtures"]

settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.register_profile(
    "deep", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def _sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """Block sockets, but for loopback in tests marked `net`."""
    if request.node.get_closest_marker("net"):
        socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    else:
        disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave `deep` tests out unless they are asked for."""
    if "deep" in config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="deep: runs in `make deep`")
    for item in items:
        if item.get_closest_marker("deep"):
            item.add_marker(skip)
