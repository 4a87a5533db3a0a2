"""`plimsoll risk`: what prices may do to accounts, measured."""

from daemon.commands import (
    risk_backtest,
    risk_cascade,
    risk_compare,
    risk_fleet,
    risk_generate,
    risk_hedge,
    risk_rebalance,
    risk_report,
    risk_stress,
    risk_volatility,
)
from daemon.commands.common import build_app

app = build_app("Measure what prices may do to accounts.")


@app.callback()
def choose() -> None:
    """Measure what prices may do to accounts."""


app.command("fleet")(risk_fleet.fleet)
app.command("report")(risk_report.report)
app.command("stress")(risk_stress.stress)
app.command("compare")(risk_compare.compare)
app.command("hedge")(risk_hedge.hedge)
app.command("rebalance")(risk_rebalance.rebalance)
app.command("cascade")(risk_cascade.cascade)
app.command("backtest")(risk_backtest.backtest)
app.command("generate")(risk_generate.generate)
app.command("volatility")(risk_volatility.volatility)
