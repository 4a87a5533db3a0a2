"""One plain anvil for the verifier contract."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import pytest
from eth_hash.auto import keccak
from eth_typing import HexStr
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractCaller
from web3.types import RPCEndpoint

from chains.model.ids import Address
from daemon.devnet.vyper_build import VERIFIERS, compile_vyper
from proofs.committee import FIRST_EPOCH, NO_END, Committee
from proofs.contract import (
    Member,
    Terms,
    build_constructor,
    build_registration,
    encode_proof,
)
from proofs.envelope import Envelope
from proofs.statement import HealthAttestation
from proofs.typed import ZERO
from tests.proofs.samples import DEPLOYMENT
from tests.support.nodes import running_anvil

HELPERS: Final = Path(__file__).parent / "contracts"
SENDER: Final = "0x" + "01" * 20
MAX_TTL: Final = 120
NOBODY: Final = Address("0x" + "00" * 20)


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

    def check(
        self, envelope: Envelope, *, excluded: Address = NOBODY, at: int | None = None
    ) -> str:
        """Give the digest in hex, or the reason, in the envelope's scheme and at a time."""
        named = Web3.to_checksum_address(excluded)
        return self.attempt("verify_scheme", *describe(envelope), named, at=at)

    def attempt(self, name: str, *arguments: object, at: int | None = None) -> str:
        """Call without effect, at a time if one is given: the answer in hex, or the reason."""
        data = self.contract.encode_abi(name, args=arguments)
        call = {"from": SENDER, "to": self.contract.address, "data": data}
        asked: list[Any] = [call, "latest", {}, {} if at is None else {"time": hex(at)}]
        method = RPCEndpoint("eth_call")
        answer: dict[str, Any] = dict(self.web3.provider.make_request(method, asked))
        if "error" in answer:
            return str(answer["error"]["message"]).removeprefix("execution reverted: ")
        return str(answer["result"])

    def send(self, name: str, *arguments: object) -> int:
        """Send a transaction that must succeed; gives its gas."""
        call = self.contract.functions[name](*arguments)
        sent = call.transact({"from": self.web3.eth.accounts[0]})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1
        return int(receipt["gasUsed"])

    def register(self, committee: Committee) -> None:
        """Register the BLS keys of all members."""
        for index in range(len(committee.members)):
            self.send("register_key", *build_registration(committee, index))


def describe(envelope: Envelope) -> tuple[object, ...]:
    """Give an envelope as `verify_scheme` takes it."""
    proof = encode_proof(envelope.scheme, envelope.signatures)
    return envelope.scheme, astuple(envelope.header), envelope.bitmap, proof


def write_members(members: Sequence[Member]) -> list[tuple[object, ...]]:
    """Give members as web3 takes them."""
    return [(Web3.to_checksum_address(key), *others) for key, *others in members]


class Chain:
    """A plain anvil."""

    def __init__(self, url: str) -> None:
        self.web3 = Web3(HTTPProvider(url))

    @property
    def time(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def deploy(
        self, salt: bytes, members: tuple[Address, ...], threshold: int, max_ttl: int = MAX_TTL
    ) -> Verifier:
        """Deploy for a first committee, be it a bad one."""
        terms = (FIRST_EPOCH, threshold, 0, NO_END, salt)
        return self._deploy(salt, terms, [(member, ZERO, ZERO) for member in members], max_ttl)

    def deploy_for(
        self, committee: Committee, deployment: str = DEPLOYMENT, max_ttl: int = MAX_TTL
    ) -> Verifier:
        """Deploy for any committee of a deployment."""
        return self._deploy(*build_constructor(deployment, committee, max_ttl))

    def _deploy(
        self, salt: bytes, terms: Terms, members: Sequence[Member], max_ttl: int
    ) -> Verifier:
        source = VERIFIERS / "verifier.vy"
        made = self.create(source, salt, terms, write_members(members), max_ttl)
        return Verifier(self.web3, made)

    def create(self, source: Path, *arguments: object) -> Contract:
        """Deploy a contract."""
        compiled = compile_vyper(source)
        factory = self.web3.eth.contract(abi=compiled.abi, bytecode=HexStr(compiled.code))
        sent = factory.constructor(*arguments).transact({"from": self.web3.eth.accounts[0]})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        address = receipt["contractAddress"]
        assert address is not None
        return self.web3.eth.contract(address=address, abi=compiled.abi)


def audience_of(chain: int, consumer: str) -> bytes:
    words = chain.to_bytes(32, "big") + bytes.fromhex(consumer[2:]).rjust(32, b"\x00")
    return bytes(keccak(words))


@pytest.fixture(scope="session")
def chain() -> Iterator[Chain]:
    with running_anvil(automine=True) as anvil:
        yield Chain(anvil.rpc.url)
