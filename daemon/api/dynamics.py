"""Distances, times, losses, cures and volatilities, as the API answers them.

Floating point: dollars with two decimals, parts and factors with six. What volatility is missing
for is null, and `unknown` says why.
"""

from daemon.api.fields import Schema, TimeText
from daemon.api.texts import render_time
from daemon.margin.dynamics import CURE_TARGET, Dynamics
from daemon.margin.outlook import Outlook


class AssetDistanceSchema(Schema):
    """One underlying's liquidation prices in USD, null where the price never liquidates.

    `monotone` is whether equity only falls, or only rises, with its price.
    """

    underlying: str
    price_usd: str
    falls_to_usd: str | None
    rises_to_usd: str | None
    monotone: bool


class DistanceSchema(Schema):
    """The nearest liquidating moves with all prices moving together, as parts of majors' prices.

    `sigmas` are standard deviations of a day; `returns` says that the account gets healthy again
    beyond such a move. Such a move comes within `days_at_one_percent` with a probability of 1 %;
    interest alone takes `days_of_interest`, null where rates are not known or never would.
    """

    down: str | None
    up: str | None
    monotone: bool
    returns: bool
    sigmas: str | None
    volatility: str | None
    days_at_one_percent: str | None
    days_of_interest: str | None
    least_days: str | None
    assets: list[AssetDistanceSchema]


class CureSchema(Schema):
    """What would bring standard mode's factor to `target`, in USD; one of the three is enough.

    `supply_usd` and `deleverage_usd` are told for `with_collateral`; `unable` says why selling
    cannot cure.
    """

    target: str
    with_collateral: str | None
    supply_usd: str | None
    repay_usd: str
    deleverage_usd: str | None
    unable: str | None


class LossSchema(Schema):
    """What lacks now, and the bad debt that closing everything leaves, in USD.

    `expected_bad_debt_usd` is the mean of what it would leave after a day.
    """

    shortfall_usd: str
    bad_debt_usd: str
    expected_bad_debt_usd: str | None


class VolatilitySchema(Schema):
    """An underlying's volatility in force per year, and what it can be calculated again from.

    `ways` are the forecasts of each way; `inputs` is the SHA-256 of the closes of `first` to
    `last`; `fault` says why there is no GARCH.
    """

    underlying: str
    volatility: str
    multiplier: str | None
    ways: dict[str, str]
    binding: str
    model: str
    inputs: str
    first: str
    last: str
    fitted_at: TimeText
    fault: str | None


class LoweredSchema(Schema):
    """A collateral's own threshold, and what volatility leaves of it."""

    collateral: str
    threshold: str
    effective: str


class DynamicsSchema(Schema):
    """Measures besides health: shown only, nothing triggers on them and nothing is signed.

    `standard` and `portfolio` are the factors with the margins that volatility asks for.
    """

    distance: DistanceSchema
    cure: CureSchema
    loss: LossSchema
    volatilities: list[VolatilitySchema]
    lowered: list[LoweredSchema]
    standard: str | None
    portfolio: str | None
    unknown: dict[str, str]


def render_dynamics(found: Dynamics) -> DynamicsSchema:
    """Give all measures."""
    return DynamicsSchema(
        distance=_distance(found),
        cure=CureSchema(
            target=f"{CURE_TARGET:.2f}",
            with_collateral=found.cured_by,
            supply_usd=_usd(found.cures.supply),
            repay_usd=f"{found.cures.repay:.2f}",
            deleverage_usd=_usd(found.cures.deleverage),
            unable=found.cures.unable,
        ),
        loss=LossSchema(
            shortfall_usd=f"{found.shortfall.lacking:.2f}",
            bad_debt_usd=f"{found.shortfall.bad_debt:.2f}",
            expected_bad_debt_usd=_usd(found.shortfall.expected),
        ),
        volatilities=[_volatility(outlook, found) for outlook in found.outlooks],
        lowered=[
            LoweredSchema(
                collateral=leg.id,
                threshold=f"{leg.threshold:.6f}",
                effective=f"{leg.effective:.6f}",
            )
            for leg in found.lowered
        ],
        standard=_part(found.standard),
        portfolio=_part(found.portfolio),
        unknown=dict(found.unknown),
    )


def _distance(found: Dynamics) -> DistanceSchema:
    distance = found.distance
    return DistanceSchema(
        down=_part(distance.down),
        up=_part(distance.up),
        monotone=distance.monotone,
        returns=distance.returns,
        sigmas=_part(found.sigmas),
        volatility=_part(found.volatility),
        days_at_one_percent=_part(found.time.diffusive if found.time else None),
        days_of_interest=_part(found.time.carry if found.time else None),
        least_days=_part(found.time.least if found.time else None),
        assets=[
            AssetDistanceSchema(
                underlying=asset.underlying,
                price_usd=f"{asset.price:.8f}",
                falls_to_usd=None if asset.falls_to is None else f"{asset.falls_to:.8f}",
                rises_to_usd=None if asset.rises_to is None else f"{asset.rises_to:.8f}",
                monotone=asset.distance.monotone,
            )
            for asset in found.assets
        ],
    )


def _volatility(outlook: Outlook, found: Dynamics) -> VolatilitySchema:
    multipliers = found.multipliers or {}
    return VolatilitySchema(
        underlying=outlook.underlying,
        volatility=f"{outlook.volatility:.6f}",
        multiplier=_part(multipliers.get(outlook.underlying)),
        ways={way.value: f"{part:.6f}" for way, part in outlook.forecast.parts.items()},
        binding=outlook.forecast.binding.value,
        model=outlook.model,
        inputs=outlook.inputs.hex(),
        first=str(outlook.first),
        last=str(outlook.last),
        fitted_at=render_time(outlook.fitted_at),
        fault=outlook.fault,
    )


def _part(figure: float | None) -> str | None:
    return None if figure is None else f"{figure:.6f}"


def _usd(figure: float | None) -> str | None:
    return None if figure is None else f"{figure:.2f}"
