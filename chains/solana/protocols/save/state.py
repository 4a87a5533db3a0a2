"""Save's accounts as values: market, reserve, obligation. Keys are 32 bytes, "wad" is x 1e18."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A lending market; its authority is the program's address of seeds [market, bump]."""

    key: bytes
    bump: int
    owner: bytes
    token_program: bytes
    oracle_program: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveTerms:
    """What a reserve's owner set; percent where a name says nothing else.

    `liquidation_fee` is in tenths of a percent, `flash_fee` wad of the amount lent (2^64 - 1
    forbids flash loans), `host_fee` percent of that fee. Rates are per year of 63,072,000 slots;
    the borrow rate climbs min, optimal, max, super_max over 0, optimal, max utilization, 100.
    """

    optimal_utilization: int
    max_utilization: int
    min_rate: int
    optimal_rate: int
    max_rate: int
    super_max_rate: int
    loan_to_value: int
    threshold: int
    max_threshold: int
    bonus: int
    max_bonus: int
    liquidation_fee: int
    take_rate: int
    added_weight_bps: int
    deposit_limit: int
    borrow_limit: int
    flash_fee: int = 0
    host_fee: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveKeys:
    """The accounts that belong to a reserve."""

    reserve: bytes
    market: bytes
    mint: bytes
    supply: bytes
    oracle: bytes
    second_oracle: bytes
    collateral_mint: bytes
    collateral_vault: bytes
    fee_receiver: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """One asset's pool at `slot`: units are u64, all else wad; prices per whole token.

    `available` and `collateral_minted` are base units; `extra_price` is None where not used.
    """

    keys: ReserveKeys
    terms: ReserveTerms
    decimals: int
    slot: int
    stale: bool
    available: int
    borrowed: int
    cumulative_rate: int
    protocol_fees: int
    collateral_minted: int
    price: int
    smoothed_price: int
    extra_price: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Collateral tokens pledged, and their value when last refreshed (wad)."""

    reserve: bytes
    amount: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrow:
    """What is owed (wad) at a cumulative rate, and its value when last refreshed."""

    reserve: bytes
    cumulative_rate: int
    amount: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One owner's account in a market at `slot`; values are wad of US dollars.

    Borrowed values carry the borrow weights, `unweighted_value` does not.
    """

    key: bytes
    market: bytes
    owner: bytes
    slot: int
    stale: bool
    deposits: tuple[Deposit, ...]
    borrows: tuple[Borrow, ...]
    deposited_value: int
    borrowed_value: int
    allowed_value: int
    unhealthy_value: int
    borrowed_upper_value: int
    super_unhealthy_value: int
    unweighted_value: int
    closeable: bool
