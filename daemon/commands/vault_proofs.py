"""The storage proof that a chain demands beside a statement, where it knows the other's states."""

from dataclasses import replace

from chains.errors import Stale
from chains.evm.multicall import read
from chains.evm.vault_anchor import ANCHORS, read_backing
from chains.model.ids import Address
from chains.model.snapshot import NOBODY
from daemon.commands.vault_desk import Desk
from proofs.vault_document import Carried


async def back_fact(taker: Desk, teller: Desk, fact: Carried) -> Carried | str:
    """Give a fact with the proof that its taker demands, or why it must wait.

    Brings first the state roots that the proof is held against. ChainError; CommandError where the
    chain refuses them.
    """
    notary, said = taker.place.vault.notary, fact.said
    while True:
        at = (await taker.client.read_head("latest")).anchor
        anchor = await read(taker.client, at, ANCHORS.plan(notary, teller.place.number))
        if anchor == NOBODY:
            return fact
        try:
            backing = await read_backing(
                taker.client,
                at,
                Address(anchor),
                teller.client,
                source=said.source,
                key=said.key,
                height=said.height,
            )
        except Stale as error:
            return error.reason
        if isinstance(backing, bytes):
            return replace(fact, storage_proof=backing)
        await taker.send(backing, f"bring the state of {teller.place.label}")
