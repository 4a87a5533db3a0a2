"""What a chain says for proofs: encoded headers, trie nodes (`eth_getProof`) and code.

Nothing here is verified but that an answer has the right form: whoever uses the bytes checks
them against a block's hash. Source: EIP-1186, EIP-1898; the order of header fields is geth's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final, Protocol, TypeVar

import rlp
from eth_utils.crypto import keccak

from chains.errors import ChainError, DecodeError
from chains.evm.client import EvmClient
from chains.evm.decode import decode_data, decode_quantity, expect_list, expect_object, to_hex
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address
from chains.rpc.endpoint import Json

REQUESTS_AT_ONCE: Final = 8
MOST_ROUNDS: Final = 32
HISTORY: Final = Address("0x0000f90827f1c53a10cb7a02335b175320002935")
"""The contract of block hashes. Source: EIP-2935."""
KEYS_AT_ONCE: Final = 256
_WORD: Final = 32
_DATA: Final = "data"
_QUANTITY: Final = "quantity"
_FIELDS: Final[tuple[tuple[str, str], ...]] = (
    ("parentHash", _DATA),
    ("sha3Uncles", _DATA),
    ("miner", _DATA),
    ("stateRoot", _DATA),
    ("transactionsRoot", _DATA),
    ("receiptsRoot", _DATA),
    ("logsBloom", _DATA),
    ("difficulty", _QUANTITY),
    ("number", _QUANTITY),
    ("gasLimit", _QUANTITY),
    ("gasUsed", _QUANTITY),
    ("timestamp", _QUANTITY),
    ("extraData", _DATA),
    ("mixHash", _DATA),
    ("nonce", _DATA),
    ("baseFeePerGas", _QUANTITY),
    ("withdrawalsRoot", _DATA),
    ("blobGasUsed", _QUANTITY),
    ("excessBlobGas", _QUANTITY),
    ("parentBeaconBlockRoot", _DATA),
    ("requestsHash", _DATA),
)
_FIRST_FORK: Final = 15
"""The fields before it are in every header; forks added the others, in this order."""

T = TypeVar("T")
U = TypeVar("U")


async def read_header(client: EvmClient, anchor: BlockAnchor) -> bytes:
    """Read a block's header, encoded; DecodeError when its fields do not hash to the anchor's."""
    answer = await client.request("eth_getBlockByHash", [to_hex(anchor.hash), False])
    raw = _decode(client, encode_header, answer, "eth_getBlockByHash")
    if (found := bytes(keccak(raw))) != anchor.hash:
        raise DecodeError(
            client.chain, f"the header of 0x{anchor.hash.hex()} hashes to 0x{found.hex()}"
        )
    return raw


def encode_header(value: Json) -> bytes:
    """Encode a header given as JSON; ValueError for a field that is missing or malformed."""
    block = expect_object(value)
    fields = []
    for place, (name, kind) in enumerate(_FIELDS):
        field = block.get(name)
        if field is None and place >= _FIRST_FORK:
            break
        fields.append(decode_data(field) if kind is _DATA else _encode_quantity(field))
    return bytes(rlp.encode(fields))


def _encode_quantity(value: Json) -> bytes:
    number = decode_quantity(value)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


async def read_nodes(
    client: EvmClient, anchor: BlockAnchor, slots: Mapping[Address, Collection[int]]
) -> frozenset[bytes]:
    """Read the nodes that prove contracts' accounts and storage words at the anchor."""

    async def read_one(request: tuple[Address, list[int]]) -> frozenset[bytes]:
        contract, keys = request
        words: list[Json] = [to_hex(key.to_bytes(_WORD, "big")) for key in keys]
        params: list[Json] = [contract, words, _block(anchor)]
        answer = await client.request("eth_getProof", params)
        return _decode(client, decode_nodes, answer, "eth_getProof")

    answers = await _read_each(read_one, _cut(slots))
    return frozenset().union(*answers)


async def read_word_proof(
    client: EvmClient, anchor: BlockAnchor, contract: Address, slot: int
) -> bytes:
    """Read the nodes that prove one storage word at the anchor, joined as prover.vy takes them.

    Root first: the account's, then the word's.
    """
    params: list[Json] = [contract, [to_hex(slot.to_bytes(_WORD, "big"))], _block(anchor)]
    answer = await client.request("eth_getProof", params)
    return b"".join(_decode(client, _list_nodes, answer, "eth_getProof"))


class Lack(Protocol):
    """What a collector lacks: storage words by contract, and codes."""

    @property
    def slots(self) -> Mapping[Address, Collection[int]]:
        """Storage words; a contract without any is wanted for its account."""
        ...

    @property
    def codes(self) -> Collection[Address]:
        """Contracts whose code is wanted."""
        ...


class Collector(Protocol):
    """What turns nodes and codes into evidence, and says what it still lacks."""

    def add(self, nodes: Iterable[bytes], codes: Iterable[bytes]) -> None:
        """Take what was read."""
        ...

    def find_lack(self) -> Lack | None:
        """Give what to read next, None when nothing is lacking."""
        ...


async def collect(
    client: EvmClient, anchor: BlockAnchor, collector: Collector, *, first: Lack | None = None
) -> None:
    """Read at the anchor until a collector lacks nothing.

    One round where `first` names all that is needed (what the last collection asked for), else a
    few. DecodeError when the chain's answers do not bring it further.
    """
    lack = first or collector.find_lack()
    for _ in range(MOST_ROUNDS):
        if lack is None:
            return
        nodes = await read_nodes(client, anchor, lack.slots)
        collector.add(nodes, await read_codes(client, anchor, lack.codes))
        lack = collector.find_lack()
    raise DecodeError(client.chain, f"proofs at {anchor.height} do not prove what was asked for")


async def read_codes(
    client: EvmClient, anchor: BlockAnchor, contracts: Iterable[Address]
) -> frozenset[bytes]:
    """Read contracts' codes at the anchor; those without code are left out."""

    async def read_one(contract: Address) -> bytes:
        answer = await client.request("eth_getCode", [contract, _block(anchor)])
        return _decode(client, decode_data, answer, "eth_getCode")

    return frozenset(filter(None, await _read_each(read_one, contracts)))


def decode_nodes(value: Json) -> frozenset[bytes]:
    """Decode the nodes of an `eth_getProof` answer, of account and storage."""
    return frozenset(_list_nodes(value))


def _list_nodes(value: Json) -> list[bytes]:
    proof = expect_object(value)
    listed = list(expect_list(proof.get("accountProof")))
    for storage in expect_list(proof.get("storageProof")):
        listed += expect_list(expect_object(storage).get("proof"))
    return list(map(decode_data, listed))


def _cut(slots: Mapping[Address, Collection[int]]) -> list[tuple[Address, list[int]]]:
    """Cut what is asked for into requests that nodes take."""
    return [
        (contract, sorted(keys)[start : start + KEYS_AT_ONCE])
        for contract, keys in sorted(slots.items())
        for start in range(0, max(len(keys), 1), KEYS_AT_ONCE)
    ]


async def _read_each(read_one: Callable[[T], Awaitable[U]], asked: Iterable[T]) -> list[U]:
    """Ask for each, a few at once; raises the first ChainError."""
    free = asyncio.Semaphore(REQUESTS_AT_ONCE)

    async def wait(item: T) -> U:
        async with free:
            return await read_one(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(wait(item)) for item in asked]
    except* ChainError as errors:
        failure = errors.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise failure


def _block(anchor: BlockAnchor) -> Json:
    return {"blockHash": to_hex(anchor.hash), "requireCanonical": True}


def _decode(client: EvmClient, decode: Callable[[Json], T], answer: Json, what: str) -> T:
    try:
        return decode(answer)
    except ValueError as error:
        raise DecodeError(client.chain, f"{what}: {error}") from error
