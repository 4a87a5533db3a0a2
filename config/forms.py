"""Underlyings and the forms in which tokens are one: `[underlyings.X]` and `[forms.X]`."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chains.model.units import BPS, Bps
from config.base import Section
from config.identifiers import FilePath

TierName = Literal["stable", "major", "alt"]
BasisPoints = Annotated[Bps, Field(ge=0, le=BPS)]
Divergence = Annotated[Bps, Field(gt=0, le=BPS)]
HoldSeconds = Annotated[int, Field(ge=0, le=86_400)]
_WEIGHT_LIMIT: Final = 10 * BPS
_KINDS: Final = '"native", "wrapped", "bridged" or "staked"'


class _Issued(Section):
    """Who issued a token, and what stands behind it."""

    issuer: str = Field("", max_length=64, description="the issuer's name")
    backing: str = Field("", max_length=128, description="what stands behind it, in a few words")


class UnderlyingSettings(_Issued):
    """How an underlying counts in the unified figure, and how far its market may stray.

    `kind`, `issuer` and `backing` tell of the token that bears the underlying's own symbol.
    """

    tier: TierName = Field("alt", description='"stable", "major" or "alt"')
    kind: Literal["native", "wrapped", "bridged"] = Field(
        "native", description='"native", "wrapped" or "bridged"'
    )
    haircut: BasisPoints = Field(
        Bps(0), validation_alias="haircut_bps", description="basis points, 0 to 10000"
    )
    debt_weight: Bps | None = Field(
        None,
        validation_alias="debt_weight_bps",
        ge=BPS,
        le=_WEIGHT_LIMIT,
        description="basis points, 10000 or more; left out, its tier's",
    )
    divergence: Divergence = Field(
        Bps(200), validation_alias="divergence_bps", description="basis points, 1 to 10000"
    )
    divergence_hold_s: HoldSeconds = Field(300, description="seconds")
    closes: FilePath | None = Field(
        None, description="a CSV file of daily closes; left out, no volatility is known"
    )


class FormSettings(_Issued):
    """A form of an underlying; `haircut_bps` is taken off in addition to the underlying's.

    `divergence_bps` and `divergence_hold_s` take the place of the underlying's where given.
    """

    underlying: str = Field(description="the symbol of an underlying")
    kind: Literal["native", "wrapped", "bridged", "staked"] = Field(description=_KINDS)
    haircut: BasisPoints = Field(
        Bps(0), validation_alias="haircut_bps", description="basis points, 0 to 10000"
    )
    divergence: Divergence | None = Field(
        None, validation_alias="divergence_bps", description="basis points, 1 to 10000"
    )
    divergence_hold_s: HoldSeconds | None = Field(None, description="seconds")

    @model_validator(mode="after")
    def _named(self) -> "FormSettings":
        if self.kind != "native" and not (self.issuer and self.backing):
            detail = f"is {self.kind}; write its issuer and its backing"
            raise PydanticCustomError("form", "{detail}", {"detail": detail})
        return self
