"""What is brought to an anchor before a proof, and when there is nothing to bring yet."""

from collections.abc import AsyncIterator

import pytest
import rlp
from eth_hash.auto import keccak

from chains.errors import Stale
from chains.evm.client import EvmClient
from chains.evm.vault_anchor import L1_BLOCK, WINDOW, plan_root, read_backing
from chains.model.action import Call
from chains.model.ids import Address, ChainId
from tests.support.anchoring import (
    LATEST,
    anchored_root,
    header_of,
    put_anchor,
    root_of,
    tell_latest,
)
from tests.support.vaults import Ground, VaultChain

pytestmark = pytest.mark.net
KEY = bytes(keccak(b"some fact"))


@pytest.fixture
async def clients(vaults: Ground) -> AsyncIterator[tuple[EvmClient, EvmClient]]:
    a, b = (
        EvmClient(chain=ChainId.evm(place.number), endpoints=[place.chain.url])
        for place in vaults.chains
    )
    async with a, b:
        yield a, b


async def plan(clients: tuple[EvmClient, EvmClient], anchor: Address, height: int) -> Call | None:
    here, there = clients
    return await plan_root(here, (await here.read_head("latest")).anchor, anchor, there, height)


def send(here: VaultChain, call: Call) -> None:
    here.chain.include([here.chain.owner.post(call.target, call.data)])


async def test_calls_lead_to_the_root_of_an_older_block_and_then_to_its_proof(
    vaults: Ground, clients: tuple[EvmClient, EvmClient]
) -> None:
    a, b = vaults.chains
    anchor, height = put_anchor(a), b.height
    b.chain.mine()
    newest = tell_latest(a, b)
    for known in (newest, height):
        call = await plan(clients, anchor, height)
        assert call is not None
        assert call.target == anchor
        send(a, call)
        assert anchored_root(a, anchor, known) == root_of(b, known)
    assert await plan(clients, anchor, height) is None
    at = (await clients[0].read_head("latest")).anchor
    proof = await read_backing(
        clients[0], at, anchor, clients[1], source=b.vault, key=KEY, height=height
    )
    assert isinstance(proof, bytes)
    slot = keccak(bytes(32) + KEY)
    prover = a.ask(anchor, "prover()", returns="(address)")
    read = "read_word(bytes32,address,bytes32,bytes)"
    assert a.ask(prover, read, root_of(b, height), b.vault, slot, proof) == 0


async def test_a_block_that_the_chain_has_not_heard_of_is_waited_for(
    vaults: Ground, clients: tuple[EvmClient, EvmClient]
) -> None:
    a, b = vaults.chains
    anchor = put_anchor(a)
    heard = tell_latest(a, b)
    b.chain.mine()
    with pytest.raises(Stale, match=f"up to block {heard}, not {heard + 1}"):
        await plan(clients, anchor, heard + 1)


async def test_a_block_beyond_the_history_of_the_newest_is_not_tried(
    vaults: Ground, clients: tuple[EvmClient, EvmClient]
) -> None:
    a, b = vaults.chains
    anchor, height = put_anchor(a), b.height
    items = rlp.decode(header_of(b))
    far = height + WINDOW + 1
    items[8] = far.to_bytes(3, "big").lstrip(b"\0")
    header = bytes(rlp.encode(items))
    a.do(L1_BLOCK, "tell(uint64,bytes32)", far, bytes(keccak(header)))
    a.do(anchor, LATEST, header)
    with pytest.raises(Stale, match="more than 8191 before"):
        await plan(clients, anchor, height)
