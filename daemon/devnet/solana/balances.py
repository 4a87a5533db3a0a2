"""The token balances of a transaction's accounts, as the RPC writes them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.rpc.endpoint import Json

_TOKEN_BYTES: Final = 165
_KEY: Final = 32


def read_balances(
    keys: Sequence[Pubkey], accounts: Mapping[Pubkey, Account | None]
) -> tuple[Json, ...]:
    """Give the balances of those accounts that hold tokens; decimals are not told."""
    return tuple(
        _balance(index, account)
        for index, key in enumerate(keys)
        if (account := accounts[key])
        and account.owner == TOKEN_PROGRAM
        and len(account.data) == _TOKEN_BYTES
    )


def _balance(index: int, account: Account) -> Json:
    data = account.data
    units = int.from_bytes(data[2 * _KEY : 2 * _KEY + 8], "little")
    return {
        "accountIndex": index,
        "mint": str(Pubkey(data[:_KEY])),
        "owner": str(Pubkey(data[_KEY : 2 * _KEY])),
        "programId": str(TOKEN_PROGRAM),
        "uiTokenAmount": {"amount": str(units)},
    }
