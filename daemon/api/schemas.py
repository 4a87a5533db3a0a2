"""What the API answers, as pydantic models: `/openapi.json` is made from them.

Decimals are strings (USD with 8 decimals, health factors with 18, both rounded down for the
account's holder by the margin engine), times RFC 3339 in UTC, accounts and assets CAIP ids with
EIP-55 addresses.
"""

from typing import Any, Literal

from pydantic import BaseModel, Field

from daemon.api.fields import (
    AccountText,
    AssetText,
    ChainText,
    FactorSchema,
    FactorText,
    GapSchema,
    HealthSchema,
    Schema,
    TimeText,
    UsdText,
)
from daemon.api.venues import BookSchema, PortfolioSchema, StandardSchema


class IntervalSchema(Schema):
    """Between what the account's health lies while something is unknown."""

    low: HealthSchema | None
    high: HealthSchema | None


class BlockSchema(Schema):
    """The block a chain was read at, and its age when the answer was given."""

    height: int
    hash: str
    time: TimeText
    age_s: int


class ChainSchema(Schema):
    """One chain of the account: read at `block`, or a gap with the last block known."""

    chain: ChainText
    label: str
    status: Literal["read", "gap"]
    block: BlockSchema | None
    gap: GapSchema | None


class FormSchema(Schema):
    """Which form of its underlying a token is, who issued it and what stands behind it.

    `ratio` is what one is worth in its underlying: that of a staked form, null where it is not
    known; null for every other form.
    """

    name: str = Field(examples=["WETH.wormhole"])
    kind: Literal["native", "wrapped", "bridged", "staked"]
    issuer: str = Field(examples=["Wormhole"])
    backing: str = Field(examples=["WETH locked on Ethereum"])
    ratio: FactorText | None


class LegSchema(Schema):
    """One asset held as collateral or owed, at the protocol's own price.

    `underlying` is what it counts as in the unified figure, `unified_price_usd` the price it
    counts at there; `form` is null for an asset that is not declared, which counts nothing.
    """

    asset: AssetText
    symbol: str
    underlying: str
    form: FormSchema | None
    side: Literal["collateral", "debt", "requirement"]
    amount: str
    price_usd: UsdText
    price_status: str
    price_time: TimeText
    unified_price_usd: UsdText
    ltv: str
    liquidation_threshold: str


class PositionSchema(Schema):
    """What an account holds in one market, and its native health, bit for bit the contract's.

    `obligation` is the position's own address where a wallet may have several in one market.
    """

    chain: ChainText
    protocol: str
    version: str
    market: AccountText
    account: AccountText
    obligation: str | None
    native: FactorSchema
    collateral_usd: UsdText
    debt_usd: UsdText
    legs: list[LegSchema]


class PriceRangeSchema(Schema):
    """An underlying's lowest (for collateral) and highest (for debt) price over the chains.

    Prices of staked forms are divided by their ratios.
    """

    underlying: str
    tier: Literal["stable", "major", "alt"]
    low_usd: UsdText
    high_usd: UsdText


class HealthReport(Schema):
    """The numbers of one margin account, and how far they can be trusted.

    `skew_s` is how far apart the blocks of its chains lie, `max_skew_s` how far they may.
    `unvalued` says who has something without debts that could not be valued and counts as nothing.
    `decision` is the least of every native factor and the unified one in parts of its floor: below
    1 something is due. `unattested` says why the account is not attested though it is complete.
    """

    account: str
    members: list[AccountText]
    snapshot: str
    as_of: TimeText
    complete: bool
    incomplete: list[str]
    unvalued: list[str]
    skew_s: int
    max_skew_s: int
    unified: HealthSchema | None
    interval: IntervalSchema
    minimum_native: FactorSchema
    rescuable: FactorSchema
    decision: FactorSchema
    standard: StandardSchema | None
    portfolio: PortfolioSchema | None
    unattested: list[str]
    positions: list[PositionSchema]
    books: list[BookSchema]
    prices: list[PriceRangeSchema]
    chains: list[ChainSchema]


class AccountSchema(Schema):
    """A margin account and where its answers are."""

    id: str
    members: list[AccountText]
    health: str
    attestation: str
    history: str


class AccountList(Schema):
    """The margin accounts watched."""

    accounts: list[AccountSchema]


class HistoryEntrySchema(Schema):
    """One event of an account: `details` depend on `event`."""

    id: int
    time: TimeText
    event: str
    details: dict[str, str | int | bool | None]


class HistoryLinks(Schema):
    """Where older events are; null at the end."""

    next: str | None


class HistoryPage(Schema):
    """Events of an account, newest first."""

    account: str
    events: list[HistoryEntrySchema]
    links: HistoryLinks


class ActionSchema(Schema):
    """One transaction of the keeper: what it is for, what was chosen and why, what came of it.

    `units` are base units of `asset`; `decision` lists the candidates with their costs; `effect`
    is what the contract reported.
    """

    id: int
    time: TimeText
    purpose: Literal["native", "unified", "liquidation", "vault"]
    subject: str
    chain: ChainText
    instrument: str
    account: AccountText
    asset: AssetText
    units: str
    state: str
    reason: str | None
    tx_hash: str | None
    expected_cost_usd: UsdText
    decision: dict[str, Any]
    effect: dict[str, Any] | None


class ActionPage(Schema):
    """The keeper's transactions, newest first."""

    actions: list[ActionSchema]
    links: HistoryLinks


class CommitteeMemberSchema(Schema):
    """A member: when it was last heard, why it does not answer, why nobody listens to it."""

    address: str
    me: bool
    heard: TimeText | None
    failure: str | None
    banned: str | None


class CommitteeAccountSchema(Schema):
    """An account's newest attestation and its signers; `lost` says why there is no quorum."""

    id: str
    sequence: int | None
    digest: str | None
    signers: list[str]
    expires: TimeText | None
    lost: str | None


class RefusalSchema(Schema):
    """A member did not sign what another proposed."""

    time: TimeText
    account: str
    sequence: int
    member: str
    proposer: str
    reason: str


class CommitteeSchema(Schema):
    """The committee as this member sees it; `refusals` newest first, `refused` counts them all."""

    id: str | None
    epoch: int
    threshold: int
    members: list[CommitteeMemberSchema]
    accounts: list[CommitteeAccountSchema]
    refusals: list[RefusalSchema]
    refused: int
    messages_refused: int


class VaultStatementSchema(Schema):
    """A statement's canonical document; `bitmap` and `proof` are what contracts take with it."""

    digest: str
    bitmap: str
    proof: str
    document: dict[str, Any] = Field(description="plimsoll/vault-statement/1, see docs/vaults.md")


class VaultStatementList(Schema):
    """Statements about vaults: an account's quantities first, then facts, the newest first."""

    statements: list[VaultStatementSchema]


class Problem(BaseModel):
    """An error (RFC 9457); `detail` says what to do about it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None


class LiveSchema(Schema):
    """The process runs."""

    status: Literal["live"]


class NotReadySchema(Schema):
    """Something that keeps the daemon from doing all of its work."""

    what: str
    reason: str
    since: TimeText | None


class ReadySchema(Schema):
    """Whether everything is fresh and the keeper acts; `unready` says what is not."""

    status: Literal["ready", "unready"]
    unready: list[NotReadySchema]
    chains: list[ChainSchema]


Document = dict[str, Any]
"""An attestation's canonical document, exactly as it was signed; see docs/attestations.md."""
