"""A fleet out of a seed, for whoever has none at hand: five venues on three chains.

Sizes are lognormal (median 25,000 USD, a tail of whales); health factors lie 0.02 above where
liquidation begins plus a gamma draw (mean 0.55), so that a few per cent are within a small move.
One account holds one or two assets that its venue takes. Nearly all owe a stable coin; one of ten
holders of staked and bridged assets owes the asset behind them instead, near its threshold, as
loops do. The figures are made up: they show the machinery, not a market.
"""

from typing import Final

import numpy as np

from daemon.margin.cascade_book import Asset, CascadeBook, Venue
from daemon.margin.curves import Floats, build_preset

ASSETS: Final = (
    Asset(id="ETH", price=2_000.0, daily_vol=0.04, volume=4e9),
    Asset(id="wstETH", price=2_400.0, daily_vol=0.04, volume=6e7, parent="ETH", passes=0.3),
    Asset(id="ETH.bridged", price=2_000.0, daily_vol=0.04, volume=1.5e8, parent="ETH", passes=0.5),
    Asset(id="BTC", price=60_000.0, daily_vol=0.03, volume=8e9),
    Asset(id="SOL", price=150.0, daily_vol=0.05, volume=1e9),
    Asset(id="jitoSOL", price=175.0, daily_vol=0.05, volume=3e7, parent="SOL", passes=0.3),
    Asset(id="LINK", price=15.0, daily_vol=0.06, volume=1.5e8),
    Asset(id="USDC", price=1.0, daily_vol=0.001, volume=5e9),
)


def _build_venue(name: str, chain: str, curve: str, fund: float, **thresholds: float) -> Venue:
    named = {key.replace("_", "."): value for key, value in thresholds.items()}
    return Venue(
        id=name,
        chain=chain,
        curve=build_preset(curve, max(named.values()), 0.06),
        thresholds=named,
        fund=fund,
    )


VENUES: Final = (
    _build_venue("aave", "eip155:1", "aave", 2e6, ETH=0.83, wstETH=0.81, BTC=0.78, LINK=0.66),
    _build_venue("aave-v4", "eip155:8453", "aave-v4", 5e5, ETH_bridged=0.82, wstETH=0.79),
    _build_venue("morpho", "eip155:1", "morpho-pre", 0.0, wstETH=0.86, BTC=0.86),
    _build_venue("euler", "eip155:8453", "euler", 0.0, ETH_bridged=0.84, BTC=0.82, LINK=0.7),
    _build_venue(
        "kamino", "solana:mainnet", "kamino", 1e6, SOL=0.75, jitoSOL=0.72, ETH_bridged=0.7
    ),
)
PLACES: Final = {asset.id: place for place, asset in enumerate(ASSETS)}
MEDIAN: Final = 25_000.0
SPREAD: Final = 1.9
LARGEST: Final = 1e8
SPARE: Final = 0.02
SHAPE: Final = 1.1
MEAN_SPARE: Final = 0.55
SECOND: Final = 0.4
LOOPED: Final = 0.1
LOOP_SPARE: Final = 0.06


def generate_fleet(seed: int, count: int) -> CascadeBook:
    """Draw `count` accounts; the same seed gives the same fleet."""
    draw = np.random.default_rng(seed)
    held, owed = np.zeros((count, len(ASSETS))), np.zeros((count, len(ASSETS)))
    venue = draw.integers(0, len(VENUES), count)
    values = np.minimum(MEDIAN * np.exp(SPREAD * draw.standard_normal(count)), LARGEST)
    spare = SPARE + draw.gamma(SHAPE, MEAN_SPARE / SHAPE, count)
    for row in range(count):
        _fill(held[row], owed[row], VENUES[venue[row]], values[row], spare[row], draw)
    return CascadeBook(assets=ASSETS, venues=VENUES, held=held, owed=owed, venue=venue)


def _fill(
    held: Floats,
    owed: Floats,
    venue: Venue,
    value: float,
    spare: float,
    draw: np.random.Generator,
) -> None:
    first, second = draw.choice(list(venue.thresholds), 2, replace=False)
    parts = {first: 0.6, second: 0.4} if draw.random() < SECOND else {first: 1.0}
    debt = "USDC"
    parent = ASSETS[PLACES[first]].parent
    if parent is not None and draw.random() < LOOPED:
        parts, debt = {first: 1.0}, parent
        spare = SPARE + LOOP_SPARE * draw.random()
    for name, part in parts.items():
        held[PLACES[name]] = part * value / ASSETS[PLACES[name]].price
    backing = sum(part * value * venue.thresholds[name] for name, part in parts.items())
    place = PLACES[debt]
    owed[place] = backing / (venue.curve.begins + spare) / ASSETS[place].price
