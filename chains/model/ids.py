"""Identifiers of chains, accounts and assets: CAIP-2, CAIP-10 and CAIP-19.

EVM addresses are kept in lower case; EIP-55 text is accepted when its checksum holds, and
`checksummed` gives it back at the rim. Solana addresses are base58 of 32 bytes and keep their case.
Source: https://chainagnostic.org/CAIPs/caip-2, caip-10, caip-19; EIP-55;
https://namespaces.chainagnostic.org/solana/caip2, caip10, caip19.
"""

import re
from dataclasses import dataclass
from typing import Final, NewType, Self

from eth_utils.address import is_checksum_address, to_checksum_address

Address = NewType("Address", str)
"""An address as its chain writes it: 0x and 40 lower-case hex digits, or base58 on Solana."""

EIP155: Final = "eip155"
SOLANA: Final = "solana"
VENUE: Final = "venue"
"""The namespace of venues off the chains: `venue:deribit` is written like a chain."""
_CHAIN: Final = re.compile(r"([-a-z0-9]{3,8}):([-_a-zA-Z0-9]{1,32})")
_EVM_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_KEY_TEXT: Final = re.compile(f"[{_BASE58}]{{32,44}}")
_KEY_BYTES: Final = 32
_ACCOUNT: Final = re.compile(r"[-.%a-zA-Z0-9]{1,128}")
_ASSET: Final = re.compile(r"([-a-z0-9]{3,8}):([-.%a-zA-Z0-9]{1,128})")


class InvalidId(ValueError):
    """A text is not a canonical CAIP identifier."""


def parse_address(text: str) -> Address:
    """Give the lower-case address of `text`; mixed case must carry a right EIP-55 checksum."""
    if not _EVM_ADDRESS.fullmatch(text):
        raise InvalidId(f"{text!r} is not an EVM address (0x and 40 hex digits)")
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(text):
        raise InvalidId(f"{text!r} has a wrong EIP-55 checksum")
    return Address(text.lower())


def parse_key(text: str) -> Address:
    """Give a Solana address back when it is one: base58 of 32 bytes."""
    if not _KEY_TEXT.fullmatch(text) or _count_key_bytes(text) != _KEY_BYTES:
        raise InvalidId(f"{text!r} is not a Solana address (base58 of 32 bytes)")
    return Address(text)


def _count_key_bytes(text: str) -> int:
    number = 0
    for character in text:
        number = number * len(_BASE58) + _BASE58.index(character)
    zeros = len(text) - len(text.lstrip(_BASE58[0]))
    return zeros + (number.bit_length() + 7) // 8


def checksummed(address: Address) -> str:
    """Give the EIP-55 form, for people."""
    return str(to_checksum_address(address))


@dataclass(frozen=True, slots=True, order=True)
class ChainId:
    """A CAIP-2 chain: `eip155:1`, `solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp`."""

    namespace: str
    reference: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read CAIP-2 text; InvalidId when it is none."""
        if not (match := _CHAIN.fullmatch(text)):
            raise InvalidId(f"{text!r} is not a CAIP-2 chain id such as eip155:1")
        return cls(match[1], match[2])

    @classmethod
    def evm(cls, number: int) -> Self:
        """Give the chain of an EIP-155 number."""
        return cls(EIP155, str(number))

    @property
    def evm_number(self) -> int:
        """The EIP-155 number; InvalidId for another namespace."""
        if self.namespace != EIP155:
            raise InvalidId(f"{self} is not an EVM chain")
        return int(self.reference)

    def __str__(self) -> str:
        return f"{self.namespace}:{self.reference}"


@dataclass(frozen=True, slots=True, order=True)
class AccountId:
    """A CAIP-10 account; EVM addresses in lower case."""

    chain: ChainId
    address: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read CAIP-10 text and canonicalise it; InvalidId when it is none."""
        head, _, address = text.rpartition(":")
        chain = ChainId.parse(head)
        if chain.namespace == EIP155:
            return cls(chain, parse_address(address))
        if chain.namespace == SOLANA:
            return cls(chain, parse_key(address))
        if not _ACCOUNT.fullmatch(address):
            raise InvalidId(f"{text!r} is not a CAIP-10 account id")
        return cls(chain, address)

    @property
    def evm_address(self) -> Address:
        """The address on an EVM chain; InvalidId for another namespace."""
        if self.chain.namespace != EIP155:
            raise InvalidId(f"{self} is not an EVM account")
        return Address(self.address)

    def __str__(self) -> str:
        return f"{self.chain}:{self.address}"


@dataclass(frozen=True, slots=True, order=True)
class AssetId:
    """A CAIP-19 asset: `eip155:1/erc20:0x…`, `eip155:1/slip44:60`."""

    chain: ChainId
    namespace: str
    reference: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read CAIP-19 text and canonicalise it; InvalidId when it is none."""
        head, _, tail = text.partition("/")
        chain = ChainId.parse(head)
        if not (match := _ASSET.fullmatch(tail)):
            raise InvalidId(f"{text!r} is not a CAIP-19 asset id such as eip155:1/erc20:0x…")
        reference = parse_address(match[2]) if match[1] == "erc20" else match[2]
        return cls(chain, match[1], reference)

    @classmethod
    def erc20(cls, chain: ChainId, token: Address) -> Self:
        """Give the asset of an ERC-20 token."""
        return cls(chain, "erc20", token)

    @classmethod
    def spot(cls, venue: ChainId, underlying: str) -> Self:
        """Give a venue's spot balance in an underlying."""
        return cls(venue, "spot", underlying)

    @classmethod
    def spl(cls, chain: ChainId, mint: Address) -> Self:
        """Give the asset of an SPL token's mint."""
        return cls(chain, "token", mint)

    @property
    def token(self) -> Address:
        """The ERC-20 address; InvalidId for any other kind of asset."""
        if self.namespace != "erc20":
            raise InvalidId(f"{self} is not an ERC-20 token")
        return Address(self.reference)

    def __str__(self) -> str:
        return f"{self.chain}/{self.namespace}:{self.reference}"
