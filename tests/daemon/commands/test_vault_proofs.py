"""Statements brought from the command line to a chain that demands storage proofs of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from config.load import load
from daemon.commands.vault_desk import Desk, open_desk
from daemon.commands.vault_place import find_places, open_key
from daemon.commands.vault_proofs import back_fact
from proofs.vault_document import Carried, VaultDocument
from proofs.vaults import FactKey, FactKind, VaultFact
from tests.support.anchoring import put_anchor, set_anchor, tell_latest
from tests.support.rescue import refused
from tests.support.vault_operators import write_operator, write_owner
from tests.support.vaults import (
    DEPLOYMENT,
    WETH,
    Ground,
    VaultChain,
    Witness,
    found_committee,
    line_key,
)

pytestmark = pytest.mark.net
UNITS = 10**18


@pytest.fixture
async def desks(vaults: Ground, tmp_path: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    settings = load([write_operator(vaults, tmp_path, 0)])
    _, keystore, _, password = write_owner(tmp_path)
    key = open_key(settings, Path(keystore), Path(password))
    places = find_places(settings)
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(open_desk(places[name], key, print)) for name in "ab"
        ]
        yield opened[0], opened[1]


def state(there: VaultChain, key: FactKey) -> Carried:
    """Give the committee's statement of a fact as it is now."""
    witness = there.witness(key)
    fact = VaultFact(
        committee_id=found_committee().id,
        chain_id=there.number,
        source=there.vault,
        key=key.hash,
        value=there.fact(key),
        height=witness.height,
    )
    size = len(witness.proof) // 3
    signatures = tuple((i, witness.proof[i * size : (i + 1) * size]) for i in range(3))
    document = VaultDocument(
        deployment=DEPLOYMENT,
        committee=found_committee(),
        said=fact,
        key=key,
        signatures=signatures,
    )
    return Carried(document=document)


async def test_roots_and_proof_are_brought_before_the_statement(
    vaults: Ground, desks: tuple[Desk, Desk]
) -> None:
    a, b = vaults.chains
    account = b.open()
    b.deposit(account, WETH, 2 * UNITS)
    b.raise_line(account, a, WETH, UNITS)
    key = line_key(FactKind.RAISED, account, b, a, WETH)
    fact = state(b, key)
    assert await back_fact(*desks, fact) is fact, "no anchor demands anything"
    set_anchor(a, b, put_anchor(a))
    waits = await back_fact(*desks, fact)
    assert isinstance(waits, str)
    assert "it has heard of eip155:31338 up to block 0" in waits
    b.chain.mine()
    tell_latest(a, b)
    backed = await back_fact(*desks, fact)
    assert isinstance(backed, Carried)
    assert [done.what for done in desks[0].done] == ["bring the state of b"] * 2
    bare = _witness(fact)
    assert refused(a.take_raised, account, b, WETH, UNITS, bare) == "proof"
    a.take_raised(account, b, WETH, UNITS, _witness(backed))
    assert a.line_in(account, b, WETH) == UNITS


def _witness(fact: Carried) -> Witness:
    height, bitmap, proof, storage_proof = fact.witness
    return Witness(height=height, bitmap=bitmap, proof=proof, storage_proof=storage_proof)
