"""What the API's schemas are made of: texts of one form each, and the smallest answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

UsdText = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{8}$", examples=["1523.40000000"])]
FactorText = Annotated[
    str, Field(pattern=r"^[0-9]+\.[0-9]{18}$", examples=["1.523400000000000000"])
]
TimeText = Annotated[str, Field(examples=["2026-11-20T15:31:00Z"])]
ChainText = Annotated[str, Field(description="CAIP-2", examples=["eip155:1"])]
AccountText = Annotated[str, Field(description="CAIP-10")]
AssetText = Annotated[str, Field(description="CAIP-19")]


class Schema(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FactorSchema(Schema):
    """A health factor; null with `no_debt` where nothing is owed, null without where unknown."""

    health_factor: FactorText | None
    no_debt: bool


class HealthSchema(FactorSchema):
    """C, R, E and the factor that follows from them."""

    collateral_usd: UsdText
    requirement_usd: UsdText
    equity_usd: UsdText


class GapSchema(Schema):
    """Why a chain cannot be relied on, and since when."""

    reason: str
    since: TimeText
