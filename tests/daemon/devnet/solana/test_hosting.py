"""Which node Solana runs on, and why not the one preferred."""

import platform
from pathlib import Path

import pytest

from daemon.devnet.errors import DevnetError
from daemon.devnet.solana import hosting
from daemon.devnet.solana.deployment import NodeKind
from daemon.devnet.solana.hosting import SolanaHost, start_host

pytestmark = pytest.mark.net

NO_GLIBC = 'throw new Error("libc.so.6: version `GLIBC_2.99\' not found");'
DEAF = """exports.Surfnet = class {
  static startWithConfig() { return new exports.Surfnet(); }
  get rpcUrl() { return "http://127.0.0.1:1"; }
  get wsUrl() { return "ws://127.0.0.1:1"; }
  drainEvents() {}
};"""
BECAUSE = "Solana runs on our own node, because Surfpool does not run here: "


def install_package(packages: Path, code: str) -> None:
    """Put something else in Surfpool's place."""
    folder = packages / "@solana" / "surfpool-linux-x64-gnu"
    folder.mkdir(parents=True)
    (folder / "index.js").write_text(code)


def test_surfpool_is_preferred(tmp_path: Path) -> None:
    with start_host(None, tmp_path / "node") as host:
        assert (host.kind, host.fallback) == (NodeKind.SURFPOOL, None)
        assert host.rpc.request("getVersion")["surfnet-version"] == "1.5.0"


def test_what_is_asked_for_is_started(tmp_path: Path) -> None:
    with start_host(NodeKind.OWN, tmp_path / "node") as host:
        assert (host.kind, host.fallback) == (NodeKind.OWN, None)
        assert host.bundles_url is not None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (None, "surfpool-linux-x64-gnu is missing (`make setup`)"),
        (NO_GLIBC, "solana-surfpool ended at once: Error: libc.so.6: version `GLIBC_2.99' not"),
        (DEAF, "http://127.0.0.1:1 does not answer getGenesisHash"),
    ],
)
def test_our_own_node_takes_over_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str | None, reason: str
) -> None:
    monkeypatch.setattr(hosting, "find_packages", lambda: tmp_path)
    if code is not None:
        install_package(tmp_path, code)
    with start_host(None, tmp_path / "node") as host:
        assert host.kind is NodeKind.OWN
        assert host.fallback is not None
        assert host.fallback.startswith(BECAUSE)
        assert reason in host.fallback
        assert "\n" not in host.fallback
        assert host.rpc.request("getHealth") == "ok"


def test_another_platform_has_no_surfpool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with start_host(None, tmp_path / "node") as host:
        assert host.fallback == f"{BECAUSE}there is none for linux on aarch64"
    with pytest.raises(DevnetError, match="there is none for linux on aarch64"):
        start_host(NodeKind.SURFPOOL, tmp_path / "other")


def test_a_stopped_node_leaves_nothing(tmp_path: Path) -> None:
    with SolanaHost.start(NodeKind.SURFPOOL, tmp_path / "node") as host:
        process = host.child.process
        assert host.child.alive
    assert process.returncode is not None
    assert not (tmp_path / "node").exists()
