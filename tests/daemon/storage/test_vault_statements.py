"""What is wanted of vaults, and the newest statements of it, outlive the daemon."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chains.model.ids import AccountId, ChainId
from daemon.storage.database import open_database
from daemon.storage.vault_statements import VaultStatementStore, WantedFact
from proofs.vaults import FactKey, FactKind
from tests.proofs.vault_samples import ACCOUNT, FOUR, KEY, ORDER, SOURCE, quantities, sign, state

HERE, THERE = 31_337, 31_338
SEIZURE = AccountId(ChainId.evm(HERE), "0x" + "5e" * 20)
LINE = WantedFact(chain=HERE, source=SOURCE, key=KEY, account=ACCOUNT, consumer=THERE, height=70)
CHAINS = (HERE, THERE)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[VaultStatementStore]:
    async with open_database(tmp_path, live=False) as database:
        yield VaultStatementStore(database)


async def test_a_fact_is_wanted_until_it_is_stated_and_again_when_it_grew(
    store: VaultStatementStore,
) -> None:
    assert await store.read_scanned(SEIZURE) is None
    await store.write_news(SEIZURE, [LINE], {(ACCOUNT, HERE), (ACCOUNT, THERE)}, {}, scanned=75)
    assert await store.read_scanned(SEIZURE) == 75
    assert await store.find_wanted(FOUR.id, {THERE}, CHAINS, 9) == (LINE,)
    assert await store.find_wanted(FOUR.id, {HERE}, CHAINS, 9) == (), "nobody there takes it"
    assert await store.find_wanted(FOUR.id, {THERE}, {THERE}, 9) == (), "it cannot be read"

    document = sign(state())
    assert await store.write_statements([document]) == 1
    assert await store.write_statements([document]) == 0
    assert await store.find_wanted(FOUR.id, {THERE}, CHAINS, 9) == ()
    assert await store.read_fact(FOUR.id, HERE, SOURCE, KEY.hash) == document
    assert await store.read_facts(FOUR.id, THERE, ACCOUNT, FactKind.RAISED) == (document,)
    assert await store.read_facts(FOUR.id, THERE, ORDER, None) == ()
    assert await store.find_wanted(bytes(32), {THERE}, CHAINS, 9) == (LINE,), "another's is none"

    grown = replace(LINE, height=78)
    await store.write_news(SEIZURE, [grown], set(), {}, scanned=80)
    assert await store.find_wanted(FOUR.id, {THERE}, CHAINS, 9) == (grown,)
    newer = sign(replace(state(), height=80, value=2 * 10**18))
    assert await store.write_statements([newer]) == 1
    assert await store.write_statements([document]) == 0, "the newest is kept"
    [(last, raw)] = await store.read_page(0)
    assert raw
    assert await store.read_page(last) == ()


async def test_who_takes_a_receipt_is_known_once_its_lock_is(store: VaultStatementStore) -> None:
    receipt = WantedFact(
        chain=THERE,
        source=SOURCE,
        key=FactKey(kind=FactKind.RECEIPT, subject=ORDER, numbers=(3,)),
        account=ACCOUNT,
        consumer=0,
        height=71,
    )
    await store.write_news(SEIZURE, [receipt], set(), {}, scanned=71)
    assert await store.find_wanted(FOUR.id, CHAINS, CHAINS, 9) == ()
    lock = replace(LINE, key=FactKey(kind=FactKind.LOCK, subject=ORDER))
    await store.write_news(SEIZURE, [lock], set(), {}, scanned=72)
    assert await store.find_wanted(FOUR.id, {HERE}, CHAINS, 9) == (replace(receipt, consumer=HERE),)
    assert await store.find_place(THERE, receipt.key) == replace(receipt, consumer=HERE)
    assert await store.find_place(HERE, receipt.key) is None


async def test_accounts_on_several_chains_are_due_the_oldest_first(
    store: VaultStatementStore,
) -> None:
    other, alone = b"\xbb" * 32, b"\xcc" * 32
    both = {(account, chain) for account in (ACCOUNT, other) for chain in CHAINS}
    await store.write_news(SEIZURE, [], both | {(alone, HERE)}, {}, scanned=1)
    due = await store.find_due(FOUR.id, 6, 9)
    assert [(each.account, each.sequence) for each in due] == [(ACCOUNT, None), (other, None)]
    document = sign(quantities())
    await store.write_statements([document])
    assert await store.read_quantities(FOUR.id, ACCOUNT) == document
    due = await store.find_due(FOUR.id, 6, 9)
    assert [(each.account, each.sequence) for each in due] == [(other, None), (ACCOUNT, 5)]
    assert [each.account for each in await store.find_due(FOUR.id, 5, 9)] == [other]
    assert await store.read_ordinal(document) == 5


async def test_who_may_owe_is_due_before_all_whom_anybody_can_open(
    store: VaultStatementStore,
) -> None:
    spam = [bytes([0, number]) * 16 for number in range(9)]
    both = {(account, chain) for account in (ACCOUNT, *spam) for chain in CHAINS}
    await store.write_news(SEIZURE, [], both, {(ACCOUNT, THERE): 77}, scanned=80)
    assert [due.account for due in await store.find_due(FOUR.id, 6, 1)] == [ACCOUNT]
    await store.write_statements([sign(quantities())])
    assert [due.account for due in await store.find_due(FOUR.id, 6, 1)] == [ACCOUNT]

    said = quantities()
    free = tuple(replace(chain, height=78, debt=(0, 0)) for chain in said.chains)
    older = tuple(replace(chain, height=76) for chain in free)
    await store.write_statements([sign(replace(said, sequence=6, chains=older))])
    assert [due.account for due in await store.find_due(FOUR.id, 7, 1)] == [ACCOUNT]
    await store.write_statements([sign(replace(said, sequence=7, chains=free))])
    assert [due.account for due in await store.find_due(FOUR.id, 8, 1)] == [spam[0]]


async def test_what_orders_wait_for_is_wanted_before_lines_and_links(
    store: VaultStatementStore,
) -> None:
    link = replace(LINE, key=FactKey(kind=FactKind.LINKED, subject=ACCOUNT, numbers=(THERE,)))
    lock = replace(LINE, key=FactKey(kind=FactKind.LOCK, subject=ORDER), height=9_000)
    facts = [replace(link, height=1), replace(LINE, height=2), lock]
    await store.write_news(SEIZURE, facts, set(), {}, scanned=9_000)
    wanted = await store.find_wanted(FOUR.id, {THERE}, CHAINS, 9)
    assert [fact.key.kind for fact in wanted] == [FactKind.LOCK, FactKind.RAISED, FactKind.LINKED]
