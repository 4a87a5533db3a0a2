"""Health factors as the API answers them: pure."""

from chains.model.health import Health
from chains.model.units import Wad
from daemon.api.fields import FactorSchema, HealthSchema
from daemon.api.texts import FACTOR_DECIMALS, USD_DECIMALS, render_decimal
from daemon.api.venues import StandardSchema
from daemon.margin.report import Standard


def render_health(health: Health) -> HealthSchema:
    """Give C, R, E and the factor."""
    return HealthSchema(
        health_factor=render_wad(health.factor),
        no_debt=health.requirement == 0,
        collateral_usd=render_decimal(health.collateral, USD_DECIMALS),
        requirement_usd=render_decimal(health.requirement, USD_DECIMALS),
        equity_usd=render_decimal(health.equity, USD_DECIMALS),
    )


def render_standard(standard: Standard) -> StandardSchema:
    """Give standard mode's two figures."""
    return StandardSchema(
        maintenance=render_health(standard.maintenance), initial=render_health(standard.initial)
    )


def render_factor(factor: Wad | None, *, owed: bool) -> FactorSchema:
    """Give a factor; `owed` says that a missing one does not mean that nothing is owed."""
    return FactorSchema(health_factor=render_wad(factor), no_debt=factor is None and not owed)


def render_wad(factor: Wad | None) -> str | None:
    """Give a ratio x 1e18, None where there is none."""
    return None if factor is None else render_decimal(factor, FACTOR_DECIMALS)
