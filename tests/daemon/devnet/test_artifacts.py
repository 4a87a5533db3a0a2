"""Contracts found, linked and called by their signatures."""

import subprocess
import sys
from pathlib import Path

import pytest
from eth_abi.abi import encode

from chains.model.ids import Address
from chains.model.units import USD, Usd
from daemon.devnet import artifacts, solc
from daemon.devnet.aave_v30 import load_core
from daemon.devnet.artifacts import Artifact, find_node, find_packages, load_multicall3
from daemon.devnet.calls import decode_result, encode_call
from daemon.devnet.errors import DevnetError
from daemon.devnet.solc import compile_solidity
from daemon.devnet.uniswap import calculate_sqrt_price

LIBRARY = Address("0x" + "1b" * 20)


def test_a_library_is_linked_at_every_place_that_names_it() -> None:
    artifact = Artifact.from_json(
        "Uses",
        {
            "abi": [{"type": "constructor", "inputs": [{"name": "x", "type": "uint256"}]}],
            "bytecode": "0x60" + "__$" + "a" * 34 + "$__" + "61" + "__$" + "a" * 34 + "$__",
            "linkReferences": {"l.sol": {"L": [{"start": 1}, {"start": 22}]}},
        },
    )
    code = artifact.creation_data({"L": LIBRARY}, 7)
    assert code.hex() == "60" + "1b" * 20 + "61" + "1b" * 20 + encode(["uint256"], [7]).hex()


def test_a_library_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        load_core("protocol/pool/Pool").creation_data({}, LIBRARY)


def test_missing_packages_tell_to_run_setup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "_PACKAGES", tmp_path / "node_modules")
    with pytest.raises(DevnetError, match=r"no npm packages in .*: run `make setup`"):
        find_packages()


def test_a_missing_artifact_is_named() -> None:
    with pytest.raises(DevnetError, match=r"Nothing\.json is missing: run `make setup`"):
        load_core("protocol/Nothing")


def test_a_missing_node_tells_to_run_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DevnetError, match="Node is not installed: run `make setup`"):
        find_node()


def test_node_beside_python_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert find_node() == str(tmp_path / "node")


def test_a_compiler_that_fails_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solc, "find_node", lambda: "/bin/false")
    with pytest.raises(DevnetError, match=r"node compile\.cjs failed \(1\): no output"):
        compile_solidity([], remappings=(), evm_version="cancun")
    assert subprocess.call(["/bin/false"]) == 1


def test_multicall3_comes_from_viem() -> None:
    assert load_multicall3().creation_data({})[:4].hex() == "60806040"


def test_calls_are_encoded_by_signature() -> None:
    assert encode_call("totalSupply()").hex() == "18160ddd"
    data = encode_call("transfer(address,uint256)", LIBRARY, 5)
    assert data.hex() == "a9059cbb" + encode(["address", "uint256"], [LIBRARY, 5]).hex()
    nested = encode_call("f((address,uint24)[],bytes)", [(LIBRARY, 1)], b"x")
    assert decode_result("((address,uint24)[],bytes)", nested[4:]) == (((LIBRARY, 1),), b"x")


def test_a_pool_price_is_exact_where_prices_are() -> None:
    assert calculate_sqrt_price(Usd(4 * USD), 6, Usd(USD), 6) == 2 << 96
    assert calculate_sqrt_price(Usd(USD), 6, Usd(4 * USD), 6) == 1 << 95
    assert calculate_sqrt_price(Usd(USD), 18, Usd(USD), 6) == (1 << 96) // 10**6
