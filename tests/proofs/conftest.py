"""One plain anvil for the verifier contract."""

from collections.abc import Iterator
from dataclasses import astuple
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest
from eth_hash.auto import keccak
from vyper.compiler import compile_code
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractCaller

from chains.model.ids import Address
from proofs.envelope import Envelope
from proofs.statement import HealthAttestation
from tests.support.nodes import running_anvil

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "proofs/contracts/verifier.vy"
SENDER: Final = "0x" + "01" * 20
MAX_TTL: Final = 120


class Verifier:
    """The contract on a chain; its answers are digests, its refusals reasons."""

    def __init__(self, web3: Web3, contract: Contract) -> None:
        self.web3 = web3
        self.contract = contract

    @property
    def time(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    @property
    def caller(self) -> ContractCaller:
        return self.contract.caller({"from": SENDER})

    def verify(self, envelope: Envelope) -> bytes:
        header = astuple(envelope.header)
        return bytes(self.caller.verify(header, envelope.bitmap, envelope.proof))

    def digest(self, header: HealthAttestation) -> bytes:
        return bytes(self.caller.digest(astuple(header)))

    def gas(self, envelope: Envelope) -> int:
        header = astuple(envelope.header)
        call = self.contract.functions.verify(header, envelope.bitmap, envelope.proof)
        return int(call.estimate_gas({"from": SENDER}))


class Chain:
    """A plain anvil."""

    def __init__(self, url: str) -> None:
        self.web3 = Web3(HTTPProvider(url))

    def deploy(
        self, salt: bytes, members: tuple[Address, ...], threshold: int, max_ttl: int = MAX_TTL
    ) -> Verifier:
        compiled = compile_verifier()
        factory = self.web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        named = [Web3.to_checksum_address(member) for member in members]
        sender = self.web3.eth.accounts[0]
        sent = factory.constructor(salt, named, threshold, max_ttl).transact({"from": sender})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        address = receipt["contractAddress"]
        assert address is not None
        return Verifier(self.web3, self.web3.eth.contract(address=address, abi=compiled["abi"]))


@lru_cache
def compile_verifier() -> dict[str, Any]:
    made: dict[str, Any] = compile_code(
        SOURCE.read_text(), contract_path=str(SOURCE), output_formats=["abi", "bytecode"]
    )
    return made


def audience_of(chain: int, consumer: str) -> bytes:
    words = chain.to_bytes(32, "big") + bytes.fromhex(consumer[2:]).rjust(32, b"\x00")
    return bytes(keccak(words))


@pytest.fixture(scope="session")
def chain() -> Iterator[Chain]:
    with running_anvil(automine=True) as anvil:
        yield Chain(anvil.rpc.url)
