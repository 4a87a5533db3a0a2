# pragma version 0.4.3
# @license Apache-2.0
"""
@title What borrowing costs: a rate with one kink under a ceiling that nobody can raise
@dev Rates are wad a year. Between two touches of a pool interest is linear, so over time it grows
     no faster than e^(ceiling · years).
"""


struct Curve:
    base: uint256  # at utilisation 0
    low: uint256  # added from 0 to the kink
    high: uint256  # added from the kink to 1
    kink_bps: uint256
    reserve_bps: uint256  # of the interest, to the insurance fund


WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
YEAR: constant(uint256) = 365 * 86400
# One a year: 1 + x + x² bounds e^x for the first 1.79 years of silence.
MAX_CEILING: constant(uint256) = WAD


@internal
@pure
def check(_curve: Curve):
    assert 0 < _curve.kink_bps and _curve.kink_bps < BPS, "kink"
    assert _curve.reserve_bps <= BPS // 2, "reserve"
    assert _curve.base <= MAX_CEILING, "rate"
    assert _curve.low <= MAX_CEILING and _curve.high <= MAX_CEILING, "rate"


@internal
@pure
def rate(_curve: Curve, _cash: uint256, _debt: uint256, _ceiling: uint256) -> uint256:
    if _debt == 0:
        return min(_curve.base, _ceiling)
    used: uint256 = _debt * WAD // (_cash + _debt)
    kink: uint256 = _curve.kink_bps * WAD // BPS
    found: uint256 = _curve.base + _curve.low * min(used, kink) // kink
    if used > kink:
        found += _curve.high * (used - kink) // (WAD - kink)
    return min(found, _ceiling)


@internal
@pure
def grow(_index: uint256, _rate: uint256, _seconds: uint256) -> uint256:
    return _index + _index * _rate * _seconds // (YEAR * WAD)
