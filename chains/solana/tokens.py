"""SPL token accounts: whose they are, what they hold, and the instructions a wallet needs.

Source: https://github.com/solana-program/token (account layout, Transfer) and
https://github.com/solana-program/associated-token-account (CreateIdempotent). Pure.
"""

import struct
from dataclasses import dataclass
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token import ID as TOKEN_PROGRAM
from solders.token.associated import get_associated_token_address

from chains.errors import DecodeError
from chains.model.ids import ChainId
from chains.solana.accounts import RawAccount
from chains.solana.zerocopy import Field, Kind, Layout, View, open_account

ASSOCIATED_PROGRAM: Final = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
TOKEN_ACCOUNT: Final = Layout(
    name="token account",
    size=165,
    fields={
        "mint": Field(0, Kind.KEY),
        "owner": Field(32, Kind.KEY),
        "amount": Field(64, Kind.U64),
        "state": Field(108, Kind.U8),
    },
)
TOKEN_2022: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
MINT: Final = Layout(
    name="mint",
    size=82,
    fields={"decimals": Field(44, Kind.U8), "initialized": Field(45, Kind.U8)},
)
"""What a mint of either program begins with."""
_INITIALIZED: Final = 1
_TRANSFER: Final = 3
_CREATE_IDEMPOTENT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAccount:
    """A token account that may be used: neither frozen nor blank; `amount` in base units."""

    mint: Pubkey
    owner: Pubkey
    amount: int


def derive_token_account(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """Give the account at which a wallet holds a token by convention."""
    return get_associated_token_address(owner, mint, TOKEN_PROGRAM)


def decode_token_account(chain: ChainId, key: Pubkey, account: RawAccount | None) -> TokenAccount:
    """Decode a token account; DecodeError on anything else, frozen ones too."""
    view = open_account(chain, key, account, layout=TOKEN_ACCOUNT, owner=TOKEN_PROGRAM)
    if view.number("state") != _INITIALIZED:
        raise DecodeError(chain, f"token account {key} is frozen or blank")
    return TokenAccount(
        mint=Pubkey(view.key("mint")), owner=Pubkey(view.key("owner")), amount=view.number("amount")
    )


def decode_decimals(chain: ChainId, key: Pubkey, account: RawAccount | None) -> int:
    """Give a mint's decimals, SPL Token's or Token-2022's; DecodeError on anything else."""
    if account is None:
        raise DecodeError(chain, f"mint {key} does not exist")
    if account.owner not in (TOKEN_PROGRAM, TOKEN_2022) or len(account.data) < MINT.size:
        raise DecodeError(chain, f"{key} is no mint")
    view = View(MINT, account.data)
    if not view.number("initialized"):
        raise DecodeError(chain, f"mint {key} is blank")
    return view.number("decimals")


def create_token_account(payer: Pubkey, mint: Pubkey) -> Instruction:
    """Make the payer's own account of a mint by convention; nothing happens where it exists."""
    metas = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        AccountMeta(derive_token_account(payer, mint), is_signer=False, is_writable=True),
        AccountMeta(payer, is_signer=False, is_writable=False),
        AccountMeta(mint, is_signer=False, is_writable=False),
        AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
        AccountMeta(TOKEN_PROGRAM, is_signer=False, is_writable=False),
    ]
    return Instruction(ASSOCIATED_PROGRAM, bytes([_CREATE_IDEMPOTENT]), metas)


def insist_on_balance(account: Pubkey, owner: Pubkey, units: int) -> Instruction:
    """Fail the transaction where an account holds fewer units: a transfer of them to itself.

    The token program compares the balance before it sees that nothing moves.
    """
    metas = [
        AccountMeta(account, is_signer=False, is_writable=True),
        AccountMeta(account, is_signer=False, is_writable=True),
        AccountMeta(owner, is_signer=True, is_writable=False),
    ]
    return Instruction(TOKEN_PROGRAM, struct.pack("<BQ", _TRANSFER, units), metas)
