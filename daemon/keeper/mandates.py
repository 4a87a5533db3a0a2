"""What a mandate would let through now, so that only calls that can succeed are quoted: pure.

The contract decides; these are its conditions (chains/evm/contracts/rescue.vy, `_open`,
`_take_attestation`, `_unified_needed`) said beforehand.
"""

from typing import Final

from chains.model.action import Instrument
from chains.model.ids import Address
from chains.model.snapshot import Mandate, MandateKind
from chains.model.units import BPS, WAD, Bps, Usd, Wad, div_down, units_up
from proofs.statement import HealthAttestation, Status

ROUNDING_UNITS: Final = 4


def is_open(mandate: Mandate, kind: MandateKind, health: Wad, *, keeper: Address, now: int) -> bool:
    """Say whether the mandate is of this kind, ours, in time, and triggered at `health`."""
    return (
        mandate.kind is kind
        and mandate.keeper == keeper
        and mandate.ready_at <= now <= mandate.deadline
        and mandate.available > 0
        and health < mandate.trigger
    )


def accepts(mandate: Mandate, header: HealthAttestation, *, now: int) -> bool:
    """Say whether a unified mandate would take this attestation at `now` (seconds)."""
    return (
        header.account_set_root == mandate.account_set_root
        and header.status == Status.OWING
        and header.health_factor_e18 < mandate.trigger
        and now <= min(header.expires_at, header.issued_at + mandate.max_age_s)
        and header.sequence > mandate.last_sequence
        and header.issued_at > mandate.acted_at
    )


def attested_need(
    mandate: Mandate,
    header: HealthAttestation,
    instrument: Instrument,
    *,
    price: Usd,
    decimals: int,
    threshold: Bps,
) -> int | None:
    """Give the most units that the attested figures allow; None where they set no bound.

    `price` and `threshold` are the pool's own, not the unified figure's.
    """
    health, equity = header.health_factor_e18, header.net_equity_e8
    gap = health - WAD if health >= WAD else WAD - health - 1
    if gap == 0:
        return None
    requirement = abs(equity) * WAD // gap + 1
    rise = mandate.target - health
    if instrument is Instrument.REPAY:
        value = requirement * rise // mandate.target + 1
    elif threshold > 0:
        value = requirement * rise // WAD * BPS // threshold + 1
    else:
        return 0
    raised = Usd(div_down(value * (BPS + mandate.slack_bps), BPS))
    return units_up(raised, price, decimals) + ROUNDING_UNITS
