"""`plimsoll risk`: what prices may do to accounts, measured."""

from daemon.commands import risk_backtest, risk_cascade, risk_fleet, risk_generate
from daemon.commands.common import build_app

app = build_app("Measure what prices may do to accounts.")


@app.callback()
def choose() -> None:
    """Measure what prices may do to accounts."""


app.command("fleet")(risk_fleet.fleet)
app.command("cascade")(risk_cascade.cascade)
app.command("backtest")(risk_backtest.backtest)
app.command("generate")(risk_generate.generate)
