# pragma version 0.4.3
# @license Apache-2.0
"""
@title The terms that liquidations go by, kept in three words
"""
import IJudge


event TermsSet:
    terms: IJudge.Terms


WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10**4
TIME: constant(uint256) = 2**32 - 1
SHORT: constant(uint256) = 2**16 - 1
LONG: constant(uint256) = 2**64 - 1

# grace, max age, order life, veto: 32 bits each; target, floor: 64 bits each
times: uint256
# the six of basis points: 16 bits each; least leg and least debt: 64 bits each
sizes: uint256
min_order_e8: uint256


@internal
@view
def read() -> IJudge.Terms:
    times: uint256 = self.times
    sizes: uint256 = self.sizes
    return IJudge.Terms(
        grace_s=times & TIME,
        max_age_s=(times >> 32) & TIME,
        order_life_s=(times >> 64) & TIME,
        veto_s=(times >> 96) & TIME,
        target_e18=(times >> 128) & LONG,
        floor_e18=times >> 192,
        min_bonus_bps=sizes & SHORT,
        max_bonus_bps=(sizes >> 16) & SHORT,
        fund_bonus_bps=(sizes >> 32) & SHORT,
        buffer_bps=(sizes >> 48) & SHORT,
        tolerance_bps=(sizes >> 64) & SHORT,
        min_leg_e8=(sizes >> 96) & LONG,
        min_debt_e8=(sizes >> 160) & LONG,
        min_order_e8=self.min_order_e8,
    )


@internal
def write(_terms: IJudge.Terms):
    shortest: uint256 = min(_terms.max_age_s, min(_terms.order_life_s, _terms.veto_s))
    longest: uint256 = max(_terms.grace_s, max(_terms.order_life_s, _terms.veto_s))
    assert 0 < shortest and longest <= TIME, "times"
    # Else an order could stop counting while the statement that opens the next one is fresh.
    assert _terms.max_age_s <= _terms.grace_s, "times"
    assert _terms.target_e18 > WAD and _terms.target_e18 <= 2 * WAD, "target"
    assert _terms.floor_e18 < WAD, "target"
    assert _terms.min_bonus_bps <= _terms.max_bonus_bps, "bonus"
    # The fund pays only where the bound of health, not the curve, keeps the bonus low: else owners
    # would liquidate themselves for it.
    assert _terms.fund_bonus_bps <= _terms.min_bonus_bps, "bonus"
    most: uint256 = max(_terms.max_bonus_bps, max(_terms.buffer_bps, _terms.tolerance_bps))
    assert most < BPS, "bps"
    least: uint256 = _terms.min_order_e8
    assert 0 < least and least <= _terms.min_leg_e8, "minimum"
    assert max(_terms.min_leg_e8, _terms.min_debt_e8) <= LONG, "minimum"
    self.times = (
        _terms.grace_s
        | (_terms.max_age_s << 32)
        | (_terms.order_life_s << 64)
        | (_terms.veto_s << 96)
        | (_terms.target_e18 << 128)
        | (_terms.floor_e18 << 192)
    )
    self.sizes = (
        _terms.min_bonus_bps
        | (_terms.max_bonus_bps << 16)
        | (_terms.fund_bonus_bps << 32)
        | (_terms.buffer_bps << 48)
        | (_terms.tolerance_bps << 64)
        | (_terms.min_leg_e8 << 96)
        | (_terms.min_debt_e8 << 160)
    )
    self.min_order_e8 = _terms.min_order_e8
    log TermsSet(terms=_terms)
