"""The cache: built once, by one builder, and again only when an input has changed."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from daemon.devnet import aave_v36, build, vyper_build
from daemon.devnet.aave_v36 import load_aave_v36
from daemon.devnet.build import build_devnet
from daemon.devnet.cache import find_cache, lock_cache, write_whole
from daemon.devnet.errors import DevnetError
from daemon.devnet.solc import compile_solidity
from daemon.devnet.vyper_build import CONTRACTS, compile_vyper

pytestmark = pytest.mark.net

_V36 = "@aave-dao/aave-v3-origin/src/contracts"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a cache that holds the slow compilation's result and nothing else."""
    load_aave_v36(print)
    cache = tmp_path / "cache"
    cache.mkdir()
    for kept in find_cache().glob("aave-v3.6-*.json"):
        shutil.copy(kept, cache)
    monkeypatch.setenv("PLIMSOLL_CACHE", str(cache))
    return cache


def test_the_second_build_reads_what_the_first_one_made(empty_cache: Path) -> None:
    said: list[str] = []
    first = build_devnet(said.append)
    assert [line.split(" with ")[1] for line in said] == ["Aave v3.6", "Aave v3.0"]
    times = {path: path.stat().st_mtime_ns for path in empty_cache.rglob("*.json")}
    assert build_devnet(said.append) == first
    assert len(said) == 2
    assert {path: path.stat().st_mtime_ns for path in empty_cache.rglob("*.json")} == times
    assert all(built.state.is_relative_to(empty_cache) for built in first)


def test_a_changed_feed_contract_is_built_again(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_devnet(lambda _: None)
    changed = tmp_path / "contracts"
    changed.mkdir()
    source = (CONTRACTS / "feed.vy").read_text()
    (changed / "feed.vy").write_text(source.replace('"owner"', '"only the owner"'))
    monkeypatch.setattr(build, "CONTRACTS", changed)
    said: list[str] = []
    build_devnet(said.append)
    assert len(said) == 2
    assert len(list(empty_cache.glob("devnet-*"))) == 2


def test_two_builders_at_once_build_once(empty_cache: Path) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(build_devnet, said.append) for _ in range(2)]
    assert both[0].result() == both[1].result()
    assert len(said) == 2
    assert not [path for path in empty_cache.rglob(".*") if path.is_file()]


def test_an_interrupted_build_is_done_again(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DevnetError("the power went")

    with monkeypatch.context() as broken:
        broken.setattr(build, "deploy_aave_v30", fail)
        with pytest.raises(DevnetError, match="the power went"):
            build_devnet(lambda _: None)
    said: list[str] = []
    assert len(build_devnet(said.append)) == 2
    assert len(said) == 1
    assert said[0].startswith("building chain 31338")
    assert empty_cache.exists()


def test_a_lock_keeps_the_other_builder_waiting(empty_cache: Path) -> None:
    entered = threading.Event()

    def build_too() -> None:
        with lock_cache():
            entered.set()

    with ThreadPoolExecutor(1) as pool:
        with lock_cache():
            waiting = pool.submit(build_too)
            assert not entered.wait(0.2)
        waiting.result()
    assert entered.is_set()
    assert (empty_cache / "lock").exists()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_whole(path, b"old")
    with path.open("rb") as reader:
        write_whole(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_solidity_is_compiled_from_npm_sources_with_its_imports() -> None:
    artifacts = compile_solidity(
        [f"{_V36}/misc/AaveOracle.sol"], remappings=(), evm_version="cancun"
    )
    assert {item.get("name") for item in artifacts["AaveOracle"].abi} >= {"getAssetPrice"}
    assert len(artifacts["AaveOracle"].code) > 1_000


def test_solidity_that_does_not_compile_says_what_solc_says() -> None:
    with pytest.raises(DevnetError, match=r"^solc: .*Multicall\.sol.* not found"):
        compile_solidity(
            [f"{_V36}/protocol/pool/Pool.sol"],
            remappings=("solidity-utils/=nowhere/",),
            evm_version="cancun",
        )


@pytest.mark.usefixtures("empty_cache")
def test_vyper_is_compiled_once_per_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "tiny.vy"
    source.write_text("# pragma version 0.4.3\nx: public(uint256)\n")
    first = compile_vyper(source)
    with monkeypatch.context() as no_compiler:
        no_compiler.setattr(vyper_build, "_compile", None)
        assert compile_vyper(source) == first
    source.write_text("# pragma version 0.4.3\ny: public(uint256)\n")
    assert compile_vyper(source).abi[0]["name"] == "y"


@pytest.mark.usefixtures("empty_cache")
def test_vyper_that_does_not_compile_names_the_file(tmp_path: Path) -> None:
    source = tmp_path / "wrong.vy"
    source.write_text("x: uint257\n")
    with pytest.raises(DevnetError, match=r"wrong\.vy does not compile"):
        compile_vyper(source)


@pytest.mark.usefixtures("empty_cache")
def test_without_vyper_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(vyper_build, "version", absent)
    with pytest.raises(DevnetError, match="vyper is not installed: run `make setup`"):
        compile_vyper(CONTRACTS / "feed.vy")


def test_aave_v36_is_compiled_again_when_its_inputs_change(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DevnetError("compiling")

    monkeypatch.setattr(aave_v36, "compile_solidity", refuse)
    assert "PoolInstance" in load_aave_v36(print)
    for kept in empty_cache.glob("aave-v3.6-*.json"):
        kept.unlink()
    with pytest.raises(DevnetError, match="compiling"):
        load_aave_v36(print)
