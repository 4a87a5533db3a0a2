"""Parameters as venues documented or tested them: a default, since governance changes them.

Derive: the base set of PMRM_2's portfolio tests and the parameters of the standard manager's tests
(derivexyz/v2-core at 7736900d, test/risk-managers). Deribit: `model_params` in the documentation's
example of private/pme/simulate (BTC). SPAN's ranges are those of our own majors.
"""

from typing import Final

from daemon.margin.venues import deribit, derive_pmrm2, derive_srm
from daemon.margin.venues.derive_pmrm2 import Scenario, VolShock

SPAN_PRICE_RANGE: Final = 0.18
SPAN_VOL_RANGE: Final = 0.275

_UP, _DOWN, _NONE = VolShock.UP, VolShock.DOWN, VolShock.NONE
_TAILS: Final = (
    (0.34, 0.6 / 11),
    (0.67, 1.2 / 11),
    (1.5, 0.072),
    (2.0, 0.036),
    (3.0, 0.018),
    (4.0, 0.012),
)

DERIVE_PMRM2: Final = derive_pmrm2.Parameters(
    scenarios=(
        Scenario(spot=1.18, vol=_UP, damping=1.0),
        *(
            Scenario(spot=spot, vol=vol, damping=1.0)
            for spot in (1.135, 1.09, 1.045, 1.0, 0.955, 0.91, 0.865)
            for vol in (_DOWN, _NONE, _UP)
        ),
        Scenario(spot=0.82, vol=_UP, damping=1.0),
        *(Scenario(spot=spot, vol=_UP, damping=damping) for spot, damping in _TAILS),
        Scenario(spot=1.0, vol=VolShock.LINEAR, damping=1.0),
        Scenario(spot=1.0, vol=VolShock.ABS, damping=1.0),
    ),
    vol=derive_pmrm2.VolTerms(
        up=0.5, down=0.275, least_shocked=0.45, short_power=0.3, long_power=0.13, least_days=1.0
    ),
    skew=derive_pmrm2.SkewTerms(
        linear_cap=0.15,
        linear_slope=-0.05,
        abs_cap=0.15,
        abs_slope=-0.05,
        least_width=0.01,
        width_scale=4.0,
        width_vol=0.6,
        width_vol_slope=-0.1,
    ),
    margin=derive_pmrm2.MarginTerms(
        maintenance=0.8,
        initial=1.0,
        short_rate_scale=0.5,
        long_rate_scale=1.0,
        short_rate_added=0.08,
        long_rate_added=0.08,
        long_discount=0.95,
        short_discount=1.04,
    ),
    contingency=derive_pmrm2.ContingencyTerms(
        basis_up=1.045,
        basis_down=0.955,
        basis_added=0.5,
        basis_scale=2.0,
        peg_threshold=0.98,
        peg_factor=2.0,
        least_confidence=0.55,
        confidence_scale=1.0,
        perp=0.015,
        perp_initial=0.005,
        option=0.003,
        option_initial=0.002,
    ),
)

DERIVE_SRM: Final = derive_srm.Parameters(
    perp=0.05,
    perp_initial=0.065,
    most=0.15,
    least=0.1,
    call=0.075,
    put=0.075,
    put_mark=0.075,
    unpaired=1.1,
    unpaired_initial=1.2,
    put_offset=1.05,
    base=0.1,
    base_initial_scale=1.0,
    perp_confidence=0.4,
    option_confidence=0.4,
    base_confidence=0.4,
    doubt_scale=0.4,
    depeg_threshold=0.98,
    depeg_factor=1.2,
)

DERIBIT: Final = deribit.Parameters(
    price_range=0.16,
    volatility_range_up=0.5,
    volatility_range_down=0.25,
    min_annualised_move=0.01,
    annualised_move_risk=0.075,
    extended_dampener=100_000.0,
    mm_factor=0.8,
)
