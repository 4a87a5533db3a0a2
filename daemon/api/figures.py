"""Health factors as the API answers them: pure."""

import math
from typing import Final

from chains.model.health import Health
from chains.model.units import Wad
from daemon.api.dynamics import render_dynamics
from daemon.api.fields import FactorSchema, HealthSchema
from daemon.api.texts import FACTOR_DECIMALS, USD_DECIMALS, render_decimal
from daemon.api.venues import PortfolioSchema, PortfolioViewSchema, StandardSchema
from daemon.margin.measures import Portfolio
from daemon.margin.portfolio_report import PortfolioReport
from daemon.margin.report import Standard

RISK_DECIMALS: Final = 6


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


def render_portfolio(portfolio: Portfolio) -> PortfolioSchema:
    """Give portfolio margin at each kappa, the account's own netting last."""
    views = [_view(report, f"{kappa:.2f}") for kappa, report in portfolio.told]
    if portfolio.own is not None:
        views.append(_view(portfolio.own, None))
    return PortfolioSchema(
        views=views,
        unknown=portfolio.unknown,
        dynamics=render_dynamics(portfolio.dynamics) if portfolio.dynamics else None,
    )


def _view(report: PortfolioReport, kappa: str | None) -> PortfolioViewSchema:
    return PortfolioViewSchema(
        kappa=kappa,
        health_factor=_cut(report.factor),
        initial_factor=_cut(report.initial_factor),
        equity_usd=f"{report.equity:.2f}",
        requirement_usd=f"{report.maintenance:.2f}",
        worst=report.worst.name if report.worst else None,
        worst_loss_usd=f"{report.worst.loss:.2f}" if report.worst else None,
        binding=report.binding,
    )


def _cut(factor: float | None) -> str | None:
    """Give a factor floored to six decimals."""
    if factor is None:
        return None
    return render_decimal(math.floor(factor * 10**RISK_DECIMALS), RISK_DECIMALS)


def render_factor(factor: Wad | None, *, owed: bool) -> FactorSchema:
    """Give a factor; `owed` says that a missing one does not mean that nothing is owed."""
    return FactorSchema(health_factor=render_wad(factor), no_debt=factor is None and not owed)


def render_wad(factor: Wad | None) -> str | None:
    """Give a ratio x 1e18, None where there is none."""
    return None if factor is None else render_decimal(factor, FACTOR_DECIMALS)
