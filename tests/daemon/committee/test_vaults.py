"""Four members who state vaults: what they sign, refuse, wait for, and never lose."""

import asyncio

import pytest

from proofs.succession import CommitteeChain, Succession
from proofs.typed import hash_text
from proofs.vault_document import verify_vault_document
from tests.support.council import DEPLOYMENT, SIGNERS, Council, clock, found_committee
from tests.support.vault_council import DEPTH, FAR, NEAR, WAD, VaultCouncil

pytestmark = pytest.mark.net
ALL = {0, 1, 2, 3}


@pytest.fixture
def vaults(council: Council) -> VaultCouncil:
    return VaultCouncil(council)


async def test_a_fact_is_stated_once_its_block_is_final_and_kept_by_everybody(
    vaults: VaultCouncil,
) -> None:
    await vaults.council.start()
    key = vaults.raise_line(5 * WAD)
    vaults.near.mine(DEPTH)
    await asyncio.sleep(0.6)
    assert await vaults.fact(0, key) is None, "its block is not final yet"
    vaults.near.mine()
    document = await vaults.until_stated(key, 5 * WAD)
    signers = verify_vault_document(
        document, deployment=DEPLOYMENT, committee_id=found_committee().id, now=int(clock())
    )
    assert len(signers) >= 3

    key = vaults.raise_line(7 * WAD)
    vaults.near.mine(DEPTH + 1)
    await vaults.until_stated(key, 7 * WAD)


async def test_what_a_reorg_takes_back_before_it_is_final_is_never_stated(
    vaults: VaultCouncil,
) -> None:
    await vaults.council.start()
    key = vaults.raise_line(5 * WAD)
    vaults.near.mine(DEPTH)
    vaults.near.reorg(DEPTH)
    vaults.near.mine(DEPTH + 2)
    lowered = vaults.lower_line(WAD)
    vaults.far.mine(DEPTH + 1)
    await vaults.until_stated(lowered, WAD)
    assert all([await vaults.fact(place, key) is None for place in ALL])


async def test_a_member_whose_endpoints_lie_refuses_by_name_and_the_others_sign(
    vaults: VaultCouncil,
) -> None:
    vaults.tellers[3][NEAR].lie = lambda value: value + 1
    await vaults.council.start()
    key = vaults.raise_line(5 * WAD)
    vaults.near.mine(DEPTH + 1)
    await vaults.until_stated(key, 5 * WAD, by={0, 1, 2})
    await vaults.until(
        lambda: any("I have 5000000000000000001" in reason for reason in vaults.reasons(3)),
        "its reason is on record",
    )


async def test_one_silent_member_holds_up_nobody_and_catches_up(vaults: VaultCouncil) -> None:
    await vaults.council.start(0, 1, 2)
    key = vaults.raise_line(5 * WAD)
    vaults.near.mine(DEPTH + 1)
    await vaults.until_stated(key, 5 * WAD, 0, 1, 2, by={0, 1, 2})
    await vaults.council.start(3)
    await vaults.until_stated(key, 5 * WAD, 3, by={0, 1, 2})

    await vaults.council.stop(3)
    await vaults.council.start(3)
    await vaults.until_stated(key, 5 * WAD, 3, by={0, 1, 2})


async def test_quantities_are_stated_again_and_again_with_top_ups_of_newer_blocks(
    vaults: VaultCouncil,
) -> None:
    await vaults.council.start()
    vaults.raise_line(WAD)
    vaults.near.hold(collateral=5 * WAD)
    vaults.far.hold(debt=900 * WAD)
    for world in (vaults.near, vaults.far):
        world.mine(DEPTH + 1)

    async def stated() -> bool:
        found = await vaults.quantities(1)
        return found is not None and found.chains[0].collateral == (5 * WAD, 0)

    await vaults.until(stated, "the account's quantities")
    first = await vaults.quantities(1)
    assert first is not None
    assert [chain.chain_id for chain in first.chains] == [NEAR, FAR]
    assert first.chains[1].debt == (0, 900 * WAD)

    vaults.near.hold(collateral=8 * WAD)
    vaults.far.hold(debt=400 * WAD)
    vaults.near.mine()
    vaults.far.mine()

    async def counted() -> bool:
        found = await vaults.quantities(2)
        return (
            found is not None
            and found.sequence > first.sequence
            and (found.chains[0].collateral, found.chains[0].added) == ((5 * WAD, 0), (3 * WAD, 0))
            and (found.chains[1].debt, found.chains[1].repaid) == ((0, 900 * WAD), (0, 500 * WAD))
        )

    await vaults.until(counted, "top-ups count before they are final")


async def test_a_chain_that_too_many_cannot_read_is_left_out_and_comes_back(
    vaults: VaultCouncil,
) -> None:
    await vaults.council.start()
    vaults.raise_line(WAD)
    vaults.near.mine(DEPTH + 1)

    async def both() -> bool:
        found = await vaults.quantities(0)
        return found is not None and len(found.chains) == 2

    await vaults.until(both, "quantities of both chains")
    for place in (2, 3):
        vaults.tellers[place][FAR].silent = True

    async def near_only() -> bool:
        found = await vaults.quantities(0)
        return found is not None and [chain.chain_id for chain in found.chains] == [NEAR]

    await vaults.until(near_only, "the far chain is left out", wait_s=12.0)
    assert any(what.startswith("vault of") for what, _ in vaults.parts(3).find_doubts())
    for place in (2, 3):
        vaults.tellers[place][FAR].silent = False
    await vaults.until(both, "the far chain is back")


def hand_over(valid_from: int) -> CommitteeChain:
    """Give the chain from the four to the same four, whose record is another."""
    first = found_committee()
    members = [signer.address for signer in SIGNERS]
    after = first.build_next(members, 3, valid_from=valid_from)
    digest = after.digest(hash_text(DEPLOYMENT))
    signatures = tuple((i, SIGNERS[i].sign(digest)) for i in range(3))
    succession = Succession(committee=after, signatures=signatures)
    return CommitteeChain(deployment=DEPLOYMENT, root=first, successors=(succession,))


async def test_while_one_vault_only_shows_the_new_committee_the_old_one_serves_the_other(
    vaults: VaultCouncil,
) -> None:
    chain = hand_over(1_000)
    old, new = chain.committees
    for seat in vaults.council.seats:
        seat.chain = chain
    vaults.near.committees = (new.id,)
    vaults.near.mine(DEPTH + 1)
    await vaults.council.start()
    raised, lowered = vaults.raise_line(5 * WAD), vaults.lower_line(WAD)
    for world in (vaults.near, vaults.far):
        world.mine(DEPTH + 1)
    document = await vaults.until_stated(raised, 5 * WAD)
    assert document.committee.id == old.id, "the far chain counts the old one"
    await asyncio.sleep(0.6)
    assert await vaults.fact(0, lowered) is None, "the new one may not speak yet"

    vaults.far.committees = (old.id, new.id)
    vaults.far.mine(DEPTH + 1)
    document = await vaults.until_stated(lowered, WAD)
    assert document.committee.id == new.id, "both chains show the new one"

    vaults.far.committees = (new.id,)
    vaults.far.mine(DEPTH + 1)

    async def taken_over() -> bool:
        found = await vaults.fact(0, raised)
        return found is not None and found.committee.id == new.id

    await vaults.until(taken_over, "what the old one stated is stated anew")


async def test_a_final_block_that_is_gone_ends_statements_of_its_chain(
    vaults: VaultCouncil,
) -> None:
    await vaults.council.start()
    key = vaults.raise_line(5 * WAD)
    vaults.near.mine(DEPTH + 1)
    await vaults.until_stated(key, 5 * WAD)
    vaults.near.reorg(DEPTH + 3)
    key = vaults.raise_line(9 * WAD)
    vaults.near.mine(DEPTH + 1)
    lowered = vaults.lower_line(WAD)
    vaults.far.mine(DEPTH + 1)
    await vaults.until_stated(lowered, WAD)
    for place in ALL:
        doubts = dict(vaults.parts(place).find_doubts())
        assert "is gone" in doubts["vault of eip155:31337"]
    found = await vaults.fact(0, key)
    assert found is not None
    assert found.said.value == 5 * WAD  # type: ignore[union-attr] # a fact
