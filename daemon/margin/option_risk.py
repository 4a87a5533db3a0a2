"""Options as columns, and what each gains when prices and volatilities move.

Volatility moves grow as (30 / days)^p towards expiry, p 0.3 up to 30 days and 0.13 beyond; where
volatility rises it rises to 45 % at least. A turn of the smile multiplies a volatility by up to
15 %, less for long expiries, reached at the width where a smile flattens out (Derive PMRM_2,
derivexyz/v2-core src/risk-managers/PMRMLib_2.sol). A long option loses its mark at most.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chains.model.derivatives import OptionKind
from daemon.margin.options import CALL, PUT, YEAR_S, calculate_greeks, price_black76
from daemon.margin.scenario_rows import Scenario
from daemon.margin.scenarios import InvalidRiskInput, Option

Floats = NDArray[np.float64]

DAY_S: Final = 86_400
NEAR_DAYS: Final = 30.0
NEAR_POWER: Final = 0.3
FAR_POWER: Final = 0.13
LEAST_DAYS: Final = 1.0
VOL_FLOOR: Final = 0.45
SMILE_CAP: Final = 0.15
SMILE_CAP_FALL: Final = 0.05
LEAST_WIDTH: Final = 0.01
WIDTH: Final = 4.0
WIDTH_VOL: Final = 0.6
WIDTH_VOL_FALL: Final = 0.1
BASIS_MOVE: Final = 0.045


class OptionColumns:
    """The options of one book at `now` (seconds); InvalidRiskInput names one that has expired."""

    def __init__(self, options: Sequence[Option], now: float) -> None:
        for leg in options:
            if leg.expiry <= now:
                raise InvalidRiskInput(f"option {leg.id}: expiry {leg.expiry} has passed")
        self.legs = tuple(options)
        self.side = np.array([CALL if leg.kind is OptionKind.CALL else PUT for leg in options])
        self.size = _column([leg.size for leg in options])
        self.strike = _column([leg.strike for leg in options])
        self.forward = _column([leg.forward for leg in options])
        self.vol = _column([leg.vol for leg in options])
        self.days = _column([(leg.expiry - now) / DAY_S for leg in options])
        self.years = self.days * DAY_S / YEAR_S
        self._worth = _column([max(leg.value, 0.0) for leg in options])
        self._base = self._price(self.forward, self.vol)
        power = np.where(self.days <= NEAR_DAYS, NEAR_POWER, FAR_POWER)
        self._growth = (NEAR_DAYS / np.maximum(self.days, LEAST_DAYS)) ** power

    def value(self, moves: Floats, rows: Sequence[Scenario] | None = None) -> Floats:
        """Give profits (rows, options) for relative moves; without `rows` volatilities stay."""
        vol = self.vol if rows is None else np.array([self._shock(row) for row in rows])
        if not self.legs:
            return np.zeros((len(moves), 0))
        gained = self.size * (self._price(self.forward * (1 + moves), vol) - self._base)
        return np.asarray(np.where(self.size > 0, np.maximum(gained, -self._worth), gained))

    def deltas(self) -> Floats:
        """Give what each gains per part of a price move (USD)."""
        greeks = calculate_greeks(self.side, self.forward, self.strike, self.years, self.vol)
        return np.asarray(self.size * greeks.delta * self.forward)

    def explain(self) -> Mapping[str, Mapping[str, float]]:
        """Give each underlying's Greeks in USD: they explain, they decide nothing.

        `delta` per part of the price, `gamma` per part squared, `vega` per 100 % of volatility,
        `theta` per day.
        """
        greeks = calculate_greeks(self.side, self.forward, self.strike, self.years, self.vol)
        scaled = {
            "delta": self.size * greeks.delta * self.forward,
            "gamma": self.size * greeks.gamma * self.forward**2,
            "vega": self.size * greeks.vega,
            "theta": self.size * greeks.theta * DAY_S / YEAR_S,
        }
        names = [leg.underlying for leg in self.legs]
        return {
            name: {
                greek: math.fsum(
                    value
                    for where, value in zip(names, values.tolist(), strict=True)
                    if where == name
                )
                for greek, values in scaled.items()
            }
            for name in sorted(set(names))
        }

    def basis_loss(self) -> float:
        """Give what is lost where each expiry's forward moves alone (USD, at least 0).

        The worse of +-4.5 % by domain, underlying and expiry, times (0.5 + 2 years).
        """
        moves = np.full((2, len(self.legs)), BASIS_MOVE)
        moves[1] *= -1
        changes = self.value(moves)
        expiries: dict[tuple[str, str, int], list[int]] = {}
        for column, leg in enumerate(self.legs):
            expiries.setdefault((leg.domain, leg.underlying, leg.expiry), []).append(column)
        return math.fsum(
            -min(0.0, *changes[:, columns].sum(axis=1).tolist())
            * (0.5 + 2 * float(self.years[columns[0]]))
            for columns in expiries.values()
        )

    def _price(self, forward: Floats, vol: Floats) -> Floats:
        return price_black76(self.side, forward, self.strike, self.years, vol)

    def _shock(self, row: Scenario) -> Floats:
        move = np.where(self.days <= NEAR_DAYS, row.vol_near, row.vol_far) * self._growth
        moved = self.vol * np.maximum(0.0, 1 + move)
        vol = np.where(move > 0, np.maximum(moved, VOL_FLOOR), moved)
        if not (row.tilt or row.bend):
            return vol
        return np.asarray(vol * np.maximum(0.0, 1 + self._turn(row)))

    def _turn(self, row: Scenario) -> Floats:
        root = np.sqrt(self.years)
        cap = np.maximum(0.0, SMILE_CAP - SMILE_CAP_FALL * root)
        width = np.maximum(LEAST_WIDTH, root * WIDTH * (WIDTH_VOL - WIDTH_VOL_FALL * root))
        out = np.log(self.strike / self.forward)
        turned = row.tilt * out + row.bend * np.abs(out)
        return np.clip(turned * cap / width, -cap, cap)


def _column(figures: Sequence[float]) -> Floats:
    return np.array(figures, dtype=np.float64)
