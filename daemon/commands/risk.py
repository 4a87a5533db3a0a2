"""`plimsoll risk`: what prices may do to accounts, measured."""

from daemon.commands import risk_fleet
from daemon.commands.common import build_app

app = build_app("Measure what prices may do to accounts.")


@app.callback()
def choose() -> None:
    """Measure what prices may do to accounts."""


app.command("fleet")(risk_fleet.fleet)
