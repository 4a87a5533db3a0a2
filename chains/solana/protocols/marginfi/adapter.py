"""marginfi as the daemon uses it: plans to read, instructions, liquidations foreseen.

A wallet may have many margin accounts in a group, most at addresses that follow from nothing.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from solders.pubkey import Pubkey

from chains.errors import DecodeError, Stale
from chains.model.anchor import BlockAnchor
from chains.model.ids import AccountId, ChainId
from chains.solana.accounts import AccountPlan, ClockTime, RawAccount
from chains.solana.client import BytesFilter, Filter, SizeFilter
from chains.solana.markets import (
    AssetTerms,
    Found,
    MarketRead,
    Snapshot,
    Target,
    build_read,
    check_loan,
    find_terms,
    plan_snapshot,
)
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
    owes,
)
from chains.solana.protocols.marginfi.positions import (
    LAYOUT_VERSION,
    PROTOCOL,
    GroupView,
    Valued,
    build_position,
)
from chains.solana.protocols.marginfi.prices import PricedBank, find_oracle, price_bank
from chains.solana.protocols.marginfi.state import Bank, Group

MarginfiSnapshot = Snapshot[GroupView, Valued]
MarginfiRead = MarketRead[GroupView, Valued]


class MarginfiMarket:
    """One group, with the banks it is used with."""

    protocol: ClassVar[str] = PROTOCOL
    version: ClassVar[str] = LAYOUT_VERSION

    def __init__(
        self,
        chain: ChainId,
        group: Pubkey,
        banks: Sequence[Bank],
        assets: Mapping[Pubkey, AssetTerms],
        *,
        program: Pubkey,
    ) -> None:
        self.chain: Final = chain
        self.group: Final = group
        self.market: Final = AccountId(chain, str(group))
        self.program: Final = program
        self.builder: Final = Builder(group=group, program=program)
        self._banks = {bank.key: bank for bank in banks}
        self._assets = dict(assets)

    @classmethod
    def plan_open(
        cls,
        chain: ChainId,
        *,
        market: Pubkey,
        reserves: Sequence[Pubkey],
        assets: Mapping[Pubkey, AssetTerms],
        program: Pubkey | None = None,
    ) -> "AccountPlan[MarginfiMarket]":
        """Plan to learn a group (`market`) and its banks (`reserves`); `assets` are by mint.

        Decoding raises DecodeError for a bank of another group.
        """
        at = program or PROGRAM

        def decode(found: Found) -> "MarginfiMarket":
            decode_group(chain, market, found[market], program=at)
            banks = [decode_bank(chain, key, found[key], program=at) for key in reserves]
            for bank in banks:
                if bank.group != bytes(market):
                    raise DecodeError(chain, f"bank {Pubkey(bank.key)} is not of {market}")
            return cls(chain, market, banks, assets, program=at)

        return AccountPlan(keys=(market, *reserves), decode=decode)

    def find_target(self, account: AccountId, index: int = 0) -> Target:
        """Give a wallet's margin account of the kind whose address follows from its index."""
        wallet = bytes(Pubkey.from_string(account.address))
        seeds = [b"marginfi_account", bytes(self.group), wallet]
        numbers = [number.to_bytes(2, "little") for number in (index, 0)]
        key = Pubkey.find_program_address([*seeds, *numbers], self.program)[0]
        return Target(account=account, obligation=key)

    def scan_filters(self, account: AccountId | None = None) -> tuple[Filter, ...]:
        """Give what all accounts of the group, or of a wallet in it, have."""
        fields = ACCOUNT.fields
        found = (
            SizeFilter(size=ACCOUNT.size),
            BytesFilter(offset=0, data=ACCOUNT.discriminator),
            BytesFilter(offset=fields["group"].offset, data=bytes(self.group)),
        )
        if account is None:
            return found
        wallet = bytes(Pubkey.from_string(account.address))
        return *found, BytesFilter(offset=fields["authority"].offset, data=wallet)

    def owes(self, key: Pubkey, account: RawAccount | None) -> bool:
        """Say whether an obligation's bytes show a debt, or cannot be read."""
        try:
            return any(
                map(owes, decode_account(self.chain, key, account, program=self.program).balances)
            )
        except DecodeError:
            return True

    def plan_read(self, targets: Sequence[Target]) -> AccountPlan[MarginfiSnapshot]:
        """Plan to read the group, its banks, their oracles, and these margin accounts.

        Decoding raises Stale for a bank whose accounts changed: open the market again.
        """
        banks = (Pubkey(key) for key in self._banks)
        oracles = (find_oracle(bank) for bank in self._banks.values())
        return plan_snapshot(
            self.chain,
            (self.group, *banks, *filter(None, oracles)),
            targets,
            decode_view=self._decode_view,
            decode_loan=self._decode_account,
            owes=self.owes,
        )

    def build_read(self, snapshot: MarginfiSnapshot, anchor: BlockAnchor) -> MarginfiRead:
        """Give positions and prices of a snapshot at the anchor its read minted."""
        banks = snapshot.view.banks
        return build_read(
            snapshot,
            (priced.price for priced in banks.values()),
            lambda target, valued: build_position(target, self.market, valued, banks, anchor),
        )

    def predict_liquidation(
        self,
        snapshot: MarginfiSnapshot,
        target: Target,
        *,
        asset: bytes,
        liability: bytes,
        units: int | None = None,
    ) -> Liquidation:
        """Say what liquidating an account does, by banks; the most possible without `units`.

        Raises Refused where the program would.
        """
        valued = snapshot.loans[target]
        if valued is None:
            raise Refused("there is no account")
        banks = {
            key: priced.accrued if key in (asset, liability) else priced.stored
            for key, priced in snapshot.view.banks.items()
        }
        account, prices = valued.account, snapshot.view.prices
        if units is None:
            return find_largest(account, banks, prices, asset=asset, liability=liability)
        return predict_liquidation(
            account, banks, prices, asset=asset, liability=liability, units=units
        )

    def _decode_view(self, found: Found, clock: ClockTime) -> GroupView:
        group = decode_group(self.chain, self.group, found[self.group], program=self.program)
        banks = {key: self._decode_bank(found, key, group, clock) for key in self._banks}
        return GroupView(group=group, banks=banks)

    def _decode_bank(self, found: Found, key: bytes, group: Group, clock: ClockTime) -> PricedBank:
        address, now = Pubkey(key), clock.unix_timestamp
        bank = decode_bank(self.chain, address, found[address], program=self.program)
        if _parts(bank) != _parts(self._banks[key]):
            raise Stale(self.chain, f"bank {address} has other accounts than before")
        terms = find_terms(self._assets, Pubkey(bank.mint))
        price, prices = price_bank(self.chain, bank, found, terms, now=now)
        try:
            accrued = accrue_bank(bank, group, now)
        except Overflow as error:
            raise DecodeError(self.chain, f"bank {address} cannot accrue: {error}") from error
        return PricedBank(
            stored=bank, accrued=accrued, terms=terms, price=terms.judge(price), prices=prices
        )

    def _decode_account(
        self, found: Found, target: Target, view: GroupView, _: ClockTime
    ) -> Valued:
        key = target.obligation
        account = decode_account(self.chain, key, found[key], program=self.program)
        check_loan(
            self.chain,
            target,
            owner=account.authority,
            market=account.group,
            expected=bytes(self.group),
        )
        stored = {each: priced.stored for each, priced in view.banks.items()}
        try:
            for balance in account.balances:
                find_bank(stored, balance.bank)
                asset_amount(view.banks[balance.bank].accrued, balance)
                liability_amount(view.banks[balance.bank].accrued, balance)
            return Valued(
                account=account,
                maintenance=calculate_health(account, stored, view.prices),
                equity=calculate_health(account, stored, view.prices, Requirement.EQUITY),
            )
        except (MissingBank, Overflow) as error:
            reason = f"margin account {key} cannot be valued: {error}"
            raise DecodeError(self.chain, reason) from error


def _parts(bank: Bank) -> tuple[object, ...]:
    return bank.group, bank.mint, bank.decimals, find_oracle(bank)


MARKET: Final = MarginfiMarket
