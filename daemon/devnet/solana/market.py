"""The accounts a market, a reserve and a pool are made of, before their programs fill them. Pure.

Our programs take blank accounts that are theirs already; who may write accounts at will (a machine
in the process, or a devnet's node) writes them first and then sends the instructions.
"""

from collections.abc import Callable
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.solana.programs.instructions import (
    POOL_BYTES,
    PRICE_BYTES,
    RESERVE_BYTES,
    LendingSetup,
    OraclePrice,
    Pool,
    ReserveAccounts,
    create_price,
    set_price,
)
from daemon.devnet.solana.tokens import encode_mint, encode_token

MakeKey = Callable[[str], Pubkey]
"""Gives the address of an account by what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """An account to write: its address, its program and its bytes."""

    key: Pubkey
    owner: Pubkey
    data: bytes


def plan_reserve(
    setup: LendingSetup, admin: Pubkey, *, decimals: int, make_key: MakeKey
) -> tuple[ReserveAccounts, tuple[Blank, ...]]:
    """Plan a reserve of a new token that `admin` may mint, with its price account."""
    accounts = ReserveAccounts(
        reserve=make_key("reserve"),
        mint=make_key("mint"),
        supply=make_key("supply"),
        collateral_mint=make_key("collateral mint"),
        collateral_vault=make_key("collateral vault"),
        fee_receiver=make_key("fee receiver"),
        oracle=make_key("oracle"),
    )
    authority = setup.authority
    tokens = (
        (accounts.mint, encode_mint(admin, decimals)),
        (accounts.supply, encode_token(accounts.mint, authority)),
        (accounts.collateral_mint, encode_mint(authority, decimals)),
        (accounts.collateral_vault, encode_token(accounts.collateral_mint, authority)),
        (accounts.fee_receiver, encode_token(accounts.mint, admin)),
    )
    return accounts, (
        Blank(key=accounts.reserve, owner=setup.program, data=bytes(RESERVE_BYTES)),
        *(Blank(key=key, owner=TOKEN_PROGRAM, data=data) for key, data in tokens),
        plan_price(setup.oracle_program, accounts.oracle),
    )


def plan_price(program: Pubkey, account: Pubkey) -> Blank:
    """Plan a price account."""
    return Blank(key=account, owner=program, data=bytes(PRICE_BYTES))


def open_price(
    program: Pubkey, account: Pubkey, authority: Pubkey, mint: Pubkey, price: OraclePrice
) -> tuple[Instruction, Instruction]:
    """Make a blank account the price of a token, and publish the first price."""
    return (
        create_price(program, account, authority, bytes(mint)),
        set_price(program, account, authority, price),
    )


def plan_pool(
    program: Pubkey, mints: tuple[Pubkey, Pubkey], make_key: MakeKey
) -> tuple[Pool, tuple[Blank, ...]]:
    """Plan a swap pool with an empty vault for each of two tokens."""
    pool = Pool(
        program=program,
        account=make_key("pool"),
        vaults=(make_key("first vault"), make_key("second vault")),
    )
    return pool, (
        Blank(key=pool.account, owner=program, data=bytes(POOL_BYTES)),
        *(
            Blank(key=vault, owner=TOKEN_PROGRAM, data=encode_token(mint, pool.authority))
            for vault, mint in zip(pool.vaults, mints, strict=True)
        ),
    )
