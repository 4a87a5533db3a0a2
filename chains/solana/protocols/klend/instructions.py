"""Kamino Lend's instructions as anybody may send them, unsigned.

The first version (V1) checks its neighbours in the transaction: reserves and the obligation must
be refreshed right before it, farms before and after. The second takes farms along by itself, but
state not refreshed in its slot is refused too. `compose_` gives the whole message.
Source: the IDL and actions of `@kamino-finance/klend-sdk` 8.0.2 (MIT).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.sysvar import INSTRUCTIONS, RENT
from solders.token import ID as TOKEN_PROGRAM
from solders.token.associated import get_associated_token_address

from chains.solana.protocols.klend.layout import FARMS, NULL_KEY, PROGRAM
from chains.solana.protocols.klend.math import NO_GROUP
from chains.solana.protocols.klend.state import LendingMarket, Obligation, Reserve

EVERYTHING: Final = 2**64 - 1
"""As an amount to repay: all that is owed."""
NO_KEY: Final = bytes(32)
_REFRESH_RESERVE: Final = bytes.fromhex("02da8aeb4fc91966")
_REFRESH_OBLIGATION: Final = bytes.fromhex("218493e497c04859")
_REFRESH_FARM: Final = bytes.fromhex("8c90fd150a4af803")


class Version(IntEnum):
    """The instruction's generation."""

    V1 = 1
    V2 = 2


class Farm(IntEnum):
    """Which of a reserve's farms; the numbers are the program's."""

    COLLATERAL = 0
    DEBT = 1


_REPAY: Final = {
    Version.V1: bytes.fromhex("91b20de14cf09348"),
    Version.V2: bytes.fromhex("74aed54cb435d290"),
}
_DEPOSIT: Final = {
    Version.V1: bytes.fromhex("81c70402de271a2e"),
    Version.V2: bytes.fromhex("d8e0bf1bcc9766af"),
}
_LIQUIDATE: Final = {
    Version.V1: bytes.fromhex("b1479abce2854a37"),
    Version.V2: bytes.fromhex("a2a1238f1ebbb967"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidatorAccounts:
    """The liquidator's own accounts: what pays, what receives c-tokens and liquidity."""

    payer: Pubkey
    source: Pubkey
    collateral: Pubkey
    destination: Pubkey


def derive_obligation(
    owner: Pubkey,
    market: Pubkey,
    *,
    tag: int = 0,
    number: int = 0,
    seeds: tuple[Pubkey, Pubkey] = (Pubkey.default(), Pubkey.default()),
    program: Pubkey = PROGRAM,
) -> Pubkey:
    """Give an obligation's address; without a tag the plain one that every owner begins with."""
    parts = [bytes([tag]), bytes([number]), bytes(owner), bytes(market), *map(bytes, seeds)]
    return Pubkey.find_program_address(parts, program)[0]


def derive_farm_user(farm: bytes, obligation: bytes, farms: Pubkey = FARMS) -> Pubkey:
    """Give the account in which a farm keeps an obligation's stake."""
    return Pubkey.find_program_address([b"user", farm, obligation], farms)[0]


def derive_token_account(owner: Pubkey, mint: bytes, token_program: bytes) -> Pubkey:
    """Give an owner's associated account for a token."""
    return get_associated_token_address(owner, Pubkey(mint), Pubkey(token_program))


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds one market's instructions.

    `writable_mints` is for builds of the program that still demand liquidity mints writable.
    """

    market: LendingMarket
    program: Pubkey = PROGRAM
    farms: Pubkey = FARMS
    writable_mints: bool = False

    @property
    def authority(self) -> Pubkey:
        """The address that owns the market's tokens."""
        return Pubkey.find_program_address([b"lma", self.market.key], self.program)[0]

    def refresh_reserve(self, reserve: Reserve) -> Instruction:
        """Bring a reserve's price and interest to the slot of execution."""
        prices = reserve.prices
        oracles = (prices.pyth, prices.switchboard, prices.switchboard_twap, prices.scope)
        metas = [_writable(reserve.key), _read(self.market.key), *map(self._optional, oracles)]
        return Instruction(self.program, _REFRESH_RESERVE, metas)

    def refresh_obligation(self, obligation: Obligation) -> Instruction:
        """Value an obligation anew; all of its reserves must be fresh."""
        referrers = (
            [
                _writable(self._referrer_account(obligation, part.reserve))
                for part in obligation.borrows
            ]
            if obligation.referrer != NO_KEY
            else []
        )
        metas = [
            _read(self.market.key),
            _writable(obligation.key),
            *map(_writable, _reserves_of(obligation)),
            *referrers,
        ]
        return Instruction(self.program, _REFRESH_OBLIGATION, metas)

    def refresh_farm(
        self, obligation: Obligation, reserve: Reserve, farm: Farm, payer: Pubkey
    ) -> Instruction:
        """Bring an obligation's stake in a reserve's farm up to date."""
        key = _farm_of(reserve, farm)
        metas = [
            _signer(payer),
            _read(obligation.key),
            _read(bytes(self.authority)),
            _read(reserve.key),
            _writable(key),
            _writable(bytes(derive_farm_user(key, obligation.key, self.farms))),
            _read(self.market.key),
            _read(bytes(self.farms)),
            _read(bytes(RENT)),
            _read(bytes(SYSTEM_PROGRAM)),
        ]
        return Instruction(self.program, _REFRESH_FARM + bytes([farm]), metas)

    def repay(
        self,
        version: Version,
        obligation: Obligation,
        reserve: Reserve,
        *,
        payer: Pubkey,
        source: Pubkey,
        units: int,
    ) -> Instruction:
        """Repay up to `units` of anybody's debt from `source`, which `payer` owns."""
        metas = [
            _signer(payer),
            _writable(obligation.key),
            _read(self.market.key),
            _writable(reserve.key),
            self._mint(reserve),
            _writable(reserve.keys.supply_vault),
            _writable(bytes(source)),
            _read(reserve.keys.token_program),
            _read(bytes(INSTRUCTIONS)),
        ]
        if version is Version.V2:
            metas += [
                *self._farm_metas(obligation, reserve, Farm.DEBT),
                _read(bytes(self.authority)),
                _read(bytes(self.farms)),
            ]
        metas += _group_reserves(obligation)
        return Instruction(self.program, _REPAY[version] + _u64(units), metas)

    def deposit(
        self,
        version: Version,
        obligation: Obligation,
        reserve: Reserve,
        *,
        owner: Pubkey,
        source: Pubkey,
        units: int,
    ) -> Instruction:
        """Deposit and pledge `units`; only the obligation's owner may."""
        keys = reserve.keys
        metas = [
            AccountMeta(owner, is_signer=True, is_writable=True),
            _writable(obligation.key),
            _read(self.market.key),
            _read(bytes(self.authority)),
            _writable(reserve.key),
            self._mint(reserve),
            _writable(keys.supply_vault),
            _writable(keys.collateral_mint),
            _writable(keys.collateral_vault),
            _writable(bytes(source)),
            _read(bytes(self.program)),
            _read(bytes(TOKEN_PROGRAM)),
            _read(keys.token_program),
            _read(bytes(INSTRUCTIONS)),
        ]
        if version is Version.V2:
            metas += [
                *self._farm_metas(obligation, reserve, Farm.COLLATERAL),
                _read(bytes(self.farms)),
            ]
        return Instruction(self.program, _DEPOSIT[version] + _u64(units), metas)

    def liquidate(
        self,
        version: Version,
        obligation: Obligation,
        *,
        repay: Reserve,
        withdraw: Reserve,
        accounts: LiquidatorAccounts,
        units: int,
        minimum: int = 0,
    ) -> Instruction:
        """Repay up to `units` of a debt and take at least `minimum` of the collateral's token."""
        metas = self._liquidation_metas(obligation, repay, withdraw, accounts)
        if version is Version.V2:
            metas += [
                *self._farm_metas(obligation, withdraw, Farm.COLLATERAL),
                *self._farm_metas(obligation, repay, Farm.DEBT),
                _read(bytes(self.farms)),
            ]
        metas += _group_reserves(obligation)
        data = _LIQUIDATE[version] + _u64(units) + _u64(minimum) + _u64(0)
        return Instruction(self.program, data, metas)

    def compose(
        self,
        version: Version,
        action: Instruction,
        obligation: Obligation,
        reserves: Mapping[bytes, Reserve],
        *,
        touched: Sequence[tuple[Reserve, Farm]],
        payer: Pubkey,
    ) -> tuple[Instruction, ...]:
        """Give the message: refreshes in the order V1 demands, the action, its farms again.

        `touched` are the action's reserves, a withdrawn one first, with the farm each moves.
        """
        last = [reserve.key for reserve, _ in touched]
        first = [key for key in dict.fromkeys(_reserves_of(obligation)) if key not in last]
        farms = (
            [
                self.refresh_farm(obligation, reserve, farm, payer)
                for reserve, farm in touched
                if _farm_of(reserve, farm) != NO_KEY
            ]
            if version is Version.V1
            else []
        )
        every = {**reserves, **{reserve.key: reserve for reserve, _ in touched}}
        refreshes = [self.refresh_reserve(every[key]) for key in dict.fromkeys([*first, *last])]
        return (*refreshes, self.refresh_obligation(obligation), *farms, action, *farms)

    def _liquidation_metas(
        self,
        obligation: Obligation,
        repay: Reserve,
        withdraw: Reserve,
        accounts: LiquidatorAccounts,
    ) -> list[AccountMeta]:
        keys = withdraw.keys
        return [
            _signer(accounts.payer),
            _writable(obligation.key),
            _read(self.market.key),
            _read(bytes(self.authority)),
            _writable(repay.key),
            self._mint(repay),
            _writable(repay.keys.supply_vault),
            _writable(withdraw.key),
            self._mint(withdraw),
            _writable(keys.collateral_mint),
            _writable(keys.collateral_vault),
            _writable(keys.supply_vault),
            _writable(keys.fee_vault),
            _writable(bytes(accounts.source)),
            _writable(bytes(accounts.collateral)),
            _writable(bytes(accounts.destination)),
            _read(bytes(TOKEN_PROGRAM)),
            _read(repay.keys.token_program),
            _read(keys.token_program),
            _read(bytes(INSTRUCTIONS)),
        ]

    def _mint(self, reserve: Reserve) -> AccountMeta:
        return AccountMeta(
            Pubkey(reserve.keys.mint), is_signer=False, is_writable=self.writable_mints
        )

    def _optional(self, key: bytes) -> AccountMeta:
        return _read(bytes(self.program) if key in (NO_KEY, NULL_KEY) else key)

    def _farm_metas(
        self, obligation: Obligation, reserve: Reserve, farm: Farm
    ) -> Iterable[AccountMeta]:
        key = _farm_of(reserve, farm)
        if key == NO_KEY:
            return [_read(bytes(self.program))] * 2
        user = derive_farm_user(key, obligation.key, self.farms)
        return [_writable(bytes(user)), _writable(key)]

    def _referrer_account(self, obligation: Obligation, reserve: bytes) -> bytes:
        seeds = [b"referrer_acc", obligation.referrer, reserve]
        return bytes(Pubkey.find_program_address(seeds, self.program)[0])


def _farm_of(reserve: Reserve, farm: Farm) -> bytes:
    keys = reserve.keys
    return keys.collateral_farm if farm is Farm.COLLATERAL else keys.debt_farm


def _group_reserves(obligation: Obligation) -> list[AccountMeta]:
    if obligation.elevation_group == NO_GROUP:
        return []
    return [_writable(deposit.reserve) for deposit in obligation.deposits]


def _reserves_of(obligation: Obligation) -> list[bytes]:
    deposits = [deposit.reserve for deposit in obligation.deposits]
    return [*deposits, *(borrow.reserve for borrow in obligation.borrows)]


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _writable(key: bytes) -> AccountMeta:
    return AccountMeta(Pubkey(key), is_signer=False, is_writable=True)


def _read(key: bytes) -> AccountMeta:
    return AccountMeta(Pubkey(key), is_signer=False, is_writable=False)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
