"""Positions at venues, and standard mode, as the API answers them: pydantic models."""

from typing import Literal

from pydantic import Field

from daemon.api.dynamics import DynamicsSchema
from daemon.api.fields import FactorText, GapSchema, HealthSchema, Schema, TimeText, UsdText


class StandardSchema(Schema):
    """Standard mode: maintenance margins and thresholds, then initial ones.

    Published gains count here, so it is shown only: nothing triggers on it, nothing is signed.
    """

    maintenance: HealthSchema
    initial: HealthSchema


class PortfolioViewSchema(Schema):
    """Portfolio margin with the surplus of one place counting elsewhere with `kappa`.

    `kappa` null is what the account's own routes are worth. `worst` names the scenario that loses
    most, `binding` what sets the requirement. Floating point: factors are cut to six decimals.
    """

    kappa: str | None
    health_factor: str | None = Field(examples=["1.248439"])
    initial_factor: str | None
    equity_usd: str
    requirement_usd: str
    worst: str | None
    worst_loss_usd: str | None
    binding: str


class PortfolioSchema(Schema):
    """Portfolio margin, published gains included; `unknown` says why there is none.

    It is shown only: nothing triggers on it, nothing is signed.
    """

    views: list[PortfolioViewSchema]
    unknown: str | None
    dynamics: DynamicsSchema | None


class PerpSchema(Schema):
    """A perpetual future as its venue states it; `size` is negative where it is short."""

    underlying: str
    size: str
    entry_usd: UsdText
    mark_usd: UsdText
    funding_usd: UsdText
    pnl_usd: UsdText
    initial: str
    maintenance: str


class OptionSchema(Schema):
    """An option as its venue states it; `size` is negative where it is short."""

    underlying: str
    kind: Literal["call", "put"]
    style: Literal["european", "american"]
    strike_usd: UsdText
    expiry: TimeText
    size: str
    mark_usd: UsdText
    mark_vol: str
    forward_usd: UsdText


class SpotSchema(Schema):
    """Spot held or owed at a venue."""

    underlying: str
    side: Literal["collateral", "debt"]
    amount: str
    price_usd: UsdText


class PartSchema(Schema):
    """One part of a venue's account by itself: a sub-account, or an isolated position."""

    subaccount: str | None
    isolated: bool
    margin_usd: UsdText
    native: FactorText | None = Field(description="the venue's own figure, where it states one")
    standard: StandardSchema
    spot: list[SpotSchema]
    perps: list[PerpSchema]
    options: list[OptionSchema]


class BookSchema(Schema):
    """Positions at a venue as published: read, or a gap with what was last said.

    `required_usd` is what its losses and margins ask of the unified figure, which counts none of
    its gains. `publisher` is whose signature it bears, null for an operator's own word. `stated`
    says whether an attestation can carry it.
    """

    account: str = Field(description="venue:NAME:ID", examples=["venue:deribit:12345"])
    publisher: str | None
    status: Literal["read", "gap"]
    published: TimeText | None
    age_s: int | None
    max_age_s: int | None
    digest: str | None
    required_usd: UsdText | None
    stated: bool
    parts: list[PartSchema]
    gap: GapSchema | None
