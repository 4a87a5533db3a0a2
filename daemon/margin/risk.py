"""Which assets are one underlying, and how each underlying is weighted."""

from collections.abc import Mapping
from dataclasses import dataclass

from chains.model.ids import AssetId
from chains.model.units import BPS, Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Underlying:
    """One underlying's weights, and how far its market may stray before discretion stops.

    `haircut` lowers collateral, `debt_weight` (≥ 10⁴) raises debt; `divergence` latches when
    protocol and market price differ by more, until they agree for `divergence_hold_s`.
    """

    symbol: str
    haircut: Bps = Bps(0)
    debt_weight: Bps = Bps(BPS)
    divergence: Bps = Bps(200)
    divergence_hold_s: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTable:
    """The declared underlyings and the assets that are forms of them."""

    underlyings: Mapping[str, Underlying]
    assets: Mapping[AssetId, str]

    def underlying_of(self, asset: AssetId) -> Underlying:
        """Give the asset's underlying; one that is not declared is its own and counts nothing.

        As collateral it has a haircut of 100 %, as debt its full value: unknown is never healthy.
        """
        symbol = self.assets.get(asset)
        if symbol is None:
            return Underlying(symbol=str(asset), haircut=Bps(BPS))
        return self.underlyings[symbol]
