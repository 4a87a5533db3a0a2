"""What may be done about a position, what it costs, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum

from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.units import Usd


class Instrument(StrEnum):
    """The kinds of cure and of liquidation the keeper knows, and the steps of a vault account."""

    REPAY = "repay"
    SUPPLY = "supply"
    LIQUIDATE = "liquidate"
    APPROVE = "approve"
    POST = "post"
    TAKE = "take"
    ANCHOR = "anchor"
    RAISE = "raise"
    LOWER = "lower"
    LOCK = "lock"
    FILL = "fill"
    CLAIM = "claim"
    CLOSE = "close"
    RELEASE = "release"
    PROVIDE = "provide"
    WRITE_DOWN = "write_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An unsigned call of a contract; `value` in wei.

    On Solana `target` is the program that acts and `data` all of the transaction's instructions
    (chains.solana.orders).
    """

    target: Address
    data: bytes
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One call on one chain that changes one account's position in one market.

    `units` are base units of `asset` (an upper bound where the contract computes the amount).
    """

    chain: ChainId
    instrument: Instrument
    market: AccountId
    account: AccountId
    asset: AssetId
    units: int
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an action costs at live prices, in parts; `cost` is their sum (Usd x 1e8).

    `gas_limit` is the simulated gas with its margin (compute units on Solana); `seconds` the time
    to inclusion. `unit_price` is what is offered for a unit where the quote settles that:
    micro-lamports on Solana.
    """

    action: Action
    gas_limit: int
    gas_cost: Usd
    seconds: int
    swap_cost: Usd = Usd(0)
    premium_cost: Usd = Usd(0)
    profit: Usd = Usd(0)
    unit_price: int = 0

    @property
    def cost(self) -> Usd:
        """The sum of the cost parts."""
        return Usd(self.gas_cost + self.swap_cost + self.premium_cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the chain says of a transaction that was included.

    On Solana `tx_hash` is the signature (64 bytes), `height` the slot, `block_hash` empty, the gas
    used the whole fee in lamports at a price of 1.
    """

    chain: ChainId
    tx_hash: bytes
    block_hash: bytes
    height: int
    success: bool
    gas_used: int
    gas_price_wei: int
