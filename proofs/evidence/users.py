"""What accounts have in an Aave v3 market, and that they have nothing else.

An account's configuration word has two bits for each reserve. Where a bit is not set there is
nothing to prove: no debt, and no collateral that counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chains.evm.protocols.aave_v3.state import Holding, StableDebt, User
from chains.model.ids import Address
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.layout import (
    STABLE_RATE,
    STABLE_TIME,
    STABLE_TIMES,
    AaveLayout,
    Place,
    address_key,
    map_slot,
)
from proofs.evidence.parts import find_implementation, want_proxies
from proofs.evidence.reserves import DEBTS, Desk, Tokens, read_assets, read_immutable
from proofs.evidence.state import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An account, and assets whose balances matter though it does not use them as collateral."""

    account: Address
    assets: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one account uses: its configuration word, category, and reserves by number."""

    configuration: int
    category: int
    numbers: frozenset[int]
    named: frozenset[int]


def read_uses(desk: Desk, subjects: Sequence[Subject]) -> list[Use]:
    """Give what each account uses; EvidenceRefused with MARKET for an asset not listed."""
    state, layout = desk.state, desk.layout
    slots = [
        (
            desk.slot(layout.users_config, address_key(subject.account)),
            desk.slot(layout.users_category, address_key(subject.account)),
        )
        for subject in subjects
    ]
    state.want(slots=[slot for pair in slots for slot in pair])
    named = _number_assets(desk, {asset for subject in subjects for asset in subject.assets})
    uses = []
    for subject, (configuration, category) in zip(subjects, slots, strict=True):
        also = frozenset(named[asset] for asset in subject.assets)
        word = state.word(configuration)
        uses.append(
            Use(
                configuration=word,
                category=state.word(category) & 0xFF,
                numbers=list_used(word) | also,
                named=also,
            )
        )
    return uses


def _number_assets(desk: Desk, assets: Iterable[Address]) -> Mapping[Address, int]:
    """Give the reserves' numbers of assets; EvidenceRefused with MARKET for one not listed."""
    place = desk.layout.reserve["number"]
    listed = sorted(assets)
    slots = {a: desk.slot(desk.layout.reserves, address_key(a), place.word) for a in listed}
    desk.state.want(slots=slots.values())
    numbers = {a: place.take({place.word: desk.state.word(slot)}) for a, slot in slots.items()}
    found = read_assets(desk, set(numbers.values()))
    for asset, number in numbers.items():
        if found[number] != asset:
            raise EvidenceRefused(Flaw.MARKET, f"{asset} is not a reserve of {desk.pool}")
    return numbers


def list_used(configuration: int) -> frozenset[int]:
    """Give the reserves that a user configuration has a flag for: two bits each, debt first."""
    pairs = range((configuration.bit_length() + 1) // 2)
    return frozenset(number for number in pairs if configuration >> 2 * number & 3)


def has_borrowed(configuration: int, number: int) -> bool:
    """Say whether a configuration has the flag of a debt in a reserve."""
    return bool(configuration >> 2 * number & 1)


def as_collateral(configuration: int, number: int) -> bool:
    """Say whether a configuration has the flag of collateral in a reserve."""
    return bool(configuration >> 2 * number & 2)


def read_users(
    desk: Desk,
    subjects: Sequence[Subject],
    uses: Sequence[Use],
    tokens: Mapping[int, Tokens],
) -> Mapping[Address, User]:
    """Give the accounts' holdings in the reserves that they use."""
    wanted = [
        (subject.account, use, number)
        for subject, use in zip(subjects, uses, strict=True)
        for number in sorted(use.numbers)
    ]
    roles = {(number, role) for _, use, number in wanted for role in _roles(use, number)}
    _check_tokens(desk, tokens, roles)
    slots = [
        slot
        for account, use, number in wanted
        for role in _roles(use, number)
        for slot in _balance_slots(desk, tokens[number], role, account)
    ]
    desk.state.want(slots=slots)
    return {
        subject.account: User(
            holdings=tuple(
                _read_holding(desk, tokens[number], use, subject.account)
                for number in sorted(use.numbers)
            ),
            category=use.category,
        )
        for subject, use in zip(subjects, uses, strict=True)
    }


def _roles(use: Use, number: int) -> tuple[str, ...]:
    """Give the tokens of a reserve in which an account may have something that matters."""
    supplied = number in use.named or as_collateral(use.configuration, number)
    owes = has_borrowed(use.configuration, number)
    return (*(("supplied",) if supplied else ()), *(DEBTS if owes else ()))


def _check_tokens(
    desk: Desk, tokens: Mapping[int, Tokens], roles: Iterable[tuple[int, str]]
) -> None:
    """See that the tokens are the pool's own, of its release."""
    found = {
        (number, role): tokens[number].places[role]
        for number, role in sorted(roles)
        if role in tokens[number].places
    }
    want_proxies(desk.state, found.values())
    for (_, role), token in found.items():
        code = find_implementation(desk.state, token, role)
        if code.release != desk.code.release or read_immutable(code, "POOL") != desk.pool:
            detail = f"{token} is a {role} of another market or release"
            raise EvidenceRefused(Flaw.MARKET, detail)


def _balance_slots(desk: Desk, tokens: Tokens, role: str, account: Address) -> tuple[Slot, ...]:
    if (token := tokens.places.get(role)) is None:
        return ()
    key = address_key(account)
    state = Slot(token, map_slot(desk.layout.balances[role], key))
    if role != "stable_debt":
        return (state,)
    return state, Slot(token, map_slot(STABLE_TIMES, key))


def _read_holding(desk: Desk, tokens: Tokens, use: Use, account: Address) -> Holding:
    balances = {}
    stable = None
    for role in _roles(use, tokens.number):
        words = [desk.state.word(slot) for slot in _balance_slots(desk, tokens, role, account)]
        if role == "stable_debt":
            stable = _decode_stable(desk.layout, words)
        else:
            balances[role] = _take(desk.layout.balance, words[0])
    return Holding(
        number=tokens.number,
        scaled_collateral=balances.get("supplied", 0),
        scaled_debt=balances.get("variable_debt", 0),
        stable_debt=stable,
        used_as_collateral=as_collateral(use.configuration, tokens.number),
        borrowed=has_borrowed(use.configuration, tokens.number),
    )


def _decode_stable(layout: AaveLayout, words: Sequence[int]) -> StableDebt | None:
    """Decode stable debt from a user's state and its time; None without any, or any token."""
    if not words or not (principal := _take(layout.balance, words[0])):
        return None
    return StableDebt(
        principal=principal,
        rate=_take(STABLE_RATE, words[0]),
        updated_at=_take(STABLE_TIME, words[1]),
    )


def _take(place: Place, word: int) -> int:
    return place.take({place.word: word})
