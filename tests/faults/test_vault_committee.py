"""Members of a committee fail above real vaults: what goes on, what waits, and nothing is lost."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_hash.auto import keccak

from daemon.devnet.deploy import Reverted
from proofs.committee import Committee
from proofs.contract import describe_members, describe_terms
from proofs.succession import CommitteeChain, Succession
from proofs.typed import Dataclass, describe, hash_text
from proofs.vault_document import VaultDocument
from proofs.vaults import (
    FactKey,
    FactKind,
    Order,
    Receipt,
    VaultFact,
    VaultQuantities,
    build_arguments,
)
from tests.support.vault_stand import VaultStand, as_witness, standing
from tests.support.vaults import (
    DEPLOYMENT,
    LIQUIDATOR,
    MEMBERS,
    OWNER,
    STRANGER,
    TERMS,
    USDC,
    WETH,
    Ground,
    VaultChain,
    found_committee,
    line_key,
    open_vaults,
    sign,
)

pytestmark = pytest.mark.net
QUANTITIES = (
    "(bytes32,bytes32,uint64,uint64,(uint64,uint64,uint64,uint256[],uint256[],uint256[],"
    "uint256[],uint256[],uint256,uint256[])[])"
)
ORDER = "(uint64,uint64,bytes32,uint8,uint8,uint256,uint256,uint256,uint16,uint64,uint256)"
RECEIPT = "(bytes32,uint32,address,uint256,uint256)"
WITNESS = "uint64,uint256,bytes,bytes"
WAD = 10**18
DOLLARS = 10**6
ALL = range(4)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """Two chains of these tests alone: their clocks are moved."""
    with open_vaults() as opened:
        for place in opened.chains:
            place.supply(USDC, 500_000 * DOLLARS)
        yield opened


@pytest.fixture
async def stand(ground: Ground, tmp_path: Path) -> AsyncIterator[VaultStand]:
    async with standing(ground, tmp_path) as opened:
        yield opened


def open_across(stand: VaultStand, name: bytes) -> bytes:
    """Open an account on both chains with collateral on the first."""
    a = stand.ground.a
    salt = name.rjust(32, b"\0")
    account = a.open(salt=salt)
    stand.ground.link(account, salt=salt)
    a.deposit(account, WETH, 10 * WAD)
    return account


async def carry(stand: VaultStand, account: bytes, *members: int) -> VaultDocument:
    """Have what was raised on a stated, and bring it to b."""
    a, b = stand.ground.chains
    key = line_key(FactKind.RAISED, account, a, b, WETH)
    document = await stand.statement(a, key, *members)
    b.take_raised(account, a, WETH, a.fact(key), as_witness(document))
    return document


async def give_back(stand: VaultStand, account: bytes, *members: int) -> VaultDocument:
    """Have what was lowered on b stated, and bring it to a."""
    a, b = stand.ground.chains
    key = line_key(FactKind.LOWERED, account, a, b, WETH)
    document = await stand.statement(b, key, *members)
    a.take_lowered(account, b, WETH, b.fact(key), as_witness(document))
    return document


async def post_quantities(stand: VaultStand, account: bytes) -> None:
    """Have the account's debt on b stated, and bring it to a."""
    a, b = stand.ground.chains

    async def find() -> VaultDocument | None:
        found = await stand.parts(2).standing.newest_quantities(account, consumer=a.number)
        said = found.said if found else None
        owed = isinstance(said, VaultQuantities) and any(
            chain.chain_id == b.number and chain.debt[USDC] for chain in said.chains
        )
        return found if owed else None

    await stand.until(find, "the debt on b is stated")
    found = await find()
    assert found is not None
    arguments = (build_arguments(found.said), found.bitmap, found.proof)
    a.do(a.judge, f"post_quantities({QUANTITIES},uint256,bytes)", *arguments)


async def test_a_line_goes_out_and_back_and_quantities_reach_the_other_chain(
    stand: VaultStand,
) -> None:
    a, b = stand.ground.chains
    await stand.council.start()
    account = open_across(stand, b"there and back")
    a.raise_line(account, b, WETH, 6 * WAD)
    stand.settle()
    await carry(stand, account)
    b.borrow(account, USDC, 2_000 * DOLLARS)
    a.deposit(account, WETH, 2 * WAD)
    stand.settle()

    await post_quantities(stand, account)
    low, high = a.ask(a.seizure, "health(bytes32)", account, returns="(uint256,uint256)")
    assert WAD < low <= high < 2**255, "a sees the debt on b"

    b.fund(USDC, OWNER, 1_000 * DOLLARS)
    b.repay(account, USDC, 2_100 * DOLLARS)
    b.lower_line(account, a, WETH, 6 * WAD)
    stand.settle()
    await give_back(stand, account)
    a.withdraw(account, WETH, 12 * WAD)


def read_log(
    receipt: Mapping[str, Any], source: str, name: str, types: list[str]
) -> tuple[Any, ...]:
    """Give the data of the event of a transaction."""
    topic = "0x" + keccak(f"{name}(bytes32,bytes32,{','.join(types)})".encode()).hex()
    [log] = [e for e in receipt["logs"] if e["topics"][0] == topic and e["address"] == source]
    return tuple(decode(types, bytes.fromhex(log["data"][2:])))


async def test_an_order_is_locked_filled_and_claimed_by_what_the_members_state(
    stand: VaultStand,
) -> None:
    a, b = stand.ground.chains
    await stand.council.start()
    account = open_across(stand, b"liquidation")
    a.raise_line(account, b, WETH, 10 * WAD)
    stand.settle()
    await carry(stand, account)
    b.borrow(account, USDC, 14_000 * DOLLARS)
    for place in (a, b):
        place.set_price(WETH, 1_600)
    stand.settle()
    await post_quantities(stand, account)

    signature = "lock(bytes32,uint8,uint64,uint8)"
    sent = a.do(a.seizure, signature, account, WETH, b.number, USDC, sender=LIQUIDATOR)
    order, _ = read_log(sent, a.seizure, "Locked", [ORDER, "uint256"])
    id_ = Order(**dict(zip(describe_names(Order), order, strict=True))).id
    stand.settle()
    locked = await stand.statement(a, FactKey(kind=FactKind.LOCK, subject=id_))
    assert isinstance(locked.said, VaultFact)
    assert locked.said.value == int.from_bytes(id_, "big")

    b.fund(USDC, LIQUIDATOR, 20_000 * DOLLARS)
    signature = f"register_and_fill({ORDER},uint256,address,{WITNESS})"
    arguments = (order, 20_000 * WAD, LIQUIDATOR, *as_witness(locked).arguments)
    sent = b.do(b.seizure, signature, *arguments, sender=LIQUIDATOR)
    receipt, _, _ = read_log(sent, b.seizure, "Filled", [RECEIPT, "address", "uint256"])
    stand.settle()
    key = FactKey(kind=FactKind.RECEIPT, subject=id_, numbers=(receipt[1],))
    filled = await stand.statement(b, key)
    assert isinstance(filled.said, VaultFact)
    hashed = Receipt(**dict(zip(describe_names(Receipt), receipt, strict=True))).hash
    assert filled.said.value == int.from_bytes(hashed, "big")

    before = a.balance(WETH, LIQUIDATOR)
    signature = f"claim({ORDER},{RECEIPT},{WITNESS})"
    claimed = (order, receipt, *as_witness(filled).arguments)
    a.do(a.seizure, signature, *claimed, sender=STRANGER)
    assert a.balance(WETH, LIQUIDATOR) > before
    assert await stand.parts(1).standing.facts_for(b.number, kind=FactKind.LOCK) == (locked,)
    for place in (a, b):
        place.set_price(WETH, 2_000)


def describe_names(struct: type[Dataclass]) -> list[str]:
    """Give a struct's attributes in order."""
    return [member.attribute for member in describe(struct).members]


async def test_while_the_committee_is_silent_what_is_local_goes_on_and_the_rest_waits(
    stand: VaultStand,
) -> None:
    a, b = stand.ground.chains
    await stand.council.start()
    account = open_across(stand, b"silence")
    a.raise_line(account, b, WETH, 6 * WAD)
    stand.settle()
    await carry(stand, account)
    for member in (1, 2, 3):
        await stand.council.stop(member)

    b.borrow(account, USDC, 2_000 * DOLLARS)
    b.repay(account, USDC, 500 * DOLLARS)
    a.deposit(account, WETH, WAD)
    a.withdraw(account, WETH, 5 * WAD)
    b.lower_line(account, a, WETH, 2 * WAD)
    with pytest.raises(Reverted):
        a.withdraw(account, WETH, WAD)
    key = line_key(FactKind.LOWERED, account, a, b, WETH)
    stand.settle()
    await stand.until(lambda: stand.parts(0).rounds.wants.lost, "it is loud", wait_s=12.0)
    assert dict(stand.parts(0).find_doubts()).keys() == {"vaults' statements"}
    assert await stand.find(0, b.number, key) is None

    await stand.council.start(1, 2)
    await give_back(stand, account, 0, 1, 2)
    a.withdraw(account, WETH, WAD)
    await stand.council.start(3)
    await stand.until_found(b.number, key, 2 * WAD, [3])


async def test_two_against_two_state_nothing_until_they_hear_each_other(
    stand: VaultStand,
) -> None:
    a, b = stand.ground.chains
    await stand.council.start()
    account = open_across(stand, b"two against two")
    stand.council.split({0, 1}, {2, 3})
    a.raise_line(account, b, WETH, 6 * WAD)
    key = line_key(FactKind.RAISED, account, a, b, WETH)
    stand.settle()
    await stand.until(
        lambda: all(stand.parts(member).rounds.wants.count for member in ALL), "all want it"
    )
    assert [await stand.find(member, a.number, key) for member in ALL] == [None] * 4
    stand.council.mend()
    await carry(stand, account)
    b.borrow(account, USDC, 1_000 * DOLLARS)


def hand_over(stand: VaultStand) -> CommitteeChain:
    """Let the committee name its heir: the same members, in a record of its own."""
    old = found_committee()
    starts = max(place.now for place in stand.ground.chains) + 1
    new = old.build_next([s.address for s in MEMBERS], 3, valid_from=starts)
    digest = new.digest(hash_text(DEPLOYMENT))
    signatures = tuple((i, MEMBERS[i].sign(digest)) for i in range(3))
    succession = Succession(committee=new, signatures=signatures)
    return CommitteeChain(deployment=DEPLOYMENT, root=old, successors=(succession,))


def rotate(place: VaultChain, new: Committee) -> None:
    """Show a chain's verifier and notary the new committee."""
    bitmap, proof = sign(new.digest(TERMS.salt))
    signature = (
        "rotate((uint64,uint32,uint64,uint64,bytes32),(address,bytes32,bytes32)[],"
        "uint8,uint256,bytes)"
    )
    members = describe_members(new)
    place.do(place.verifier, signature, describe_terms(new), members, 1, bitmap, proof)
    place.do(place.notary, "note_committee()")


async def test_while_the_committee_changed_on_one_chain_only_the_other_is_served_and_none_is_lost(
    stand: VaultStand,
) -> None:
    a, b = stand.ground.chains
    await stand.council.start()
    account = open_across(stand, b"hand-over")
    a.raise_line(account, b, WETH, 4 * WAD)
    stand.settle()
    await carry(stand, account)
    chain = hand_over(stand)
    old, new = chain.committees
    rotate(a, new)
    a.advance(TERMS.rotation_delay_s + 1)
    for seat in stand.council.seats:
        seat.parts.membership.follow(chain, a.now)
    a.raise_line(account, b, WETH, 2 * WAD)
    b.lower_line(account, a, WETH, 1 * WAD)
    stand.settle()
    document = await carry(stand, account)
    assert document.committee.id == old.id, "b counts the old one, which goes on for it"
    key = line_key(FactKind.LOWERED, account, a, b, WETH)
    assert await stand.find(0, b.number, key) is None, "a counts the new one, which may not yet"

    rotate(b, new)
    stand.settle()
    document = await give_back(stand, account)
    assert document.committee.id == new.id, "both show it in final blocks"
    assert a.line_out(account, b, WETH) == b.line_in(account, a, WETH) == 5 * WAD
