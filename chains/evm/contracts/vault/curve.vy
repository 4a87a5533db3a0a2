# pragma version 0.4.3
# @license Apache-2.0
"""
@title How much a liquidation repays, and what it gives for it: pure arithmetic
@dev Values are USD x 1e8, health is 1e18. With C the collateral weighted by thresholds, R the
     debts, t the threshold of the seized asset and b the bonus, repaying x leaves a health of
     (C - t(1 + b)x) / (R - x). It reaches the target T at x = (TR - C) / (T - t(1 + b)), and never
     falls as long as t(1 + b) <= C / R.
"""

WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
NO_DEBT: constant(uint256) = max_value(uint256)


@internal
@pure
def health(_weight: uint256, _debt: uint256) -> uint256:
    # Rounded down.
    return NO_DEBT if _debt == 0 else _weight * WAD // _debt


@internal
@pure
def bonus(
    _health: uint256, _threshold_bps: uint256, _least: uint256, _most: uint256, _floor: uint256
) -> uint256:
    # Basis points: from the least at a health of 1 up to the most at the floor, but never so much
    # that health would fall.
    depth: uint256 = WAD - max(min(_health, WAD), _floor)
    wanted: uint256 = _least + (_most - _least) * depth // (WAD - _floor)
    bound: uint256 = max(_health // (_threshold_bps * 10**10), BPS) - BPS
    return min(wanted, bound)


@internal
@pure
def needed(
    _weight: uint256, _debt: uint256, _threshold_bps: uint256, _bonus_bps: uint256, _target: uint256
) -> uint256:
    # What has to be repaid to reach the target, rounded up; all of the debt where nothing reaches it.
    missing: uint256 = _target * _debt - _weight * WAD
    gained: uint256 = _target * BPS * BPS
    given: uint256 = _threshold_bps * (BPS + _bonus_bps) * WAD
    if given >= gained:
        return _debt
    return min(_debt, self.div_up(missing * BPS * BPS, gained - given))


@internal
@pure
def payout(_value: uint256, _bonus_bps: uint256, _price: uint256) -> uint256:
    # Wad units of collateral that a repaid value buys, rounded down.
    return _value * (BPS + _bonus_bps) * WAD // (BPS * _price)


@internal
@pure
def reserve(
    _value: uint256, _bonus_bps: uint256, _buffer_bps: uint256, _price: uint256
) -> uint256:
    # Wad units to lock for a value, buffer included, rounded up.
    return self.div_up(_value * (BPS + _bonus_bps) * (BPS + _buffer_bps) * WAD, BPS * BPS * _price)


@internal
@pure
def covered(
    _units: uint256, _bonus_bps: uint256, _buffer_bps: uint256, _price: uint256
) -> uint256:
    # The value that such units can be locked for, rounded down.
    return _units * BPS * BPS * _price // ((BPS + _bonus_bps) * (BPS + _buffer_bps) * WAD)


@internal
@pure
def value_down(_units: uint256, _price: uint256) -> uint256:
    return _units * _price // WAD


@internal
@pure
def value_up(_units: uint256, _price: uint256) -> uint256:
    return self.div_up(_units * _price, WAD)


@internal
@pure
def div_up(_a: uint256, _b: uint256) -> uint256:
    return 0 if _a == 0 else (_a - 1) // _b + 1
