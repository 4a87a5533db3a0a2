"""Which mints owners' obligations owe: what mandates may be for. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from chains.model.ids import AccountId
from chains.model.position import Position
from chains.solana.rescue import OwnerPlace

MANDATED: Final = frozenset({"save"})
"""Of which protocols the rescue program knows the layout."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A mint owed by an owner's obligation."""

    owner: AccountId
    obligation: Pubkey
    mint: Pubkey


def find_owed(positions: Iterable[Position]) -> Iterator[Owed]:
    """Give what positions owe that a mandate may be for."""
    for position in positions:
        if position.protocol in MANDATED and position.obligation:
            key = Pubkey.from_string(position.obligation)
            for leg in position.debts:
                mint = Pubkey.from_string(leg.asset.reference)
                yield Owed(position.account, key, mint)


def group_owed(owed: Iterable[Owed]) -> list[OwnerPlace]:
    """Give one place for each owner, whose tokens must not be counted twice."""
    places: dict[AccountId, dict[Pubkey, list[Pubkey]]] = {}
    for each in sorted(owed, key=_order):
        mints = places.setdefault(each.owner, {})
        mints.setdefault(each.mint, []).append(each.obligation)
    return [
        OwnerPlace(owner=owner, owed={mint: tuple(keys) for mint, keys in mints.items()})
        for owner, mints in places.items()
    ]


def _order(owed: Owed) -> tuple[AccountId, bytes, bytes]:
    return owed.owner, bytes(owed.mint), bytes(owed.obligation)
