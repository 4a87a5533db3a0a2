"""An Aave v3 market's own part of a state: its oracle, reserves, tokens and eMode categories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chains.evm.protocols.aave_v3.state import Category, Reserve
from chains.model.ids import Address
from chains.model.units import USD
from proofs.evidence.codes import Code, parse_word_address
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.layout import (
    LAYOUTS,
    PROVIDER_ADDRESSES,
    AaveLayout,
    Fields,
    address_key,
    map_slot,
    name_key,
)
from proofs.evidence.parts import ZERO, expect_code, find_implementation, read_address
from proofs.evidence.state import ProvedState, Slot

POOL, PRICE_ORACLE = "POOL", "PRICE_ORACLE"
DEBTS: Final = ("variable_debt", "stable_debt")
_FLAGS: Final = ("active", "frozen", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A pool whose code is known, on one state."""

    state: ProvedState
    pool: Address
    code: Code
    layout: AaveLayout

    def slot(self, mapping: int, key: int, word: int = 0) -> Slot:
        """Give a word of what a mapping of the pool holds for a key."""
        return Slot(self.pool, map_slot(mapping, key) + word)

    def words(self, mapping: int, key: int, fields: Fields) -> Mapping[int, Slot]:
        """Give the slots of a struct's words that have fields."""
        return {place.word: self.slot(mapping, key, place.word) for place in fields.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A reserve's tokens by their roles; one of stable debt need not be there."""

    number: int
    places: Mapping[str, Address]


def open_desk(state: ProvedState, pool: Address) -> Desk:
    """Find a pool's code; EvidenceRefused with CODE where its layout is not known."""
    code = find_implementation(state, pool, "pool")
    if (layout := LAYOUTS.get(code.release)) is None:
        raise EvidenceRefused(Flaw.CODE, f"the storage layout of {code.release} is not known")
    return Desk(state=state, pool=pool, code=code, layout=layout)


def find_oracle(desk: Desk) -> Address:
    """Give the oracle that the pool's provider names, which must count in USD x 1e8."""
    state, provider = desk.state, read_immutable(desk.code, "ADDRESSES_PROVIDER")
    parts = {name: _provider_slot(provider, name) for name in (POOL, PRICE_ORACLE)}
    state.want(codes=[provider], slots=parts.values())
    expect_code(state, provider, "provider")
    if (owner := read_address(state, parts[POOL])) != desk.pool:
        raise EvidenceRefused(Flaw.MARKET, f"the provider of {desk.pool} is that of {owner}")
    oracle = read_address(state, parts[PRICE_ORACLE])
    units = expect_code(state, oracle, "oracle").immutables
    if (units.get("BASE_CURRENCY"), units.get("BASE_CURRENCY_UNIT")) != (0, USD):
        raise EvidenceRefused(Flaw.MARKET, f"the oracle {oracle} does not count in USD x 1e8")
    return oracle


def _provider_slot(provider: Address, name: str) -> Slot:
    return Slot(provider, map_slot(PROVIDER_ADDRESSES, name_key(name)))


def read_immutable(code: Code, name: str) -> Address:
    """Give an address that stands in a code; EvidenceRefused with CODE where none does."""
    try:
        return parse_word_address(code.immutables[name])
    except (KeyError, ValueError) as error:
        raise EvidenceRefused(Flaw.CODE, f"a {code.role} that names no {name}") from error


def read_assets(desk: Desk, numbers: Iterable[int]) -> Mapping[int, Address]:
    """Give the assets of reserves in order of their numbers; ZERO for one that is not listed."""
    slots = {n: desk.slot(desk.layout.reserves_list, n) for n in sorted(numbers)}
    desk.state.want(slots=slots.values())
    return {number: read_address(desk.state, slot) for number, slot in slots.items()}


def _read_fields(desk: Desk, fields: Fields, words: Mapping[int, Slot]) -> dict[str, int]:
    values = {number: desk.state.word(slot) for number, slot in words.items()}
    return {name: place.take(values) for name, place in fields.items()}


def read_reserves(
    desk: Desk, numbers: Iterable[int]
) -> tuple[tuple[Reserve, ...], Mapping[int, Tokens]]:
    """Give the reserves with their tokens; EvidenceRefused with MARKET for a number not listed."""
    assets = read_assets(desk, numbers)
    fields = {**desk.layout.configuration, **desk.layout.reserve}
    words = {n: desk.words(desk.layout.reserves, address_key(a), fields) for n, a in assets.items()}
    desk.state.want(slots=[slot for slots in words.values() for slot in slots.values()])
    reserves, tokens = [], {}
    for number, asset in assets.items():
        values = _read_fields(desk, fields, words[number])
        places = {role: values.pop(role) for role in ("supplied", *DEBTS)}
        if asset == ZERO or values["number"] != number:
            raise EvidenceRefused(Flaw.MARKET, f"{desk.pool} has no reserve {number}")
        active, frozen, paused = (bool(values.pop(flag)) for flag in _FLAGS)
        reserves.append(
            Reserve(asset=asset, price=None, active=active, frozen=frozen, paused=paused, **values)
        )
        tokens[number] = Tokens(
            number=number,
            places={
                role: parse_word_address(place)
                for role, place in places.items()
                if role in desk.layout.balances and (place or role != "stable_debt")
            },
        )
    return tuple(reserves), tokens


def read_categories(desk: Desk, numbers: Iterable[int]) -> tuple[Category, ...]:
    """Give eMode categories, their prices left out."""
    fields, listed = desk.layout.category, sorted(numbers)
    words = {number: desk.words(desk.layout.categories, number, fields) for number in listed}
    desk.state.want(slots=[slot for slots in words.values() for slot in slots.values()])
    categories = []
    for number in listed:
        values = _read_fields(desk, fields, words[number])
        source = values.pop("price_source", 0)
        categories.append(
            Category(
                number=number,
                price_source=parse_word_address(source) if source else None,
                **values,
            )
        )
    return tuple(categories)
