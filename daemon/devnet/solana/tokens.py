"""Mints and token accounts as bytes to write, and the owner's instructions to make and fill them.

Source of the layouts: https://github.com/solana-program/token (state.rs).
"""

import struct
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM
from spl.token.instructions import create_idempotent_associated_token_account, mint_to
from spl.token.models import MintToParams

_MINT: Final = struct.Struct("<I32sQBB4s32s")
_TOKEN: Final = struct.Struct("<32s32sQ36sB56s")
_INITIALIZED: Final = 1


def encode_mint(authority: Pubkey, decimals: int) -> bytes:
    """Give the bytes of a mint without supply."""
    return _MINT.pack(1, bytes(authority), 0, decimals, _INITIALIZED, b"", b"")


def encode_token(mint: Pubkey, owner: Pubkey, units: int = 0) -> bytes:
    """Give the bytes of a token account that holds `units`."""
    return _TOKEN.pack(bytes(mint), bytes(owner), units, b"", _INITIALIZED, b"")


def build_token_account(payer: Pubkey, owner: Pubkey, mint: Pubkey) -> Instruction:
    """Make an owner's associated account unless it is there."""
    return create_idempotent_associated_token_account(payer, owner, mint, TOKEN_PROGRAM)


def build_mint(mint: Pubkey, authority: Pubkey, receiver: Pubkey, units: int) -> Instruction:
    """Mint units into a token account."""
    return mint_to(
        MintToParams(
            program_id=TOKEN_PROGRAM,
            mint=mint,
            dest=receiver,
            mint_authority=authority,
            amount=units,
        )
    )
