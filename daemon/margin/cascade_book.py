"""A fleet on several venues as columns: what a cascade runs over, and how a file writes it down.

    {"assets": {"ETH": {"price": 2000, "daily_vol": 0.04, "volume": 4e9},
                "wstETH": {"price": 2400, "daily_vol": 0.04, "volume": 3e7,
                           "parent": "ETH", "passes": 0.3},
                "USDC": {"price": 1, "daily_vol": 0.001, "volume": 1e10}},
     "venues": {"aave": {"chain": "eip155:1", "curve": "aave", "bonus": 0.05, "fund": 1e6,
                         "thresholds": {"ETH": 0.83, "wstETH": 0.81}}},
     "accounts": {"alice": {"venue": "aave", "collateral": {"ETH": 10}, "debt": {"USDC": 15000}}}}

Prices and volumes (a day's) are USD. A staked or bridged asset follows its `parent` in full, and
passes a part of what its own sales move on to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.margin.curves import Curve, build_preset
from daemon.margin.documents import Fields
from daemon.margin.scenarios import InvalidRiskInput

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset's market: `price` and a day's `volume` in USD, daily volatility.

    It moves with its `parent`, and `passes` on a part of its own sales' move.
    """

    id: str
    price: float
    daily_vol: float
    volume: float
    parent: str | None = None
    passes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A lending venue: its curve, thresholds by asset (lowest are seized first), its fund (USD)."""

    id: str
    chain: str
    curve: Curve
    thresholds: Mapping[str, float]
    fund: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CascadeBook:
    """Accounts by row, assets by column: units `held` and `owed`; `venue` is each row's place."""

    assets: tuple[Asset, ...]
    venues: tuple[Venue, ...]
    held: Floats
    owed: Floats
    venue: NDArray[np.intp]

    @property
    def prices(self) -> Floats:
        """Prices by column (USD)."""
        return np.array([asset.price for asset in self.assets])

    @property
    def thresholds(self) -> Floats:
        """Thresholds by venue and asset, 0 where an asset is no collateral."""
        rows = [[v.thresholds.get(a.id, 0.0) for a in self.assets] for v in self.venues]
        return np.array(rows).reshape(len(self.venues), len(self.assets))

    def find_asset(self, name: str) -> int:
        """Give an asset's column; InvalidRiskInput where there is none."""
        return _find([asset.id for asset in self.assets], name, "asset")

    def link_assets(self) -> Floats:
        """Give how the log move of each asset (row) follows from each one's own (column)."""
        links = np.eye(len(self.assets))
        for column, asset in enumerate(self.assets):
            if asset.parent is not None:
                links[self.find_asset(asset.parent), column] = asset.passes
        parents = np.array([self._parent_of(asset) for asset in self.assets])
        for row, parent in enumerate(parents):
            if parent >= 0:
                own = links[row].copy()
                links[row] = np.maximum(own, links[parent])
        return links

    def _parent_of(self, asset: Asset) -> int:
        return -1 if asset.parent is None else self.find_asset(asset.parent)


def _find(names: Sequence[str], name: str, kind: str) -> int:
    if name not in names:
        raise InvalidRiskInput(f"{kind} {name!r} is not known: there are {', '.join(names)}")
    return names.index(name)


def read_cascade_book(document: Mapping[str, Any]) -> CascadeBook:
    """Make columns of a file's JSON; InvalidRiskInput names what is wrong."""
    fields = Fields.of(document).only("assets", "venues", "accounts")
    assets = tuple(_read_asset(name, found) for name, found in fields.table("assets").tables())
    names = [asset.id for asset in assets]
    for asset in assets:
        if asset.parent is not None and assets[_find(names, asset.parent, "asset")].parent:
            raise InvalidRiskInput(f"assets.{asset.id}.parent: {asset.parent} has a parent itself")
    venues = tuple(
        _read_venue(name, found, names) for name, found in fields.table("venues").tables()
    )
    accounts = [found for _, found in fields.table("accounts").tables()]
    places = [_find([v.id for v in venues], row.text("venue"), "venue") for row in accounts]
    return CascadeBook(
        assets=assets,
        venues=venues,
        held=_read_units(accounts, "collateral", names),
        owed=_read_units(accounts, "debt", names),
        venue=np.array(places, dtype=np.intp),
    )


def _read_asset(name: str, found: Fields) -> Asset:
    found.only("price", "daily_vol", "volume", "parent", "passes")
    return Asset(
        id=name,
        price=found.number("price", least=1e-18),
        daily_vol=found.number("daily_vol"),
        volume=found.number("volume", least=1.0),
        parent=found.text("parent") if found.has("parent") else None,
        passes=found.number("passes", 0.0, most=1.0),
    )


def _read_venue(name: str, found: Fields, assets: Sequence[str]) -> Venue:
    found.only("chain", "curve", "bonus", "thresholds", "fund")
    table = found.table("thresholds")
    thresholds = {
        asset: table.number(asset, most=1.0)
        for asset in table.values
        if _find(assets, asset, "asset") >= 0
    }
    highest = max(thresholds.values(), default=0.0)
    if highest <= 0:
        raise InvalidRiskInput(f"{table.path}: no asset is collateral")
    bonus = found.number("bonus", 0.05, least=1e-6, most=1.0)
    return Venue(
        id=name,
        chain=found.text("chain"),
        curve=build_preset(found.text("curve"), highest, bonus),
        thresholds=thresholds,
        fund=found.number("fund", 0.0),
    )


def _read_units(accounts: Sequence[Fields], side: str, assets: Sequence[str]) -> Floats:
    columns = np.zeros((len(accounts), len(assets)))
    for row, account in enumerate(accounts):
        table = account.only("venue", "collateral", "debt").table(side, optional=True)
        for asset in table.values:
            columns[row, _find(assets, asset, "asset")] = table.number(asset)
    return columns
