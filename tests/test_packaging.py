"""What is installed under our generic names is ours, and the wheel holds what it needs."""

import importlib
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("chains", "config", "daemon", "proofs")


@pytest.mark.parametrize("name", OURS)
def test_each_of_our_names_belongs_to_our_distribution_alone(name: str) -> None:
    # An editable install lists no packages of its own; anybody else's would stand here.
    assert set(packages_distributions().get(name, ())) <= {"plimsoll-keeper"}
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT / name)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our build
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return frozenset(archive.namelist())


def test_the_wheel_holds_our_four_packages_and_nothing_else(wheel: frozenset[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.startswith("plimsoll_keeper-")} == set(OURS)


@pytest.mark.parametrize(
    "path",
    [
        *(f"{name}/py.typed" for name in OURS),
        "config/networks.toml",
        "config/risk.toml",
        "chains/evm/contracts/rescue.vy",
        "chains/evm/contracts/liquidator.vy",
        "proofs/contracts/verifier.vy",
        "proofs/contracts/bls.vy",
        "daemon/storage/migrations/env.py",
    ],
)
def test_the_wheel_holds_what_is_no_python(wheel: frozenset[str], path: str) -> None:
    assert path in wheel


def test_the_wheel_ships_the_service_unit(wheel: frozenset[str]) -> None:
    assert any(name.endswith("data/lib/systemd/system/plimsoll.service") for name in wheel)
    for name in ("solana.conf", "attestation.conf"):
        assert any(path.endswith(f"data/share/plimsoll/systemd/{name}") for path in wheel)


def test_no_registry_host_stands_in_a_lock() -> None:
    locks = [ROOT / name for name in ("requirements.lock", ".ci/node.lock", "package-lock.json")]
    for lock in locks:
        text = lock.read_text()
        assert "--index-url" not in text
        assert "--find-links" not in text
        assert '"resolved"' not in text
