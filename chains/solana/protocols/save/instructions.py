"""Save's instructions as anybody may send them, unsigned.

Each is a tag byte and, where it moves tokens, the amount as u64; `EVERYTHING` as an amount to
repay or cover means all that is owed. A refresh must stand before each of them in the same
transaction: state not refreshed in the slot of execution is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.sysvar import INSTRUCTIONS
from solders.token import ID as TOKEN_PROGRAM

from chains.solana.protocols.save.layout import PROGRAM
from chains.solana.protocols.save.state import Market, Obligation, Reserve

REFRESH_RESERVE: Final = 3
REFRESH_OBLIGATION: Final = 7
REPAY: Final = 11
DEPOSIT: Final = 14
LIQUIDATE: Final = 17
FLASH_BORROW: Final = 19
FLASH_REPAY: Final = 20


def derive_authority(market: Market, program: Pubkey = PROGRAM) -> Pubkey:
    """Give the address that owns a market's tokens."""
    return Pubkey.create_program_address([market.key, bytes([market.bump])], program)


def derive_obligation(market: Pubkey, owner: Pubkey, program: Pubkey = PROGRAM) -> Pubkey:
    """Give the address at which an owner's first obligation lies by convention."""
    return Pubkey.create_with_seed(owner, str(market)[:32], program)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds one market's instructions."""

    market: Market
    program: Pubkey = PROGRAM

    def refresh_reserve(self, reserve: Reserve) -> Instruction:
        """Bring a reserve's price and interest to the slot of execution."""
        keys = reserve.keys
        metas = [_writable(keys.reserve), _read(keys.oracle), _read(keys.second_oracle)]
        return self._build(REFRESH_RESERVE, metas)

    def refresh_obligation(self, obligation: Obligation) -> Instruction:
        """Value an obligation anew; its reserves must be fresh."""
        metas = [_writable(obligation.key), *(_read(key) for key in _reserves_of(obligation))]
        return self._build(REFRESH_OBLIGATION, metas)

    def refresh(
        self, obligation: Obligation, reserves: Mapping[bytes, Reserve], also: Sequence[bytes] = ()
    ) -> list[Instruction]:
        """Refresh an obligation and each of its reserves, and the reserves of `also`."""
        keys = dict.fromkeys([*_reserves_of(obligation), *also])
        return [
            *(self.refresh_reserve(reserves[key]) for key in keys),
            self.refresh_obligation(obligation),
        ]

    def repay(
        self, reserve: Reserve, obligation: Obligation, *, source: Pubkey, payer: Pubkey, units: int
    ) -> Instruction:
        """Repay up to `units` of anybody's debt from `source`, which `payer` owns."""
        metas = [
            _writable(bytes(source)),
            _writable(reserve.keys.supply),
            _writable(reserve.keys.reserve),
            _writable(obligation.key),
            _read(self.market.key),
            _signer(payer),
            _read(bytes(TOKEN_PROGRAM)),
        ]
        return self._build(REPAY, metas, units)

    def deposit(
        self,
        reserve: Reserve,
        obligation: Obligation,
        *,
        source: Pubkey,
        collateral: Pubkey,
        owner: Pubkey,
        units: int,
    ) -> Instruction:
        """Deposit and pledge `units`; only the obligation's owner may.

        `collateral` is the owner's account for the collateral tokens, which pass through it.
        """
        keys = reserve.keys
        metas = [
            _writable(bytes(source)),
            _writable(bytes(collateral)),
            _writable(keys.reserve),
            _writable(keys.supply),
            _writable(keys.collateral_mint),
            _read(self.market.key),
            _read(bytes(self._authority)),
            _writable(keys.collateral_vault),
            _writable(obligation.key),
            AccountMeta(owner, is_signer=True, is_writable=True),
            _read(keys.oracle),
            _read(keys.second_oracle),
            _signer(owner),
            _read(bytes(TOKEN_PROGRAM)),
        ]
        return self._build(DEPOSIT, metas, units)

    def liquidate(
        self,
        obligation: Obligation,
        *,
        repay: Reserve,
        withdraw: Reserve,
        accounts: "LiquidatorAccounts",
        units: int,
    ) -> Instruction:
        """Cover up to `units` of a debt and redeem the collateral that it takes."""
        metas = [
            _writable(bytes(accounts.source)),
            _writable(bytes(accounts.collateral)),
            _writable(bytes(accounts.destination)),
            _writable(repay.keys.reserve),
            _writable(repay.keys.supply),
            _writable(withdraw.keys.reserve),
            _writable(withdraw.keys.collateral_mint),
            _writable(withdraw.keys.collateral_vault),
            _writable(withdraw.keys.supply),
            _writable(withdraw.keys.fee_receiver),
            _writable(obligation.key),
            _writable(self.market.key),
            _read(bytes(self._authority)),
            _signer(accounts.payer),
            _read(bytes(TOKEN_PROGRAM)),
        ]
        return self._build(LIQUIDATE, metas, units)

    def flash_borrow(self, reserve: Reserve, *, destination: Pubkey, units: int) -> Instruction:
        """Lend `units` to `destination` until a later instruction of the same transaction.

        The reserve is stale afterwards.
        """
        metas = [
            _writable(reserve.keys.supply),
            _writable(bytes(destination)),
            _writable(reserve.keys.reserve),
            _read(self.market.key),
            _read(bytes(self._authority)),
            _read(bytes(INSTRUCTIONS)),
            _read(bytes(TOKEN_PROGRAM)),
        ]
        return self._build(FLASH_BORROW, metas, units)

    def flash_repay(
        self, reserve: Reserve, *, source: Pubkey, payer: Pubkey, units: int, index: int
    ) -> Instruction:
        """Give back `units` and their fee; `index` is the borrow's place in the transaction.

        The reserve's owner takes the host's part of the fee as well.
        """
        metas = [
            _writable(bytes(source)),
            _writable(reserve.keys.supply),
            _writable(reserve.keys.fee_receiver),
            _writable(reserve.keys.fee_receiver),
            _writable(reserve.keys.reserve),
            _read(self.market.key),
            _signer(payer),
            _read(bytes(INSTRUCTIONS)),
            _read(bytes(TOKEN_PROGRAM)),
        ]
        data = bytes([FLASH_REPAY]) + units.to_bytes(8, "little") + bytes([index])
        return Instruction(self.program, data, metas)

    @property
    def _authority(self) -> Pubkey:
        return derive_authority(self.market, self.program)

    def _build(self, tag: int, metas: list[AccountMeta], units: int | None = None) -> Instruction:
        amount = b"" if units is None else units.to_bytes(8, "little")
        return Instruction(self.program, bytes([tag]) + amount, metas)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidatorAccounts:
    """The liquidator's own accounts: what pays, what receives collateral tokens and liquidity."""

    payer: Pubkey
    source: Pubkey
    collateral: Pubkey
    destination: Pubkey


def _reserves_of(obligation: Obligation) -> list[bytes]:
    deposits = [deposit.reserve for deposit in obligation.deposits]
    return [*deposits, *(borrow.reserve for borrow in obligation.borrows)]


def _writable(key: bytes) -> AccountMeta:
    return AccountMeta(Pubkey(key), is_signer=False, is_writable=True)


def _read(key: bytes) -> AccountMeta:
    return AccountMeta(Pubkey(key), is_signer=False, is_writable=False)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
