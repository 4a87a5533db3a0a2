"""Headers, trie nodes and codes as real nodes give them for proofs."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from eth_utils.crypto import keccak

from chains.errors import ChainError, DecodeError
from chains.evm.client import EvmClient
from chains.evm.proofs import collect, encode_header, read_codes, read_header, read_nodes
from chains.model.ids import Address, ChainId
from tests.support.devnet import DevChain, Devnet

pytestmark = pytest.mark.net

NOBODY = Address("0x" + "0b" * 20)


def client_of(chain: DevChain) -> EvmClient:
    return EvmClient(chain=ChainId.evm(chain.deployment.number), endpoints=[chain.url])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    slots: dict[Address, list[int]] = field(default_factory=dict)
    codes: tuple[Address, ...] = ()


@dataclass(slots=True)
class Hoard:
    """Wants one thing after the other, whatever it is given."""

    wanted: list[Lack]
    nodes: set[bytes] = field(default_factory=set)
    codes: set[bytes] = field(default_factory=set)

    def add(self, nodes: Iterable[bytes], codes: Iterable[bytes]) -> None:
        self.nodes.update(nodes)
        self.codes.update(codes)

    def find_lack(self) -> Lack | None:
        return self.wanted.pop(0) if self.wanted else None


async def test_a_header_hashes_to_its_block_on_both_chains(shared_devnet: Devnet) -> None:
    for chain in shared_devnet.chains:
        async with client_of(chain) as client:
            anchor = (await client.read_head("latest")).anchor
            assert keccak(await read_header(client, anchor)) == anchor.hash


async def test_a_header_that_is_not_the_anchors_is_refused(shared_devnet: Devnet) -> None:
    async with client_of(shared_devnet.cheap) as client:
        anchor = (await client.read_head("latest")).anchor
        answer = await client.request("eth_getBlockByHash", ["0x" + anchor.hash.hex(), False])
        assert isinstance(answer, dict)
        answer["extraData"] = "0x01"
        assert keccak(encode_header(answer)) != anchor.hash
        del answer["stateRoot"]
        with pytest.raises(ValueError, match="0x data was expected"):
            encode_header(answer)
        with pytest.raises(ChainError):
            await read_header(client, replace(anchor, hash=b"\x01" * 32))


async def test_nodes_lead_from_the_state_root_to_what_was_asked(shared_devnet: Devnet) -> None:
    chain = shared_devnet.cheap
    async with client_of(chain) as client:
        anchor = (await client.read_head("latest")).anchor
        pool = chain.deployment.aave.pool
        nodes = await read_nodes(client, anchor, {pool: range(600), NOBODY: []})
        assert anchor.state_root in {keccak(node) for node in nodes}
        alone = await read_nodes(client, anchor, {pool: []})
        assert alone < nodes


async def test_codes_are_given_for_contracts_alone(shared_devnet: Devnet) -> None:
    chain = shared_devnet.cheap
    async with client_of(chain) as client:
        anchor = (await client.read_head("latest")).anchor
        pool = chain.deployment.aave.pool
        (code,) = await read_codes(client, anchor, [pool, NOBODY])
        assert code == await client.read_code(pool)


async def test_a_collector_is_fed_until_it_lacks_nothing(shared_devnet: Devnet) -> None:
    chain = shared_devnet.cheap
    pool, oracle = chain.deployment.aave.pool, chain.deployment.aave.oracle
    async with client_of(chain) as client:
        anchor = (await client.read_head("latest")).anchor
        hoard = Hoard([Lack(slots={pool: [0, 1]}), Lack(codes=(oracle,))])
        await collect(client, anchor, hoard)
        assert (len(hoard.codes), hoard.wanted) == (1, [])
        assert hoard.nodes == await read_nodes(client, anchor, {pool: [0, 1]})
        known = Hoard([])
        await collect(client, anchor, known, first=Lack(slots={pool: [0, 1]}))
        assert known.nodes == hoard.nodes


async def test_a_collector_that_nothing_satisfies_is_given_up(shared_devnet: Devnet) -> None:
    async with client_of(shared_devnet.cheap) as client:
        anchor = (await client.read_head("latest")).anchor
        with pytest.raises(DecodeError, match="do not prove what was asked for"):
            await collect(client, anchor, Hoard([Lack(slots={NOBODY: []})] * 100))


async def test_a_block_that_no_node_has_is_an_error_of_the_chain(shared_devnet: Devnet) -> None:
    async with client_of(shared_devnet.cheap) as client:
        anchor = replace((await client.read_head("latest")).anchor, hash=b"\x01" * 32)
        with pytest.raises(ChainError):
            await read_nodes(client, anchor, {NOBODY: []})
