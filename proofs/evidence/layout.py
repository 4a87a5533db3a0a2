"""Where contracts keep what health depends on, per release.

Source: the storage layouts that solc writes for @aave/core-v3 1.19.3 (its own build-info, 0.8.10)
and @aave-dao/aave-v3-origin 3.6.0, ReserveConfiguration.sol for the bits of the configuration
word, and Vyper's layout of our feed. `tests/proofs/evidence/test_layout.py` compares the table
with the compilers' outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from eth_hash.auto import keccak

from chains.evm.protocols.aave_v3.state import Version
from chains.model.ids import Address

WORD: Final = 32
IMPLEMENTATION: Final = int.from_bytes(keccak(b"eip1967.proxy.implementation"), "big") - 1
"""Where a proxy keeps its implementation (EIP-1967)."""


class Place(NamedTuple):
    """A field of a struct: its word, and its lowest bit and width there."""

    word: int
    shift: int
    width: int

    def take(self, words: Mapping[int, int]) -> int:
        """Give the field's value from the struct's words."""
        return words[self.word] >> self.shift & ((1 << self.width) - 1)


Fields = Mapping[str, Place]


def _address(word: int, shift: int = 0) -> Place:
    return Place(word, shift, 160)


def _ray(word: int, shift: int = 0) -> Place:
    return Place(word, shift, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class AaveLayout:
    """Aave v3's storage in one release: slots of mappings, fields of the structs in them.

    `balances` gives by a token's role the slot of its users' states; a user's state is one word
    whose `balance` is the scaled one (of stable debt: the principal, with its rate beside it and
    its time in STABLE_TIMES).
    """

    version: Version
    reserves: int
    users_config: int
    reserves_list: int
    categories: int
    users_category: int
    configuration: Fields
    reserve: Fields
    category: Fields
    balances: Mapping[str, int]
    balance: Place


_CONFIGURATION: Final = {
    "ltv": Place(0, 0, 16),
    "liquidation_threshold": Place(0, 16, 16),
    "liquidation_bonus": Place(0, 32, 16),
    "decimals": Place(0, 48, 8),
    "active": Place(0, 56, 1),
    "frozen": Place(0, 57, 1),
    "paused": Place(0, 60, 1),
    "protocol_fee": Place(0, 152, 16),
    "debt_ceiling": Place(0, 212, 40),
}
_RESERVE: Final = {
    "liquidity_index": _ray(1),
    "liquidity_rate": _ray(1, 128),
    "borrow_index": _ray(2),
    "borrow_rate": _ray(2, 128),
    "updated_at": Place(3, 128, 40),
    "number": Place(3, 168, 16),
    "supplied": _address(4),
    "stable_debt": _address(5),
    "variable_debt": _address(6),
}
_TERMS: Final = {
    "ltv": Place(0, 0, 16),
    "liquidation_threshold": Place(0, 16, 16),
    "liquidation_bonus": Place(0, 32, 16),
}

LAYOUTS: Final[Mapping[str, AaveLayout]] = MappingProxyType(
    {
        "aave_v3@3.0": AaveLayout(
            version=Version.V3_0,
            reserves=52,
            users_config=53,
            reserves_list=54,
            categories=55,
            users_category=56,
            configuration={**_CONFIGURATION, "category": Place(0, 168, 8)},
            reserve=_RESERVE,
            category={**_TERMS, "price_source": _address(0, 48)},
            balances={"supplied": 52, "variable_debt": 56, "stable_debt": 56},
            balance=Place(0, 0, 128),
        ),
        "aave_v3@3.6": AaveLayout(
            version=Version.V3_6,
            reserves=52,
            users_config=53,
            reserves_list=54,
            categories=55,
            users_category=56,
            configuration=_CONFIGURATION,
            reserve={**_RESERVE, "grace_until": Place(3, 184, 40)},
            category={
                **_TERMS,
                "collateral_bitmap": _ray(0, 48),
                "ltv_zero_bitmap": _ray(2, 128),
            },
            balances={"supplied": 52, "variable_debt": 56},
            balance=Place(0, 0, 120),
        ),
    }
)
STABLE_RATE: Final = _ray(0, 128)
"""The rate in a user's state of stable debt (3.0 only)."""
STABLE_TIMES: Final = 62
"""When users' stable rates were set, in stable debt's token (3.0 only)."""
STABLE_TIME: Final = Place(0, 0, 40)
PROVIDER_ADDRESSES: Final = 2
"""`PoolAddressesProvider._addresses`, by the name of the part; the same in both releases."""
ORACLE_SOURCES: Final = 0
"""`AaveOracle.assetsSources`, by asset; the same in both releases."""
FEED_ROUND: Final = 2
"""The number of our feed's newest round."""
FEED_ROUNDS: Final = 3
"""Our feed's rounds by number: answer, start, update, and the round it was answered in."""
FEED_ANSWER, FEED_UPDATED_AT = 0, 2


def map_slot(slot: int, key: int) -> int:
    """Give where Solidity's mapping at `slot` keeps the value of a key."""
    return int.from_bytes(keccak(_word(key) + _word(slot)), "big")


def map_slot_vyper(slot: int, key: int) -> int:
    """Give where Vyper's map at `slot` keeps the value of a key."""
    return int.from_bytes(keccak(_word(slot) + _word(key)), "big")


def name_key(name: str) -> int:
    """Give a name of at most 32 letters as the `bytes32` that stands for it."""
    return int.from_bytes(name.encode().ljust(WORD, b"\0"), "big")


def address_key(address: Address) -> int:
    """Give an address as a key of a map."""
    return int(address, 16)


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")
