"""What this member would state of vaults: facts and quantities as its own endpoints have them.

Whoever proposes and whoever judges reads the same way: facts at a final height, quantities at a
final height with the top-ups up to a newer block, which is the difference between the two.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from chains.errors import ChainError
from chains.evm.vaults import FactPlace, VaultLegs
from chains.model.anchor import BlockAnchor
from daemon.committee.proposal import Disagreement
from daemon.committee.vault_chain import READ_S, VaultChain, VaultChains, describe_error
from daemon.committee.vault_messages import Tip
from proofs.vaults import ChainQuantities

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Why something could not be read; `chain` is set where the chain itself could not be."""

    reason: str
    chain: int | None = None


Words = Mapping[FactPlace, int]
Accounts = Mapping[bytes, ChainQuantities]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultReading:
    """A member's own reads."""

    chains: VaultChains

    async def read_words(
        self, asked: Mapping[tuple[int, int], Sequence[FactPlace]]
    ) -> Mapping[tuple[int, int], Words | Unread]:
        """Read facts by chain and final height, chains side by side."""

        async def read_one(place: tuple[int, int]) -> Words:
            chain = self.chains.find(place[0])
            anchor = await chain.read_final_at(place[1])
            return await chain.node.read_facts(anchor, asked[place])

        return await _side_by_side(asked, read_one, lambda place: place[0])

    async def read_quantities(
        self, asked: Mapping[tuple[int, int], Sequence[bytes]], tips: Mapping[int, Tip]
    ) -> Mapping[tuple[int, int], Accounts | Unread]:
        """Read accounts' quantities by chain and final height, with top-ups up to the tips."""

        async def read_one(place: tuple[int, int]) -> Accounts:
            chain = self.chains.find(place[0])
            if (tip := tips.get(place[0])) is None:
                raise Disagreement(f"{chain.node.chain}: no block of top-ups is named")
            chain.check_recent(place[1])
            final = await chain.read_final_at(place[1])
            newest = await chain.read_tip(tip.height, tip.hash, final.height)
            return await self._read_accounts(chain, final, newest, asked[place])

        return await _side_by_side(asked, read_one, lambda place: place[0])

    async def read_newest(
        self, accounts: Sequence[bytes], numbers: Iterable[int]
    ) -> tuple[Mapping[int, Accounts], tuple[Tip, ...]]:
        """Read accounts on chains as they are now; a chain that cannot be read is left out."""
        tips: dict[int, Tip] = {}

        async def read_one(number: int) -> Accounts:
            chain = self.chains.find(number)
            if chain.final is None:
                raise Disagreement("no final block is known")
            tip = await chain.node.read_newest()
            tips[number] = Tip(chain=number, height=tip.height, hash=tip.hash)
            return await self._read_accounts(chain, chain.final, tip, accounts)

        found = await _side_by_side(numbers, read_one, lambda number: number)
        read = {n: legs for n, legs in found.items() if not isinstance(legs, Unread)}
        return read, tuple(tips[number] for number in sorted(read))

    async def _read_accounts(
        self, chain: VaultChain, final: BlockAnchor, tip: BlockAnchor, accounts: Sequence[bytes]
    ) -> Accounts:
        settled = await chain.node.read_legs(final, accounts)
        newest = settled if tip == final else await chain.node.read_legs(tip, accounts)
        return {
            account: state_quantities(chain.number, settled[account], newest[account])
            for account in accounts
        }


def state_quantities(number: int, final: VaultLegs, newest: VaultLegs) -> ChainQuantities:
    """Give what is stated of an account on a chain; top-ups are what newer blocks made better."""
    return ChainQuantities(
        chain_id=number,
        height=final.height,
        time=final.time,
        collateral=final.collateral,
        debt=final.debt,
        locked=final.locked,
        added=_rise(final.collateral, newest.collateral),
        repaid=_rise(newest.debt, final.debt),
        ordered_e8=final.ordered,
        lines_in=final.lines_in,
    )


def _rise(before: Sequence[int], after: Sequence[int]) -> tuple[int, ...]:
    return tuple(max(0, new - old) for old, new in zip_longest(before, after, fillvalue=0))


K = TypeVar("K")


async def _side_by_side(
    asked: Iterable[K], read_one: Callable[[K], Awaitable[T]], number_of: Callable[[K], int]
) -> Mapping[K, T | Unread]:
    """Read all, each within READ_S; what fails does not hold up the rest."""
    found: dict[K, T | Unread] = {}

    async def read(place: K) -> None:
        try:
            async with asyncio.timeout(2 * READ_S):
                found[place] = await read_one(place)
        except (ChainError, TimeoutError) as error:
            found[place] = Unread(reason=describe_error(error), chain=number_of(place))
        except Disagreement as error:
            found[place] = Unread(reason=str(error))

    async with asyncio.TaskGroup() as group:
        for place in asked:
            group.create_task(read(place))
    return found
