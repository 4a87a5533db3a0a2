"""What a committee reads of real vaults: final blocks, facts, quantities, events, committees."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from eth_hash.auto import keccak

from chains.errors import DecodeError, MissingBlock, Stale
from chains.evm.client import EvmClient
from chains.evm.vault_news import FACT_TOPICS, Fact
from chains.evm.vaults import VaultContracts, VaultReader
from chains.model.anchor import Finality
from chains.model.ids import ChainId
from daemon.devnet.vaults import compile_vault
from proofs.typed import Dataclass, describe
from proofs.vaults import (
    FactKey,
    FactKind,
    Order,
    Receipt,
    VaultFact,
    VaultLink,
    VaultQuantities,
)
from tests.support.vaults import (
    SCALE,
    STRANGER,
    USDC,
    WETH,
    Ground,
    VaultChain,
    found_committee,
    line_key,
)

pytestmark = pytest.mark.net
WAD = 10**18


def contracts_of(place: VaultChain, *, depth: int | None = 2) -> VaultContracts:
    return VaultContracts(
        vault=place.vault,
        seizure=place.seizure,
        notary=place.notary,
        start_block=0,
        depth=depth,
    )


@pytest.fixture
async def reader(vaults: Ground) -> AsyncIterator[VaultReader]:
    place = vaults.a
    async with EvmClient(chain=ChainId.evm(place.number), endpoints=[place.chain.url]) as client:
        yield VaultReader(client, contracts_of(place))


async def test_facts_and_quantities_are_those_of_the_block_asked_for(
    vaults: Ground, reader: VaultReader
) -> None:
    account = vaults.a.open()
    vaults.a.deposit(account, WETH, 5 * WAD)
    before = await reader.read_newest()
    vaults.a.raise_line(account, vaults.b, WETH, 3 * WAD)
    after = await reader.read_newest()
    key = line_key(FactKind.RAISED, account, vaults.a, vaults.b, WETH)
    place = (vaults.a.vault, key.hash)
    assert await reader.read_facts(before, [place]) == {place: 0}
    assert await reader.read_facts(after, [place]) == {place: 3 * WAD}

    legs = (await reader.read_legs(after, [account]))[account]
    assert (legs.height, legs.time) == (after.height, after.time)
    assert legs.collateral[WETH] == 5 * WAD
    assert len(legs.collateral) == len(legs.debt) == len(legs.locked) == len(legs.lines_in)
    assert (legs.ordered, sum(legs.debt)) == (0, 0)
    with pytest.raises(DecodeError, match="neither the vault nor its seizure"):
        await reader.read_facts(after, [(STRANGER, key.hash)])


async def test_debts_and_lines_are_told_on_the_chain_that_has_them(vaults: Ground) -> None:
    account = vaults.a.open()
    vaults.link(account)
    vaults.a.deposit(account, WETH, 5 * WAD)
    vaults.a.raise_line(account, vaults.b, WETH, 5 * WAD)
    vaults.carry_raise(account, WETH)
    vaults.b.supply(USDC, 50_000 * 10**6)
    vaults.b.borrow(account, USDC, 1_000 * 10**6)
    place = vaults.b
    async with EvmClient(chain=ChainId.evm(place.number), endpoints=[place.chain.url]) as client:
        reader = VaultReader(client, contracts_of(place))
        legs = (await reader.read_legs(await reader.read_newest(), [account]))[account]
    assert legs.lines_in[WETH] == 5 * WAD
    assert legs.debt[USDC] >= 1_000 * 10**6 * SCALE[USDC]


async def test_events_tell_of_facts_and_of_where_accounts_have_anything(
    vaults: Ground, reader: VaultReader
) -> None:
    first = vaults.a.height + 1
    account = vaults.a.open()
    vaults.a.deposit(account, WETH, 5 * WAD)
    vaults.a.raise_line(account, vaults.b, WETH, 3 * WAD)
    signature = "announce_link(bytes32,uint64,address)"
    vaults.a.do(vaults.a.vault, signature, account, vaults.b.number, STRANGER)
    vaults.a.supply(USDC, 1_000 * 10**6)
    vaults.a.borrow(account, USDC, 100 * 10**6)
    news = await reader.read_news(first, vaults.a.height)
    assert {each.account for each in news} == {account}
    here, there = vaults.a.number, vaults.b.number
    assert [each.height for each in news if each.borrows] == [vaults.a.height]
    facts = {each.fact: each.at for each in news if each.fact}
    assert facts == {
        Fact(kind="RAISED", subject=account, numbers=(here, there, WETH), consumer=there): {
            here,
            there,
        },
        Fact(kind="LINKED", subject=account, numbers=(there,), consumer=there): {here, there},
    }
    words = {
        (vaults.a.vault, FactKey(kind=FactKind(f.kind), subject=f.subject, numbers=f.numbers).hash)
        for f in facts
    }
    read = await reader.read_facts(await reader.read_newest(), sorted(words))
    assert all(read.values()), "each key names the word that was written"


async def test_the_committee_that_counts_is_read_and_the_final_block_lies_below(
    vaults: Ground, reader: VaultReader
) -> None:
    vaults.a.chain.mine()
    newest = await reader.read_newest()
    final = await reader.read_final()
    assert final.height == newest.height - 2
    assert await reader.read_committees(final) == (found_committee().id,)
    assert (await reader.read_block(final.hash)) == (await reader.read_block(final.height))
    with pytest.raises(MissingBlock):
        await reader.read_block(newest.height + 1)


async def test_the_chain_says_itself_what_is_final_where_no_depth_is_given(
    vaults: Ground,
) -> None:
    place = vaults.a
    async with EvmClient(chain=ChainId.evm(place.number), endpoints=[place.chain.url]) as client:
        final = await VaultReader(client, contracts_of(place, depth=None)).read_final()
        assert final.finality is Finality.FINALIZED
        assert final.height < place.height
        young = VaultReader(client, replace(contracts_of(place), depth=10**6))
        with pytest.raises(Stale, match="has not 1000000 blocks"):
            await young.read_final()


def abi_topics(name: str) -> dict[bytes, str]:
    """Give the events of a compiled contract by their first topics."""

    def spell(item: dict[str, Any]) -> str:
        if not item["type"].startswith("tuple"):
            return str(item["type"])
        inner = ",".join(spell(each) for each in item["components"])
        return f"({inner}){item['type'].removeprefix('tuple')}"

    events = [entry for entry in compile_vault(name).abi if entry["type"] == "event"]
    return {
        bytes(keccak(text)): entry["name"]
        for entry in events
        for text in [f"{entry['name']}({','.join(map(spell, entry['inputs']))})".encode()]
    }


def test_the_events_of_facts_are_those_of_the_compiled_contracts() -> None:
    topics = abi_topics("vault") | abi_topics("seizure")
    named = {topics[topic] for topic in FACT_TOPICS}
    assert named == {"LineRaised", "LineLowered", "LinkAnnounced", "Locked", "Filled", "Closed"}


@pytest.mark.parametrize(
    ("struct", "contracts"),
    [
        (VaultFact, ("notary",)),
        (VaultQuantities, ("seizure", "judge")),
        (Order, ("seizure", "judge")),
        (Receipt, ("seizure", "judge")),
        (VaultLink, ("vault",)),
    ],
)
def test_structs_are_hashed_as_the_compiled_contracts_hash_them(
    struct: type[Dataclass], contracts: tuple[str, ...]
) -> None:
    codes = [compile_vault(name).code for name in contracts]
    assert any(describe(struct).type_hash.hex() in code for code in codes)


def test_keys_begin_with_the_tags_of_the_compiled_contracts() -> None:
    codes = "".join(compile_vault(name).code for name in ("vault", "seizure"))
    assert all(keccak(kind.value.encode()).hex() in codes for kind in FactKind)
