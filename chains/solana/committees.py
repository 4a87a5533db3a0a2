"""Committee accounts of the rescue program: at the hash of their content, for ever the same."""

import struct
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from chains.model.ids import Address, ChainId
from chains.solana.accounts import RawAccount
from chains.solana.zerocopy import Field, Kind, Layout, open_account

MAX_MEMBERS: Final = 19
COMMITTEE: Final = Layout(
    name="committee",
    size=492,
    discriminator=b"\x03",
    fields={
        "count": Field(1, Kind.U8),
        "threshold": Field(2, Kind.U8),
        "max_ttl": Field(8, Kind.U64),
        "salt": Field(16, Kind.KEY),
    },
)
_MEMBERS_AT: Final = 112
_MEMBER: Final = 20
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


def decode_committee(
    chain: ChainId, key: Pubkey, account: RawAccount | None, *, program: Pubkey
) -> CommitteeTerms:
    """Decode a committee's account; DecodeError on anything else."""
    view = open_account(chain, key, account, layout=COMMITTEE, owner=program)
    data = view.data[_MEMBERS_AT : _MEMBERS_AT + _MEMBER * view.number("count")]
    members = [data[at : at + _MEMBER].hex() for at in range(0, len(data), _MEMBER)]
    return CommitteeTerms(
        salt=view.key("salt"),
        members=tuple(Address(f"0x{member}") for member in members),
        threshold=view.number("threshold"),
        max_ttl_s=view.number("max_ttl"),
    )


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
