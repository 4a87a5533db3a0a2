"""What the API answers about a vault account, as pydantic models.

Amounts are whole tokens with 18 decimals, as the contracts keep them, whatever the token has.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from daemon.api.fields import AccountText, ChainText, FactorText, Schema, TimeText, UsdText
from daemon.keeper.vaults.due import Subject, Wait

UnitsText = Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]{18}$", examples=["2.500000000000000000"])]
HashText = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]


class VaultBlockSchema(Schema):
    """A block by its height."""

    height: int
    time: TimeText


class VaultHealthSchema(Schema):
    """Unified health at one chain's prices; null with `no_debt` where nothing is owed.

    Null without it: the chain cannot judge now. `low` counts no collateral of chains that were not
    read lately, `high` their last known; only a `high` under 1 lets anybody seize.
    """

    low: FactorText | None
    high: FactorText | None
    no_debt: bool


class VaultLegSchema(Schema):
    """What the account has of one asset on a chain; `price_usd` is null where it is not good."""

    asset: int
    symbol: str
    collateral: UnitsText
    debt: UnitsText
    locked: UnitsText
    lent_out: UnitsText
    lent_in: UnitsText
    price_usd: UsdText | None


class VaultChainSchema(Schema):
    """The account on one chain: read at `block`, or why it could not be.

    `health` is what its contracts say once they are told the newest quantities, `health_told` what
    they say now; `sequence` is that of the newest quantities they were told.
    """

    chain: ChainText
    label: str
    status: Literal["read", "gap"]
    reason: str | None
    block: VaultBlockSchema | None
    final: VaultBlockSchema | None
    owner: AccountText | None
    health: VaultHealthSchema | None
    health_told: VaultHealthSchema | None
    legs: list[VaultLegSchema]
    sequence: int | None


class VaultWaitSchema(Schema):
    """Something that waits: where it is to be brought in the end, and what for it waits now.

    `block` is where it happened, `until` a time that is waited for.
    """

    subject: Subject
    waits_for: Wait
    chain: ChainText
    order: HashText | None
    receipt: int | None
    line: str | None
    block: int | None
    until: TimeText | None
    meaning: str


class VaultLineSchema(Schema):
    """Collateral of one chain that backs debt on another.

    `lent` is what the lender has set aside, `counted` what the borrower may use; the other figures
    are sums that only grow, and what of each the other chain knows.
    """

    lender: ChainText
    borrower: ChainText
    asset: int
    symbol: str
    lent: UnitsText
    counted: UnitsText
    raised: UnitsText
    raised_known: UnitsText
    lowered: UnitsText
    lowered_known: UnitsText


class VaultFillSchema(Schema):
    """A fill and its claim: `paid` units of collateral, null before; `waiting` for the cap."""

    receipt: int
    payer: str
    to: str
    block: int
    units: UnitsText
    value_usd: UsdText
    paid: UnitsText | None
    waiting: UnitsText


class VaultOrderSchema(Schema):
    """A liquidation across two chains: `units` locked, buffer included, for `value_usd`."""

    id: HashText
    state: Literal["locked", "registered", "closed", "settled"]
    collateral_chain: ChainText
    collateral_symbol: str
    debt_chain: ChainText
    debt_symbol: str
    units: UnitsText
    line_units: UnitsText
    value_usd: UsdText
    filled_usd: UsdText
    bonus: str
    health: FactorText
    expires: TimeText
    locked_at: int
    fills: list[VaultFillSchema]


class VaultProvisionSchema(Schema):
    """A debt that is provided for, and when it may be written down."""

    chain: ChainText
    symbol: str
    units: UnitsText
    ready: TimeText


class VaultProposalSchema(Schema):
    """What an owner should do and the keeper may not."""

    chain: ChainText
    owner: AccountText | None
    reason: str


class VaultQuantitiesSchema(Schema):
    """The newest quantities that a quorum signed; the document is at /v1/vaults/statements."""

    sequence: int
    issued: TimeText
    chains: list[dict[str, Any]] = Field(
        description="each chain's entry as it was signed, see docs/vaults.md"
    )


class VaultReport(Schema):
    """A vault account over all chains as the newest look found it."""

    account: HashText
    home: ChainText | None
    chains: list[VaultChainSchema]
    lines: list[VaultLineSchema]
    orders: list[VaultOrderSchema]
    provisions: list[VaultProvisionSchema]
    waiting: list[VaultWaitSchema]
    proposals: list[VaultProposalSchema]
    quantities: VaultQuantitiesSchema | None
    decision: dict[str, Any] | None = Field(
        description="the newest choice about its liquidation: candidates, costs, reasons"
    )
