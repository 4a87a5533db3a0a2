"""marginfi's instructions, unsigned.

Deposits and repayments need the account's own authority, except inside a receivership: between
`start_liquidation` and `end_liquidation` of one transaction the receiver acts as the authority.
The classic liquidation needs a margin account of the liquidator's own.
Source: the IDL 0.1.8 of `@mrgnlabs/marginfi-client-v2` 6.4.2 (Apache-2.0). None of these was
executed here: no build of the program was at hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.sysvar import INSTRUCTIONS
from solders.token import ID as TOKEN_PROGRAM

from chains.solana.protocols.marginfi.layout import PROGRAM
from chains.solana.protocols.marginfi.state import Account, Bank

TOKEN_2022: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
_LIQUIDATE: Final = bytes.fromhex("d6a997d5fba756db")
_DEPOSIT: Final = bytes.fromhex("ab5eeb675240d48c")
_REPAY: Final = bytes.fromhex("4fd1acb1de33ad97")
_WITHDRAW: Final = bytes.fromhex("24484a13d2d2c0c0")
_INIT_RECORD: Final = bytes.fromhex("ecd5ee7e93fba408")
_START: Final = bytes.fromhex("f45d5ad6c0a6bf15")
_END: Final = bytes.fromhex("6e0bf436e5b516b8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A bank as health checks want it: its account, then its oracle's."""

    bank: Pubkey
    oracles: tuple[Pubkey, ...]


def observe(bank: Bank) -> Observed:
    """Give a bank and its oracle for a health check; a fixed price has no oracle."""
    oracles = () if bank.oracle == bytes(32) else (Pubkey(bank.oracle),)
    return Observed(bank=Pubkey(bank.key), oracles=oracles)


def observe_account(
    account: Account, banks: Mapping[bytes, Bank], also: Sequence[bytes] = ()
) -> tuple[Observed, ...]:
    """Give what an account's health check wants, with the banks it is about to enter."""
    keys = dict.fromkeys([*(balance.bank for balance in account.balances), *also])
    return tuple(observe(banks[key]) for key in keys)


def list_observed(observed: Iterable[Observed]) -> list[Pubkey]:
    """List banks and their oracles in descending order of the banks, as the program keeps them."""
    ordered = sorted(observed, key=lambda each: bytes(each.bank), reverse=True)
    return [key for each in ordered for key in (each.bank, *each.oracles)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds one group's instructions."""

    group: Pubkey
    program: Pubkey = PROGRAM

    @property
    def fee_state(self) -> Pubkey:
        """The program's own fee terms."""
        return self._derive(b"feestate")

    def derive_record(self, account: Pubkey) -> Pubkey:
        """Give the address of an account's liquidation record."""
        return self._derive(b"liq_record", account)

    def deposit(
        self,
        account: Pubkey,
        bank: Bank,
        *,
        authority: Pubkey,
        source: Pubkey,
        units: int,
        up_to_limit: bool | None = None,
        token_program: Pubkey = TOKEN_PROGRAM,
    ) -> Instruction:
        """Deposit `units`; only the account's authority may."""
        data = _DEPOSIT + _u64(units) + _option(up_to_limit)
        return self._pay_in(data, account, bank, authority, source, token_program)

    def repay(
        self,
        account: Pubkey,
        bank: Bank,
        *,
        authority: Pubkey,
        source: Pubkey,
        units: int,
        everything: bool | None = None,
        token_program: Pubkey = TOKEN_PROGRAM,
    ) -> Instruction:
        """Repay `units`; only the authority may, or the receiver inside a receivership."""
        data = _REPAY + _u64(units) + _option(everything)
        return self._pay_in(data, account, bank, authority, source, token_program)

    def withdraw(
        self,
        account: Pubkey,
        bank: Bank,
        *,
        authority: Pubkey,
        destination: Pubkey,
        units: int,
        observed: Sequence[Observed],
        everything: bool | None = None,
        token_program: Pubkey = TOKEN_PROGRAM,
    ) -> Instruction:
        """Withdraw `units`; only the authority may, or the receiver inside a receivership."""
        metas = [
            _read(self.group),
            _writable(account),
            _signer(authority),
            _writable(Pubkey(bank.key)),
            _writable(destination),
            _read(self._derive(b"liquidity_vault_auth", Pubkey(bank.key))),
            _writable(Pubkey(bank.liquidity_vault)),
            _read(token_program),
            *_mint_first(bank, token_program),
            *map(_read, list_observed(observed)),
        ]
        return Instruction(self.program, _WITHDRAW + _u64(units) + _option(everything), metas)

    def liquidate(
        self,
        *,
        liquidator: Pubkey,
        authority: Pubkey,
        liquidatee: Pubkey,
        asset: Bank,
        liability: Bank,
        units: int,
        liquidator_observed: Sequence[Observed],
        liquidatee_observed: Sequence[Observed],
        token_program: Pubkey = TOKEN_PROGRAM,
    ) -> Instruction:
        """Take over `units` of collateral with the debt that goes with them.

        The liquidator's list has both banks, also where it holds nothing of them yet.
        """
        theirs, ours = list_observed(liquidatee_observed), list_observed(liquidator_observed)
        bank = Pubkey(liability.key)
        metas = [
            _read(self.group),
            _writable(Pubkey(asset.key)),
            _writable(bank),
            _writable(liquidator),
            _signer(authority),
            _writable(liquidatee),
            _read(self._derive(b"liquidity_vault_auth", bank)),
            _writable(self._derive(b"liquidity_vault", bank)),
            _writable(self._derive(b"insurance_vault", bank)),
            _read(token_program),
            *_mint_first(liability, token_program),
            *map(_read, (*observe(asset).oracles, *observe(liability).oracles)),
            *map(_read, ours),
            *map(_read, theirs),
        ]
        data = _LIQUIDATE + _u64(units) + bytes([len(theirs), len(ours)])
        return Instruction(self.program, data, metas)

    def init_record(self, account: Pubkey, *, payer: Pubkey) -> Instruction:
        """Make an account's liquidation record, which a receivership needs; once for good."""
        metas = [
            _writable(account),
            AccountMeta(payer, is_signer=True, is_writable=True),
            _writable(self.derive_record(account)),
            _read(SYSTEM_PROGRAM),
        ]
        return Instruction(self.program, _INIT_RECORD, metas)

    def start_liquidation(
        self, account: Pubkey, *, receiver: Pubkey, observed: Sequence[Observed]
    ) -> Instruction:
        """Put an unhealthy account into receivership until the transaction's end."""
        metas = [
            _writable(account),
            _writable(self.derive_record(account)),
            _read(receiver),
            _read(INSTRUCTIONS),
            *map(_read, list_observed(observed)),
        ]
        return Instruction(self.program, _START, metas)

    def end_liquidation(
        self, account: Pubkey, *, receiver: Pubkey, fee_wallet: Pubkey, observed: Sequence[Observed]
    ) -> Instruction:
        """End the receivership; the program checks the health and the receiver's profit."""
        metas = [
            _writable(account),
            _writable(self.derive_record(account)),
            AccountMeta(receiver, is_signer=True, is_writable=True),
            _read(self.fee_state),
            _writable(fee_wallet),
            _read(SYSTEM_PROGRAM),
            *map(_read, list_observed(observed)),
        ]
        return Instruction(self.program, _END, metas)

    def _pay_in(
        self,
        data: bytes,
        account: Pubkey,
        bank: Bank,
        authority: Pubkey,
        source: Pubkey,
        token_program: Pubkey,
    ) -> Instruction:
        metas = [
            _read(self.group),
            _writable(account),
            _signer(authority),
            _writable(Pubkey(bank.key)),
            _writable(source),
            _writable(Pubkey(bank.liquidity_vault)),
            _read(token_program),
            *_mint_first(bank, token_program),
        ]
        return Instruction(self.program, data, metas)

    def _derive(self, seed: bytes, *keys: Pubkey) -> Pubkey:
        return Pubkey.find_program_address([seed, *map(bytes, keys)], self.program)[0]


def _mint_first(bank: Bank, token_program: Pubkey) -> list[AccountMeta]:
    return [_read(Pubkey(bank.mint))] if token_program == TOKEN_2022 else []


def _option(flag: bool | None) -> bytes:  # noqa: FBT001 -- the one value it encodes
    return b"\0" if flag is None else bytes([1, flag])


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
