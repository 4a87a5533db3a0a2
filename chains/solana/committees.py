"""Committee accounts of the rescue program: at the hash of their content, for ever the same."""

import struct
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from chains.model.ids import Address

MAX_MEMBERS: Final = 19
_CREATE: Final = 3
_HEAD: Final = struct.Struct("<BQ32s")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeTerms:
    """Who may sign: `salt` is keccak256 of the deployment id, `members` ascend, times in seconds.

    The program takes at most 19 members and more than two thirds of them as threshold.
    """

    salt: bytes
    members: tuple[Address, ...]
    threshold: int
    max_ttl_s: int

    @property
    def content(self) -> bytes:
        """The bytes whose hash is the account's seed."""
        members = b"".join(bytes.fromhex(member[2:]) for member in self.members)
        return _HEAD.pack(self.threshold, self.max_ttl_s, self.salt) + members


def derive_committee(program: Pubkey, terms: CommitteeTerms) -> Pubkey:
    """Give the address at which a committee lies."""
    seeds = [b"committee", keccak(terms.content)]
    return Pubkey.find_program_address(seeds, program)[0]


def build_committee(program: Pubkey, payer: Pubkey, terms: CommitteeTerms) -> Instruction:
    """Build what makes a committee's account; anybody may, and pays its rent."""
    metas = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        AccountMeta(derive_committee(program, terms), is_signer=False, is_writable=True),
        AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
    ]
    return Instruction(program, bytes([_CREATE]) + terms.content, metas)
