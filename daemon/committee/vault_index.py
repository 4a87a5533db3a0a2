"""Watching vaults' events at final blocks: what is to be stated, and of which accounts."""

import asyncio
from dataclasses import dataclass
from typing import Final

from chains.evm.vault_news import Fact, VaultNews
from chains.model.ids import AccountId
from daemon.committee.vault_chain import VaultChain
from daemon.storage.vault_statements import VaultStatementStore, WantedFact
from proofs.vaults import FactKey, FactKind

SCAN_BLOCKS: Final = 50_000
"""How many blocks are looked through in one go."""
SCAN_S: Final = 30.0


@dataclass(slots=True, kw_only=True)
class VaultIndex:
    """One chain's events, looked through once; the store says how far."""

    chain: VaultChain
    store: VaultStatementStore
    _next: int | None = None

    async def follow(self) -> bool:
        """Look through final blocks, a part of them; says whether all are known.

        ChainError and TimeoutError leave the checkpoint where it was.
        """
        node, final = self.chain.node, self.chain.final
        if final is None:
            return False
        seizure = AccountId(node.chain, node.contracts.seizure)
        if self._next is None:
            scanned = await self.store.read_scanned(seizure)
            self._next = node.contracts.start_block if scanned is None else scanned + 1
        last = min(final.height, self._next + SCAN_BLOCKS - 1)
        if last < self._next:
            return True
        async with asyncio.timeout(SCAN_S):
            found = await node.read_news(self._next, last)
        facts = [
            want_fact(self.chain.number, news, news.fact) for news in found if news.fact is not None
        ]
        presence = {(news.account, chain) for news in found for chain in news.at}
        debts = {(n.account, self.chain.number): n.height for n in found if n.borrows}
        await self.store.write_news(seizure, facts, presence, debts, scanned=last)
        self._next = last + 1
        return last == final.height


def want_fact(chain: int, news: VaultNews, fact: Fact) -> WantedFact:
    """Give what is to be stated of a fact that a log on a chain told of."""
    return WantedFact(
        chain=chain,
        source=news.source,
        key=FactKey(kind=FactKind(fact.kind), subject=fact.subject, numbers=fact.numbers),
        account=news.account,
        consumer=fact.consumer,
        height=news.height,
    )
