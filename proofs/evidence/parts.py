"""Contracts found one through the other, each known by its code.

A market's pool names the provider in its code, the provider names the pool and the oracle, the
pool names its tokens: nothing about a market is taken on anybody's word but the pool's address.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from chains.model.ids import Address
from proofs.evidence.codes import Code, parse_word_address
from proofs.evidence.flaws import EvidenceRefused, Flaw
from proofs.evidence.layout import IMPLEMENTATION
from proofs.evidence.state import ProvedState, Slot

FAMILY: Final = "aave_v3@"
ZERO: Final = Address("0x" + "00" * 20)
_SELF: Final = "self"


def want_proxies(state: ProvedState, proxies: Iterable[Address]) -> None:
    """Want all that `find_implementation` reads of some proxies, together."""
    listed = tuple(proxies)
    state.want(slots=[Slot(proxy, IMPLEMENTATION) for proxy in listed], codes=listed)
    state.want(codes=[_read_implementation(state, proxy) for proxy in listed])


def find_implementation(state: ProvedState, proxy: Address, role: str) -> Code:
    """Give the code behind a proxy, its libraries being what it was linked with.

    EvidenceRefused with CODE unless the proxy, the code and its libraries are known.
    """
    want_proxies(state, [proxy])
    expect_code(state, proxy, "proxy")
    implementation = _read_implementation(state, proxy)
    code = expect_code(state, implementation, role)
    _check_links(state, code.release, code.links, seen=set())
    return code


def expect_code(state: ProvedState, address: Address, role: str) -> Code:
    """Give a contract's code, which must be known in this role."""
    state.want(codes=[address])
    code = state.code(address)
    if code is None or code.role != role or not code.release.startswith(FAMILY):
        found = f"{code.role} of {code.release}" if code else "unknown"
        raise EvidenceRefused(Flaw.CODE, f"{address} should be a {role}; its code is {found}")
    return code


def read_address(state: ProvedState, slot: Slot) -> Address:
    """Give the address in a word of its own; EvidenceRefused with MARKET where it is none."""
    word = state.word(slot)
    try:
        return parse_word_address(word)
    except ValueError as error:
        detail = f"slot 0x{slot.key:x} of {slot.contract} holds {error}"
        raise EvidenceRefused(Flaw.MARKET, detail) from error


def _read_implementation(state: ProvedState, proxy: Address) -> Address:
    return read_address(state, Slot(proxy, IMPLEMENTATION))


def _check_links(
    state: ProvedState, release: str, links: Mapping[str, Address], *, seen: set[Address]
) -> None:
    """See that linked libraries are those of the release, and what they link as well."""
    fresh = {name: place for name, place in links.items() if name != _SELF and place not in seen}
    state.want(codes=fresh.values())
    for name, address in fresh.items():
        seen.add(address)
        library = expect_code(state, address, name)
        if library.release != release or library.links.get(_SELF) != address:
            detail = f"{address} is {name} of {library.release}, but not for this place"
            raise EvidenceRefused(Flaw.CODE, detail)
        _check_links(state, release, library.links, seen=seen)
