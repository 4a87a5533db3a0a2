"""Instructions of our own programs that no protocol has: setting up a market, prices, a pool.

Accounts exist already, blank and owned by their program, where a `*` stands in the C source.
"""

import struct
from dataclasses import dataclass
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.token import ID as TOKEN_PROGRAM

INIT_OBLIGATION: Final = 6
BORROW: Final = 10
INIT_MARKET: Final = 200
INIT_RESERVE: Final = 201
MARKET_BYTES: Final = 290
RESERVE_BYTES: Final = 619
OBLIGATION_BYTES: Final = 1300
PRICE_BYTES: Final = 134
POOL_BYTES: Final = 138
_TERMS: Final = struct.Struct("<7BQQBBQBQBBQB")
_PRICE: Final = struct.Struct("<BqQiqqQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveAccounts:
    """The accounts a new reserve is made of."""

    reserve: Pubkey
    mint: Pubkey
    supply: Pubkey
    collateral_mint: Pubkey
    collateral_vault: Pubkey
    fee_receiver: Pubkey
    oracle: Pubkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A new reserve's terms, in percent.

    But the limits are units, the weight basis points, `liquidation_fee` tenths of a percent, and
    `flash_fee` wad of the amount (2^64 - 1 forbids flash loans).
    """

    optimal_utilization: int = 80
    loan_to_value: int = 75
    bonus: int = 5
    threshold: int = 80
    min_rate: int = 0
    optimal_rate: int = 8
    max_rate: int = 50
    deposit_limit: int = (1 << 64) - 1
    borrow_limit: int = (1 << 64) - 1
    liquidation_fee: int = 10
    take_rate: int = 10
    added_weight_bps: int = 0
    max_utilization: int = 95
    super_max_rate: int = 150
    max_bonus: int = 10
    max_threshold: int = 85
    flash_fee: int = 5 * 10**14
    host_fee: int = 0

    def pack(self) -> bytes:
        """Give the terms as the program reads them."""
        return _TERMS.pack(
            self.optimal_utilization, self.loan_to_value, self.bonus, self.threshold,
            self.min_rate, self.optimal_rate, self.max_rate, self.deposit_limit,
            self.borrow_limit, self.liquidation_fee, self.take_rate, self.added_weight_bps,
            self.max_utilization, self.super_max_rate, self.max_bonus, self.max_threshold,
            self.flash_fee, self.host_fee,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingSetup:
    """Builds what sets one market of the lending program up, and its owners' borrows."""

    program: Pubkey
    market: Pubkey
    oracle_program: Pubkey

    @property
    def authority(self) -> Pubkey:
        """The address that owns the market's tokens."""
        return Pubkey.find_program_address([bytes(self.market)], self.program)[0]

    def init_market(self, owner: Pubkey) -> Instruction:
        """Set a blank market account up."""
        bump = Pubkey.find_program_address([bytes(self.market)], self.program)[1]
        metas = [
            _writable(self.market),
            _signer(owner),
            _read(self.authority),
            _read(TOKEN_PROGRAM),
            _read(self.oracle_program),
        ]
        return Instruction(self.program, bytes([INIT_MARKET, bump]), metas)

    def init_reserve(self, owner: Pubkey, accounts: ReserveAccounts, terms: Terms) -> Instruction:
        """Set a blank reserve account up; vaults and collateral mint belong to the authority."""
        metas = [
            _writable(accounts.reserve),
            _read(self.market),
            _signer(owner),
            _read(self.authority),
            _read(accounts.mint),
            _read(accounts.supply),
            _read(accounts.collateral_mint),
            _read(accounts.collateral_vault),
            _read(accounts.fee_receiver),
            _read(accounts.oracle),
        ]
        return Instruction(self.program, bytes([INIT_RESERVE]) + terms.pack(), metas)

    def init_obligation(self, obligation: Pubkey, owner: Pubkey) -> Instruction:
        """Set a blank obligation account up."""
        metas = [_writable(obligation), _read(self.market), _signer(owner)]
        return Instruction(self.program, bytes([INIT_OBLIGATION]), metas)

    def borrow(
        self,
        accounts: ReserveAccounts,
        obligation: Pubkey,
        *,
        owner: Pubkey,
        destination: Pubkey,
        units: int,
    ) -> Instruction:
        """Borrow `units` to `destination`; reserve and obligation must be fresh."""
        metas = [
            _writable(accounts.supply),
            _writable(destination),
            _writable(accounts.reserve),
            _writable(accounts.fee_receiver),
            _writable(obligation),
            _writable(self.market),
            _read(self.authority),
            _signer(owner),
            _read(TOKEN_PROGRAM),
        ]
        data = bytes([BORROW]) + units.to_bytes(8, "little")
        return Instruction(self.program, data, metas)


@dataclass(frozen=True, slots=True, kw_only=True)
class OraclePrice:
    """A price to set: numbers x 10^exponent, time in seconds."""

    price: int
    published_at: int
    exponent: int = -8
    confidence: int = 0
    smoothed: int | None = None

    def pack(self) -> bytes:
        """Give the price as the oracle program reads it."""
        smoothed = self.price if self.smoothed is None else self.smoothed
        return _PRICE.pack(
            1, self.price, self.confidence, self.exponent, self.published_at, smoothed,
            self.confidence,
        )  # fmt: skip


def create_price(program: Pubkey, account: Pubkey, authority: Pubkey, feed: bytes) -> Instruction:
    """Make a blank account the price of a feed, for one authority to set."""
    return Instruction(program, b"\0" + feed, [_writable(account), _signer(authority)])


def set_price(
    program: Pubkey, account: Pubkey, authority: Pubkey, price: OraclePrice
) -> Instruction:
    """Publish a price."""
    return Instruction(program, price.pack(), [_writable(account), _signer(authority)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A swap pool and its two vaults."""

    program: Pubkey
    account: Pubkey
    vaults: tuple[Pubkey, Pubkey]

    @property
    def authority(self) -> Pubkey:
        """The address that owns the vaults."""
        return Pubkey.find_program_address([bytes(self.account)], self.program)[0]

    def create(self, fee_bps: int) -> Instruction:
        """Set a blank pool account up over vaults that the authority owns."""
        bump = Pubkey.find_program_address([bytes(self.account)], self.program)[1]
        metas = [_writable(self.account), *map(_read, self.vaults), _read(self.authority)]
        return Instruction(self.program, struct.pack("<BBQ", 0, bump, fee_bps), metas)

    def swap(
        self,
        *,
        payer: Pubkey,
        source: Pubkey,
        destination: Pubkey,
        units: int,
        least: int,
        backwards: bool = False,
    ) -> Instruction:
        """Sell `units` of the first vault's token (of the second's where `backwards`)."""
        into, out = reversed(self.vaults) if backwards else self.vaults
        metas = [
            _read(self.account),
            _writable(into),
            _writable(out),
            _writable(source),
            _writable(destination),
            _read(self.authority),
            _signer(payer),
            _read(TOKEN_PROGRAM),
        ]
        return Instruction(self.program, struct.pack("<BQQ", 1, units, least), metas)


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
