"""The RPC methods that read accounts."""

from collections.abc import Mapping
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

from chains.rpc.endpoint import Json
from daemon.devnet.solana.views import View, encode_account, in_context, matches
from daemon.devnet.solana.wire import (
    NOT_INDEXED,
    BadParams,
    Handler,
    Params,
    RpcFailure,
    expect_key,
)

MAX_ACCOUNTS: Final = 100
TOKEN_2022: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
_TOKEN_ACCOUNT_SIZE: Final = 165
_MINT_SIZE: Final = 82
_MINT_DECIMALS: Final = 44


class AccountMethods:
    """What an endpoint says about accounts."""

    def __init__(self, view: View) -> None:
        self._view = view

    def handlers(self) -> Mapping[str, Handler]:
        """Give the methods by their names."""
        return {
            "getBalance": self._balance,
            "getAccountInfo": self._account,
            "getMultipleAccounts": self._accounts,
            "getProgramAccounts": self._program_accounts,
            "getTokenAccountBalance": self._token_balance,
            "getTokenAccountsByOwner": self._token_accounts,
            "getMinimumBalanceForRentExemption": lambda params: self._view.ledger.machine.rent_of(
                params.number(0)
            ),
        }

    def _balance(self, params: Params) -> Json:
        block = self._view.block(params.config(1))
        [account] = self._view.accounts([params.key(0)], block)
        return in_context(block, account.lamports if account else 0)

    def _account(self, params: Params) -> Json:
        config = params.config(1)
        block = self._view.block(config)
        [account] = self._view.accounts([params.key(0)], block)
        return in_context(block, encode_account(account, config))

    def _accounts(self, params: Params) -> Json:
        keys, config = params.keys(0), params.config(1)
        if len(keys) > MAX_ACCOUNTS:
            raise BadParams(f"Too many inputs provided; max {MAX_ACCOUNTS}")
        block = self._view.block(config)
        found = self._view.accounts(keys, block)
        return in_context(block, [encode_account(account, config) for account in found])

    def _program_accounts(self, params: Params) -> Json:
        if self._view.faults.scans_refused:
            raise RpcFailure(NOT_INDEXED, "excluded from account secondary indexes")
        config = params.config(1)
        block = self._view.block(config)
        found: list[Json] = [
            {"pubkey": str(key), "account": encode_account(account, config)}
            for key, account in self._view.scan(params.key(0), block)
            if matches(account.data, config.get("filters"))
        ]
        return in_context(block, found) if config.get("withContext") else found

    def _token_balance(self, params: Params) -> Json:
        block = self._view.block(params.config(1))
        [account] = self._view.accounts([params.key(0)], block)
        if account is None or len(account.data) < _TOKEN_ACCOUNT_SIZE:
            raise BadParams("could not find account")
        [mint] = self._view.accounts([Pubkey(account.data[:32])], block)
        decimals = _decimals_of(mint)
        amount = int.from_bytes(account.data[64:72], "little")
        return in_context(
            block,
            {
                "amount": str(amount),
                "decimals": decimals,
                "uiAmount": amount / 10**decimals,
                "uiAmountString": _write_decimal(amount, decimals),
            },
        )

    def _token_accounts(self, params: Params) -> Json:
        owner, wanted, config = bytes(params.key(0)), params.config(1), params.config(2)
        block = self._view.block(config)
        mint = bytes(expect_key(wanted["mint"])) if "mint" in wanted else None
        programs = [TOKEN_PROGRAM, TOKEN_2022]
        if mint is None:
            programs = [expect_key(wanted.get("programId"))]
        found: list[Json] = [
            {"pubkey": str(key), "account": encode_account(account, config)}
            for program in programs
            for key, account in self._view.scan(program, block)
            if len(account.data) >= _TOKEN_ACCOUNT_SIZE
            and account.data[32:64] == owner
            and (mint is None or account.data[:32] == mint)
        ]
        return in_context(block, found)


def _decimals_of(mint: Account | None) -> int:
    if mint is None or len(mint.data) < _MINT_SIZE:
        raise BadParams("the account's mint is missing")
    return mint.data[_MINT_DECIMALS]


def _write_decimal(amount: int, decimals: int) -> str:
    whole, rest = divmod(amount, 10**decimals)
    digits = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{whole}.{digits}" if digits else str(whole)
