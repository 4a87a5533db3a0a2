"""marginfi as the daemon uses it: plans to read, instructions, liquidations foreseen.

A wallet may have many margin accounts in a group, most at addresses that follow from nothing: a
scan finds them (`scan_filters`). On Solana the read itself mints the anchor, so a plan yields a
`Snapshot`, and `build_read` makes positions of it once the anchor is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, ChainId
from chains.model.position import Position
from chains.model.price import Price
from chains.solana.accounts import CLOCK, AccountPlan, ClockTime, RawAccount, decode_clock
from chains.solana.protocols.marginfi.decode import decode_account, decode_bank, decode_group
from chains.solana.protocols.marginfi.fixed import Overflow
from chains.solana.protocols.marginfi.instructions import Builder
from chains.solana.protocols.marginfi.layout import ACCOUNT, PROGRAM
from chains.solana.protocols.marginfi.liquidation import (
    Liquidation,
    Refused,
    find_largest,
    predict_liquidation,
)
from chains.solana.protocols.marginfi.math import (
    MissingBank,
    Requirement,
    accrue_bank,
    asset_amount,
    calculate_health,
    find_bank,
    liability_amount,
)
from chains.solana.protocols.marginfi.positions import PROTOCOL, Valued, build_position
from chains.solana.protocols.marginfi.prices import Bounds, PricedBank, find_oracle, price_bank
from chains.solana.protocols.marginfi.state import Bank, BankPrices, Group

Found = Mapping[Pubkey, RawAccount | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An account to read: the wallet, and one margin account it is the authority of."""

    account: AccountId
    margin_account: Pubkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A group's banks and accounts at the Clock's slot and time.

    `accounts` has None for one that does not exist; `unreadable` says why others miss.
    """

    clock: ClockTime
    banks: Mapping[bytes, PricedBank]
    accounts: Mapping[Target, Valued | None]
    unreadable: Mapping[Target, str]

    @property
    def prices(self) -> Mapping[bytes, BankPrices]:
        """The prices there are numbers for."""
        return {key: bank.prices for key, bank in self.banks.items() if bank.prices}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRead:
    """What the daemon gets: a position per readable account, a price per bank."""

    positions: tuple[Position, ...]
    unreadable: Mapping[Target, str]
    prices: tuple[Price, ...]
    snapshot: Snapshot


class MarginfiMarket:
    """One group, with the banks it is used with."""

    protocol: ClassVar[str] = PROTOCOL

    def __init__(
        self,
        chain: ChainId,
        group: Pubkey,
        banks: Sequence[Bank],
        *,
        bounds: Mapping[Pubkey, Bounds] | None = None,
        program: Pubkey = PROGRAM,
    ) -> None:
        self.chain: Final = chain
        self.group: Final = group
        self.market: Final = AccountId(chain, str(group))
        self.program: Final = program
        self.builder: Final = Builder(group=group, program=program)
        self._banks = {bank.key: bank for bank in banks}
        self._bounds = dict(bounds or {})

    @classmethod
    def plan_open(
        cls,
        chain: ChainId,
        *,
        group: Pubkey,
        banks: Sequence[Pubkey],
        bounds: Mapping[Pubkey, Bounds] | None = None,
        program: Pubkey = PROGRAM,
    ) -> "AccountPlan[MarginfiMarket]":
        """Plan to learn a group's banks; `bounds` are price limits of ours by mint.

        Decoding raises DecodeError for a bank of another group.
        """

        def decode(found: Found) -> "MarginfiMarket":
            decode_group(chain, group, found[group], program=program)
            states = [decode_bank(chain, key, found[key], program=program) for key in banks]
            for bank in states:
                if bank.group != bytes(group):
                    raise DecodeError(chain, f"bank {Pubkey(bank.key)} is not of {group}")
            return cls(chain, group, states, bounds=bounds, program=program)

        return AccountPlan(keys=(group, *banks), decode=decode)

    def find_target(self, account: AccountId, index: int = 0) -> Target:
        """Give a wallet's margin account of the kind whose address follows from its index."""
        wallet = bytes(Pubkey.from_string(account.address))
        seeds = [b"marginfi_account", bytes(self.group), wallet]
        numbers = [number.to_bytes(2, "little") for number in (index, 0)]
        key = Pubkey.find_program_address([*seeds, *numbers], self.program)[0]
        return Target(account=account, margin_account=key)

    def scan_filters(self, account: AccountId | None = None) -> tuple[tuple[int, bytes], ...]:
        """Give offsets and bytes that all accounts of the group, or of a wallet in it, have."""
        fields = ACCOUNT.fields
        kind = (0, ACCOUNT.discriminator)
        group = (fields["group"].offset, bytes(self.group))
        if account is None:
            return kind, group
        wallet = bytes(Pubkey.from_string(account.address))
        return kind, group, (fields["authority"].offset, wallet)

    def plan_read(self, targets: Sequence[Target]) -> AccountPlan[Snapshot]:
        """Plan to read the group, its banks, their oracles, and these margin accounts.

        Decoding raises DecodeError where the group or a bank cannot be read; an account that
        cannot is noted as unreadable, and the others stand.
        """
        banks = tuple(Pubkey(key) for key in self._banks)
        found = (find_oracle(bank) for bank in self._banks.values())
        oracles = [oracle for oracle in found if oracle is not None]
        accounts = [target.margin_account for target in targets]
        keys = tuple(dict.fromkeys((CLOCK, self.group, *banks, *oracles, *accounts)))
        return AccountPlan(keys=keys, decode=lambda found: self._decode(found, targets))

    def build_read(self, snapshot: Snapshot, anchor: BlockAnchor) -> MarketRead:
        """Give positions and prices of a snapshot at the anchor its read minted."""
        return MarketRead(
            positions=tuple(
                build_position(target.account, self.market, valued, snapshot.banks, anchor)
                for target, valued in snapshot.accounts.items()
            ),
            unreadable=snapshot.unreadable,
            prices=tuple(priced.price for priced in snapshot.banks.values()),
            snapshot=snapshot,
        )

    def predict_liquidation(
        self,
        snapshot: Snapshot,
        target: Target,
        *,
        asset: bytes,
        liability: bytes,
        units: int | None = None,
    ) -> Liquidation:
        """Say what liquidating an account does, by banks; the most possible without `units`.

        Raises Refused where the program would.
        """
        valued = snapshot.accounts[target]
        if valued is None:
            raise Refused("there is no account")
        banks = {
            key: priced.accrued if key in (asset, liability) else priced.stored
            for key, priced in snapshot.banks.items()
        }
        account, prices = valued.account, snapshot.prices
        if units is None:
            return find_largest(account, banks, prices, asset=asset, liability=liability)
        return predict_liquidation(
            account, banks, prices, asset=asset, liability=liability, units=units
        )

    def _decode(self, found: Found, targets: Sequence[Target]) -> Snapshot:
        try:
            clock = decode_clock(found[CLOCK])
        except ValueError as error:
            raise DecodeError(self.chain, str(error)) from error
        group = decode_group(self.chain, self.group, found[self.group], program=self.program)
        banks = {key: self._decode_bank(found, key, group, clock) for key in self._banks}
        accounts: dict[Target, Valued | None] = {}
        unreadable: dict[Target, str] = {}
        for target in targets:
            try:
                accounts[target] = self._decode_account(found, target, banks)
            except DecodeError as error:
                unreadable[target] = error.reason
        return Snapshot(clock=clock, banks=banks, accounts=accounts, unreadable=unreadable)

    def _decode_bank(self, found: Found, key: bytes, group: Group, clock: ClockTime) -> PricedBank:
        address, now = Pubkey(key), clock.unix_timestamp
        bank = decode_bank(self.chain, address, found[address], program=self.program)
        known = self._banks[key]
        if (bank.group, bank.mint, bank.decimals) != (known.group, known.mint, known.decimals):
            raise DecodeError(self.chain, f"bank {address} is of another token than before")
        bounds = self._bounds.get(Pubkey(bank.mint), Bounds())
        price, prices = price_bank(self.chain, bank, found, bounds, now=now)
        try:
            accrued = accrue_bank(bank, group, now)
        except Overflow as error:
            raise DecodeError(self.chain, f"bank {address} cannot accrue: {error}") from error
        return PricedBank(stored=bank, accrued=accrued, price=price, prices=prices)

    def _decode_account(
        self, found: Found, target: Target, banks: Mapping[bytes, PricedBank]
    ) -> Valued | None:
        key = target.margin_account
        if found[key] is None:
            return None
        account = decode_account(self.chain, key, found[key], program=self.program)
        if account.group != bytes(self.group):
            raise DecodeError(self.chain, f"margin account {key} is of another group")
        if str(Pubkey(account.authority)) != target.account.address:
            raise DecodeError(self.chain, f"margin account {key} belongs to another wallet")
        stored = {each: priced.stored for each, priced in banks.items()}
        prices = {each: priced.prices for each, priced in banks.items() if priced.prices}
        try:
            for balance in account.balances:
                find_bank(stored, balance.bank)
                asset_amount(banks[balance.bank].accrued, balance)
                liability_amount(banks[balance.bank].accrued, balance)
            return Valued(
                account=account,
                maintenance=calculate_health(account, stored, prices),
                equity=calculate_health(account, stored, prices, Requirement.EQUITY),
            )
        except (MissingBank, Overflow) as error:
            reason = f"margin account {key} cannot be valued: {error}"
            raise DecodeError(self.chain, reason) from error


MARKET: Final = MarginfiMarket
